"""Where batches come from: arrays, memory-maps, or an iterable of the user's own."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from minidl.arrays import Array
from minidl.checks.arguments import as_generator, integer
from minidl.checks.data import as_array, require_some, tried_by_row
from minidl.training.checks import Task, check_integers

if TYPE_CHECKING:
    from numpy.random import Generator


Batch: TypeAlias = tuple[Any, Any, Any]  # inputs, targets, and weights or None


def batches(
    x: ArrayLike, y: ArrayLike, size: int, rng: Generator | int | None
) -> Iterator[tuple[Array, Array]]:
    """Go once through a data set in random order, batch by batch.

    Parameters
    ----------
    x, y : array_like, shape (N, …)
        Samples and targets; they are not changed.
    size : int
        The number of samples in a batch; the last one is shorter if N is no multiple of it.
    rng : numpy.random.Generator, int or None
        What the order is drawn from. Pass one generator to every call of a training loop.

    Yields
    ------
    (x, y)
        Copies of the rows of a batch.

    Raises
    ------
    ValueError, TypeError
        At the call: if there are no samples, the lengths differ, or size is no positive integer.

    Examples
    --------
    >>> import numpy as np
    >>> [len(x) for x, y in batches(np.zeros((10, 2)), np.zeros(10), 4, rng=0)]
    [4, 4, 2]
    """
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim == 0 or y.ndim == 0 or len(x) != len(y) or len(x) == 0:
        raise ValueError(
            f"batches needs as many targets as samples, and some: got x of shape {x.shape} "
            f"and y of shape {y.shape}"
        )
    size = integer("size", size, least=1)
    order = as_generator(rng).permutation(len(x))
    cuts = (order[start : start + size] for start in range(0, len(order), size))
    return ((x.take(rows, 0), y.take(rows, 0)) for rows in cuts)


def batches_for(task: Task, x: Any, y: Any, weight: Any, batch_size: Any, epochs: int) -> Batches:
    """Make the batches of a run from the arguments of `fit`; begin the task with the first."""
    if y is None and not hasattr(x, "__array__"):
        for name, given in (("batch_size", batch_size), ("sample_weight", weight)):
            if given is not None:
                raise ValueError(
                    f"{name} belongs to arrays: without y, x is an iterable of batches"
                )
        return _IterableBatches(task, x, epochs)
    for name, given in (("y", y), ("batch_size", batch_size)):
        if given is None:
            raise TypeError(f"fit: with an array x, {name} is needed")
    return _ArrayBatches(task, x, y, weight, integer("batch_size", batch_size, least=1))


def digest(*arrays: Any) -> str:
    """Return a fingerprint: of each array the shape, the dtype, and up to 256 rows all over it."""
    import hashlib  # it loads OpenSSL, for checkpoints alone

    total = hashlib.sha256()
    for array in arrays:
        if array is not None:
            rows = array.take(_fixed_rows(len(array)), 0)
            total.update(f"{array.shape} {array.dtype.name} ".encode())
            total.update(rows.tobytes())
        total.update(b";")
    return total.hexdigest()


def _fixed_rows(samples: int) -> Array:
    """Return the indices of up to 256 rows, the first and the last among them."""
    return np.linspace(0, samples - 1, min(samples, 256)).astype(np.intp)


class Batches(ABC):
    """The data of a run, epoch by epoch; a batch is checked before it is handed out.

    Attributes
    ----------
    first : (x, y, weight)
        A batch to try things on, before the first epoch.
    steps_per_epoch : int
        The number of batches; 0 if it is not known beforehand.
    """

    first: Batch
    steps_per_epoch: int

    @abstractmethod
    def epoch(self, seed: int, number: int, start: int = 0) -> Iterator[tuple[Batch, bool]]:
        """Yield the batches of an epoch from one on, each with whether it is the last."""

    @abstractmethod
    def fingerprint(self) -> str:
        """Return a fingerprint of the data, to tell whether a run is resumed with the same."""


class _ArrayBatches(Batches):
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
        order = np.random.default_rng([seed, number]).permutation(self._samples)
        for step in range(start, self.steps_per_epoch):
            rows = order[step * self._size : (step + 1) * self._size]
            yield self._batch(rows), step == self.steps_per_epoch - 1

    def fingerprint(self) -> str:
        found = digest(*self._batch(_fixed_rows(self._samples)))
        return f"{self._samples} samples in batches of {self._size}, SHA-256 of some {found}"


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
        return tried_by_row(self.name, rows, self.array.take(rows, axis), self.check)


class _IterableBatches(Batches):
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
        return f"an iterable, SHA-256 of its first batch {digest(*self.first)}"
