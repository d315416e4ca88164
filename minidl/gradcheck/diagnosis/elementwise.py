"""Guesses about elementwise functions: the local derivative that backward uses, as a formula."""

import numpy as np

from minidl.arrays import Array
from minidl.gradcheck.diagnosis.evidence import Answer, Evidence

FORMULAS = """
1 | x | y | 1 - x**2 | 1 - y**2 | x * (1 - x) | y * (1 - y) | 1 - x | 1 - y | 1 + y | exp(x)
exp(y) | exp(-x) | 1 - exp(-y) | 1 / x | 1 / y | 2 * x | 2 * y | x**2 | y**2 | 1 / (1 + x**2)
1 / (1 + abs(x))**2 | 1 / (1 + x)**2 | sigmoid(y) | sigmoid(y) * (1 - sigmoid(y)) | 1 - tanh(y)**2
(1 - abs(y))**2 | sigmoid(x) | sigmoid(-x) | sigmoid(x) * (1 - sigmoid(x))
y + sigmoid(x) * (1 - y) | tanh(x) | 1 - tanh(x)**2 | sin(x) | cos(x) | -sin(x) | sign(x) | x > 0
y / x | 1 / (2 * y) | 1 / (2 * sqrt(x)) | 1 / x**2 | -1 / x**2 | 3 * x**2
"""
KNOWN = ("exp", "tanh", "sin", "cos", "sqrt", "abs", "sign")
FUNCTIONS = {name: getattr(np, name) for name in KNOWN}
FUNCTIONS["sigmoid"] = lambda t: 1 / (1 + np.exp(-t))


def _local(e: Evidence, only: Array | None = None) -> tuple[Array, Array, Array, Array] | None:
    """Return x, y and the local derivatives of backward and of the numbers, where dy is not 0."""
    if not e.elementwise:
        return None
    use = e.known & (np.abs(e.v) > 1e-3)
    if only is not None:
        use &= only
    if use.sum() < 2:
        return None
    return e.value[use], e.y[use], e.a[use] / e.v[use], e.n[use] / e.v[use]


def slope_table(e: Evidence) -> Answer:
    """Few distinct slopes, one of them wrong."""
    local = _local(e)
    if local is None:
        return None
    x, _, mine, right = local
    pairs = {(round(float(m), 6), round(float(r), 6)) for m, r in zip(mine, right, strict=True)}
    if len(pairs) > 4 or len(pairs) * 2 > x.size:
        return None
    parts = []
    for m, r in sorted(pairs):
        if abs(m - r) > 1e-6 * max(1.0, abs(r)):
            there = x[(np.abs(mine - m) < 1e-5) & (np.abs(right - r) < 1e-5)]
            where = f"for x between {there.min():.4g} and {there.max():.4g}"
            for sign, words in ((-1, "for x < 0"), (1, "for x > 0")):
                if np.array_equal(np.sort(there), np.sort(x[sign * x > 0])):
                    where = words
            parts.append(f"{where} the local derivative is {m:g} but must be {r:g}")
    return ("slope-table", "; ".join(parts)) if parts else None


def wrong_formula(e: Evidence) -> Answer:
    """Backward's local derivative is another formula than the right one."""
    local = _local(e, e.wrong)
    if local is None or local[0].size < 3:
        return None
    x, y, mine, right = local
    said = _formula(x, y, mine)
    if said is None:
        return None
    true = _formula(x, y, right)
    ending = f"; the numerical derivative is {true}" if true else ""
    return "wrong-formula", f"backward computes dy · ({said}){ending}"


def _formula(x: Array, y: Array, local: Array) -> str | None:
    names = {"__builtins__": {}, "x": x, "y": y, **FUNCTIONS}
    size = max(1e-300, float(np.abs(local).max()))
    for formula in FORMULAS.strip().replace("\n", " | ").split(" | "):
        with np.errstate(all="ignore"):
            value = eval(formula, names) * np.ones_like(x)
            if (np.abs(value - local) <= 1e-6 * size).all():
                return formula
    return None


def table(e: Evidence) -> list[str]:
    """Return three rows (x, backward's local derivative, the numerical one)."""
    local = _local(e)
    if local is None:
        return []
    x, _, mine, right = local
    worst = np.argsort(-np.abs(mine - right))[:3]
    rows = [f"{'x':>12} {'backward':>12} {'numerical':>12}"]
    return rows + [f"{x[i]:12.6g} {mine[i]:12.6g} {right[i]:12.6g}" for i in sorted(worst)]
