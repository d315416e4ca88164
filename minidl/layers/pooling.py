"""Pooling: each window of an image becomes one number."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from minidl.layer import Layer
from minidl.layers.windows import Pair, Windows, check_images
from minidl.parameters import Array

__all__ = ["AvgPool2D", "GlobalAveragePool2D", "MaxPool2D"]


class _Pool2D(Layer):
    """The hyper-parameters of the two layers that pool windows."""

    config = ("kernel_size", "stride", "padding")
    kernel_size = property(lambda self: self.windows.kernel)
    stride = property(lambda self: self.windows.stride)
    padding = property(lambda self: self.windows.padding)

    def __init__(
        self, kernel_size: int | Pair, stride: int | Pair | None = None, padding: int | Pair = 0
    ) -> None:
        self.windows = Windows.of(kernel_size, kernel_size if stride is None else stride, padding)
        kernel, border = self.windows.kernel, self.windows.padding
        if border[0] >= kernel[0] or border[1] >= kernel[1]:
            raise ValueError(
                f"{self}: padding must be smaller than the kernel, or windows see nothing of the "
                "image"
            )

    def _look(self, x: Array, border: float) -> tuple[Array, list[Array]]:
        """Return the images, with a border of that value, and their parts; or raise."""
        check_images(self, x)
        counts = self.windows.count(self, x.shape)
        if x.dtype.kind != "f":
            x = x.astype(np.float64)
        if any(self.windows.padding):
            x = self.windows.pad(x, border)
        return x, self._parts(x, counts)

    def _parts(self, x: Array, counts: tuple[int, ...]) -> list[Array]:
        """Return, for each place in the window, a view of what all windows see there."""
        return [x[:, :, down, right] for down, right in self.windows.slices(counts)]

    def _shares(self, x: Array, dy: Array, factors: Iterable[Any]) -> Array:
        """Return dx: to what all windows see at a place, dy times the factor of that place."""
        (_, _, height, width), (_, _, rows, columns) = x.shape, dy.shape
        (kh, kw), (sh, sw) = self.windows.kernel, self.windows.stride
        overlap = sh < kh or sw < kw
        tiled = (kh, kw) == (sh, sw) and (rows * kh, columns * kw) == (height, width)
        dx = (np.empty_like if tiled else np.zeros_like)(x, dtype=dy.dtype)
        targets = self._parts(dx, dy.shape[2:])
        dy = _ordered_like(targets[0], dy)
        for target, factor in zip(targets, factors, strict=True):
            if overlap:
                target += dy * factor
            else:
                np.multiply(dy, factor, out=target)
        return self.windows.crop(dx)

    def __repr__(self) -> str:
        kernel, stride, padding = self.windows.kernel, self.windows.stride, self.windows.padding
        shown = Windows(kernel, (1, 1) if stride == kernel else stride, padding)
        unit = ", stride 1 × 1" if stride == (1, 1) != kernel else ""
        return f"{type(self).__name__}({shown}{unit})"


class MaxPool2D(_Pool2D):
    """The largest number of each window of each channel.

    Forward, for images x of shape (N, C, H, W), windows of kh × kw pixels, stride s and padding p
    (with −∞, so that the border is never the largest), with x̄ the padded images::

        y[n, c, r, q] = max_ij x̄[n, c, r s + i, q s + j]

    NaN is handed on. Backward: y moves with the pixel that is the largest, so dy goes to that
    one; where several are equally large, to the first of them, row by row, and never to two (on
    a constant background a comparison with y alone would multiply the gradient)::

        dx̄[n, c, r s + i*, q s + j*] += dy[n, c, r, q]        (i*, j*) = the first largest of r, q

    Where windows overlap, a pixel that is the largest of several collects from each.

    Parameters
    ----------
    kernel_size : int or (int, int)
        kh and kw; one integer stands for both, here and below.
    stride : int or (int, int), default kernel_size
        How far apart the windows are.
    padding : int or (int, int), default 0
        How wide the border is, above and below, and left and right; smaller than the kernel.

    Raises
    ------
    ValueError
        If the padding is not smaller than the kernel; in `forward`, if x has not four axes or
        the kernel is larger than the padded images.

    Notes
    -----
    Images whose memory is in another order than (N, C, H, W) give output and dx in that order,
    and padding puts them into the order (C, H, W, N).

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[[[1.0, 2.0, 0.0, 0.0], [3.0, 4.0, 0.0, 0.0]]]])
    >>> y, cache = MaxPool2D(2).forward(x)
    >>> y, MaxPool2D(2).backward(np.ones((1, 1, 1, 2)), cache)
    (array([[[[4., 0.]]]]), array([[[[0., 0., 1., 0.], [0., 1., 0., 0.]]]]))
    """

    def forward(self, x: Array) -> tuple[Array, Any]:
        """Return (the maxima, cache)."""
        x, parts = self._look(x, -np.inf)
        y = np.maximum(parts[0], parts[-1])
        for part in parts[1:-1]:
            np.maximum(y, part, out=y)
        return y, (x, y)

    def backward(self, dy: Array, cache: Any, /) -> Array:
        """Return dy at the first largest pixel of each window."""
        x, y = cache
        return self._shares(x, dy, self._firsts(x, y))

    def _firsts(self, x: Array, y: Array) -> Iterator[Array]:
        """Yield, for each place in the window, whether the first largest pixel is there."""
        left = np.ones_like(y, dtype=bool)
        for part in self._parts(x, y.shape[2:])[:-1]:
            first = part == y
            first &= left
            left ^= first
            yield first
        yield left


class AvgPool2D(_Pool2D):
    """The mean of each window of each channel.

    Forward, for images x of shape (N, C, H, W), windows of kh × kw pixels, stride s and padding p
    (with zeros, which count as pixels), with x̄ the padded images::

        y[n, c, r, q] = Σ_ij x̄[n, c, r s + i, q s + j] / (kh kw)

    Backward: each pixel of a window has the same share in its mean::

        dx̄[n, c, r s + i, q s + j] += dy[n, c, r, q] / (kh kw)       for all i, j, r, q

    Parameters
    ----------
    kernel_size : int or (int, int)
        kh and kw; one integer stands for both, here and below.
    stride : int or (int, int), default kernel_size
        How far apart the windows are.
    padding : int or (int, int), default 0
        How wide the border is, above and below, and left and right; smaller than the kernel.

    Raises
    ------
    ValueError
        If the padding is not smaller than the kernel; in `forward`, if x has not four axes or
        the kernel is larger than the padded images.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[[[1.0, 2.0], [3.0, 6.0]]]])
    >>> y, cache = AvgPool2D(2).forward(x)
    >>> y, AvgPool2D(2).backward(np.ones((1, 1, 1, 1)), cache)
    (array([[[[3.]]]]), array([[[[0.25, 0.25], [0.25, 0.25]]]]))
    """

    def forward(self, x: Array) -> tuple[Array, Array]:
        """Return (the means, cache)."""
        x, (first, *others) = self._look(x, 0.0)
        y = first.copy(order="K")
        for part in others:
            y += part
        y /= 1 + len(others)
        return y, x

    def backward(self, dy: Array, x: Array, /) -> Array:
        """Return each pixel's share of dy."""
        count = math.prod(self.windows.kernel)
        return self._shares(x, dy, [1 / count] * count)


class GlobalAveragePool2D(Layer):
    """The mean of each channel over the whole image: (N, C, H, W) becomes (N, C).

    Forward and backward::

        y[n, c] = Σ_rq x[n, c, r, q] / (H W)        dx[n, c, r, q] = dy[n, c] / (H W)

    Raises
    ------
    ValueError
        In `forward`, if x has not four axes, or an image has no pixels.

    References
    ----------
    M. Lin, Q. Chen and S. Yan, "Network in network", ICLR 2014.

    Examples
    --------
    >>> import numpy as np
    >>> GlobalAveragePool2D()(np.arange(8.0).reshape(1, 2, 2, 2))
    array([[1.5, 5.5]])
    """

    config = ()

    def forward(self, x: Array) -> tuple[Array, tuple[int, int]]:
        """Return (the means, cache)."""
        check_images(self, x)
        _, _, height, width = x.shape
        if not height * width:
            raise ValueError(f"{self}: an image without pixels has no mean (input shape {x.shape})")
        y: Array = x.mean(axis=(2, 3))
        return y, (height, width)

    def backward(self, dy: Array, size: tuple[int, int], /) -> Array:
        """Return each pixel's share of dy."""
        n, channels = dy.shape
        dx = np.empty((channels, *size, n), dy.dtype).transpose(3, 0, 1, 2)
        dx[...] = (dy / (size[0] * size[1]))[:, :, np.newaxis, np.newaxis]
        return dx


def _ordered_like(model: Array, array: Array) -> Array:
    """Return an array in the memory order of another of its shape, a copy only where needed."""
    ordered = np.empty_like(model, dtype=array.dtype)
    if ordered.strides == array.strides:
        return array
    ordered[...] = array
    return ordered
