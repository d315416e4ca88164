"""Guesses about how backward walked the indices: transposed, shifted, partial, coupled wrongly."""

import itertools
import math
from collections.abc import Iterator

import numpy as np

from minidl.arrays import Array
from minidl.gradcheck.diagnosis.evidence import Answer, Evidence, listed, subsets


def _arrangements(array: Array) -> Iterator[tuple[str, Array]]:
    """Yield the array transposed, flipped and rolled in every way that keeps its shape."""
    axes = array.ndim
    for order in itertools.permutations(range(axes)):
        turned = array.transpose(order)
        if order != tuple(range(axes)) and turned.shape == array.shape:
            yield ("transposed" if axes == 2 else f"with axes in the order {order}"), turned
    for chosen in subsets(axes):
        yield f"flipped along axis {listed(chosen)}", np.flip(array, chosen)
    ranges = [range(-(length // 2), length // 2 + 1) for length in array.shape]
    if math.prod(map(len, ranges)) <= 2000:
        shifts = sorted(itertools.product(*ranges), key=lambda s: sum(map(abs, s)))
        for shift in shifts[1:]:
            yield f"shifted by {shift}", np.roll(array, shift, tuple(range(axes)))
    for rows in array.shape[:1]:
        yield "in Fortran order", array.reshape(rows, -1).reshape(array.shape, order="F")


def rearranged(e: Evidence) -> Answer:
    """Backward gives the right numbers at the wrong places."""
    if not e.complete or e.n.size < 2:
        return None
    for how, guess in _arrangements(e.n):
        if e.fits(guess):
            return "rearranged", f"this is the right gradient {how}"
    return None


def parameter_rearranged(e: Evidence) -> Answer:
    """Backward would be right if a parameter were transposed or flipped."""
    subject, values = e.point.subject, e.point.values
    for k, parameter in enumerate(subject.parameters.values(), len(subject.wanted)):
        tensor = subject.tensors[k]
        if not 1 < parameter.value.size <= 4096:
            continue
        for how, turned in itertools.islice(_arrangements(values[k]), 32):
            y, cache = subject.forward(values)
            np.copyto(parameter.value, turned)
            returned, added = subject.backward(subject.upstream(e.point.cotangent, y), cache)
            guess = subject.usable(returned, added)[e.k]
            if e.fits(guess, target=e.n):
                sentence = f"the gradient would be right if backward took {tensor.name} {how}"
                return "parameter-rearranged", sentence
    return None


def jacobian_misused(e: Evidence) -> Answer:
    """Backward multiplies by J instead of Jᵀ, or drops what elements do to one another."""
    d = e.jacobian
    if d is None or e.terms is None:
        return None
    if d.shape[0] == d.shape[1] and e.fits((d @ e.v.reshape(-1)).reshape(e.shape)):
        sentence = "backward multiplies by the Jacobian where it must multiply by its transpose"
        return "jacobian-transposed", sentence
    if e.y.shape != e.shape or e.y.ndim == 0:
        return None
    index = np.indices(e.shape).reshape(e.y.ndim, -1)
    for axes in subsets(e.y.ndim):
        together = np.all(
            [index[axis][:, np.newaxis] == index[axis][np.newaxis, :] for axis in axes], axis=0
        )
        kept = np.where(together, e.terms, 0).sum(axis=0).reshape(e.shape)
        if e.fits(kept):
            sentence = f"only the diagonal of the Jacobian is used: along axis {listed(axes)} the "
            return "cross-term-missing", f"{sentence}elements influence one another"
    return None


def partial_samples(e: Evidence) -> Answer:
    """Backward uses only some slices of the output."""
    if e.terms is None or not e.y.ndim:
        return None
    terms = e.terms.reshape(*e.y.shape, -1)
    known = e.known.reshape(-1)
    for axis, length in enumerate(e.y.shape):
        others = tuple(i for i in range(e.y.ndim) if i != axis)
        parts = terms.sum(axis=others)
        weights = np.linalg.lstsq(parts[:, known].T, e.a.reshape(-1)[known], rcond=None)[0]
        one = np.eye(length)
        for used in (*one, *(1 - one), np.round(weights)):
            some = np.isin(used, (0, 1)).all() and 0 < used.sum() < length
            if some and e.fits((used @ parts).reshape(e.shape)):
                lost = f"the output's slices {np.flatnonzero(used == 0).tolist()} of {length}"
                return "partial-samples", f"{lost} along axis {axis} do not contribute"
    return None


def overwritten_contributions(e: Evidence) -> Answer:
    """Backward keeps only the first or last contribution where several meet, else it is right."""
    if e.terms is None or not e.y.ndim or not e.wrong.any() or not (e.known & ~e.wrong).any():
        return None
    wrong = np.flatnonzero(e.wrong)
    terms = e.terms.reshape(*e.y.shape, -1)[..., wrong]
    a = e.a.reshape(-1)[wrong]
    small = e.precision.reshape(-1)[wrong]
    for summed in [(), *subsets(e.y.ndim)]:
        groups = terms.sum(axis=summed).reshape(-1, wrong.size)
        present = np.abs(groups) > small
        # a loop may run over the places or over the offsets, which turns the order
        ends = (len(groups) - 1 - np.argmax(present[::-1], axis=0), np.argmax(present, axis=0))
        kept = [np.abs(groups[end, np.arange(wrong.size)] - a) <= small for end in ends]
        if (present.sum(axis=0) > 1).all() and any(k.all() for k in kept):
            sentence = "where several contributions meet, only one is kept: = where += belongs "
            return "overwritten-contributions", f"{sentence}(np.add.at for repeated indices)"
    return None
