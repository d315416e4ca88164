"""Guesses about the difference: a term left out, added, or with another coefficient."""

import itertools
from collections.abc import Iterator

import numpy as np

from minidl.arrays import Array
from minidl.gradcheck.diagnosis.evidence import Answer, Evidence, listed, subsets


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
    names = [tensor.name for tensor in e.point.subject.tensors]
    arrays = {"dy": e.v, "y": e.y, **dict(zip(names, e.point.values, strict=True))}
    arrays = {name: array for name, array in arrays.items() if array.shape == e.shape}
    candidates = arrays | {f"{name}²": array**2 for name, array in arrays.items()}
    if "dy" in arrays:
        candidates |= {f"dy · {name}": e.v * array for name, array in arrays.items()}
    candidates["1"] = np.ones(e.shape)
    with np.errstate(all="ignore"):
        for name, basis in candidates.items():
            c = _multiple(e, basis, lack)
            if c is None:
                continue
            if name == "dy" and abs(c - 1) < 1e-6:
                return "missing-skip", "the path that skips the layer is missing: dy must be added"
            if name == e.tensor.name and not e.is_input:
                added = "times the parameter itself is added to the gradient"
                return "weight-decay", f"{-c:.6g} {added}"
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
                    ending = "is missing or has a wrong coefficient"
                    return mistake, f"{what} along axis {listed(axes)} {ending}"
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
    yield "missing-term", "a multiple of the input", [e.value]
    yield "variance-path", "the path through mean and variance", [one, centred]


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
    """Backward uses another function of the input than belongs there, or sums along another axis.

    The gradients are those of softmax, t (dy − Σ dy t), and of its logarithm, dy − t Σ dy, along an
    axis, and for a parameter Σ dy t, where t is a function of the input.
    """
    if e.elementwise:
        return None
    said, due = [], []
    with np.errstate(all="ignore"):
        for name, t in _transforms(e):
            for axes, guess in _reductions(e, t) if t.shape == e.v.shape else ():
                said += [(name, axes)] * e.fits(guess)
                due += [(name, axes)] * e.fits(guess, target=e.n)
    for (mine, i), (right, j) in itertools.product(said, due):
        if mine == right:
            due_axis = f"where axis {listed(j)} is due"
            return "wrong-axis", f"backward sums along axis {listed(i)}, {due_axis}"
    if said and due:
        return "wrong-variable", f"backward uses {said[0][0]} where {due[-1][0]} belongs"
    return None


def _reductions(e: Evidence, t: Array) -> Iterator[tuple[tuple[int, ...], Array]]:
    """Yield (axes, the gradient of something that reduces along them)."""
    for axes in [(), *subsets(e.v.ndim)]:
        if not e.is_input:
            yield axes, (e.v * t).sum(axis=axes)
        elif axes:
            yield axes, t * (e.v - (e.v * t).sum(axis=axes, keepdims=True))
            yield axes, e.v - t * e.v.sum(axis=axes, keepdims=True)


def _transforms(e: Evidence) -> Iterator[tuple[str, Array]]:
    """Yield the functions of the input that layers are made of."""
    yield from {"1": np.ones(e.v.shape), "y": e.y, "exp(y)": np.exp(np.minimum(e.y, 50))}.items()
    for x in [e.value] if e.is_input else e.inputs:
        yield "x", x
        yield "sigmoid(x)", 1 / (1 + np.exp(-x))
        yield "tanh(x)", np.tanh(x)
        yield "exp(x)", np.exp(x)
        yield "max(x, 0)", np.maximum(x, 0)
        yield "x²", x * x
        for axes in subsets(x.ndim):
            along = f"(axis {', '.join(map(str, axes))})"
            centred = x - x.mean(axis=axes, keepdims=True)
            variance = np.square(centred).mean(axis=axes, keepdims=True)
            yield f"x − mean {along}", centred
            for eps in (0, 1e-5, 1e-8, 1e-3):
                yield f"the normalised x {along}", centred / np.sqrt(variance + eps)
            shifted = np.exp(x - x.max(axis=axes, keepdims=True))
            yield f"softmax(x) {along}", shifted / shifted.sum(axis=axes, keepdims=True)
