"""A narrow layer in its own precision: its gradient must be that of float64, up to its rounding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minidl.gradcheck.contract import Trial
from minidl.gradcheck.point import Point
from minidl.gradcheck.report import Finding, TensorReport

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
    narrow_type = np.float16 if eps > 1e-4 else np.float32
    limits = np.finfo(narrow_type)
    trembling: list[Array] | None = None
    for k, (tensor, report) in enumerate(zip(point.subject.tensors, tensors, strict=True)):
        if tensor.name in trial.malformed or report.wrong or not report.size:
            continue
        narrow, exact = trial.gradients[k], point.gradients[k]
        biggest = np.abs(exact[np.isfinite(exact)]).max(initial=0)
        scale = biggest if report.directions else np.nan_to_num(report.scale, posinf=0)
        # 1 − y² of a saturated y is rounded as a number of the size of 1, whatever comes out
        natural = float(np.abs(point.cotangent) @ np.abs(point.y)) / point.scales[k]
        tolerance = 200 * eps * (scale + natural) + 50 * eps * biggest + float(limits.tiny)
        # and so is p − 1 where a softmax is sure
        tolerance = tolerance + eps * float(np.abs(point.cotangent).max())
        with np.errstate(all="ignore"):
            difference = np.abs(narrow - exact)
            bad = ~(difference <= tolerance) & (np.abs(exact) < 0.1 * float(limits.max))
        if not bad.any():
            continue
        if trembling is None:
            both = (
                each.trembling(point.values, point.cotangent, point.rng, eps)[1:]
                for each in (point.subject, trial.subject)
            )
            trembling = [np.nan_to_num(np.fmax(a, b)) for a, b in zip(*both, strict=True)]
        # a tremble may miss the worst rounding of one element, hardly that of all of them
        moved = trembling[k]
        with np.errstate(invalid="ignore"):
            bad &= ~(difference <= tolerance + 30 * moved + 3 * moved.max(initial=0))
        if not bad.any():
            continue
        i = int(np.flatnonzero(bad)[0])
        finite = np.isfinite(narrow[bad]).all()
        yield Finding(
            "precision",
            tensor.name,
            "low-precision" if finite else "not-finite",
            f"computed in {narrow_type.__name__} the gradient is "
            + ("not the one that float64 gives" if finite else "not finite, in float64 it is"),
            f"{int(bad.sum())} of {bad.size} coordinates; {tensor.at(i)}: backward says "
            f"{narrow.flat[i]:.6g}, in float64 {exact.flat[i]:.6g}",
        )
