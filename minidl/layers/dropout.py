"""Regularisation by noise: dropout."""

import numpy as np

from minidl.arrays import Array
from minidl.checks.arguments import as_generator, number
from minidl.initializers import RNG
from minidl.layer import Layer
from minidl.layers._checks import check_cotangent, check_input


class Dropout(Layer):
    """In training, set numbers to zero at random; at inference, do nothing.

    Forward: every number of x is kept with probability 1 − r, independently of the others, and
    what is kept is made larger, so that the mean stays what it is at inference::

        y = x m,   m = 1 / (1 − r) with probability 1 − r, else 0;   E[m] = 1

    Backward, through the same m::

        dx = dy m

    Parameters
    ----------
    rate : float
        The probability r that a number is set to zero, 0 ≤ r < 1 − 2⁻¹⁵: with the 24 bits of what
        is drawn a higher one would not be met.
    rng : numpy.random.Generator, int or None
        What the seed of the layer's own generator is drawn from.

    Notes
    -----
    Every `forward` draws a new m from the layer's generator, which is saved with the model;
    ``layer(x)`` draws nothing. The numbers drawn do not depend on the dtype of x.

    References
    ----------
    N. Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting",
    Journal of Machine Learning Research 15, 2014.

    Examples
    --------
    >>> import numpy as np
    >>> layer = Dropout(0.5, rng=0)
    >>> y, cache = layer.forward(np.ones((2, 4)))
    >>> y
    array([[2., 0., 2., 2.],
           [0., 0., 0., 2.]])
    >>> layer.backward(np.ones((2, 4)), cache)
    array([[2., 0., 2., 2.],
           [0., 0., 0., 2.]])
    >>> layer(np.ones((2, 4)))
    array([[1., 1., 1., 1.],
           [1., 1., 1., 1.]])
    """

    config = ("rate",)

    def __init__(self, rate: float, *, rng: RNG = None) -> None:
        self.rate = number("rate", rate, least=0, below=1 - 2**-15)
        self.rng = np.random.default_rng(as_generator(rng).integers(2**63))

    def forward(self, x: Array) -> tuple[Array, Array]:
        """Return (x m, cache) for a new m."""
        check_input(self, x)
        kept = self.rng.random(x.shape, np.float32) >= self.rate
        mask = np.multiply(kept, 1 / (1 - self.rate), dtype=x.dtype)
        return x * mask, mask

    def backward(self, dy: Array, mask: Array, /) -> Array:
        """Return dy m."""
        check_cotangent(self, dy, mask.shape)
        dx: Array = dy * mask
        return dx

    def __call__(self, x: Array) -> Array:
        """Return x."""
        check_input(self, x)
        return x

    def __repr__(self) -> str:
        return f"Dropout({self.rate:g})"
