"""The diagnosis: a table of guesses, each a prediction that is tested on the numbers.

The first guess that predicts backward's gradient is the answer, so the table is ordered by how
much a guess claims: one that leaves nothing free stands before one with a coefficient to fit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minidl.gradcheck.diagnosis.elementwise import slope_table, table, wrong_formula
from minidl.gradcheck.diagnosis.evidence import Answer, Evidence
from minidl.gradcheck.diagnosis.regions import nothing_in_slices, wrong_region
from minidl.gradcheck.diagnosis.structure import (
    cross_terms,
    jacobian_transposed,
    overwritten_contributions,
    overwritten_in_places,
    parameter_rearranged,
    partial_samples,
    rearranged,
    wrong_axis,
)
from minidl.gradcheck.diagnosis.terms import mean_and_variance, missing_term, wrong_variable
from minidl.gradcheck.diagnosis.values import (
    constant_factor,
    factor_along_axes,
    low_precision,
    not_finite,
    passed_through,
    sign,
    swapped,
    zero,
)
from minidl.gradcheck.point import Point
from minidl.gradcheck.report import WRONG, Finding, TensorReport

__all__ = ["diagnose"]

Array = NDArray[Any]

GUESSES: Sequence[Callable[[Evidence], Answer]] = (
    not_finite,
    zero,
    passed_through,
    sign,
    low_precision,
    swapped,
    constant_factor,
    rearranged,
    jacobian_transposed,
    cross_terms,
    nothing_in_slices,
    overwritten_in_places,
    partial_samples,
    slope_table,
    wrong_formula,
    wrong_axis,
    parameter_rearranged,
    overwritten_contributions,
    missing_term,
    wrong_variable,
    mean_and_variance,
    factor_along_axes,
    wrong_region,
)


def diagnose(
    point: Point, k: int, reports: list[TensorReport], jacobians: dict[int, Array | None]
) -> Finding:
    """Say what is wrong with the gradient of tensor k."""
    evidence = Evidence(point, k, reports, jacobians.get(k))
    mistake, sentence = "unclassified", "the gradient is wrong"
    for guess in GUESSES:
        try:
            answer = guess(evidence)
        except Exception:  # a guess that cannot be made about these shapes is no answer
            continue
        if answer is not None:
            mistake, sentence = answer
            break
    return Finding("gradient", reports[k].name, mistake, sentence, _numbers(evidence, mistake))


def _numbers(e: Evidence, mistake: str) -> str:
    report = e.report
    with np.errstate(all="ignore"):
        distance = np.where(report.status == WRONG, np.abs(e.a - e.n), -1).reshape(-1)
    worst = int(np.argmax(np.where(np.isnan(distance), np.inf, distance)))
    looked_at = report.size if not report.directions else int(np.isfinite(e.n).sum())
    text = (
        f"{report.wrong} of {looked_at} coordinates wrong; worst {e.tensor.at(worst)}: backward "
        f"says {e.a.reshape(-1)[worst]:.6g}, numerical {e.n.reshape(-1)[worst]:.6g} ± "
        f"{report.error.reshape(-1)[worst]:.0e}"
    )
    extra = table(e) if mistake == "unclassified" else ""
    return f"{text}\n{extra}" if extra else text
