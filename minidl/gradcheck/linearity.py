"""Linearity: backward is a linear function of the upstream gradient, whatever the layer is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minidl.gradcheck.point import DOUBLE, Point
from minidl.gradcheck.report import Finding

__all__ = ["check_linearity"]

Array = NDArray[Any]


def check_linearity(point: Point, skip: set[str]) -> Iterator[Finding]:
    """Yield where g(−3v + 200w) is not −3 g(v) + 200 g(w).

    Parameters
    ----------
    point : Point
    skip : set of str
        Tensors whose gradient has no usable form.
    """
    v = point.cotangent
    w = point.rng.normal(size=v.shape) if v.size != 1 else np.array([0.6])

    def backward(cotangent: Array) -> list[Array]:
        return point.subject.gradients(point.values, cotangent)

    steepest = max((np.abs(g[np.isfinite(g)]).max(initial=0) for g in point.gradients), default=0)
    combined = -3 * v + 200 * w
    at_zero, other, mixed = backward(0 * v), backward(w), backward(combined)
    for k, tensor in enumerate(point.subject.tensors):
        gv, g0, gw, gm = point.gradients[k], at_zero[k], other[k], mixed[k]
        if tensor.name in skip or not gv.size:
            continue
        finite = np.isfinite(gv) & np.isfinite(gw) & np.isfinite(gm)
        if not finite.any():
            continue
        gv, g0, gw, gm = gv[finite], np.nan_to_num(g0[finite]), gw[finite], gm[finite]
        largest = np.abs(3 * gv).max() + np.abs(200 * gw).max()
        precision = 1e-6 if point.eps == DOUBLE else 1e-3
        # sums that cancel leave nothing but the rounding of their terms
        slope = np.abs(v) @ np.abs(point.y) / point.scales[k].min()
        rounding = 1e3 * point.eps * 203 * max(slope, 1e-3 * steepest)
        misfit = np.abs(gm + 3 * gv - 200 * gw)
        linear = misfit.max() <= precision * largest + rounding
        offset = np.abs(g0).max()
        if linear and offset <= 1e-12 * largest + rounding:
            continue
        if max(largest, np.abs(gm).max(), offset) <= 1e3 * point.eps * 203 * steepest:
            continue  # beside the other gradients this one is nothing but rounding
        nudges = (1 + 2 * point.eps * point.rng.choice([-1, 1], v.shape) for _ in range(4))
        trembling = [np.abs(backward(combined * nudge)[k][finite] - gm) for nudge in nudges]
        if max(misfit.max(), offset) <= 100 * np.max(trembling):
            continue  # terms cancel inside: their rounding is what last digits of dy show
        check = ("is_linear_in_the_cotangent", tensor.name)
        if np.allclose(gv, gw, rtol=1e-9, atol=0) and np.abs(gv).max() > 0:
            yield Finding(
                *check,
                "ignores-upstream",
                "backward ignores the upstream gradient: another dy gives the same gradient",
            )
            continue
        rest = np.abs((gm - g0) + 3 * (gv - g0) - 200 * (gw - g0)).max()
        if offset > 1e-12 * largest and rest <= precision * largest + rounding:
            yield Finding(*check, "hidden-penalty", *_penalty(point, k, g0, finite))
            continue
        if misfit.max() <= 1e3 * point.gradient_noise[k].max():
            continue
        worst = int(np.argmax(misfit))
        yield Finding(
            *check,
            "nonlinear",
            "backward is not linear in the upstream gradient: it clips, normalises or depends on "
            "its sign",
            f"g(-3v + 200w) = {gm[worst]:.6g}, but -3 g(v) + 200 g(w) = "
            f"{-3 * gv[worst] + 200 * gw[worst]:.6g} in one element",
        )


def _penalty(point: Point, k: int, g0: Array, finite: Array) -> tuple[str, str]:
    value = point.values[k][finite]
    norm = float(value @ value)
    factor = float(value @ g0) / norm if norm else 0.0
    sentence = "backward adds something that does not depend on the upstream gradient"
    if np.allclose(g0, factor * value, rtol=1e-6, atol=1e-9 * np.abs(g0).max()) and factor:
        return f"{sentence}: {factor:.6g} times the value (a weight decay?)", ""
    return sentence, f"for dy = 0 the gradient is up to {np.abs(g0).max():.6g}"
