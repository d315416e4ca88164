"""Checks of hyper-parameters: each takes a name and a value, and returns the value or raises."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any, SupportsFloat, cast

import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator

__all__ = ["as_generator", "integer", "number", "seed_entropy"]


def integer(name: str, value: Any, *, least: int | None = None) -> int:
    """Return value as an int that is at least `least`; booleans are not integers."""
    try:
        if isinstance(value, (bool, np.bool)):
            raise TypeError
        result = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {value!r}") from None
    if least is not None and result < least:
        raise ValueError(f"{name} must be at least {least}, got {value!r}")
    return result


def number(
    name: str,
    value: Any,
    *,
    above: float | None = None,
    least: float | None = None,
    below: float | None = None,
) -> float:
    """Return value as a finite Python float within bounds; booleans and strings are not numbers.

    A Python float, unlike a NumPy scalar, never changes the dtype of the array it multiplies.
    """
    wrong = (bool, np.bool, str, bytes, complex, np.complexfloating)
    if isinstance(value, wrong) or not hasattr(value, "__float__"):
        raise TypeError(f"{name} must be a number, got {value!r}")
    try:
        result = float(cast(SupportsFloat, value))
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, got {value!r}") from None
    except OverflowError:
        result = math.inf
    if not math.isfinite(result):
        raise ValueError(f"{name} must be finite, got {value!r}")
    if above is not None and not result > above:
        raise ValueError(f"{name} must be greater than {above:g}, got {value!r}")
    if least is not None and not result >= least:
        raise ValueError(f"{name} must be at least {least:g}, got {value!r}")
    if below is not None and not result < below:
        raise ValueError(f"{name} must be less than {below:g}, got {value!r}")
    return result


def as_generator(rng: Any) -> Generator:
    """Return a generator: the given one, one seeded with an integer, or a fresh one for None."""
    if isinstance(rng, np.random.Generator):
        return rng
    return np.random.default_rng(None if rng is None else integer("rng", rng, least=0))


def seed_entropy(seed: Any) -> int:
    """Return a seed as an int, drawing fresh entropy for None."""
    if seed is None:
        return cast(int, np.random.SeedSequence().entropy)
    return integer("seed", seed, least=0)
