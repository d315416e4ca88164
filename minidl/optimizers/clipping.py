"""Clipping: keep a gradient from making too long a step."""

import math

import numpy as np

from minidl.arrays import Array
from minidl.checks.arguments import number


class _Clip:
    """A function that limits a gradient by a maximum."""

    def __init__(self, maximum: float) -> None:
        self.maximum = number("maximum", maximum, above=0)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.maximum:g})"


class ClipNorm(_Clip):
    """Scale a gradient down to a norm: g ← g · min(1, c / ‖g‖₂), over all parameters together.

    The direction stays. Give it to an optimizer, ``SGD(network, 0.1, clip=ClipNorm(1.0))``, or
    call it between `loss_and_gradients` and ``step``. A gradient that is not finite is left as it
    is: scaling would turn most of it into an innocent 0.

    Parameters
    ----------
    maximum : float
        c, above 0.

    References
    ----------
    R. Pascanu et al., "On the difficulty of training recurrent neural networks", ICML 2013.

    Examples
    --------
    >>> import numpy as np
    >>> gradient = np.array([3.0, 4.0])
    >>> ClipNorm(1.0)(gradient), gradient
    (5.0, array([0.6, 0.8]))
    """

    config = ("maximum",)

    def __call__(self, gradient: Array) -> float:
        """Clip a gradient vector, ``optimizer.vector.grad``, in place; return the norm it had."""
        norm = _norm(gradient)
        if self.maximum < norm < math.inf:
            gradient *= self.maximum / norm
        return norm


class ClipValue(_Clip):
    """Clip every number of a gradient to [−c, c].

    The direction changes. An infinite or NaN entry is left as it is, and so is then every other:
    clipped, an infinity would pass for a gradient.

    Parameters
    ----------
    maximum : float
        c, above 0.

    Examples
    --------
    >>> import numpy as np
    >>> gradient = np.array([3.0, -0.5])
    >>> ClipValue(1.0)(gradient), gradient
    (3.0, array([ 1. , -0.5]))
    """

    config = ("maximum",)

    def __call__(self, gradient: Array) -> float:
        """Clip a gradient vector in place; return the largest absolute value it had."""
        largest = _largest(gradient)
        if self.maximum < largest < math.inf:
            np.clip(gradient, -self.maximum, self.maximum, out=gradient)
        return largest


def _largest(vector: Array) -> float:
    return float(max(vector.max(initial=0), -vector.min(initial=0)))


def _norm(vector: Array) -> float:
    """Return the Euclidean norm, also where the squares overflow or vanish."""
    with np.errstate(over="ignore", invalid="ignore"):
        norm = math.sqrt(float(np.dot(vector, vector)))
    if 1e-15 < norm < math.inf:
        return norm
    largest = _largest(vector)
    if not 0 < largest < math.inf:
        return largest
    scaled = vector / vector.dtype.type(largest)
    return largest * math.sqrt(float(np.dot(scaled, scaled)))
