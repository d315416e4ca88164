"""The proof: slopes at ever smaller steps, and the interval that certainly contains the derivative.

A central difference C(h) has a truncation error that falls like h² where the function is smooth,
and a rounding error that grows like noise / h. Nobody knows beforehand which step balances them,
so the ladder takes eleven steps, each a tenth of the one before, and keeps the value whose error
can be bounded best *and* which every finer step confirms and the next coarser ones allow. Where the
two one-sided slopes keep their distance however small the step is, the function has a kink, and
every number between the two slopes is a derivative that a layer may choose.

Every output keeps its own ladder: summing the outputs before taking differences would mix the
noise of large ones into small ones.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from minidl.arrays import Array

# From a signed step to (the outputs there as a vector, the step that was really made).
Line = Callable[[float], tuple[Array, float]]

RATIO = 10.0


@dataclass(frozen=True)
class Slopes:
    """What is known of the derivative of every output along one line.

    Attributes
    ----------
    low, high : ndarray
        The one-sided slopes in order; equal where the function is smooth.
    error : ndarray
        The bound of the error of either; infinite where nothing could be proved.
    """

    low: Array
    high: Array
    error: Array

    def along(self, cotangent: Array) -> tuple[float, float, float, float]:
        """Return (low, high, error, scale) of Σⱼ vⱼ y′ⱼ, with scale = Σⱼ |vⱼ| |y′ⱼ|."""
        used = cotangent != 0
        v, low, high = cotangent[used], self.low[used], self.high[used]
        size = np.abs(v)
        return (
            float(np.minimum(v * low, v * high).sum()),
            float(np.maximum(v * low, v * high).sum()),
            float((size * self.error[used]).sum()),
            float((size * np.maximum(np.abs(low), np.abs(high))).sum()),
        )


def climb(
    line: Line,
    y: Array,
    noise: Array,
    *,
    reach: float,
    size: float = 1.0,
    eps: float = float(np.finfo(float).eps),
    levels: int = 11,
) -> Slopes:
    """Take one-sided and central slopes at `levels` steps and bound the derivative.

    Parameters
    ----------
    line : function
        The outputs along a line, see `Line`.
    y : ndarray, shape (m,)
        The outputs at step 0.
    noise : ndarray, shape (m,)
        The noise of each output, see `minidl.gradcheck.proof.noise`.
    reach : float
        The largest step.
    size : float
        The largest number among the inputs: what adding it to anything rounds.
    eps : float
        The machine epsilon of the computation.
    levels : int
        How many steps are taken.

    Returns
    -------
    Slopes
    """
    forward, backward, central, steps, largest = [], [], [], [], np.abs(y)
    with np.errstate(all="ignore"):
        for level in range(levels):
            step = reach / RATIO**level
            (above, up), (below, down) = line(step), line(-step)
            forward.append((above - y) / up)
            backward.append((below - y) / down)
            central.append((above - below) / (up - down))
            steps.append((up - down) / 2)
            largest = np.fmax(largest, np.fmax(np.abs(above), np.abs(below)))
        f, b, c = np.stack(forward), np.stack(backward), np.stack(central)
        h = np.array(steps)[:, np.newaxis]
        # an output that never moves does not depend on this line, however noisy it is elsewhere
        moved = (c != 0).any(axis=0) | (f != 0).any(axis=0) | (b != 0).any(axis=0)
        noise = np.where(moved, noise, 0)
        floor = np.maximum(noise, 2 * eps * np.where(np.isfinite(largest), largest, np.abs(y)))
        floor = np.maximum(floor, eps * max(1.0, size))
        rounding = _calibrated(floor, c, h, 30 if eps < 1e-10 else 3) / h
        slopes, kinks = _smooth(f, b, c, rounding), _kinks(f, b, rounding)
    kinked = np.isfinite(kinks.error)
    for name in ("low", "high", "error"):
        getattr(slopes, name)[kinked] = getattr(kinks, name)[kinked]
    seen = np.abs(y).max(initial=0) or np.max(largest[np.isfinite(largest)], initial=0)
    slopes.error[noise > 1e-3 * seen] = np.inf
    unknown = ~np.isfinite(slopes.low) | ~np.isfinite(slopes.high)
    slopes.error[unknown] = np.inf
    return slopes


def _calibrated(floor: Array, c: Array, h: Array, most: float) -> Array:
    """Raise the noise to what the finer steps show: intermediate results may be larger than y.

    They must not raise it beyond `most` times the floor: a kink nearby scatters them too.
    """
    scatter = np.abs(np.diff(c, axis=0))[-6:] * h[1:][-6:]
    seen = np.nan_to_num(scatter, nan=0.0, posinf=0.0).max(axis=0)
    calibrated: Array = np.clip(seen, floor, most * floor)
    return calibrated


def _smooth(f: Array, b: Array, c: Array, rounding: Array) -> Slopes:
    """Choose for every output the candidate of least error that all finer steps confirm."""
    gap = np.abs(f - b)
    change = np.abs(np.diff(c, axis=0))
    once = (RATIO**2 * c[1:] - c[:-1]) / (RATIO**2 - 1)
    twice = (RATIO**4 * once[1:] - once[:-1]) / (RATIO**4 - 1)
    extrapolated = np.abs(twice - once[1:]) + 1.4 * rounding[2:]
    # extrapolation presumes an error of order h²; a function with C¹ but no C² has less
    slow = change[1:] > change[:-1] * RATIO**-1.5
    extrapolated = np.where(slow, np.maximum(extrapolated, change[1:]), extrapolated)

    best = Slopes(*(np.full(c.shape[1], value) for value in (np.nan, np.nan, np.inf)))
    for values, errors, first in ((c[1:], change + rounding[1:], 1), (twice, extrapolated, 2)):
        for k, (value, bound) in enumerate(zip(values, errors, strict=True), first):
            shrinking = gap[k] <= gap[k - 1] / 2
            visible = gap[k] > 20 * rounding[k]
            error = np.where(shrinking, bound, np.maximum(bound, gap[k] / 2 + rounding[k]))
            distance = np.abs(c[k + 1 :] - value)
            confirmed = (distance <= 3 * (error + rounding[k + 1 :])).all(axis=0)
            # the finest steps may be blind to the same thing: the coarser ones must not object
            coarser = slice(max(0, k - 4), k - 1)
            known = error + change[coarser] + gap[coarser] + rounding[coarser]
            confirmed &= (np.abs(c[coarser] - value) <= 3 * known).all(axis=0)
            better = (shrinking | ~visible) & confirmed & (error < best.error)
            best.low[better] = best.high[better] = value[better]
            best.error[better] = error[better]
    return best


def _kinks(f: Array, b: Array, rounding: Array) -> Slopes:
    """Find the outputs whose one-sided slopes stay apart, however small the step is.

    That comes before any smooth candidate: between two slopes that differ in the sixth digit, the
    central differences converge as if nothing were the matter.
    """
    gap, blur = np.abs(f - b), 20 * rounding
    low, high, least = (np.full(f.shape[1], value) for value in (np.nan, np.nan, np.inf))
    for k in range(1, len(f)):
        constant = np.abs(gap[k] - gap[k - 1]) <= 0.1 * gap[k - 1]
        visible = (gap[k] > blur[k]) & (gap[k - 1] > blur[k - 1])
        bounded = (gap[k + 1 :] <= 1.1 * gap[k] + blur[k + 1 :]).all(axis=0)
        closes = (gap[k + 1 :] + blur[k + 1 :] < gap[k] / 2).any(axis=0)
        error = np.maximum(np.abs(f[k] - f[k - 1]), np.abs(b[k] - b[k - 1])) + 2 * rounding[k]
        better = constant & visible & bounded & ~closes & (error < least)
        low[better] = np.minimum(f[k], b[k])[better]
        high[better] = np.maximum(f[k], b[k])[better]
        least[better] = error[better]
    return Slopes(low, high, least)
