"""Batches of arrays and memory-maps, in an order that depends on seed and epoch alone."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minidl.arrays import Array
from minidl.checks.data import as_array, require_some, tried_by_row
from minidl.training.batches import Batch, Batches, digest, fixed_rows
from minidl.training.checks import Task, check_integers


class ArrayBatches(Batches):
    """Rows of arrays, in an order that depends on seed and epoch alone."""

    def __init__(self, task: Task, x: Any, y: Any, weight: Any, batch_size: int) -> None:
        self._x = _Column("x", x, lambda part: task.inputs("x", part))
        samples = self._samples = len(self._x.array)
        self._size, self.steps_per_epoch = batch_size, math.ceil(samples / batch_size)
        rows = np.arange(min(batch_size, samples))
        task.begin(self._x.take(rows))
        if self._x.array.ndim == 1:
            task.network(self._x.take(rows[:1]))  # numbers, not features of one sample, can be cut
        if self._x.whole:
            check_integers("x", task.network, self._x.array, batch_size)
        self._y = _Column("y", y, lambda part: task.targets("y", part, len(part)), samples)
        if self._y.whole:
            require_some("y", self._y.array, task.loss)
        if weight is not None:
            weight = task.weights("sample_weight", weight, samples)
        self._weight = weight
        self.first = self._batch(rows)

    def _batch(self, rows: Array) -> Batch:
        weight = None if self._weight is None else self._weight.take(rows, 0)
        return self._x.take(rows), self._y.take(rows), weight

    def epoch(self, seed: int, number: int, start: int = 0) -> Iterator[tuple[Batch, bool]]:
        """Yield the batches of an epoch from one on, each with whether it is the last."""
        order = np.random.default_rng([seed, number]).permutation(self._samples)
        for step in range(start, self.steps_per_epoch):
            rows = order[step * self._size : (step + 1) * self._size]
            yield self._batch(rows), step == self.steps_per_epoch - 1

    def fingerprint(self) -> str:
        """Return a fingerprint of the data."""
        found = digest(*self._batch(fixed_rows(self._samples)))
        return f"{self._samples} samples in batches of {self._size}, SHA-256 of some {found}"


class _Column:
    """The rows of an array: checked as a whole, or, of a memory-map, whenever some are taken."""

    def __init__(
        self, name: str, data: Any, check: Callable[[Any], Array], samples: int | None = None
    ) -> None:
        self._name, self._check = name, check
        self.whole = not isinstance(data, np.memmap)
        self.array = as_array(name, data, samples)
        if self.whole:
            self.array = check(data)

    def take(self, rows: Array) -> Array:
        """Return some rows, checked."""
        part = self.array.take(rows, 0)  # several times as fast as array[rows]
        return part if self.whole else tried_by_row(self._name, rows, part, self._check)
