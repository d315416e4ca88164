"""The door of `fit`: its parts are checked against one another before anything changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from minidl.arrays import Array
from minidl.checks.arguments import instance, output_and_cache
from minidl.checks.data import as_inputs, as_targets, as_weights, require_some, tried_by_row
from minidl.layer import Layer
from minidl.optimizers import Optimizer
from minidl.parameters import Parameter, unique
from minidl.prediction import accuracy, predict
from minidl.training.callbacks import HOOKS


def targets(y: Any, weight: Any) -> tuple[Any, ...]:
    """Return what a loss takes beside the prediction."""
    return (y,) if weight is None else (y, weight)


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


def check_loss(loss: Layer, prediction: Array, constants: tuple[Any, ...]) -> None:
    """Raise unless the loss of the first batch is one number."""
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


def check_integers(name: str, network: Layer, x: Array, batch_size: int) -> None:
    """Raise, with the row, for integers outside the range of the layer that takes them.

    Whichever layer of the network that is, and whatever it does with them before: what is tried,
    by inference, are the rows with the largest and the smallest integer at each place of a sample.
    """
    if x.dtype.kind not in "iu":
        return
    flat = x.reshape(len(x), -1)
    rows = np.unique([flat.argmax(axis=0), flat.argmin(axis=0)])
    for part in np.split(rows, range(batch_size, len(rows), batch_size)):
        tried_by_row(name, part, x[part], network)


def check_callbacks(callbacks: Any) -> list[Any]:
    """Return the callbacks, or raise if one of them can never be called."""
    if not isinstance(callbacks, (list, tuple)):
        raise TypeError(f"callbacks must be a list, got {callbacks!r}")
    for callback in callbacks:
        if not any(hasattr(instance("a callback", callback), hook) for hook in HOOKS):
            raise TypeError(f"a callback needs one of {', '.join(HOOKS)}; {callback!r} has none")
    return list(callbacks)


def check_metrics(metrics: Any, loss: Layer, prediction: Array, target: Array) -> dict[str, Any]:
    """Return what is to be recorded, or raise unless it gives a number for the first batch."""
    if metrics is None:
        counted = getattr(loss, "accuracy", accuracy)
        metrics = {"accuracy": counted} if getattr(loss, "classification", False) else {}
    if not isinstance(metrics, Mapping):
        raise TypeError(f"metrics must be a dict of names to functions, got {metrics!r}")
    for name, metric in metrics.items():
        if name == "loss":
            raise ValueError("metrics: the name 'loss' is taken by the loss itself")
        if not callable(metric):
            raise TypeError(f"metrics[{name!r}] must be a function, got {metric!r}")
        figure = metric(prediction, target)
        if np.ndim(figure) or np.asarray(figure).dtype.kind not in "fiub":
            raise TypeError(f"metrics[{name!r}] must return a number, got {figure!r}")
    return dict(metrics)


def check_validation(
    validation: Any, network: Layer, loss: Layer, x: Array, dtype: Any, prediction: Array
) -> tuple[Array, ...] | None:
    """Return the held-out data as arrays that fit the training data, or raise."""
    if validation is None:
        return None
    if not isinstance(validation, (tuple, list)) or len(validation) not in (2, 3):
        raise TypeError("validation must be (x, y) or (x, y, weight)")
    held_out, y, *weights = validation
    if not isinstance(held_out, np.memmap):  # predict checks a memory-map block by block
        held_out = as_inputs("validation x", held_out, dtype)
    if held_out.shape[1:] != x.shape[1:]:
        raise ValueError(
            f"validation x has samples of shape {held_out.shape[1:]}, but x of {x.shape[1:]}"
        )
    if not isinstance(held_out, np.memmap):
        check_integers("validation x", network, held_out, len(prediction))
    y = as_targets("validation y", y, len(held_out), loss, prediction)
    require_some("validation y", y, loss)
    if not weights or weights[0] is None:
        return held_out, y
    weight = as_weights("validation weight", weights[0], len(held_out), prediction.dtype)
    rows = slice(len(prediction))
    check_loss(loss, predict(network, held_out[rows]), (y[rows], weight[rows]))
    return held_out, y, weight
