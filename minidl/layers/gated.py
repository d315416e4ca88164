"""Smooth rectifiers: activations that multiply x by a gate which opens from 0 to 1."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minidl.layer import Layer
from minidl.layers._checks import check_cotangent, check_input
from minidl.layers._functions import normal_cdf, sigmoid
from minidl.parameters import Array
from minidl.validation import boolean

__all__ = ["GELU", "SiLU"]

_SCALE = math.sqrt(2 / math.pi)
_CUBIC = 0.044715


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
