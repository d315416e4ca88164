"""Every coordinate of a small tensor: a cheap screen accepts, the ladder decides what is left.

Agreement is cheap, disagreement must be proven. One central difference that agrees with backward
to a billionth suffices to accept, because two independent computations do not agree by accident.
Whatever it contests is decided by the ladder, whose error bound must exclude backward's value
before anything is called wrong.
"""

import numpy as np

from minidl.arrays import Array
from minidl.contract.compare import DOUBLE
from minidl.gradcheck.proof.point import Point
from minidl.gradcheck.report import UNEXAMINED, UNRESOLVED, VERIFIED, WRONG, TensorReport

ENOUGH = 12  # after so many proved mistakes in one tensor the rest is left as it is

KEEP = 1 << 18  # how many numbers of a Jacobian are kept for the diagnosis


def check_coordinates(point: Point, k: int, indices: Array | None = None) -> TensorReport:
    """Judge every coordinate of tensor k, or some."""
    indices = np.arange(point.values[k].size) if indices is None else indices
    report = _screen(point, k, indices)
    if (report.status.flat[indices] != VERIFIED).any() and point.reveals_single():
        report = _screen(point, k, indices)  # other steps are needed
    contested = indices[report.status.flat[indices] != VERIFIED]
    with np.errstate(invalid="ignore"):
        distance = np.abs(report.analytic - report.numerical) / np.maximum(report.scale, 1e-300)
    distances = np.nan_to_num(distance.reshape(-1)[contested], nan=np.inf)
    for i in contested[np.argsort(-distances, kind="stable")]:
        status, report.numerical.flat[i], report.error.flat[i], report.scale.flat[i] = point.judge(
            point.coordinate(k, i), 0.1 * point.scales[k].flat[i]
        )
        report.status.flat[i] = status
        if report.wrong >= ENOUGH:
            break
    if report.wrong:
        _recheck(point, k, report)
    return report


def _screen(point: Point, k: int, indices: Array) -> TensorReport:
    """Take one central difference for each coordinate, and verify those that agree with backward.

    The step balances the rounding against a truncation as of a function that bends over its natural
    length. The whole output column is differenced, not its sum: that shows what cancels.
    """
    analytic, scale = point.gradients[k], point.scales[k]
    n, m = analytic.size, point.y.size
    jacobian = np.full((m, n), np.nan) if n * m <= KEEP else None
    numerical, error, size = (np.full(analytic.shape, np.nan) for _ in range(3))
    status = np.full(analytic.shape, UNEXAMINED, np.int8)
    low, v = point.eps ** (1 / 3), point.cotangent
    with np.errstate(all="ignore"):
        wish = np.cbrt(point.guess / (np.abs(analytic) * scale)) if point.guess else 0 * scale
        steps = scale * np.clip(np.where(np.isnan(wish), low, wish), low, 100 * low)
        for i in indices:
            line = point.along(point.coordinate(k, i))
            (above, up), (below, down) = line(steps.flat[i]), line(-steps.flat[i])
            column = (above - below) / (up - down)
            numerical.flat[i], size.flat[i] = v @ column, np.abs(v) @ np.abs(column)
            if jacobian is not None:
                jacobian[:, i] = column
        noise = 2 * point.guess / steps
        digits, sharp = 1e-9 + 64 * point.eps, 1e-6
        if point.eps > DOUBLE:
            digits, sharp = 30 * point.eps ** (2 / 3), 0.05
        agrees = np.abs(analytic - numerical) <= digits * size + noise
        agrees &= noise <= sharp * np.maximum(size, np.abs(analytic))
        agrees |= (size == 0) & (analytic == 0)  # nothing moved, and backward says so
    status[agrees] = VERIFIED
    error[agrees] = (1e-9 * size + noise)[agrees]
    name = point.subject.tensors[k].name
    return TensorReport(name, analytic, numerical, error, size, status, jacobian=jacobian)


def _recheck(point: Point, k: int, report: TensorReport) -> None:
    """Withdraw what is proved wrong at the given point, but not at one nearby.

    In a composite layer, kinks of the parts may cancel: relu(x) − relu(−x) is x, whose slope at 0
    is 1, yet the chain rule gives what the parts say there, and no part is wrong. And where values
    tie, a function may be smooth along each coordinate without having a derivative: the median.
    """
    if not point.subject.composite and _differentiable(point, k, report):
        return
    near = point.at(
        [
            value + 1e-3 * scale * point.rng.uniform(-1, 1, value.shape)
            for value, scale in zip(point.values, point.scales, strict=True)
        ]
    )
    if np.isfinite(near.y).all():
        wrong = np.flatnonzero((report.status == WRONG) & np.isfinite(report.analytic))
        right = _screen(near, k, wrong).status == VERIFIED
        report.status[right] = UNRESOLVED


def _differentiable(point: Point, k: int, report: TensorReport) -> bool:
    """Tell whether the slope along a random direction is the sum of those along the coordinates."""
    direction = point.random_direction([k])
    low, high, error, scale = point.slopes_along(direction, 0.1).along(point.cotangent)
    expected = float(np.vdot(report.numerical, direction[k]))
    return high == low and abs(expected - low) <= 1e-6 * scale + 10 * error
