"""Losses of a regression: how far a prediction is from its target."""

import numpy as np

from minidl.arrays import Array
from minidl.checks.arguments import number
from minidl.losses.elementwise import ElementwiseLoss


class MeanSquaredError(ElementwiseLoss):
    """The mean squared error.

    For one number z of the prediction, and its target t::

        ℓ = (z − t)²                    ∂ℓ/∂z = 2 (z − t)

    and the loss is the mean over all numbers of all samples (see `Loss` for the weights). A
    constant network does best at the mean of the targets.

    Examples
    --------
    >>> import numpy as np
    >>> loss = MeanSquaredError()
    >>> value, cache = loss.forward(np.array([[1.0], [5.0]]), np.array([[2.0], [3.0]]))
    >>> float(value), loss.backward(1.0, cache).tolist()
    (2.5, [[-1.0], [2.0]])
    """

    def terms(self, z: Array, t: Array) -> tuple[Array, Array]:
        """Return ((z − t)², 2 (z − t))."""
        error = z - t
        return error * error, error + error


class MeanAbsoluteError(ElementwiseLoss):
    """The mean absolute error.

    For one number z of the prediction, and its target t::

        ℓ = |z − t|                     ∂ℓ/∂z = sign(z − t)

    At the kink z = t the gradient is taken as 0, the middle of −1 and 1. A constant network does
    best at the median of the targets.

    Examples
    --------
    >>> import numpy as np
    >>> loss = MeanAbsoluteError()
    >>> value, cache = loss.forward(np.array([1.0, 5.0]), np.array([2.0, 3.0]))
    >>> float(value), loss.backward(1.0, cache).tolist()
    (1.5, [-0.5, 0.5])
    """

    def terms(self, z: Array, t: Array) -> tuple[Array, Array]:
        """Return (|z − t|, sign(z − t))."""
        error = z - t
        return np.abs(error), np.sign(error)


class Huber(ElementwiseLoss):
    """Huber's loss: quadratic for small errors, linear for large ones, so outliers pull less.

    For one number z of the prediction, its target t, and the error r = z − t::

        ℓ = r²/2               if |r| ≤ δ        ∂ℓ/∂z = r          if |r| ≤ δ
            δ (|r| − δ/2)      otherwise                 δ sign r   otherwise

    Both pieces and their slopes agree at |r| = δ, so there is no kink. With c = min(|r|, δ) it is
    ℓ = c (|r| − c/2), and the slope is r clipped to [−δ, δ].

    Parameters
    ----------
    delta : float, default 1
        δ, above 0: beyond which error the loss is linear, in the unit of the target.

    Raises
    ------
    ValueError, TypeError
        For a delta that is not a number above 0.

    References
    ----------
    P. Huber, "Robust Estimation of a Location Parameter", Annals of Statistics 35, 1964.

    Examples
    --------
    >>> import numpy as np
    >>> loss = Huber(delta=1.0)
    >>> value, cache = loss.forward(np.array([0.5, 4.0]), np.array([0.0, 0.0]))
    >>> float(value), loss.backward(1.0, cache).tolist()
    (1.8125, [0.25, 0.5])
    """

    config = ("delta",)

    def __init__(self, delta: float = 1.0) -> None:
        self.delta = number("delta", delta, above=0)

    def terms(self, z: Array, t: Array) -> tuple[Array, Array]:
        """Return (c (|r| − c/2), r clipped)."""
        error = z - t
        size = np.abs(error)
        clipped = np.minimum(size, self.delta)
        size -= 0.5 * clipped
        return np.multiply(clipped, size, out=size), np.clip(error, -self.delta, self.delta)
