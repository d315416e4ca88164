"""Comparing arrays and watching state: what the probes of the contract are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minidl.parameters import Parameter, walk

__all__ = ["arrays_in", "attributes", "bits", "close", "distance", "same_state", "strided"]

Array = NDArray[Any]


def strided(array: Array) -> Array:
    """Return a copy of which every second element in memory is not part."""
    wide = np.empty((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
    wide[..., ::2] = array
    return wide[..., ::2]


def close(new: Any, old: Array, relative: float) -> bool:
    """Tell whether arrays agree, relative to the largest element, and are finite together."""
    new, old = np.asarray(new, np.float64), np.asarray(old, np.float64)
    if new.shape != old.shape:
        return False
    both = np.isfinite(new)
    if not np.array_equal(both, np.isfinite(old)):
        return False
    largest = np.abs(old[both]).max(initial=0)
    return bool((np.abs(new[both] - old[both]) <= relative * largest).all())


def distance(new: Any, old: Any) -> float:
    """Return the largest difference; infinity if it is not a number or the shapes differ."""
    if np.shape(new) != np.shape(old):
        return float("inf")
    with np.errstate(invalid="ignore"):
        difference = np.abs(np.asarray(new, np.float64) - np.asarray(old, np.float64))
    return float(np.nan_to_num(difference, nan=np.inf).max(initial=0))


def same_state(a: Any, b: Any) -> bool:
    """Tell whether two states of NumPy's global generator are equal."""
    return bool(np.array_equal(a[1], b[1]) and a[2:] == b[2:])


def bits(arrays: Sequence[Any]) -> list[bytes]:
    """Return the bytes of every array, to compare them later."""
    return [a.tobytes() if isinstance(a, np.ndarray) else b"" for a in arrays]


def arrays_in(item: Any, depth: int = 6) -> list[Array]:
    """Return the arrays in a cache of tuples, lists, dicts and plain objects."""
    if isinstance(item, np.ndarray):
        return [item]
    if depth == 0 or isinstance(item, Parameter):
        return []
    children: Iterator[Any] | Sequence[Any] = ()
    if isinstance(item, (list, tuple)):
        children = item
    elif isinstance(item, dict):
        children = list(item.values())
    elif hasattr(item, "__dict__") and not isinstance(item, type) and not callable(item):
        children = list(vars(item).values())
    return [array for child in children for array in arrays_in(child, depth - 1)]


def attributes(layer: Any) -> dict[str, bytes]:
    """Return a print of the plain attributes of a layer and the layers in it."""
    seen = {}
    for path, item in walk(layer):
        for name, value in getattr(item, "__dict__", {}).items():
            if isinstance(value, np.ndarray):
                seen[f"{path}.{name}"] = value.tobytes()
            elif value is None or isinstance(value, (bool, int, float, str, complex)):
                seen[f"{path}.{name}"] = repr(value).encode()
            else:
                seen[f"{path}.{name}"] = str(id(value)).encode()
    return seen
