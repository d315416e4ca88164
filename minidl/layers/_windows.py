"""Windows that slide over images: what convolution and pooling have in common."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from minidl.arrays import Array
from minidl.checks.arguments import integer
from minidl.layer import Layer

Pair: TypeAlias = tuple[int, int]


@dataclass(frozen=True)
class Windows:
    """The windows of kernel size (kh, kw) that stand `stride` apart on an image with a border.

    An image H × W has ⌊(H + 2 ph − kh) / sh⌋ + 1 rows of windows, and columns likewise; what is
    left over at the lower and right edge is not looked at.
    """

    kernel: Pair
    stride: Pair
    padding: Pair

    @classmethod
    def of(cls, kernel_size: Any, stride: Any, padding: Any) -> "Windows":
        """Check the three hyper-parameters, each an integer or a pair (vertical, horizontal)."""
        return cls(
            _pair("kernel_size", kernel_size, 1),
            _pair("stride", stride, 1),
            _pair("padding", padding, 0),
        )

    def count(self, layer: Layer, shape: tuple[int, ...]) -> Pair:
        """Return (rows, columns): the numbers of windows in images (N, C, H, W), or raise."""
        room = [
            size + 2 * padding - kernel
            for size, padding, kernel in zip(shape[2:], self.padding, self.kernel, strict=True)
        ]
        if min(room) < 0 or min(shape[2:]) < 1:
            raise ValueError(
                f"{layer}: kernel {times(self.kernel)} does not fit into an image "
                f"{times(shape[2:])} with padding {times(self.padding)} (input shape {shape})"
            )
        return room[0] // self.stride[0] + 1, room[1] // self.stride[1] + 1

    def slices(self, counts: tuple[int, ...], first: int = 0) -> Iterator[tuple[slice, slice]]:
        """Yield, for each place in the kernel, where on the padded image windows look there.

        There are counts[0] rows of windows, from the row `first` on, and counts[1] columns.
        """
        (kh, kw), (sh, sw), (rows, columns) = self.kernel, self.stride, counts
        for i in range(first * sh, first * sh + kh):
            for j in range(kw):
                down = slice(i, i + (rows - 1) * sh + 1, sh)
                yield down, slice(j, j + (columns - 1) * sw + 1, sw)

    def pad(self, x: Array, value: float = 0.0) -> Array:
        """Return images with the border added; their memory order is (C, H, W, N)."""
        (ph, pw), (n, c, h, w) = self.padding, x.shape
        padded = np.full((c, h + 2 * ph, w + 2 * pw, n), value, x.dtype).transpose(3, 0, 1, 2)
        self.crop(padded)[...] = x
        return padded

    def crop(self, x: Array) -> Array:
        """Return the part of padded images inside the border, a view."""
        (ph, pw), (_, _, h, w) = self.padding, x.shape
        return x[:, :, ph : h - ph, pw : w - pw]

    def __str__(self) -> str:
        stride = f", stride {times(self.stride)}" if self.stride != (1, 1) else ""
        padding = f", padding {times(self.padding)}" if any(self.padding) else ""
        return f"{times(self.kernel)}{stride}{padding}"


def _pair(name: str, value: Any, least: int) -> Pair:
    if isinstance(value, (tuple, list)):
        if len(value) != 2:
            raise ValueError(f"{name} must be an integer or two of them, got {value!r}")
        return integer(name, value[0], least=least), integer(name, value[1], least=least)
    size = integer(name, value, least=least)
    return size, size


def times(sizes: tuple[int, ...]) -> str:
    """Write sizes as in 3 × 5."""
    return " × ".join(str(size) for size in sizes)
