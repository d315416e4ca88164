"""Comparing arrays and watching state: what the probes of the contract are made of."""

from collections.abc import Iterable
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from minidl.arrays import Array
from minidl.layer import Layer
from minidl.parameters import Buffer, Parameter

OPAQUE = (Parameter, Buffer, type, ModuleType, np.random.Generator, np.random.RandomState)


def relaid(array: Array) -> list[Array]:
    """Return copies in Fortran order, with gaps, reversed, and in a read-only buffer."""
    gaps = np.repeat(array, 2, axis=-1)[..., ::2]
    constant = np.frombuffer(array.tobytes() or b"0", array.dtype, array.size)
    backwards = np.flip(np.flip(array).copy())
    return [np.array(array, order="F"), gaps, backwards, constant.reshape(array.shape)]


def largest(array: Array) -> float:
    """Return the largest magnitude of what is finite."""
    return float(np.abs(array[np.isfinite(array)]).max(initial=0))


def distance(new: Any, old: Any) -> float:
    """Return the largest difference; infinity if shapes, or what is finite, are not the same."""
    new, old = np.asarray(new, np.float64), np.asarray(old, np.float64)
    if new.shape != old.shape or (np.isfinite(new) != np.isfinite(old)).any():
        return float("inf")
    return largest(new[np.isfinite(new)] - old[np.isfinite(old)])


def close(new: Any, old: Array, relative: float) -> bool:
    """Tell whether arrays agree, relative to the largest element."""
    return distance(new, old) <= relative * largest(np.asarray(old))


def _children(item: Any) -> Iterable[tuple[Any, Any]]:
    """Return the (name, item) pairs inside a tuple, list, dict, plain object or closure."""
    if isinstance(item, dict):
        return item.items()
    if isinstance(item, (list, tuple)):
        return enumerate(item)
    if isinstance(item, FunctionType):
        return enumerate(cell.cell_contents for cell in item.__closure__ or ())
    return () if isinstance(item, OPAQUE) else getattr(item, "__dict__", {}).items()


def arrays_in(item: Any, depth: int = 6) -> list[Array]:
    """Return the arrays in a cache, without those of a layer that stands in it."""
    if isinstance(item, np.ndarray):
        return [item]
    if depth == 0 or isinstance(item, Layer):
        return []
    return [array for _, child in _children(item) for array in arrays_in(child, depth - 1)]


def attributes(layer: Any) -> dict[str, Any]:
    """Return the attributes of a layer and its class, by path, so that two states can be compared.

    Gradients, and the contents of buffers and generators, are left out: they may change.
    """
    contents: dict[str, Any] = {}
    inside: set[int] = set()

    def visit(item: Any, path: str) -> None:
        if isinstance(item, Parameter):
            contents[path] = id(item), item.value.tobytes()
        elif isinstance(item, np.ndarray):
            contents[path] = item.shape, item.dtype.str, item.tobytes()
        elif item is None or isinstance(item, (bool, int, float, complex, str, bytes)):
            contents[path] = repr(item)
        elif isinstance(item, (list, tuple, dict, set, frozenset)):
            contents[path] = type(item).__name__, len(item)
        else:
            contents[path] = id(item)
        if id(item) in inside:
            return
        inside.add(id(item))
        for name, child in _children(item):
            visit(child, f"{path}.{name}")
        if hasattr(type(item), "backward"):
            for name, child in vars(type(item)).items():
                if not name.startswith("__") and not callable(child):
                    visit(child, f"{path}.{name} (of the class)")

    visit(layer, "self")
    return contents


def is_single(samples: Array) -> bool:
    """Tell whether float64 outputs that change from row to row are all float32 numbers."""
    moving = samples[:, (samples != samples[0]).any(axis=0)]
    with np.errstate(over="ignore"):
        # values such as 0 and ±1 are everyone's numbers
        return bool(
            (moving.astype(np.float32) == moving).all()
            and (moving.astype(np.float16) != moving).any()
        )


def natural_scale(x: Array) -> Array:
    """Return the length, of the shape of x, over which each element can be expected to matter."""
    if not x.size:
        return np.ones(x.shape)
    with np.errstate(all="ignore"):
        spread, largest = float(x.std()), float(np.abs(x).max())
        if not (np.isfinite(spread) and spread > 1e-8 * largest):  # constant but for rounding
            spread = largest
        if not (np.isfinite(spread) and spread > 0):
            spread = 1.0
        # an element far beyond the spread has a scale of its own: a step must not round to nothing
        return np.maximum(spread, 1e-4 * np.abs(x))


DOUBLE, SINGLE = float(np.finfo(np.float64).eps), float(np.finfo(np.float32).eps)


def draw_cotangent(size: int, rng: np.random.Generator) -> Array:
    """Draw a cotangent; for a loss it is not 1, which would hide that it is ignored."""
    return rng.normal(size=size) if size != 1 else np.array([-1.7])
