"""Batches of arrays and memory-maps, in an order that depends on seed and epoch alone."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.arrays import Array
from minidl.checks.data import as_array, require_some, tried_by_row
from minidl.training.batches import Batch, Batches, digest, fixed_rows
from minidl.training.checks import Task, check_integers


class ArrayBatches(Batches):
    """Rows of arrays, in an order that depends on seed and epoch alone."""

    def __init__(self, task: Task, x: Any, y: Any, weight: Any, batch_size: int) -> None:
        self._x = _column("x", x, None, lambda part: task.inputs("x", part))
        samples = self._samples = len(self._x)
        self._size, self.steps_per_epoch = batch_size, math.ceil(samples / batch_size)
        rows = np.arange(min(batch_size, samples))
        first = self._x.take(rows, 0)
        task.begin(first)
        if first.ndim == 1:
            task.network(first[:1])  # numbers, not features of one sample, can be cut
        if isinstance(self._x, np.ndarray):
            check_integers("x", task.network, self._x, batch_size)
        self._y = _column("y", y, samples, lambda part: task.targets("y", part, len(part)))
        if isinstance(self._y, np.ndarray):
            require_some("y", self._y, task.loss)
        if weight is not None:
            weight = task.weights("sample_weight", weight, samples)
        self._weight = weight
        self.first = self._batch(rows)

    def _batch(self, rows: Array) -> Batch:
        weight = None if self._weight is None else self._weight.take(rows, 0)
        return self._x.take(rows, 0), self._y.take(rows, 0), weight  # faster than x[rows]

    def epoch(self, seed: int, number: int, start: int = 0) -> Iterator[tuple[Batch, bool]]:
        """Yield the batches of an epoch from one on, each with whether it is the last."""
        order = np.random.default_rng([seed, number]).permutation(self._samples)
        for step in range(start, self.steps_per_epoch):
            rows = order[step * self._size : (step + 1) * self._size]
            yield self._batch(rows), step == self.steps_per_epoch - 1

    def fingerprint(self) -> str:
        """Return a fingerprint of the data."""
        some = digest(*self._batch(fixed_rows(self._samples)))
        return f"{self._samples} samples in batches of {self._size}, SHA-256 of some {some}"


def _column(name: str, data: Any, samples: int | None, check: Callable[[Any], Array]) -> Any:
    """Return an array that has been checked, or, of a memory-map, what checks the rows it gives."""
    array = as_array(name, data, samples)
    return _Mapped(name, array, check) if isinstance(data, np.memmap) else check(data)


@dataclass
class _Mapped:
    """The rows of a memory-map, checked whenever some are taken."""

    name: str
    array: Array
    check: Callable[[Any], Array]

    def __len__(self) -> int:
        return len(self.array)

    def take(self, rows: Array, axis: int) -> Any:
        """Return some rows, checked."""
        return tried_by_row(self.name, rows, self.array.take(rows, axis), self.check)
