"""Large tensors: random directions instead of coordinates, and bisection to the wrong one.

A random ± direction sees every coordinate at once: ⟨g, d⟩ must be the slope of v · y along d. If
it provably is not, halving the direction finds a wrong coordinate in log₂ n steps, and backward
need not run again, because the halves of ⟨g, d⟩ are partial sums.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from minidl.gradcheck.coordinates import agrees, check_coordinates, judge, screened
from minidl.gradcheck.point import Point
from minidl.gradcheck.report import KINK, UNEXAMINED, UNRESOLVED, VERIFIED, WRONG, TensorReport

__all__ = ["check_direction", "check_directions"]

Array = NDArray[Any]

DIRECTIONS = 3
WHOLE = 2048
"""A tensor up to this size is differenced as a whole once a direction has failed."""
SAMPLE = 64
"""Of a larger one, this many coordinates."""


def check_direction(point: Point, direction: dict[int, Array]) -> tuple[int, float, float, float]:
    """Return (status, analytic, numerical, error) of the slope along a joint direction."""
    analytic = float(sum(np.vdot(point.gradients[k], d) for k, d in direction.items()))
    line = point.along(direction)
    v = point.cotangent
    step = 20 * point.eps ** (1 / 3)
    with np.errstate(all="ignore"):
        near, far = ((line(h)[0] - line(-h)[0]) / (2 * h) for h in (step, 2 * step))
        column = (4 * near - far) / 3
        numerical, scale = float(v @ column), float(np.abs(v) @ np.abs(column))
        noise = 2 * point.guess / step
        if abs(analytic - numerical) <= 1e-9 * scale + noise and noise <= 1e-6 * scale:
            return VERIFIED, analytic, numerical, 1e-9 * scale + noise
    extra = float(
        sum(
            np.nan_to_num(point.gradient_noise[k]).reshape(-1) @ np.abs(d).reshape(-1)
            for k, d in direction.items()
        )
    )
    natural = float(np.abs(v) @ np.abs(point.y))
    status, error = UNRESOLVED, np.inf
    for reach, levels in ((4e-3, 4), (0.05, 11)):
        slopes = point.prove(line, reach, levels)
        status, numerical, error, _ = judge(slopes, v, analytic, extra, point.eps, natural)
        if status == VERIFIED:
            break
    return status, analytic, numerical, error


def check_directions(point: Point, k: int) -> tuple[TensorReport, Array | None]:
    """Check a large tensor along random directions; name coordinates if one is wrong."""
    verified = kinks = 0
    for _ in range(DIRECTIONS):
        direction = point.random_direction([k])[k]
        status, *_ = check_direction(point, {k: direction})
        verified += status == VERIFIED
        kinks += status == KINK
        if status == WRONG:
            return _wrong(point, k, direction, verified)
    return _report(point, k, verified, kinks), None


def _report(point: Point, k: int, verified: int, kinks: int = 0) -> TensorReport:
    analytic = point.gradients[k]
    unknown = (np.full(analytic.shape, np.nan) for _ in range(3))
    numerical, error, scale = unknown
    status = np.full(analytic.shape, UNEXAMINED)
    name, shape = point.subject.tensors[k].name, analytic.shape
    return TensorReport(
        name, shape, analytic, numerical, error, status, scale, DIRECTIONS, verified, kinks
    )


def _wrong(
    point: Point, k: int, direction: Array, verified: int
) -> tuple[TensorReport, Array | None]:
    if point.values[k].size <= WHOLE:
        return check_coordinates(point, k)
    worst = _bisect(point, k, direction)
    analytic = point.gradients[k].reshape(-1)
    sample = np.unique(np.append(point.rng.choice(analytic.size, SAMPLE, replace=False), [worst]))
    screen = screened(point, k, sample)
    report = _report(point, k, verified)
    status = report.status.reshape(-1)
    report.numerical.reshape(-1)[:] = screen.numerical
    report.scale.reshape(-1)[:] = screen.scale
    report.error.reshape(-1)[:] = 1e-9 * screen.scale + screen.noise
    status[sample] = np.where(agrees(point, analytic, screen)[sample], VERIFIED, UNEXAMINED)
    for i in (worst, *sample[status[sample] == UNEXAMINED][:3]):
        slopes = point.prove(point.coordinate(k, int(i)), 0.1 * point.scales[k].reshape(-1)[i])
        extra = float(point.gradient_noise[k].reshape(-1)[i])
        status[i], report.numerical.reshape(-1)[i], report.error.reshape(-1)[i], _ = judge(
            slopes, point.cotangent, float(analytic[i]), extra, point.eps, point.natural(k, int(i))
        )
    return report, None


def _bisect(point: Point, k: int, direction: Array) -> int:
    """Return the coordinate that half after half has the larger share of the discrepancy."""
    gradient = point.gradients[k].reshape(-1)

    def discrepancy(indices: Array) -> float:
        part = np.zeros(direction.size)
        part[indices] = direction.reshape(-1)[indices]
        slopes = point.prove(point.along({k: part.reshape(direction.shape)}), 4e-3, 4)
        low, high, *_ = slopes.along(point.cotangent)
        difference = gradient[indices] @ part[indices] - (low + high) / 2
        return float(np.nan_to_num(abs(difference), nan=np.inf))

    left, right = np.array_split(np.arange(direction.size), 2)
    while True:
        chosen = left if discrepancy(left) >= discrepancy(right) else right
        if chosen.size == 1:
            return int(chosen[0])
        left, right = np.array_split(chosen, 2)
