"""Pooling: each window of an image becomes one number."""

import math
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import numpy as np

from minidl.arrays import Array
from minidl.layer import Layer
from minidl.layers._checks import check_cotangent, check_input
from minidl.layers._windows import Pair, Windows


class _Pool2D(Layer):
    """The base of both: windows, and how dy is handed to the pixels of each."""

    border: ClassVar[float]

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

    def forward(self, x: Array) -> tuple[Array, Any]:
        """Return (the number of each window, cache)."""
        check_input(self, x, axes=4)
        counts = self.windows.count(self, x.shape)
        if any(self.windows.padding):
            x = self.windows.pad(x, self.border)
        y = self._reduce(self._parts(x, counts))
        return y, (x, y)

    def backward(self, dy: Array, cache: Any, /) -> Array:
        """Return the gradient of the images: of dy each pixel's share."""
        x, y = cache
        check_cotangent(self, dy, y.shape)
        (_, _, height, width), (_, _, rows, columns) = x.shape, dy.shape
        (kh, kw), (sh, sw) = self.windows.kernel, self.windows.stride
        overlap = sh < kh or sw < kw
        tiled = (kh, kw) == (sh, sw) and (rows * kh, columns * kw) == (height, width)
        dx = (np.empty_like if tiled else np.zeros_like)(x, dtype=dy.dtype)
        targets = self._parts(dx, dy.shape[2:])
        ordered = np.empty_like(targets[0], dtype=dy.dtype)
        if ordered.strides != dy.strides:
            ordered[...] = dy
            dy = ordered
        for target, share in zip(targets, self._shares(x, y), strict=True):
            if overlap:
                target += dy * share
            else:
                np.multiply(dy, share, out=target)
        return self.windows.crop(dx)

    @abstractmethod
    def _reduce(self, parts: list[Array]) -> Array:
        """Return y from what all windows see at each place."""

    @abstractmethod
    def _shares(self, x: Array, y: Array) -> Iterable[Any]:
        """Give, for each place in the window, the share of dy that goes to the pixel there."""

    def _parts(self, x: Array, counts: tuple[int, ...]) -> list[Array]:
        """Return, for each place in the window, a view of what all windows see there."""
        return [x[:, :, down, right] for down, right in self.windows.slices(counts)]

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

    border = -np.inf

    def _reduce(self, parts: list[Array]) -> Array:
        y = np.maximum(parts[0], parts[-1])
        for part in parts[1:-1]:
            np.maximum(y, part, out=y)
        return y

    def _shares(self, x: Array, y: Array) -> Iterator[Array]:
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

    Parameters, and what is raised: as `MaxPool2D`.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[[[1.0, 2.0], [3.0, 6.0]]]])
    >>> y, cache = AvgPool2D(2).forward(x)
    >>> y, AvgPool2D(2).backward(np.ones((1, 1, 1, 1)), cache)
    (array([[[[3.]]]]), array([[[[0.25, 0.25], [0.25, 0.25]]]]))
    """

    border = 0.0

    def _reduce(self, parts: list[Array]) -> Array:
        y = parts[0].copy(order="K")
        for part in parts[1:]:
            y += part
        y /= len(parts)
        return y

    def _shares(self, x: Array, y: Array) -> list[float]:
        count = math.prod(self.windows.kernel)
        return [1 / count] * count


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

    def forward(self, x: Array) -> tuple[Array, tuple[int, ...]]:
        """Return (the means, cache)."""
        check_input(self, x, axes=4)
        if not math.prod(x.shape[2:]):
            raise ValueError(f"{self}: an image without pixels has no mean (input shape {x.shape})")
        y: Array = x.mean(axis=(2, 3))
        return y, x.shape

    def backward(self, dy: Array, shape: tuple[int, ...], /) -> Array:
        """Return each pixel's share of dy."""
        check_cotangent(self, dy, shape[:2])
        dx = np.empty((*shape[1:], shape[0]), dy.dtype).transpose(3, 0, 1, 2)
        dx[...] = (dy / math.prod(shape[2:]))[:, :, np.newaxis, np.newaxis]
        return dx
