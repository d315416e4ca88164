"""Elementwise activations: the rectifier and the two that saturate."""

import math
from functools import lru_cache
from typing import Any

import numpy as np

from minidl.arrays import Array
from minidl.layer import Layer
from minidl.layers._checks import check_cotangent, check_input
from minidl.layers._functions import sigmoid


class ReLU(Layer):
    """The rectifier: y = max(x, 0), elementwise, for arrays of any shape.

    Backward: the slope is 1 where x > 0 and 0 where x < 0::

        dx = dy · [y > 0]

    At x = 0 there is no derivative; this layer takes 0, the left one, in code as in words.

    References
    ----------
    V. Nair and G. Hinton, "Rectified linear units improve restricted Boltzmann machines", ICML
    2010.

    Examples
    --------
    >>> import numpy as np
    >>> y, cache = ReLU().forward(np.array([[-1.0, 0.0, 2.0]]))
    >>> y, ReLU().backward(np.ones((1, 3)), cache)
    (array([[0., 0., 2.]]), array([[0., 0., 1.]]))
    """

    def forward(self, x: Array) -> tuple[Array, Array]:
        """Return (max(x, 0), cache); NaN stays NaN."""
        check_input(self, x)
        y = np.maximum(x, _zeros_beside(x.shape, x.dtype))
        return y, y

    def __call__(self, x: Array) -> Array:
        """Return max(x, 0)."""
        return self.forward(x)[0]

    def backward(self, dy: Array, y: Array, /) -> Array:
        """Return dy where y > 0, else 0."""
        check_cotangent(self, dy, y.shape)
        dx: Array = y.astype(bool).astype(y.dtype)  # 1 where y > 0: quicker than to compare
        dx *= dy
        return dx


@lru_cache(maxsize=8)
def _zeros_beside(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Return zeros to take a maximum with an array of that shape; to be read only.

    NumPy's loop with a number is not vectorised, that with an array is: of the whole shape if that
    is small, else of a row. See benchmarks/NOTES.md, "ReLU as the maximum with an array".
    """
    if math.prod(shape) > 4096:
        shape = shape[-1:] if shape[-1] <= 65536 else ()
    return np.zeros(shape, dtype)


class Sigmoid(Layer):
    """The logistic function: y = σ(x) = 1 / (1 + e^−x), elementwise, for arrays of any shape.

    Backward: dσ/dx = e^−x / (1 + e^−x)² = σ (1 − σ), hence::

        dx = dy y (1 − y)

    For a classifier leave it out and take a loss that is computed from the logits: it is more
    exact where σ is nearly 0 or 1.

    Examples
    --------
    >>> import numpy as np
    >>> y, cache = Sigmoid().forward(np.array([[0.0, 2.0]]))
    >>> y.round(4), Sigmoid().backward(np.ones((1, 2)), cache).round(4)
    (array([[0.5   , 0.8808]]), array([[0.25 , 0.105]]))
    """

    def forward(self, x: Array) -> tuple[Array, Array]:
        """Return (σ(x), cache)."""
        check_input(self, x)
        y = sigmoid(x)
        return y, y

    def backward(self, dy: Array, y: Array, /) -> Array:
        """Return dy y (1 − y)."""
        check_cotangent(self, dy, y.shape)
        dx: Array = 1 - y
        dx *= y
        dx *= dy
        return dx


class Tanh(Layer):
    """The hyperbolic tangent: y = tanh x, elementwise, for arrays of any shape.

    Backward: tanh = sinh / cosh has the derivative 1 − tanh², so::

        dx = dy (1 − y²)

    Examples
    --------
    >>> import numpy as np
    >>> y, cache = Tanh().forward(np.array([[0.0, 1.0]]))
    >>> y.round(4), Tanh().backward(np.ones((1, 2)), cache).round(4)
    (array([[0.    , 0.7616]]), array([[1.  , 0.42]]))
    """

    def forward(self, x: Array) -> tuple[Array, Array]:
        """Return (tanh x, cache)."""
        check_input(self, x)
        y = np.tanh(x)
        return y, y

    def backward(self, dy: Array, y: Array, /) -> Array:
        """Return dy (1 − y²)."""
        check_cotangent(self, dy, y.shape)
        dx: Array = 1 - y * y
        dx *= dy
        return dx
