"""A narrow layer in its own precision: its gradient must be that of float64, up to its rounding."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from minidl.gradcheck.compare import distance, largest
from minidl.gradcheck.contract import Trial
from minidl.gradcheck.point import Point
from minidl.gradcheck.report import Finding


def check_precision(trial: Trial, exact: Point, eps: float) -> Iterator[Finding]:
    """Compare the gradients in the layer's own precision with those in float64.

    Parameters
    ----------
    trial : Trial
        The layer in its own precision.
    exact : Point
        The same in float64.
    eps : float
        The machine epsilon of the layer's dtype.
    """
    if distance(np.reshape(trial.first, -1), exact.y) > 1e-2 * largest(exact.y):
        return  # generators may draw other numbers for another dtype: another function
    narrow_type = np.float16 if eps > 1e-4 else np.float32
    held = 0.1 * float(np.finfo(narrow_type).max)
    # what a narrow number cannot hold is nobody's mistake
    due = [
        np.where(np.abs(e) < held, e, g)
        for e, g in zip(exact.gradients, trial.gradients, strict=True)
    ]
    said = f"computed in {narrow_type.__name__} the gradient is not"
    for k in trial.differing(trial.gradients, due, 1e-8):
        mistake, sentence, evidence = "not-finite", f"{said} finite, in float64 it is", ""
        if np.isfinite(trial.gradients[k]).all():
            mistake, sentence = "low-precision", f"{said} the one that float64 gives"
            evidence = f"the largest difference is {distance(trial.gradients[k], due[k]):.3g}"
        yield Finding("precision", exact.subject.tensors[k].name, mistake, sentence, evidence)
