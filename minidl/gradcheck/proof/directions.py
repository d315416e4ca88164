"""Large tensors: random directions instead of coordinates, and bisection to the wrong one.

A random ± direction sees every coordinate at once: ⟨g, d⟩ must be the slope of v · y along d. If
it provably is not, halving the direction finds a wrong coordinate in log₂ n steps, and backward
need not run again, because the halves of ⟨g, d⟩ are partial sums.
"""

import numpy as np

from minidl.arrays import Array
from minidl.gradcheck.proof.coordinates import check_coordinates
from minidl.gradcheck.proof.point import Direction, Point
from minidl.gradcheck.report import UNRESOLVED, VERIFIED, WRONG, TensorReport

SMALL = 300  # up to this size a tensor is checked coordinate by coordinate

DIRECTIONS = 3

WHOLE = 2048  # a tensor up to this size is differenced as a whole once a direction has failed

SAMPLE = 64  # of a larger one, this many coordinates


def check_tensor(point: Point, k: int) -> TensorReport:
    """Check a tensor: coordinate by coordinate if it is small, else along random directions.

    If a direction is provably wrong, coordinates are named after all.
    """
    size = point.values[k].size
    if size <= SMALL:
        return check_coordinates(point, k)
    statuses = []
    for _ in range(DIRECTIONS):
        direction = point.random_direction([k])
        statuses.append(check_direction(point, direction))
        if statuses[-1] == WRONG and size <= WHOLE:
            return check_coordinates(point, k)
        if statuses[-1] == WRONG:
            sample = point.rng.choice(size, SAMPLE, replace=False)
            report = check_coordinates(
                point, k, np.union1d(sample, [_bisect(point, k, direction[k])])
            )
            break
    else:
        gradient = point.gradients[k]
        report = TensorReport.unknown(point.subject.tensors[k].name, gradient.shape, gradient)
    report.directions.extend(statuses)
    return report


def check_direction(point: Point, direction: Direction) -> int:
    """Return the status of the slope along a joint direction."""
    line, v, step = point.along(direction), point.cotangent, 20 * point.eps ** (1 / 3)
    with np.errstate(all="ignore"):
        near, far = ((line(h)[0] - line(-h)[0]) / (2 * h) for h in (step, 2 * step))
        column = (4 * near - far) / 3
        scale, noise = float(np.abs(v) @ np.abs(column)), 2 * point.guess / step
        difference = abs(point.analytic_slope(direction) - v @ column)
        # agreement to a billionth is no accident; the noise must not be what makes it one
        if difference <= 1e-9 * scale + noise and noise <= 1e-6 * scale:
            return VERIFIED
    status = UNRESOLVED
    for reach, levels in ((4e-3, 4), (0.05, 11)):
        if status != VERIFIED:
            status, *_ = point.judge(direction, reach, levels)
    return status


def _bisect(point: Point, k: int, direction: Array) -> int:
    """Return a wrong coordinate: of each two halves, follow the one with more discrepancy."""

    def discrepancy(indices: Array) -> float:
        part = np.zeros(direction.shape)
        part.flat[indices] = direction.flat[indices]
        low, high, *_ = point.slopes_along({k: part}, 4e-3, 4).along(point.cotangent)
        difference = point.analytic_slope({k: part}) - (low + high) / 2
        return float(np.nan_to_num(abs(difference), nan=np.inf))

    chosen = np.arange(direction.size)
    while chosen.size > 1:
        chosen = max(np.array_split(chosen, 2), key=discrepancy)
    return int(chosen[0])
