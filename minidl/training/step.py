"""One step of training: the loss of a batch, and its gradients."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from minidl.checks.arguments import number
from minidl.checks.data import as_inputs
from minidl.layer import Layer
from minidl.parameters import input_dtype
from minidl.training.divergence import DivergenceError


def loss_and_gradients(
    network: Layer,
    loss: Layer,
    x: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None = None,
    scale: float = 1.0,
) -> Any:
    """Compute the loss of a batch, and add its gradients to those of the parameters.

    Parameters
    ----------
    network, loss : Layer
        The prediction is ``network.forward(x)``; the loss compares it with y.
    x, y : array_like, shape (N, …)
        The samples and their targets; a floating x is cast to the network's dtype, or to
        integers if its first layer takes integers.
    sample_weight : array_like, shape (N,), optional
        The weights that the loss takes the mean with.
    scale : float, default 1.0
        What the gradients are multiplied by: for k equal micro-batches between two updates take
        1/k. The loss that is returned is not scaled.

    Returns
    -------
    number
        The loss.

    Raises
    ------
    DivergenceError
        If the loss is not finite; the gradients are then unchanged.
    TypeError, ValueError
        For something that is no network or loss, no real numbers, or no positive scale.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import SGD, Dense, SoftmaxCrossEntropy, loss_and_gradients
    >>> network = Dense(2, 2, rng=0)
    >>> optimizer = SGD(network, learning_rate=0.1)
    >>> x, y = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([0, 1])
    >>> before = loss_and_gradients(network, SoftmaxCrossEntropy(), x, y)
    >>> optimizer.step()
    >>> bool(loss_and_gradients(network, SoftmaxCrossEntropy(), x, y) < before)
    True
    """
    # isinstance of an abstract class would take 1 % of a small step
    if Layer not in type(network).__mro__ or Layer not in type(loss).__mro__:
        name, part = ("loss", loss) if isinstance(network, Layer) else ("network", network)
        raise TypeError(f"loss_and_gradients: the {name} must be a Layer, got {part!r}")
    if scale != 1.0:
        scale = number("scale", scale, above=0)
    dtype = input_dtype(network)
    if not isinstance(x, np.ndarray) or x.dtype != dtype:
        x = _cast(x, dtype)
    value, _ = add_gradients(network, loss, x, y, sample_weight, scale)
    return value


def add_gradients(
    network: Layer, loss: Layer, x: Any, y: Any, weight: Any, scale: float = 1.0
) -> tuple[Any, Any]:
    """Add the gradients, unless the loss is not finite; return (loss, prediction)."""
    prediction, cache = network.forward(x)
    if weight is None:
        value, loss_cache = loss.forward(prediction, y)
    else:
        value, loss_cache = loss.forward(prediction, y, weight)
    if not math.isfinite(value):
        raise DivergenceError(f"the loss is {value}")
    network.backward_parameters(loss.backward(scale, loss_cache), cache)
    return value, prediction


def _cast(x: Any, dtype: np.dtype[Any] | None) -> Any:
    """Return a batch in the dtype of the network; what is not an array of floats is checked."""
    if type(x) is np.ndarray and dtype is not None and x.dtype.kind == dtype.kind == "f":
        with np.errstate(over="ignore"):  # infinity shows in the loss
            return x.astype(dtype, order="C")
    return as_inputs("x", x, dtype)
