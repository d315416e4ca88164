"""Elementwise activations."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from minidl.layer import Layer

__all__ = ["ReLU", "Tanh"]


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

    def forward(self, x: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return (max(x, 0), cache); NaN stays NaN."""
        y = np.maximum(x, 0)
        return y, y

    def backward(self, dy: NDArray[Any], y: NDArray[Any], /) -> NDArray[Any]:
        """Return dy where y > 0, else 0."""
        dx: NDArray[Any] = np.multiply(dy, y > 0)
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

    def forward(self, x: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return (tanh x, cache)."""
        y = np.tanh(x)
        return y, y

    def backward(self, dy: NDArray[Any], y: NDArray[Any], /) -> NDArray[Any]:
        """Return dy (1 − y²)."""
        dx: NDArray[Any] = 1 - y * y
        dx *= dy
        return dx
