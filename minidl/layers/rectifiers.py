"""The relatives of ReLU: leaky, exponential and smooth ones."""

import math
from typing import Any

import numpy as np

from minidl.arrays import Array
from minidl.checks.arguments import boolean, number
from minidl.layer import Layer
from minidl.layers._checks import check_cotangent, check_input
from minidl.layers._functions import normal_cdf, sigmoid

_SCALE = math.sqrt(2 / math.pi)

_CUBIC = 0.044715


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


class SiLU(Layer):
    """The sigmoid linear unit, also called swish: y = x σ(x), elementwise.

    Backward: with s = σ(x) and dσ/dx = s (1 − s), the product rule gives::

        dx = dy (s + x s (1 − s)) = dy s (1 + x (1 − s))

    References
    ----------
    D. Hendrycks and K. Gimpel, "Gaussian error linear units (GELUs)", arXiv:1606.08415, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> y, cache = SiLU().forward(np.array([[-2.0, 0.0, 2.0]]))
    >>> y.round(4), SiLU().backward(np.ones((1, 3)), cache).round(4)
    (array([[-0.2384,  0.    ,  1.7616]]), array([[-0.0908,  0.5   ,  1.0908]]))
    """

    def forward(self, x: Array) -> tuple[Array, Any]:
        """Return (x σ(x), cache)."""
        check_input(self, x)
        gate = sigmoid(x)
        return x * gate, (x, gate)

    def backward(self, dy: Array, cache: Any, /) -> Array:
        """Return dy s (1 + x (1 − s))."""
        x, gate = cache
        check_cotangent(self, dy, x.shape)
        dx: Array = 1 - gate
        dx *= x
        dx += 1
        dx *= gate
        dx *= dy
        return dx


class GELU(Layer):
    """The Gaussian error linear unit: y = x Φ(x), elementwise.

    Φ is the distribution function of the normal distribution, φ(x) = exp(−x²/2) / √(2π) its
    density. Backward, by the product rule::

        dx = dy (Φ(x) + x φ(x))

    The approximation ``approximate=True`` takes ½ (1 + tanh u) with u = √(2/π) (x + 0.044715 x³)
    for Φ(x); that is s = σ(2u), and its gradient is that of the approximation itself::

        dx = dy (s + x s (1 − s) 2u′),   u′ = √(2/π) (1 + 0.134145 x²)

    Parameters
    ----------
    approximate : bool, default False
        Whether to take the approximation; it differs from the exact y by at most 0.0005.

    References
    ----------
    D. Hendrycks and K. Gimpel, "Gaussian error linear units (GELUs)", arXiv:1606.08415, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> y, cache = GELU().forward(np.array([[-1.0, 0.0, 1.0]]))
    >>> y.round(4), GELU().backward(np.ones((1, 3)), cache).round(4)
    (array([[-0.1587,  0.    ,  0.8413]]), array([[-0.0833,  0.5   ,  1.0833]]))
    """

    config = ("approximate",)

    def __init__(self, approximate: bool = False) -> None:
        self.approximate = boolean("approximate", approximate)

    @np.errstate(over="ignore")
    def forward(self, x: Array) -> tuple[Array, Any]:
        """Return (x Φ(x), cache)."""
        check_input(self, x)
        if self.approximate:
            gate = sigmoid((2 * _SCALE) * x * (1 + _CUBIC * (x * x)))
        else:
            gate = normal_cdf(x)
        return x * gate, (x, gate)

    @np.errstate(over="ignore")
    def backward(self, dy: Array, cache: Any, /) -> Array:
        """Return dy times the slope of the function that forward computed."""
        x, gate = cache
        check_cotangent(self, dy, x.shape)
        square = np.minimum(x * x, 1e6)  # further out all is decided; infinity times 0 is NaN
        if self.approximate:
            slope = gate * (1 - gate)
            slope *= (2 * _SCALE) * (1 + 3 * _CUBIC * square)
        else:
            slope = np.exp(-0.5 * square)
            slope *= 1 / math.sqrt(2 * math.pi)
        slope *= x
        slope += gate
        dx: Array = slope * dy
        return dx

    def __repr__(self) -> str:
        return f"GELU({'approximate=True' if self.approximate else ''})"
