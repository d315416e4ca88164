"""Convolution of images."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from minidl.arrays import Array
from minidl.checks.arguments import as_generator, boolean, integer
from minidl.initializers import RNG, Initializer, draw, glorot_uniform, zeros
from minidl.layer import Layer
from minidl.layers._checks import check_cotangent, check_input
from minidl.layers._windows import Pair, Windows

STRIP = 2**20
"""How many bytes of columns are made at a time: what a usual second-level cache holds."""

# The GNU C library hands freed memory back to the system as soon as more of it is free than twice
# the largest block that was ever freed; each step would then pay a page fault for every 4 KiB of
# its activations (measured: half of the time of a step). Freeing the largest block that counts,
# 32 MiB, which is never touched, raises that limit once and for all. Elsewhere it does nothing.
np.empty(2**25 - 2**13, np.uint8)


class Conv2D(Layer):
    """A small affine map at every place of an image: two-dimensional convolution.

    Forward, for images x of shape (N, C, H, W), a weight of shape (O, C, kh, kw), stride s and
    padding p (zeros), with x̄ the padded images::

        y[n, o, r, q] = b[o] + Σ_cij W[o, c, i, j] x̄[n, c, r s + i, q s + j]

    (the kernel is not turned round: in mathematics this is a cross-correlation). The images y
    have ⌊(H + 2p − kh) / s⌋ + 1 rows and ⌊(W + 2p − kw) / s⌋ + 1 columns.

    With the *columns* X[(c, i, j), (r, q, n)] = x̄[n, c, r s + i, q s + j] it is one matrix
    product, Y = W X + b 1ᵀ, where W is read as O × (C kh kw) and Y as O × (rows · columns · N).

    Backward. That is a dense layer, transposed; and each pixel collects from all places where it
    was copied to::

        dW = dY Xᵀ        db = dY 1        dX = Wᵀ dY
        dx̄[n, c, r s + i, q s + j] += dX[(c, i, j), (r, q, n)]       for all c, i, j, r, q, n

    Parameters
    ----------
    in_channels, out_channels : int
        C and O.
    kernel_size : int or (int, int)
        kh and kw; one integer stands for both, here and below.
    stride : int or (int, int), default 1
        How far apart the places are.
    padding : int or (int, int), default 0
        How many zeros are put above and below, and left and right. An odd kernel size k with
        padding k // 2 and stride 1 keeps the size of the images.
    bias : bool, default True
        Whether b is added.
    weight_initializer, bias_initializer : function (rng, shape, dtype) -> ndarray
        The initial values, see `minidl.initializers`.
    rng : numpy.random.Generator, int or None
        What the initial values are drawn from: pass one generator to all layers of a network.
    dtype : float32 or float64, default float32
        The dtype of the parameters.

    Attributes
    ----------
    weight : Parameter, shape (out_channels, in_channels, kh, kw)
    bias : Parameter, shape (out_channels,), or None

    Raises
    ------
    ValueError
        In `forward`, if x has not four axes or not in_channels channels, or if the kernel is
        larger than the padded images.

    Notes
    -----
    Output and dx are arrays of shape (N, C, H, W) whose memory is in the order (C, H, W, N):
    then every copy and sum of shifted images runs along contiguous memory, and the columns of
    the next convolution need no transposition. The columns, kh · kw times as large as the input,
    are made a strip of rows at a time, and made again in backward; what is kept between forward
    and backward is the padded input.

    References
    ----------
    Y. LeCun et al., "Gradient-based learning applied to document recognition", Proceedings of
    the IEEE 86, 1998. K. Chellapilla, S. Puri and P. Simard, "High performance convolutional
    neural networks for document processing", 2006 (the columns).

    Examples
    --------
    >>> import numpy as np
    >>> layer = Conv2D(1, 1, 2, weight_initializer=lambda rng, shape, dtype: np.ones(shape))
    >>> x = np.arange(9, dtype=np.float32).reshape(1, 1, 3, 3)
    >>> layer(x)
    array([[[[ 8., 12.],
             [20., 24.]]]], dtype=float32)
    >>> Conv2D(1, 8, 3, padding=1)
    Conv2D(1 → 8, 3 × 3, padding 1 × 1)
    """

    config = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "bias")
    kernel_size = property(lambda self: self.windows.kernel)
    stride = property(lambda self: self.windows.stride)
    padding = property(lambda self: self.windows.padding)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair,
        *,
        stride: int | Pair = 1,
        padding: int | Pair = 0,
        bias: bool = True,
        weight_initializer: Initializer = glorot_uniform,
        bias_initializer: Initializer = zeros,
        rng: RNG = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.in_channels = integer("in_channels", in_channels, least=1)
        self.out_channels = integer("out_channels", out_channels, least=1)
        self.windows = Windows.of(kernel_size, stride, padding)
        boolean("bias", bias)
        rng = as_generator(rng)
        shape = (self.out_channels, self.in_channels, *self.windows.kernel)
        self.weight = draw(self, "weight", weight_initializer, rng, shape, dtype)
        self.bias = draw(self, "bias", bias_initializer, rng, shape[:1], dtype) if bias else None

    def forward(self, x: Array) -> tuple[Array, Any]:
        """Return (the convolved images, cache)."""
        check_input(self, x, axes=4, axis=1, size=self.in_channels)
        rows, columns = self.windows.count(self, x.shape)
        x = (self.windows.pad(x) if any(self.windows.padding) else x).transpose(1, 2, 3, 0)
        x = np.ascontiguousarray(x)
        weight = self.weight.value.reshape(self.out_channels, -1)
        dtype = np.result_type(x, weight)
        y = np.empty((self.out_channels, rows, columns, x.shape[3]), dtype)
        for strip, patches in self._columns(x, rows, columns, dtype):
            part = y[:, strip].reshape(self.out_channels, -1)  # still a view
            np.matmul(weight, patches.reshape(weight.shape[1], -1), out=part)
            if self.bias is not None:
                part += self.bias.value[:, np.newaxis]
        y = y.transpose(3, 0, 1, 2)
        return y, (x, y.shape)

    def _columns(
        self, x: Array, rows: int, columns: int, dtype: Any
    ) -> Iterator[tuple[slice, Array]]:
        """Yield, strip by strip, which rows of the output and the columns X they are made from."""
        (channels, _, _, n), places = x.shape, math.prod(self.windows.kernel)
        row_bytes = channels * places * columns * n * dtype.itemsize
        step = min(rows, max(1, STRIP // max(1, row_bytes)))
        for first in range(0, rows, step):
            last = min(rows, first + step)
            patches = np.empty((channels, places, last - first, columns, n), dtype)
            where = self.windows.slices((last - first, columns), first)
            for index, (down, right) in enumerate(where):
                patches[:, index] = x[:, down, right]
            yield slice(first, last), patches

    def backward(self, dy: Array, cache: Any, /) -> Array:
        """Return the gradient of the images, and add to those of weight and bias."""
        return self.windows.crop(self._backward(dy, cache, True).transpose(3, 0, 1, 2))

    def backward_parameters(self, dy: Array, cache: Any, /) -> None:
        """Add to the gradients of weight and bias."""
        self._backward(dy, cache, False)

    def _backward(self, dy: Array, cache: Any, wanted: bool) -> Any:
        """Add to the parameters' gradients; return, if it is wanted, that of the padded images."""
        x, shape = cache
        check_cotangent(self, dy, shape)
        dx = np.zeros(x.shape, np.result_type(dy, self.weight.value)) if wanted else None
        weight = self.weight.value.reshape(self.out_channels, -1)
        dy = np.ascontiguousarray(dy.transpose(1, 2, 3, 0))
        _, rows, columns, _ = dy.shape
        grad = np.zeros_like(weight.T)
        for strip, patches in self._columns(x, rows, columns, np.result_type(x, weight, dy)):
            part = dy[:, strip].reshape(self.out_channels, -1)
            flat = patches.reshape(weight.shape[1], -1)
            grad += np.dot(flat, part.T)  # (dY Xᵀ)ᵀ: the long side first is twice as fast
            if dx is not None:
                np.matmul(weight.T, part, out=flat)  # dX, in the memory of X
                where = self.windows.slices((strip.stop - strip.start, columns), strip.start)
                for index, (down, right) in enumerate(where):
                    dx[:, down, right] += patches[:, index]
        self.weight.grad += grad.T.reshape(self.weight.value.shape)
        if self.bias is not None:
            dy = dy.reshape(self.out_channels, -1)
            self.bias.grad += np.dot(dy, np.ones(dy.shape[1], dy.dtype))
        return dx

    def __repr__(self) -> str:
        bias = "" if getattr(self, "bias", True) else ", no bias"
        return f"Conv2D({self.in_channels} → {self.out_channels}, {self.windows}{bias})"
