"""Guesses about the difference: a term left out, added, or with another coefficient."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minidl.gradcheck.diagnosis.evidence import Answer, Evidence, subsets

Array = NDArray[Any]


def _multiple(e: Evidence, basis: Array, difference: Array) -> float | None:
    """Return c if difference = c · basis."""
    b, r = basis[e.known], difference[e.known]
    norm = float(b @ b)
    if not norm or not np.isfinite(norm) or (np.abs(b) > 1e-6 * np.abs(b).max()).sum() < 2:
        return None
    c = float(b @ r) / norm
    return c if e.fits(c * basis, target=difference) else None


def missing_term(e: Evidence) -> Answer:
    """Backward lacks, or adds, a multiple of the upstream, the output, the input …."""
    lack = e.n - e.a
    found = e.same_shape()
    candidates = dict(found)
    if "dy" in found:
        candidates |= {f"dy · {name}": e.v * array for name, array in found.items()}
    candidates |= {f"{name}²": array**2 for name, array in found.items()}
    candidates["1"] = np.ones(e.shape)
    with np.errstate(all="ignore"):
        for name, basis in candidates.items():
            c = _multiple(e, basis, lack)
            if c is None:
                continue
            if name == "dy" and abs(c - 1) < 1e-6:
                return "missing-skip", "the path that skips the layer is missing: dy must be added"
            if name == e.tensor.name and not e.is_input:
                return (
                    "weight-decay",
                    f"{-c:.6g} times the parameter itself is added to the gradient",
                )
            return "missing-term", f"the term {c:.6g} · {name} is missing"
    return None


def mean_and_variance(e: Evidence) -> Answer:
    """Backward lacks the path through a mean, a variance or a sum, or gives it a wrong factor."""
    if not e.is_input or not e.shape or not e.complete:
        return None
    lack = e.n - e.a
    for axes in subsets(len(e.shape)):
        length = int(np.prod([e.shape[axis] for axis in axes]))
        for mistake, what, basis in _paths(e, axes):
            if length > len(basis) and e.n.size - len(basis) * e.n.size // length >= 2:
                guess = _projected(lack, basis, axes)
                if e.fits(guess, target=lack):
                    along = " and ".join(map(str, axes))
                    sentence = f"{what} along axis {along} is missing or has a wrong coefficient"
                    return mistake, sentence
    return None


def _paths(e: Evidence, axes: tuple[int, ...]) -> Iterator[tuple[str, str, list[Array]]]:
    """Yield (mistake, what, arrays of which a multiple in each slice would be lacking)."""
    centred = e.value - e.value.mean(axis=axes, keepdims=True)
    one = np.ones(e.shape)
    yield "mean-path", "the path through the mean", [one]
    yield "variance-path", "the path through the variance", [centred]
    if e.y.shape == e.shape:
        yield "missing-term", "a multiple of the output", [e.y]
        yield "missing-term", "a multiple of the output's exponential", [np.exp(e.y)]
        if len(axes) < len(e.shape):
            for what, basis in _other_axes(e, axes, centred):
                yield "wrong-axis", what, basis
    yield "missing-term", "a multiple of the input", [e.value]
    yield "variance-path", "the path through mean and variance", [one, centred]


def _other_axes(
    e: Evidence, axes: tuple[int, ...], centred: Array
) -> Iterator[tuple[str, list[Array]]]:
    """Yield what remains if a mean is taken along the other axes than those of forward."""
    others = tuple(i for i in range(len(e.shape)) if i not in axes)

    def mean(array: Array) -> Array:
        return np.broadcast_to(array.mean(axis=others, keepdims=True), e.shape)

    gains = [
        p for p in e.point.values if 0 < p.ndim < len(e.shape) and p.shape == e.shape[-p.ndim :]
    ]
    for upstream in (e.v, *(e.v * gain for gain in gains)):
        yield "a mean along another axis is taken: that", [np.ones(e.shape), mean(upstream)]
        for eps in (0.0, 1e-5, 1e-8, 1e-3, 1e-6):
            variance = (centred**2).mean(axis=axes, keepdims=True)
            with np.errstate(all="ignore"):
                normal = centred / np.sqrt(variance + eps)
                yield (
                    "the variance path sums along another axis: that",
                    [centred, centred * mean(upstream * normal)],
                )


def _projected(array: Array, basis: list[Array], axes: tuple[int, ...]) -> Array:
    """Return the least-squares fit of the array by the basis in every slice along the axes."""
    last = tuple(range(-len(axes), 0))

    def slices(item: Array) -> Array:
        moved = np.moveaxis(item, axes, last)
        return moved.reshape(*moved.shape[: -len(axes)], -1)

    columns = np.stack([slices(b) for b in basis], axis=-1)
    coefficients = np.linalg.pinv(columns) @ slices(array)[..., np.newaxis]
    guess = (columns @ coefficients).reshape(np.moveaxis(array, axes, last).shape)
    return np.moveaxis(guess, last, axes)


def wrong_variable(e: Evidence) -> Answer:
    """Backward uses one function of the input where another belongs."""
    if e.elementwise:
        return None
    with np.errstate(all="ignore"):
        for x in [e.value] if e.is_input else e.inputs:
            forms = _transforms(x) | {"y": e.y, "exp(y)": np.exp(np.minimum(e.y, 50))}
            forms = {name: form for name, form in forms.items() if form.shape == e.v.shape}
            for template in _templates(e):
                said = [name for name, t in forms.items() if e.fits(template(t))]
                due = [name for name, t in forms.items() if e.fits(template(t), target=e.n)]
                if said and due:
                    return "wrong-variable", f"backward uses {said[0]} where {due[-1]} belongs"
        forms = {name: f for name, f in (_transforms(e.value) | {"y": e.y}).items() if e.is_input}
        for (first, f), (second, g) in itertools.permutations(forms.items(), 2):
            for weight in (1.0, e.v):
                if f.shape == g.shape == np.shape(weight * f):
                    c = _multiple(e, weight * (f - g), e.n - e.a)
                    if c is not None and c > 0:
                        return "wrong-variable", f"backward uses {second} where {first} belongs"
    return None


def _templates(e: Evidence) -> Iterator[Callable[[Array], Array]]:
    """Yield gradients as functions of a transform t of the input.

    They are those of softmax, t (dy − Σ dy t), and of its logarithm, dy − t Σ dy, along an axis,
    and for a parameter the sum of dy t.
    """
    if not e.is_input:
        for axes in [(), *subsets(e.v.ndim)]:
            yield lambda t, axes=axes: (e.v * t).sum(axis=axes)  # type: ignore[misc]
        return
    for axis in range(e.v.ndim):
        along = {"axis": axis, "keepdims": True}
        yield lambda t, along=along: t * (e.v - (e.v * t).sum(**along))  # type: ignore[misc]
        yield lambda t, along=along: e.v - t * e.v.sum(**along)  # type: ignore[misc]


def _transforms(x: Array) -> dict[str, Array]:
    """Return the functions of an input that layers are made of."""
    with np.errstate(all="ignore"):
        forms = {
            "x": x,
            "sigmoid(x)": 1 / (1 + np.exp(-x)),
            "tanh(x)": np.tanh(x),
            "exp(x)": np.exp(x),
            "max(x, 0)": np.maximum(x, 0),
            "x²": x * x,
        }
        for axes in subsets(x.ndim):
            name = ", ".join(map(str, axes))
            centred = x - x.mean(axis=axes, keepdims=True)
            deviation = x.std(axis=axes, keepdims=True)
            forms[f"x − mean (axis {name})"] = centred
            forms[f"the normalised x (axis {name})"] = centred / deviation
            for eps in (1e-5, 1e-8, 1e-3, 1e-6):
                forms[f"the normalised x (axis {name}, ε = {eps:g})"] = centred / np.sqrt(
                    deviation**2 + eps
                )
            shifted = np.exp(x - x.max(axis=axes, keepdims=True))
            forms[f"softmax(x) (axis {name})"] = shifted / shifted.sum(axis=axes, keepdims=True)
    return {name: form for name, form in forms.items() if np.isfinite(form).all()}
