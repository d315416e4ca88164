"""Batches from an iterable of the user's own, gone through once an epoch in its order."""

from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

from minidl.training.batches import Batch, Batches, digest
from minidl.training.checks import Task


class IterableBatches(Batches):
    """Batches from an iterable of the user's: pairs (x, y), or triples with weights."""

    def __init__(self, task: Task, source: Any, epochs: int) -> None:
        try:
            self._iterator: Iterator[Any] | None = iter(source)
        except TypeError:
            raise TypeError(
                f"fit: without y, x must be an iterable of batches (x, y), got {source!r}"
            ) from None
        if self._iterator is source and epochs > 1:
            raise ValueError(
                f"fit: x can be gone through only once, and {epochs} epochs are asked for: pass "
                "what begins anew with every iter(x), such as a list or an object with __iter__"
            )
        self._source, self._task = source, task
        self.steps_per_epoch = len(source) if hasattr(source, "__len__") else 0
        item = next(self._iterator, None)
        if item is None:
            raise ValueError("fit: the iterable x gives no batches")
        self.first = self._batch(item, 0)
        self._iterator = chain([item], self._iterator)  # the first epoch goes on with it

    def _batch(self, item: Any, index: int) -> Batch:
        """Check a batch; return it as the network and the loss take it."""
        if not isinstance(item, (tuple, list)) or len(item) not in (2, 3):
            raise TypeError(
                f"batch {index} must be (x, y) or (x, y, weight), got {type(item).__name__}"
                + (f" of {len(item)}" if isinstance(item, (tuple, list)) else "")
            )
        task, weight = self._task, None
        try:
            x = task.inputs("x", item[0])
            if task.prediction is None:
                task.begin(x)
            y = task.targets("y", item[1], len(x))
            if len(item) == 3:
                weight = task.weights("the weight", item[2], len(x))
        except (ValueError, TypeError) as error:
            raise type(error)(f"batch {index}: {error}") from None
        return x, y, weight

    def epoch(self, seed: int, number: int, start: int = 0) -> Iterator[tuple[Batch, bool]]:
        """Yield the batches of an epoch from one on, each with whether it is the last."""
        iterator = iter(self._source) if self._iterator is None else self._iterator
        self._iterator = None
        index = start
        item = next(islice(iterator, start, None), None)
        while item is not None:
            problem = following = None
            try:
                following = next(iterator, None)  # it tells whether this batch is the last
            except Exception as error:
                problem = error
            last = following is None and problem is None
            yield self._batch(item, index), last
            index += 1
            if problem is not None:
                raise problem
            item = following
        if index == start:
            raise ValueError(f"fit: the iterable x gives no batches in epoch {number + 1}")

    def fingerprint(self) -> str:
        """Return a fingerprint of the data."""
        return f"an iterable, SHA-256 of its first batch {digest(*self.first)}"
