"""What layers ask of the arrays that they are given: floating numbers in a shape that fits."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.layer import Layer

__all__ = ["LARGEST", "SMALLEST", "check_cotangent", "check_input", "check_kind"]

SMALLEST, LARGEST = (float(size) for size in (np.finfo("f4").tiny, np.finfo("f4").max))
"""The bounds of a hyper-parameter that must neither vanish nor overflow in float32."""

_KINDS = {"f": "floating", "iu": "integers", "b": "booleans", "fiub": "numbers"}


def check_input(
    layer: Layer,
    x: Any,
    *,
    axes: int | None = None,
    axis: int = -1,
    size: int | None = None,
    kinds: str = "f",
) -> None:
    """Raise unless x is an array of the wanted kind, with so many axes, one of them of that size.

    Integers are not cast: a computation in uint8 would wrap around, one in int64 give float64.
    """
    if type(x) is not np.ndarray or x.dtype.kind not in kinds:
        check_kind(layer, "the input", x, kinds)
    shape = x.shape
    if axes is not None and len(shape) != axes:
        form = "images, (N, C, H, W)" if axes == 4 else f"sequences, (N, T, {size})"
        raise ValueError(
            f"{layer}: input has {len(shape)} axes, expected the {axes} of {form} "
            f"(input shape {shape})"
        )
    if size is not None and (not -len(shape) <= axis < len(shape) or shape[axis] != size):
        has = shape[axis] if -len(shape) <= axis < len(shape) else "no"
        what = "channels" if axes == 4 else "features"
        raise ValueError(f"{layer}: input has {has} {what}, expected {size} (input shape {shape})")


def check_cotangent(layer: Layer, dy: Any, shape: tuple[int, ...]) -> None:
    """Raise unless dy is a floating array of the shape of the output."""
    if type(dy) is not np.ndarray or dy.dtype.kind != "f":
        check_kind(layer, "dy", dy, "f")
    if dy.shape != shape:
        raise ValueError(
            f"{layer}: backward got dy of shape {dy.shape}, expected that of the output, {shape}"
        )


def check_kind(layer: Layer, name: str, array: Any, kinds: str) -> None:
    """Raise unless it is an array of that kind; memory-maps and NumPy's scalars are arrays too."""
    if not isinstance(array, (np.memmap, np.generic)) and type(array) is not np.ndarray:
        kind = f"{type(array).__module__}.".removeprefix("builtins.") + type(array).__name__
        raise TypeError(f"{layer}: {name} must be a NumPy array, got {kind}: call np.asarray first")
    if array.dtype.kind not in kinds:
        cast = "; cast it with .astype(np.float32)" if kinds == "f" else ""
        raise TypeError(f"{layer}: {name} must be {_KINDS[kinds]}, got dtype {array.dtype}{cast}")
