"""Every coordinate of a small tensor: a cheap screen accepts, the ladder decides what is left.

Agreement is cheap, disagreement must be proven. One central difference that agrees with backward
to a billionth suffices to accept, because two independent computations do not agree by accident.
Whatever it contests is decided by the ladder, whose error bound must exclude backward's value
before anything is called wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minidl.gradcheck.ladder import Slopes
from minidl.gradcheck.point import DOUBLE, Point
from minidl.gradcheck.report import KINK, UNEXAMINED, UNRESOLVED, VERIFIED, WRONG, TensorReport

__all__ = ["check_coordinates", "judge", "recheck", "screened"]

Array = NDArray[Any]

ENOUGH = 12
"""After so many proved mistakes in one tensor the rest is left as it is."""

KEEP = 1 << 18
"""How many numbers of a Jacobian are kept for the diagnosis."""


@dataclass
class Screen:
    """Central differences at one step each."""

    numerical: Array
    scale: Array
    noise: Array
    jacobian: Array | None
    """∂y/∂x, shape (m, n), if it is small."""


def screened(point: Point, k: int, indices: Array) -> Screen:
    """Difference some coordinates of tensor k at one step each, two evaluations a coordinate."""
    n, m = point.values[k].size, point.y.size
    analytic = np.abs(point.gradients[k].reshape(-1))
    scale = point.scales[k].reshape(-1)
    result = Screen(np.full(n, np.nan), np.full(n, np.nan), np.full(n, np.nan), None)
    if n * m <= KEEP:
        result.jacobian = np.full((m, n), np.nan)
    low = point.eps ** (1 / 3)
    v, size = point.cotangent, np.abs(point.cotangent)
    with np.errstate(all="ignore"):
        wish = np.cbrt(point.guess / (analytic * scale)) if point.guess else np.zeros(n)
        steps = scale * np.clip(np.where(np.isnan(wish), low, wish), low, 100 * low)
        for i in indices:
            line = point.coordinate(k, int(i))
            (above, up), (below, down) = line(steps[i]), line(-steps[i])
            column = (above - below) / (up - down)
            result.numerical[i] = v @ column
            result.scale[i] = size @ np.abs(column)
            if result.jacobian is not None:
                result.jacobian[:, i] = column
        result.noise = 2 * point.guess / steps
    return result


def agrees(point: Point, analytic: Array, screen: Screen) -> Array:
    """Tell where the screen is precise and agrees with backward."""
    with np.errstate(invalid="ignore"):
        tolerance = (1e-9 + 64 * point.eps) * screen.scale + screen.noise
        close = np.abs(analytic - screen.numerical) <= tolerance
        precise = screen.noise <= 1e-6 * np.maximum(screen.scale, np.abs(analytic))
        if point.eps > DOUBLE:
            tolerance = 30 * point.eps ** (2 / 3) * screen.scale + screen.noise
            close = np.abs(analytic - screen.numerical) <= tolerance
            precise = screen.noise <= 0.05 * np.maximum(screen.scale, np.abs(analytic))
        # nothing moved at all, and backward says so
        accepted: Array = (close & precise) | ((screen.scale == 0) & (analytic == 0))
    return accepted


def judge(
    slopes: Slopes, cotangent: Array, analytic: float, extra: float, eps: float, natural: float
) -> tuple[int, float, float, float]:
    """Return (status, numerical value, error, scale) of one coordinate or direction.

    Parameters
    ----------
    slopes : Slopes
    cotangent : ndarray
    analytic : float
        What backward says.
    extra : float
        The noise of backward's own value.
    eps : float
        The machine epsilon of the computation.
    natural : float
        How steep a function of this size may be expected to be, Σⱼ |vⱼ yⱼ| over the length of x.
    """
    low, high, error, scale = slopes.along(cotangent)
    kink = high > low
    middle, half = (low + high) / 2, (high - low) / 2
    if not np.isfinite(error) or not np.isfinite(middle):
        return UNRESOLVED, np.nan, np.inf, scale
    tolerance = 10 * error + extra + 64 * eps * scale
    if not abs(analytic - middle) <= half + tolerance:
        # what is known as badly as this proves nothing, and on a kink the chain rule may leave the
        # interval without anybody's fault: relu(x) − 2 relu(−x)
        sharp = error <= 1e-2 * max(scale, natural) or (scale == 0 and error < 1e-3 * abs(analytic))
        return (WRONG if sharp and not kink else UNRESOLVED), middle, half + error, scale
    # a gradient may be zero because steep terms cancel: a bias before batch normalisation
    if tolerance > max(0.1 * max(scale, abs(analytic)), 1e-9 * natural):
        return UNRESOLVED, middle, half + error, scale
    return (KINK if kink else VERIFIED), middle, half + error, scale


def check_coordinates(point: Point, k: int) -> tuple[TensorReport, Array | None]:
    """Judge every coordinate of tensor k, and return the Jacobian if it is small."""
    tensor = point.subject.tensors[k]
    analytic = point.gradients[k].reshape(-1)
    everywhere = np.arange(analytic.size)
    screen = screened(point, k, everywhere)
    accepted = agrees(point, analytic, screen)
    if not accepted.all() and point.reveals_single():  # other steps are needed
        screen = screened(point, k, everywhere)
        accepted = agrees(point, analytic, screen)
    status = np.where(accepted, VERIFIED, UNEXAMINED)
    numerical, error = screen.numerical.copy(), 1e-9 * screen.scale + screen.noise
    error[~accepted] = np.inf
    with np.errstate(invalid="ignore"):
        distance = np.abs(analytic - numerical) / np.maximum(screen.scale, 1e-300)
    contested = np.flatnonzero(~accepted)
    worst_first = contested[
        np.argsort(-np.nan_to_num(distance[contested], nan=np.inf), kind="stable")
    ]
    found = 0
    for i in worst_first:
        slopes = point.prove(point.coordinate(k, int(i)), 0.1 * point.scales[k].reshape(-1)[i])
        extra = float(np.nan_to_num(point.gradient_noise[k].reshape(-1)[i]))
        status[i], numerical[i], error[i], screen.scale[i] = judge(
            slopes, point.cotangent, float(analytic[i]), extra, point.eps, point.natural(k, int(i))
        )
        found += status[i] == WRONG
        if found >= ENOUGH:
            break
    shape = tensor.shape
    report = TensorReport(
        tensor.name,
        shape,
        analytic.reshape(shape),
        numerical.reshape(shape),
        error.reshape(shape),
        status.reshape(shape),
        screen.scale.reshape(shape),
    )
    return report, screen.jacobian


def recheck(point: Point, k: int, report: TensorReport) -> None:
    """Withdraw what is proved wrong at the given point, but not at one nearby.

    In a composite layer, kinks of the parts may cancel: relu(x) − relu(−x) is x, whose slope at 0
    is 1, yet the chain rule gives what the parts say there, and no part is wrong. And where values
    tie, a function may be smooth along each coordinate without having a derivative: the median.
    """
    if not point.subject.composite and _differentiable(point, k, report):
        return
    moved = [
        value + 1e-3 * scale * point.rng.uniform(-1, 1, value.shape)
        for value, scale in zip(point.values, point.scales, strict=True)
    ]
    near = Point(point.subject, moved, point.cotangent, point.rng, point.eps)
    wrong = np.flatnonzero((report.status == WRONG) & np.isfinite(report.analytic))
    if not np.isfinite(near.y).all():
        return
    screen = screened(near, k, wrong)
    right = agrees(near, near.gradients[k].reshape(-1), screen)[wrong]
    report.status.reshape(-1)[wrong[right]] = UNRESOLVED


def _differentiable(point: Point, k: int, report: TensorReport) -> bool:
    """Tell whether the slope along a random direction is the sum of those along the coordinates."""
    direction = point.random_direction([k])
    slopes = point.prove(point.along(direction), 0.1)
    low, high, error, scale = slopes.along(point.cotangent)
    expected = float(np.vdot(report.numerical, direction[k]))
    return high == low and abs(expected - low) <= 1e-6 * scale + 10 * error
