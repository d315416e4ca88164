"""The diagnosis: a table of guesses, each a prediction that is tested on the numbers.

The first guess that predicts backward's gradient is the answer, so the table is ordered by how
much a guess claims: one that leaves nothing free stands before one with a coefficient to fit.
"""

from collections.abc import Callable, Sequence

import numpy as np

from minidl.contract.finding import Finding
from minidl.gradcheck.diagnosis import elementwise, regions, structure, terms, values
from minidl.gradcheck.diagnosis.evidence import Answer, Evidence
from minidl.gradcheck.proof.point import Point
from minidl.gradcheck.report import UNEXAMINED, WRONG, TensorReport

GUESSES: Sequence[Callable[[Evidence], Answer]] = (
    values.not_finite,
    values.prediction,
    values.low_precision,
    values.swapped,
    values.constant_factor,
    structure.rearranged,
    structure.jacobian_misused,
    structure.overwritten_contributions,
    structure.partial_samples,
    elementwise.slope_table,
    elementwise.wrong_formula,
    terms.wrong_variable,
    structure.parameter_rearranged,
    terms.missing_term,
    terms.mean_and_variance,
    regions.wrong_region,
)


def diagnose(point: Point, k: int, reports: list[TensorReport]) -> Finding:
    """Say what is wrong with the gradient of tensor k."""
    evidence = Evidence(point, k, reports)
    mistake, sentence = "unclassified", "the gradient is wrong"
    for guess in GUESSES:
        try:
            answer = guess(evidence)
        except Exception:  # a guess that cannot be made about these shapes is no answer
            continue
        if answer is not None:
            mistake, sentence = answer
            break
    numbers = _numbers(evidence)
    if mistake == "unclassified":
        numbers = "\n".join([numbers, *elementwise.table(evidence)])
    return Finding("gradient", reports[k].name, mistake, sentence, numbers)


def _numbers(e: Evidence) -> str:
    report = e.report
    with np.errstate(all="ignore"):
        distance = np.where(report.status == WRONG, np.abs(e.a - e.n), -1)
    worst = int(np.argmax(np.nan_to_num(distance, nan=np.inf)))
    stopped = (report.status == UNEXAMINED).any()
    return (
        f"{'at least ' if stopped else ''}{report.wrong} of {report.size} coordinates wrong; "
        f"worst {e.tensor.at(worst)}: backward says {e.a.flat[worst]:.6g}, numerical "
        f"{e.n.flat[worst]:.6g} ± {report.error.flat[worst]:.0e}"
    )
