"""The checks of a layer's input and cotangent: floating numbers, in a shape that fits."""

from typing import Any

import numpy as np

from minidl.checks.arguments import floating_dtype
from minidl.layer import Layer

_KINDS = {"f": "floating", "iu": "integers", "b": "booleans", "fiub": "numbers"}


def check_input(layer: Layer, x: Any, size: int = 0, *, axes: int = 0, axis: int = -1) -> None:
    """Raise unless x is float32 or float64, with that many axes and that size, if they are given.

    Integers are not cast: a computation in uint8 would wrap around, one in int64 give float64.
    """
    if type(x) is not np.ndarray or x.dtype.char not in "fd":
        check_array(layer, "the input", x, "f")
    if not (size or axes):
        return
    shape = x.shape
    try:
        found = shape[axis]
    except IndexError:
        found = "no"
    if axes and len(shape) != axes:
        form = "images, (N, C, H, W)" if axes == 4 else f"sequences, (N, T, {size})"
        has, needed = f"{len(shape)} axes", f"the {axes} of {form}"
    elif size and found != size:
        has, needed = f"{found} {'channels' if axes == 4 else 'features'}", f"{size}"
    else:
        return
    raise ValueError(f"{layer}: input has {has}, expected {needed} (input shape {shape})")


def check_cotangent(layer: Layer, dy: Any, shape: tuple[int, ...]) -> None:
    """Raise unless dy is a floating array of the shape of the output, or a float for a number."""
    if type(dy) is not np.ndarray or dy.dtype.char not in "fd" or dy.shape != shape:
        dy = np.float64(dy) if type(dy) is float and shape == () else dy
        check_array(layer, "dy", dy, "f", shape)


def check_array(layer: Layer, name: str, array: Any, kinds: str, shape: Any = None) -> None:
    """Raise unless it is an array, or a NumPy scalar, of one of these kinds and of that shape."""
    if type(array) is not np.ndarray and not isinstance(array, (np.memmap, np.generic)):
        kind = type(array).__name__
        raise TypeError(f"{layer}: {name} must be a NumPy array, got {kind}: call np.asarray first")
    if array.dtype.kind not in kinds:
        cast = "; cast it with .astype(np.float32)" if kinds == "f" else ""
        raise TypeError(f"{layer}: {name} must be {_KINDS[kinds]}, got dtype {array.dtype}{cast}")
    if array.dtype.kind == "f":
        floating_dtype(f"{layer}: {name}", array.dtype)
    if shape is not None and array.shape != shape:
        raise ValueError(f"{layer}: {name} must have the shape {shape}, got {array.shape}")
