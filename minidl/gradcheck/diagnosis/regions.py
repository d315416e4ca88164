"""Guesses about where: only beyond a threshold, in one sample, in one element, at a border."""

import numpy as np

from minidl.arrays import Array
from minidl.gradcheck.diagnosis.evidence import Answer, Evidence


def wrong_region(e: Evidence) -> Answer:
    """Backward is wrong in a part only, and what confines it can be said."""
    wrong, right = e.wrong & e.known, e.known & ~e.wrong
    if not wrong.any() or not right.any():
        return None
    where = _by_value(e.value, wrong, right) or _by_index(e, wrong)
    if where is None and not e.a[wrong].any():
        where = "where it is zero"
    if where is None and e.y.shape == e.shape:
        where = _by_value(e.y, wrong, right, "y")
    if where is None:
        return None
    return "wrong-region", f"the gradient is wrong only {where}{_ratio(e, wrong)}"


def _by_value(x: Array, wrong: Array, right: Array, name: str = "x") -> str | None:
    if wrong.sum() < 2 or right.sum() < 2:
        return None
    bad, good = x[wrong], x[right]
    if (bad == bad[0]).all() and not (good == bad[0]).any():
        return f"where {name} = {bad[0]:.4g}"
    if bad.max() < 0 <= good.min():
        return f"where {name} < 0"
    if bad.min() > 0 >= good.max():
        return f"where {name} > 0"
    for what, b, g in ((f"|{name}|", np.abs(bad), np.abs(good)), (name, bad, good)):
        if b.min() > g.max():
            return f"where {what} > t, with t between {g.max():.4g} and {b.min():.4g}"
        if b.max() < g.min():
            return f"where {what} < t, with t between {b.max():.4g} and {g.min():.4g}"
    return None


def _by_index(e: Evidence, wrong: Array) -> str | None:
    indices = np.argwhere(wrong)
    if len(indices) == 1:
        return f"in one element, {e.tensor.at(int(np.flatnonzero(wrong)[0]))}"
    for axis, length in enumerate(e.shape):
        used = np.unique(indices[:, axis])
        if len(used) == 1 and length > 1:
            what = "sample" if axis == 0 and e.is_input else f"place along axis {axis}"
            return f"in one {what}, {used[0]} of {length}"
    border = np.zeros(e.shape, bool)
    for axis, length in enumerate(e.shape):
        if length > 2:
            np.moveaxis(border, axis, 0)[[0, -1]] = True
    if not border.all() and (wrong <= border).all():
        return "at the border"
    return None


def _ratio(e: Evidence, wrong: Array) -> str:
    with np.errstate(all="ignore"):
        ratio = e.a[wrong] / e.n[wrong]
    if not ratio.any():
        return ", and zero there"
    if np.isfinite(ratio).all() and np.ptp(ratio) <= 1e-5 * np.abs(ratio).max():
        return f", and {ratio[0]:.6g} times the numerical one there"
    return ""
