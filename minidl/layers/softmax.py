"""Softmax and its logarithm."""

import numpy as np

from minidl.arrays import Array
from minidl.checks.arguments import integer
from minidl.layer import Layer
from minidl.layers._checks import check_cotangent, check_input


class _AlongAxis(Layer):
    """The base of both: the axis, and numbers whose exponentials cannot overflow."""

    config = ("axis",)

    def __init__(self, axis: int = -1) -> None:
        self.axis = integer("axis", axis)
        if self.axis == 0:
            raise ValueError(f"{self}: axis 0 is that of the samples, which are not mixed")

    def _shifted(self, x: Array) -> Array:
        """Return x − max x along the axis: all exponentials lie in [0, 1], the largest at 1."""
        check_input(self, x)
        axis = self.axis + x.ndim if self.axis < 0 else self.axis
        if not 0 < axis < x.ndim or x.shape[axis] == 0:
            what = "the samples are" if axis == 0 else "nothing"
            raise ValueError(f"{self}: {what} along axis {self.axis} (input shape {x.shape})")
        shifted: Array = x - x.max(axis=self.axis, keepdims=True)
        return shifted

    def __repr__(self) -> str:
        return f"{type(self).__name__}({'' if self.axis == -1 else self.axis})"


class Softmax(_AlongAxis):
    """Numbers become probabilities: yⱼ = exp xⱼ / Σₖ exp xₖ along one axis.

    It is computed from x − max x, which leaves y as it is and cannot overflow.

    Backward: every y depends on every x of its row, ∂yₖ/∂xⱼ = yₖ ([k = j] − yⱼ), hence::

        dxⱼ = Σₖ dyₖ ∂yₖ/∂xⱼ = yⱼ (dyⱼ − Σₖ dyₖ yₖ)

    A classifier is trained without it: `SoftmaxCrossEntropy` takes the logits.

    Parameters
    ----------
    axis : int, default −1
        Along which the probabilities add up to 1; not that of the samples, 0.

    Raises
    ------
    ValueError
        If the axis is 0; in `forward`, if it is that of the samples (−2 of a matrix), if there
        is no such axis or if its length is 0.

    Examples
    --------
    >>> import numpy as np
    >>> y, cache = Softmax().forward(np.log([[1.0, 2.0, 5.0]]))
    >>> y, Softmax().backward(np.array([[0.0, 0.0, 1.0]]), cache)
    (array([[0.125, 0.25 , 0.625]]), array([[-0.078125, -0.15625 ,  0.234375]]))
    """

    def forward(self, x: Array) -> tuple[Array, Array]:
        """Return (the probabilities, cache)."""
        y: Array = np.exp(self._shifted(x))
        y /= y.sum(axis=self.axis, keepdims=True)
        return y, y

    def backward(self, dy: Array, y: Array, /) -> Array:
        """Return y (dy − Σ dy y)."""
        check_cotangent(self, dy, y.shape)
        dx: Array = dy - (dy * y).sum(axis=self.axis, keepdims=True)
        dx *= y
        return dx


class LogSoftmax(_AlongAxis):
    """The logarithms of probabilities: yⱼ = xⱼ − log Σₖ exp xₖ along one axis.

    It is computed from x − max x, and never takes the logarithm of something tiny.

    Backward: ∂yₖ/∂xⱼ = [k = j] − pⱼ with pⱼ = exp yⱼ, hence::

        dxⱼ = Σₖ dyₖ ∂yₖ/∂xⱼ = dyⱼ − pⱼ Σₖ dyₖ

    Parameters
    ----------
    axis : int, default −1
        Along which the probabilities add up to 1; not that of the samples, 0.

    Raises
    ------
    ValueError
        If the axis is 0; in `forward`, if it is that of the samples (−2 of a matrix), if there
        is no such axis or if its length is 0.

    Examples
    --------
    >>> import numpy as np
    >>> y, cache = LogSoftmax().forward(np.log([[1.0, 2.0, 5.0]]))
    >>> np.exp(y), LogSoftmax().backward(np.array([[0.0, 0.0, 1.0]]), cache)
    (array([[0.125, 0.25 , 0.625]]), array([[-0.125, -0.25 ,  0.375]]))
    """

    def forward(self, x: Array) -> tuple[Array, Array]:
        """Return (the logarithms of the probabilities, cache)."""
        y = self._shifted(x)
        y -= np.log(np.exp(y).sum(axis=self.axis, keepdims=True))
        return y, y

    def backward(self, dy: Array, y: Array, /) -> Array:
        """Return dy − p Σ dy."""
        check_cotangent(self, dy, y.shape)
        spread = np.exp(y)
        spread *= dy.sum(axis=self.axis, keepdims=True)
        dx: Array = dy - spread
        return dx
