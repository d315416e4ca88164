"""Softmax and its logarithm."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from minidl.layer import Layer
from minidl.validation import integer

__all__ = ["LogSoftmax", "Softmax"]


def _shifted(layer: Any, x: NDArray[Any]) -> NDArray[Any]:
    """Return x − max x along the axis: all exponentials then lie in [0, 1], the largest at 1."""
    shape = np.shape(x)
    if not -len(shape) <= layer.axis < len(shape) or shape[layer.axis] == 0:
        raise ValueError(f"{layer}: nothing along axis {layer.axis} (input shape {shape})")
    shifted: NDArray[Any] = x - x.max(axis=layer.axis, keepdims=True)
    return shifted


class Softmax(Layer):
    """Numbers become probabilities: yⱼ = exp xⱼ / Σₖ exp xₖ along one axis.

    It is computed from x − max x, which leaves y as it is and cannot overflow.

    Backward: every y depends on every x of its row, ∂yₖ/∂xⱼ = yₖ ([k = j] − yⱼ), hence::

        dxⱼ = Σₖ dyₖ ∂yₖ/∂xⱼ = yⱼ (dyⱼ − Σₖ dyₖ yₖ)

    A classifier is trained without it: `SoftmaxCrossEntropy` takes the logits.

    Parameters
    ----------
    axis : int, default −1
        Along which the probabilities add up to 1.

    Raises
    ------
    ValueError
        In `forward`, if there is no such axis or its length is 0.

    Examples
    --------
    >>> import numpy as np
    >>> y, cache = Softmax().forward(np.log([[1.0, 2.0, 5.0]]))
    >>> y, Softmax().backward(np.array([[0.0, 0.0, 1.0]]), cache)
    (array([[0.125, 0.25 , 0.625]]), array([[-0.078125, -0.15625 ,  0.234375]]))
    """

    def __init__(self, axis: int = -1) -> None:
        self.axis = integer("axis", axis)

    def forward(self, x: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return (the probabilities, cache)."""
        y: NDArray[Any] = np.exp(_shifted(self, x))
        y /= y.sum(axis=self.axis, keepdims=True)
        return y, y

    def backward(self, dy: NDArray[Any], y: NDArray[Any], /) -> NDArray[Any]:
        """Return y (dy − Σ dy y)."""
        dx: NDArray[Any] = dy - (dy * y).sum(axis=self.axis, keepdims=True)
        dx *= y
        return dx

    def __repr__(self) -> str:
        return f"Softmax({'' if self.axis == -1 else self.axis})"


class LogSoftmax(Layer):
    """The logarithms of probabilities: yⱼ = xⱼ − log Σₖ exp xₖ along one axis.

    It is computed from x − max x, and never takes the logarithm of something tiny.

    Backward: ∂yₖ/∂xⱼ = [k = j] − pⱼ with pⱼ = exp yⱼ, hence::

        dxⱼ = Σₖ dyₖ ∂yₖ/∂xⱼ = dyⱼ − pⱼ Σₖ dyₖ

    Parameters
    ----------
    axis : int, default −1
        Along which the probabilities add up to 1.

    Raises
    ------
    ValueError
        In `forward`, if there is no such axis or its length is 0.

    Examples
    --------
    >>> import numpy as np
    >>> y, cache = LogSoftmax().forward(np.log([[1.0, 2.0, 5.0]]))
    >>> np.exp(y), LogSoftmax().backward(np.array([[0.0, 0.0, 1.0]]), cache)
    (array([[0.125, 0.25 , 0.625]]), array([[-0.125, -0.25 ,  0.375]]))
    """

    def __init__(self, axis: int = -1) -> None:
        self.axis = integer("axis", axis)

    def forward(self, x: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return (the logarithms of the probabilities, cache)."""
        y = _shifted(self, x)
        y -= np.log(np.exp(y).sum(axis=self.axis, keepdims=True))
        return y, y

    def backward(self, dy: NDArray[Any], y: NDArray[Any], /) -> NDArray[Any]:
        """Return dy − p Σ dy."""
        spread = np.exp(y)
        spread *= dy.sum(axis=self.axis, keepdims=True)
        dx: NDArray[Any] = dy - spread
        return dx

    def __repr__(self) -> str:
        return f"LogSoftmax({'' if self.axis == -1 else self.axis})"
