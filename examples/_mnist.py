"""MNIST, seventy thousand handwritten digits of 28 × 28 pixels, for the examples that read them."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np


def read_idx(path: Path, axes: int) -> np.ndarray:
    """Read an IDX file of bytes with so many axes, and say what is wrong with a broken one.

    Such a file opens with two zero bytes, a byte for the type of its numbers (8: unsigned bytes),
    a byte for the number of axes, and their lengths as big-endian 32-bit integers; then come the
    numbers.
    """
    try:
        with gzip.open(path) as file:
            content = file.read()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path} is damaged: {error}") from None
    start = 4 + 4 * axes
    if len(content) < start or content[:4] != bytes([0, 0, 8, axes]):
        raise ValueError(f"{path} is no IDX file of bytes with {axes} axes: {content[:4]!r}")
    shape = struct.unpack(f">{axes}I", content[4:start])
    if len(content) - start != math.prod(shape):
        raise ValueError(f"{path} should hold {shape} bytes, but holds {len(content) - start}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def read_mnist(folder: Path) -> list[np.ndarray]:
    """Return (images, labels) to train on and to test, from the four standard files in a folder."""
    digits = []
    for part in ("train", "t10k"):
        images = read_idx(folder / f"{part}-images-idx3-ubyte.gz", axes=3)
        labels = read_idx(folder / f"{part}-labels-idx1-ubyte.gz", axes=1)
        if len(images) != len(labels):
            raise ValueError(f"{folder}: {len(images)} {part} images, but {len(labels)} labels")
        digits += [images, labels]
    return digits


def download_mnist() -> list[np.ndarray]:
    """Return the same from OpenML, by scikit-learn."""
    from sklearn.datasets import fetch_openml

    x, y = fetch_openml("mnist_784", version=1, as_frame=False, return_X_y=True)
    images, labels = x.reshape(-1, 28, 28), y.astype(np.uint8)
    return [images[:60_000], labels[:60_000], images[60_000:], labels[60_000:]]
