"""What `fit` checks before anything changes: whether its parts and data fit one another."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from minidl.arrays import Array
from minidl.checks.arguments import instance, output_and_cache
from minidl.checks.data import as_inputs, as_targets, as_weights, require_some, tried_by_row
from minidl.layer import Layer
from minidl.optimizers import Optimizer
from minidl.parameters import Parameter, input_dtype, network_dtype, unique
from minidl.prediction import accuracy, predict
from minidl.training.callbacks import HOOKS
from minidl.training.recorder import Metric


class Task:
    """A network and a loss, and what the first batch tells about the data they take.

    Parameters
    ----------
    network, loss : Layer

    Attributes
    ----------
    prediction : ndarray or None
        What the network infers for the first batch; None before `begin`.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import Dense, SoftmaxCrossEntropy
    >>> task = Task(Dense(2, 3), SoftmaxCrossEntropy())
    >>> task.begin(task.inputs("x", [[1, 2], [3, 4]]))
    >>> task.prediction.shape, task.targets("y", [0, 3], samples=2)
    Traceback (most recent call last):
        ...
    ValueError: y: class label 3 at 1 is out of range: the network has 3 outputs, for classes 0 to 2
    """

    def __init__(self, network: Layer, loss: Layer) -> None:
        self.network, self.loss = network, loss
        self._input_dtype, self._dtype = input_dtype(network), network_dtype(network)
        self.prediction: Any = None

    def begin(self, x: Array) -> None:
        """Send a first batch through the network, by inference."""
        self._shape = x.shape
        self.prediction = self.network(x)

    def inputs(self, name: str, x: Any) -> Array:
        """Return inputs in the dtype that the network takes."""
        return as_inputs(name, x, self._input_dtype)

    def targets(self, name: str, y: Any, samples: int) -> Array:
        """Return targets in the form that the loss takes."""
        return as_targets(name, y, samples, self.loss, self.prediction)

    def weights(self, name: str, weight: Any, samples: int) -> Array:
        """Return sample weights in the dtype of the network."""
        return as_weights(name, weight, samples, self._dtype)

    def check_loss(self, y: Array, weight: Array | None) -> None:
        """Raise unless the loss of the first batch is one number."""
        _check_loss(self.loss, self.prediction, (y,) if weight is None else (y, weight))

    def metrics(self, metrics: Any, y: Array) -> dict[str, Metric]:
        """Return the metrics to record; each must give a number for the first batch."""
        if metrics is None:
            counted = getattr(self.loss, "accuracy", accuracy)
            metrics = {"accuracy": counted} if getattr(self.loss, "classification", False) else {}
        if not isinstance(metrics, Mapping):
            raise TypeError(f"metrics must be a dict of names to functions, got {metrics!r}")
        for name, metric in metrics.items():
            if name == "loss":
                raise ValueError("metrics: the name 'loss' is taken by the loss itself")
            if not callable(metric):
                raise TypeError(f"metrics[{name!r}] must be a function, got {metric!r}")
            figure = metric(self.prediction, y)
            if np.ndim(figure) or np.asarray(figure).dtype.kind not in "fiub":
                raise TypeError(f"metrics[{name!r}] must return a number, got {figure!r}")
        return dict(metrics)

    def held_out(self, validation: Any) -> tuple[Array, ...] | None:
        """Return held-out data as arrays that fit the first batch."""
        if validation is None:
            return None
        if not isinstance(validation, (tuple, list)) or len(validation) not in (2, 3):
            raise TypeError("validation must be (x, y) or (x, y, weight)")
        x, y, *weights = validation
        lazy, size = isinstance(x, np.memmap), self._shape[0]
        if not lazy:  # predict checks a memory-map block by block
            x = self.inputs("validation x", x)
        if x.shape[1:] != self._shape[1:]:
            raise ValueError(
                f"validation x has samples of shape {x.shape[1:]}, but x of {self._shape[1:]}"
            )
        if not lazy:
            check_integers("validation x", self.network, x, size)
        y = self.targets("validation y", y, len(x))
        require_some("validation y", y, self.loss)
        if not weights or weights[0] is None:
            return x, y
        weight = self.weights("validation weight", weights[0], len(x))
        _check_loss(self.loss, predict(self.network, x[:size]), (y[:size], weight[:size]))
        return x, y, weight


def check_parts(network: Any, loss: Any, optimizer: Any) -> None:
    """Raise unless these are a network, a loss, and an optimizer of that network."""
    kinds = {
        "network": (network, Layer),
        "loss": (loss, Layer),
        "optimizer": (optimizer, Optimizer),
    }
    for name, (part, kind) in kinds.items():
        if not isinstance(instance(f"fit: the {name}", part), kind):
            raise TypeError(f"fit: the {name} must be a {kind.__name__}, got {part!r}")
    optimizer.vector.require_current()
    own = unique(network, Parameter).values()
    if [id(item) for item in own] != [id(item) for item in optimizer.vector.parameters]:
        raise ValueError(
            "fit: the optimizer was built for the parameters of another network: build it for "
            f"this one, {type(optimizer).__name__}(network, …)"
        )


def check_callbacks(callbacks: Any) -> list[Any]:
    """Return the callbacks, or raise if one of them can never be called."""
    if not isinstance(callbacks, (list, tuple)):
        raise TypeError(f"callbacks must be a list, got {callbacks!r}")
    for callback in callbacks:
        if not any(hasattr(instance("a callback", callback), hook) for hook in HOOKS):
            raise TypeError(f"a callback needs one of {', '.join(HOOKS)}; {callback!r} has none")
    return list(callbacks)


def check_integers(name: str, network: Layer, x: Array, batch_size: int) -> None:
    """Raise, with the row, for integers outside the range of the layer that takes them.

    Whichever layer of the network that is, and whatever it does with them before: the rows with
    the largest and the smallest integer at each position of a sample are tried, by inference.
    """
    if x.dtype.kind not in "iu":
        return
    flat = x.reshape(len(x), -1)
    rows = np.unique([flat.argmax(axis=0), flat.argmin(axis=0)])
    for part in np.split(rows, range(batch_size, len(rows), batch_size)):
        tried_by_row(name, part, x[part], network)


def _check_loss(loss: Layer, prediction: Array, constants: tuple[Any, ...]) -> None:
    """Raise unless the loss of a batch is one number, with weights if there are some."""
    if len(constants) > 1:
        import inspect

        try:
            inspect.signature(loss.forward).bind(prediction, *constants)
        except TypeError:
            raise TypeError(f"fit: {loss} takes no weights, but some were given") from None
    value, _ = output_and_cache(loss, loss.forward(prediction, *constants))
    if np.ndim(value):
        raise ValueError(
            f"{loss}: a loss is one number, got an array of shape {np.shape(value)}: take its "
            "mean, in forward and in backward"
        )
