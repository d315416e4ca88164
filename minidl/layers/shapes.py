"""Layers that arrange the numbers of a sample in another shape."""

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from minidl.arrays import Array
from minidl.checks.arguments import integer
from minidl.layer import Layer
from minidl.layers._checks import check_array, check_cotangent


class _Arranging(Layer):
    """The base of both: everything but the new shape of a sample."""

    def forward(self, x: Array) -> tuple[Array, Any]:
        """Return (x in the new shape, cache)."""
        check_array(self, "the input", x, "fiub")
        if not x.shape:
            raise ValueError(f"{self}: input has no axis of samples (input shape {x.shape})")
        y = x.reshape(len(x), *self._arrange(x.shape))
        return y, (x.shape, y.shape)

    def backward(self, dy: Array, cache: Any, /) -> Array:
        """Return dy in the shape of x."""
        before, after = cache
        check_cotangent(self, dy, after)
        return dy.reshape(before)

    @abstractmethod
    def _arrange(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the new shape of a sample for the shape of the input, or raise."""


class Flatten(_Arranging):
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

    def _arrange(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (math.prod(shape[1:]),)


class Reshape(_Arranging):
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
            integer(f"shape[{axis}]", size, least=1) for axis, size in enumerate(shape)
        )

    def _arrange(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if math.prod(shape[1:]) != math.prod(self.shape):
            raise ValueError(
                f"{self}: input has {math.prod(shape[1:])} numbers a sample, expected "
                f"{math.prod(self.shape)} (input shape {shape})"
            )
        return self.shape

    def __repr__(self) -> str:
        return f"Reshape({self.shape})"
