"""Layers that arrange the numbers of a sample in another shape."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from minidl.layer import Layer
from minidl.parameters import Array
from minidl.validation import integer

__all__ = ["Flatten", "Reshape"]


class Flatten(Layer):
    """Every sample becomes a row: (N, …) turns into (N, features), in C order.

    Backward: the numbers go back to where they came from, dx = dy in the shape of x.

    Raises
    ------
    ValueError
        In `forward`, for an array without axes: there is no axis of samples.

    Examples
    --------
    >>> import numpy as np
    >>> Flatten()(np.zeros((5, 3, 4, 4))).shape
    (5, 48)
    """

    config = ()

    def forward(self, x: Array) -> tuple[Array, tuple[int, ...]]:
        """Return (x as rows, cache)."""
        shape = np.shape(x)
        if not shape:
            raise ValueError(f"{self}: input has no axis of samples (input shape {shape})")
        return x.reshape(shape[0], math.prod(shape[1:])), shape

    def backward(self, dy: Array, shape: tuple[int, ...], /) -> Array:
        """Return dy in the shape of x."""
        return dy.reshape(shape)


class Reshape(Layer):
    """Every sample gets the given shape: (N, …) turns into (N, *shape), in C order.

    Backward: the numbers go back to where they came from, dx = dy in the shape of x.

    Parameters
    ----------
    shape : sequence of int
        The shape of a sample, without the axis of samples: ``(1, 28, 28)`` for images.

    Raises
    ------
    ValueError
        In `forward`, if a sample does not have as many numbers.

    Examples
    --------
    >>> import numpy as np
    >>> layer = Reshape((1, 28, 28))
    >>> layer(np.zeros((5, 784))).shape
    (5, 1, 28, 28)
    """

    config = ("shape",)

    def __init__(self, shape: Sequence[int]) -> None:
        if not isinstance(shape, (tuple, list)):
            raise TypeError(f"shape must be a tuple of integers, got {shape!r}")
        self.shape = tuple(
            integer(f"shape[{place}]", size, least=1) for place, size in enumerate(shape)
        )

    def forward(self, x: Array) -> tuple[Array, tuple[int, ...]]:
        """Return (x in the new shape, cache)."""
        shape = np.shape(x)
        if not shape or math.prod(shape[1:]) != math.prod(self.shape):
            has = f"{math.prod(shape[1:])} numbers a sample" if shape else "no axis of samples"
            raise ValueError(
                f"{self}: input has {has}, expected {math.prod(self.shape)} (input shape {shape})"
            )
        return x.reshape(shape[0], *self.shape), shape

    def backward(self, dy: Array, shape: tuple[int, ...], /) -> Array:
        """Return dy in the shape of x."""
        return dy.reshape(shape)

    def __repr__(self) -> str:
        return f"Reshape({self.shape})"
