"""A narrow layer in its own precision: its gradient must be that of float64, up to its rounding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minidl.gradcheck.contract import Trial
from minidl.gradcheck.point import Point
from minidl.gradcheck.report import Finding, TensorReport

__all__ = ["check_precision"]

Array = NDArray[Any]


def check_precision(
    trial: Trial, point: Point, tensors: list[TensorReport], eps: float
) -> Iterator[Finding]:
    """Compare the gradients in the layer's own precision with those in float64.

    Parameters
    ----------
    trial : Trial
        The layer in its own precision.
    point : Point
        The same in float64.
    tensors : list of TensorReport
        What was proved in float64.
    eps : float
        The machine epsilon of the layer's dtype.
    """
    first = np.asarray(trial.first, np.float64).reshape(-1)
    largest = np.abs(point.y).max(initial=0)
    if np.abs(first - point.y).max(initial=0) > 1e-2 * largest:
        return  # generators may draw other numbers for another dtype: another function
    suspects = []
    for k, (tensor, report) in enumerate(zip(point.subject.tensors, tensors, strict=True)):
        if tensor.name in trial.malformed or report.wrong or not report.size:
            continue
        narrow, exact = trial.gradients[k], point.gradients[k]
        scale = np.where(np.isfinite(report.scale), report.scale, 0)
        biggest = np.abs(exact[np.isfinite(exact)]).max(initial=0)
        if report.directions:
            scale = np.full(exact.shape, biggest)
        tolerance = 200 * eps * scale + 50 * eps * biggest
        # 1 − y² of a saturated y is rounded as a number of the size of 1, whatever comes out
        natural = float(np.abs(point.cotangent) @ np.abs(point.y)) / point.scales[k]
        tolerance = tolerance + 200 * eps * natural + np.finfo(narrow_type(eps)).tiny
        with np.errstate(all="ignore"):
            bad = ~(np.abs(narrow - exact) <= tolerance) & np.isfinite(exact)
            bad &= np.abs(exact) < 0.1 * float(np.finfo(narrow_type(eps)).max)
        if bad.any():
            suspects.append((k, bad, tolerance))
    if not suspects:
        return
    moves = point.trembling(3, eps)
    own = Point(trial.subject, point.values, point.cotangent, point.rng, eps).trembling(3, eps)
    for k, bad, tolerance in suspects:
        narrow, exact = trial.gradients[k], point.gradients[k]
        moved = np.fmax(np.nan_to_num(moves[k]), np.nan_to_num(own[k]))
        # a tremble may miss the worst rounding of one element, hardly that of all of them
        tolerance = tolerance + 30 * moved + 3 * moved.max(initial=0)
        with np.errstate(invalid="ignore"):
            bad &= ~(np.abs(narrow - exact) <= tolerance)
        if not bad.any():
            continue
        i = int(np.flatnonzero(bad.reshape(-1))[0])
        tensor = point.subject.tensors[k]
        finite = np.isfinite(narrow[bad]).all()
        yield Finding(
            "precision",
            tensor.name,
            "low-precision" if finite else "not-finite",
            f"computed in {narrow_type(eps).__name__} the gradient is "
            + ("not the one that float64 gives" if finite else "not finite, in float64 it is"),
            f"{int(bad.sum())} of {bad.size} coordinates; {tensor.at(i)}: backward says "
            f"{narrow.reshape(-1)[i]:.6g}, in float64 {exact.reshape(-1)[i]:.6g}",
        )


def narrow_type(eps: float) -> type[np.floating[Any]]:
    """Return the floating type with this epsilon."""
    return np.float16 if eps > 1e-4 else np.float32
