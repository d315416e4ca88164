"""Guesses about the gradient as a whole: zero, passed on, a factor, low precision, another's."""

import itertools
import math

import numpy as np

from minidl.gradcheck.diagnosis.evidence import Answer, Evidence


def not_finite(e: Evidence) -> Answer:
    """Backward gives NaN or infinity where a derivative exists."""
    bad = ~np.isfinite(e.a) & e.known
    if not bad.any():
        return None
    values = e.value[bad]
    where = (
        f" (where the tensor is {values.flat[0]:.4g})" if (values == values.flat[0]).all() else ""
    )
    return "not-finite", f"the gradient is not finite although a derivative exists{where}"


def prediction(e: Evidence) -> Answer:
    """Backward gives what takes no fitting: nothing, the upstream, the negative."""
    if not e.a[e.known].any():
        return "zero", "the gradient is zero everywhere, the numerical one is not"
    passed = "backward hands on the upstream gradient"
    for mistake, sentence, guess in (
        ("upstream-passed-through", f"{passed} unchanged", e.v),
        ("upstream-passed-through", f"{passed}, transposed", e.v.T),
        ("sign", "the gradient has the wrong sign everywhere", -e.n),
    ):
        if e.fits(guess):
            return mistake, sentence
    return None


def constant_factor(e: Evidence) -> Answer:
    """Backward gives a multiple."""
    n, a = e.n[e.known], e.a[e.known]
    norm = float(n @ n)
    if not norm:
        return None
    factor = float(n @ a) / norm
    if not np.isfinite(factor) or abs(factor) < 1e-9 or not e.fits(factor * e.n):
        return None
    names = _names(e, factor)
    if not names and (np.abs(n) > 1e-3 * np.abs(n).max()).sum() < 2:
        return None  # any two numbers are multiples of one another
    if names and names[0].startswith("1/"):
        whole = " or ".join(name.removeprefix("1/") for name in names)
        sentence = (
            f"is divided by {whole}: it is 1/{1 / factor:.6g} of the numerical one everywhere"
        )
    else:
        called = f" ({' or '.join(names)})" if names else ""
        sentence = f"is {factor:.6g}{called} times the numerical one everywhere"
    return "constant-factor", f"the gradient {sentence}"


def _names(e: Evidence, factor: float) -> list[str]:
    """Name a factor by what could have caused it: a number, a size, a product or root of sizes."""
    sizes: dict[str, float] = {}
    for what, array in (("input", e.inputs[0] if e.inputs else e.value), ("output", e.y)):
        for axis, length in enumerate(array.shape):
            batch = "the batch size" if axis == 0 else f"axis {axis} of the {what}"
            sizes.setdefault(f"{batch} ({length})", length)
        sizes[f"the size of the {what} ({array.size})"] = array.size
    for axis, length in enumerate(e.shape if not e.is_input else ()):
        sizes[f"axis {axis} of {e.tensor.name} ({length})"] = length
    products = {
        f"{first} times {second}": a * b
        for (first, a), (second, b) in itertools.combinations(sizes.items(), 2)
    }
    roots = {f"the root of {name}": math.sqrt(size) for name, size in sizes.items()}
    for candidates in (sizes | {"2": 2.0, "3": 3.0, "4": 4.0, "π": math.pi}, roots, products):
        for sign, value in (("", factor), ("1/", 1 / factor), ("minus ", -factor)):
            names = [name for name, c in candidates.items() if c != 1 and abs(value / c - 1) < 1e-6]
            if names:
                return [sign + name for name in names[:2]]
    return []


def low_precision(e: Evidence) -> Answer:
    """Every number of backward's is a narrow one."""
    a = e.a[e.known]
    if float(np.abs(a - e.n[e.known]).max(initial=0)) > 0.02 * float(np.abs(a).max(initial=0)):
        return None
    for narrow in (np.float16, np.float32):
        with np.errstate(over="ignore"):
            if (a.astype(narrow) == a).all():
                name = np.dtype(narrow).name
                return "low-precision", f"every element of the gradient is a {name} number"
    return None


def swapped(e: Evidence) -> Answer:
    """Backward gives the gradient of another tensor."""
    for other in e.reports:
        if other is not e.report and other.shape == e.shape and e.fits(other.numerical):
            return "swapped", f"this is the gradient of {other.name}: they are swapped"
    return None
