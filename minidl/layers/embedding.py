"""Vectors for the words of a vocabulary."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike

from minidl.arrays import Array
from minidl.checks.arguments import as_generator, integer
from minidl.initializers import RNG, Initializer, draw
from minidl.layer import Layer
from minidl.layers._checks import check_array, check_cotangent


def _standard_normal(rng: Any, shape: tuple[int, ...], _: DTypeLike) -> Array:
    return np.asarray(rng.normal(size=shape))


class Embedding(Layer):
    """A table of vectors, one for each of the integers 0 … vocabulary − 1: y[…] = W[x[…]].

    It is what `Dense` without a bias would give for one-hot rows, y = onehot(x) W, without ever
    multiplying by all the zeros.

    Backward: a row of W reaches the loss through every place at which x names it::

        dW[k] = Σ dy[…] over all places with x[…] = k

    The integers themselves have no gradient: backward returns None.

    Parameters
    ----------
    vocabulary : int
        The number of vectors.
    features : int
        The length of each.
    weight_initializer : function (rng, shape, dtype) -> ndarray
        The initial values; N(0, 1) by default.
    rng : numpy.random.Generator, int or None
        What the initial values are drawn from: pass one generator to all layers of a network.
    dtype : float32 or float64, default float32
        The dtype of the parameter.

    Attributes
    ----------
    weight : Parameter, shape (vocabulary, features)

    Raises
    ------
    TypeError
        In `forward`, if x does not hold integers.
    ValueError
        In `forward`, for an index outside the vocabulary, with its position.

    Examples
    --------
    >>> import numpy as np
    >>> layer = Embedding(10, 2, rng=0)
    >>> y, cache = layer.forward(np.array([[3, 5, 3]]))
    >>> y.shape
    (1, 3, 2)
    >>> layer.backward(np.ones((1, 3, 2), np.float32), cache)
    >>> layer.weight.grad[[3, 4, 5]]
    array([[2., 2.],
           [0., 0.],
           [1., 1.]], dtype=float32)
    """

    config = ("vocabulary", "features")
    takes_integers: ClassVar[bool] = True

    def __init__(
        self,
        vocabulary: int,
        features: int,
        *,
        weight_initializer: Initializer = _standard_normal,
        rng: RNG = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.vocabulary = integer("vocabulary", vocabulary, least=1)
        self.features = integer("features", features, least=1)
        shape = (self.vocabulary, self.features)
        self.weight = draw(self, "weight", weight_initializer, as_generator(rng), shape, dtype)

    def forward(self, x: Array) -> tuple[Array, Array]:
        """Return (the vectors of x, shape (…, features); cache)."""
        if getattr(getattr(x, "dtype", None), "kind", "") == "f":
            raise TypeError(
                f"{self}: indices must be integers, got dtype {x.dtype}; a network whose first "
                "parameters stand elsewhere has to say takes_integers = True"
            )
        check_array(self, "the input", x, "iu")
        index = x.astype(np.intp, copy=False)
        # one maximum finds both ends: as unsigned numbers, negative ones are huge
        if index.size and index.view(np.uintp).max() >= self.vocabulary:
            at = tuple(np.argwhere((x < 0) | (x >= self.vocabulary))[0].tolist())
            raise ValueError(
                f"{self}: index {x[at]} at {list(at)} is outside the vocabulary, "
                f"0 to {self.vocabulary - 1}"
            )
        return np.take(self.weight.value, index, axis=0), index

    def backward(self, dy: Array, index: Array, /) -> None:
        """Add the rows of dy to those rows of the gradient that x names."""
        check_cotangent(self, dy, (*index.shape, self.features))
        # number by number: np.add.at is five times as fast with one index as with rows
        columns = np.arange(self.features)
        places = index.reshape(-1, 1) * self.features + columns
        np.add.at(self.weight.grad.reshape(-1), places.reshape(-1), dy.reshape(-1))

    def __repr__(self) -> str:
        return f"Embedding({self.vocabulary} → {self.features})"
