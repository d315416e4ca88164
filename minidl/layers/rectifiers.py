"""Relatives of the rectifier, which let a little through or bend smoothly."""

from __future__ import annotations

import numpy as np

from minidl.layer import Layer
from minidl.layers._checks import check_cotangent, check_input
from minidl.parameters import Array
from minidl.validation import number

__all__ = ["ELU", "LeakyReLU", "Softplus"]


class ELU(Layer):
    """The exponential linear unit: y = x where x > 0, else a (eˣ − 1), elementwise.

    It is computed as max(x, 0) + a expm1(min(x, 0)), of which one term is always 0.

    Backward: a eˣ = y + a, hence::

        dx = dy where x > 0, else dy (y + a)

    For a = 1 this is smooth; else there is no derivative at x = 0, and this layer takes a, the
    left one.

    Parameters
    ----------
    alpha : float, default 1.0
        The depth a > 0: y tends to −a as x tends to −∞.

    References
    ----------
    D. Clevert, T. Unterthiner and S. Hochreiter, "Fast and accurate deep network learning by
    exponential linear units (ELUs)", ICLR 2016.

    Examples
    --------
    >>> import numpy as np
    >>> y, cache = ELU().forward(np.array([[-1.0, 0.0, 2.0]]))
    >>> y.round(4), ELU().backward(np.ones((1, 3)), cache).round(4)
    (array([[-0.6321,  0.    ,  2.    ]]), array([[0.3679, 1.    , 1.    ]]))
    """

    config = ("alpha",)

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = number("alpha", alpha, above=0)

    def forward(self, x: Array) -> tuple[Array, Array]:
        """Return (y, cache); NaN stays NaN."""
        check_input(self, x)
        y: Array = np.expm1(np.minimum(x, 0))
        y *= self.alpha
        y += np.maximum(x, 0)
        return y, y

    def backward(self, dy: Array, y: Array, /) -> Array:
        """Return dy where y > 0, else dy (y + a)."""
        check_cotangent(self, dy, y.shape)
        dx: Array = np.minimum(y, 0)
        dx += self.alpha
        dx *= y <= 0
        dx += y > 0
        dx *= dy
        return dx

    def __repr__(self) -> str:
        return "ELU()" if self.alpha == 1 else f"ELU({self.alpha:g})"


class LeakyReLU(Layer):
    """The rectifier that lets a little through: y = max(x, a x) with 0 ≤ a < 1, elementwise.

    Backward: the slope is 1 where x > 0 and a where x < 0, and so nothing is ever switched off::

        dx = dy · max([x > 0], a)

    At x = 0 there is no derivative; this layer takes a, the left one.

    Parameters
    ----------
    negative_slope : float, default 0.01
        The slope a for x < 0.

    References
    ----------
    A. Maas, A. Hannun and A. Ng, "Rectifier nonlinearities improve neural network acoustic
    models", ICML 2013.

    Examples
    --------
    >>> import numpy as np
    >>> layer = LeakyReLU(0.1)
    >>> y, cache = layer.forward(np.array([[-1.0, 0.0, 2.0]]))
    >>> y, layer.backward(np.ones((1, 3)), cache)
    (array([[-0.1,  0. ,  2. ]]), array([[0.1, 0.1, 1. ]]))
    """

    config = ("negative_slope",)

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = number("negative_slope", negative_slope, least=0, below=1)

    def forward(self, x: Array) -> tuple[Array, Array]:
        """Return (max(x, a x), cache); NaN stays NaN."""
        check_input(self, x)
        y = np.maximum(x, self.negative_slope * x)
        return y, y

    def backward(self, dy: Array, y: Array, /) -> Array:
        """Return dy where y > 0, else a dy."""
        check_cotangent(self, dy, y.shape)
        dx: Array = np.maximum(y > 0, self.negative_slope, dtype=y.dtype)
        dx *= dy
        return dx

    def __repr__(self) -> str:
        return f"LeakyReLU({self.negative_slope:g})"


class Softplus(Layer):
    """The smooth rectifier: y = log(1 + eˣ), elementwise, for arrays of any shape.

    It is computed as max(x, 0) + log1p(e^−|x|), in which nothing overflows.

    Backward: dy/dx = eˣ / (1 + eˣ) = σ(x), and as 1 + eˣ = eʸ, this is 1 − e^−y::

        dx = dy (1 − e^−y)

    computed with expm1, so that it is exact where y is tiny.

    References
    ----------
    C. Dugas et al., "Incorporating second-order functional knowledge for better option pricing",
    NIPS 2000.

    Examples
    --------
    >>> import numpy as np
    >>> y, cache = Softplus().forward(np.array([[-2.0, 0.0, 2.0]]))
    >>> y.round(4), Softplus().backward(np.ones((1, 3)), cache).round(4)
    (array([[0.1269, 0.6931, 2.1269]]), array([[0.1192, 0.5   , 0.8808]]))
    """

    def forward(self, x: Array) -> tuple[Array, Array]:
        """Return (log(1 + eˣ), cache)."""
        check_input(self, x)
        y: Array = np.log1p(np.exp(-np.abs(x)))
        y += np.maximum(x, 0)
        return y, y

    def backward(self, dy: Array, y: Array, /) -> Array:
        """Return dy (1 − e^−y)."""
        check_cotangent(self, dy, y.shape)
        dx: Array = -np.expm1(-y)
        dx *= dy
        return dx
