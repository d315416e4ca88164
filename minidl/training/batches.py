"""What batches are: of your own loop, and of `fit`, which has two kinds of them."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from minidl.arrays import Array
from minidl.checks.arguments import as_generator, integer

if TYPE_CHECKING:
    from numpy.random import Generator


Batch: TypeAlias = tuple[Any, Any, Any]  # inputs, targets, and weights or None


def batches(
    x: ArrayLike, y: ArrayLike, size: int, rng: "Generator | int | None"
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


def digest(*arrays: Any) -> str:
    """Return a fingerprint: of each array the shape, the dtype, and up to 256 rows all over it."""
    import hashlib  # it loads OpenSSL, for checkpoints alone

    total = hashlib.sha256()
    for array in arrays:
        if array is not None:
            rows = array.take(fixed_rows(len(array)), 0)
            total.update(f"{array.shape} {array.dtype.name} ".encode())
            total.update(rows.tobytes())
        total.update(b";")
    return total.hexdigest()


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


def fixed_rows(samples: int) -> Array:
    """Return the indices of up to 256 rows, the first and the last among them."""
    return np.linspace(0, samples - 1, min(samples, 256)).astype(np.intp)
