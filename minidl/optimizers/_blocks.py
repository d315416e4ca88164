"""Passes over long vectors, in blocks that stay in the cache."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from minidl.arrays import Array

_BLOCK = 32 * 1024

_EVERY = 64


def blocks(*vectors: Any) -> Iterator[tuple[Any, ...]]:
    """Cut vectors of one length into blocks of 32 Ki numbers; a None stays None."""
    if len(vectors[0]) <= _BLOCK:
        yield vectors
        return
    for start in range(0, len(vectors[0]), _BLOCK):
        part = slice(start, start + _BLOCK)
        yield tuple(None if vector is None else vector[part] for vector in vectors)


def flush(state: Array, step: int) -> None:
    """Set what is too small for a normal number to 0, once in 64 steps.

    Decaying averages of gradients that have ended would stay at the smallest subnormal number for
    ever, and on many processors arithmetic with those is many times slower.
    """
    if step % _EVERY == _EVERY - 1:
        smallest = np.finfo(state.dtype).tiny
        for (block,) in blocks(state):
            block *= np.abs(block) >= smallest
