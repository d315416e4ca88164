"""The error of a run whose numbers are no longer finite: what it says, and what it undoes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.layer import Layer
from minidl.parameters import Parameter, unique
from minidl.training.history import History

if TYPE_CHECKING:
    from minidl.training.run import ForwardState, Run


class DivergenceError(ArithmeticError):
    """The loss, or a parameter, is no longer a finite number.

    Attributes
    ----------
    step : int
        The number of steps completed before the one that failed.
    epoch : int
        The epoch it belongs to, counted from 1.
    last_loss : float or None
        The last finite loss.
    history : History or None
        The curves up to there.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import Dense, SoftmaxCrossEntropy, loss_and_gradients
    >>> loss_and_gradients(Dense(1, 2), SoftmaxCrossEntropy(), np.array([[np.nan]]), [0])
    Traceback (most recent call last):
        ...
    minidl.DivergenceError: the loss is nan
    """

    __module__ = "minidl"  # where a user finds it
    step: int = 0
    epoch: int = 0
    last_loss: float | None = None
    history: History | None = None


def diverged(what: str, run: Run, state: ForwardState, start: Any) -> DivergenceError:
    """Return the error that says what happened where; go back to the epoch's start if it was kept.

    Parameters
    ----------
    what : str
        What is not finite, in which step and epoch.
    run : Run
    state : ForwardState
    start : (state, snapshot) or None
        The state and the optimizer's snapshot at the start of the epoch.
    """
    losses = run.history.step_loss
    culprit = first_not_finite(run.network, run.batch[0]) or "all outputs are finite"
    last = f"; the last finite loss was {losses[-1]:.4g}" if losses else ""
    if start is not None:
        state.restore(start[0])
        run.optimizer.restore(start[1])
    where = "after the last step" if start is None else "at the start of that epoch"
    error = DivergenceError(
        f"{what}: {culprit}{last}. The network is as it was {where}. Try a smaller learning rate "
        f"(it is {run.optimizer.learning_rate:g}), inputs scaled to about 1, or another initializer"
    )
    error.step, error.epoch, error.history = run.step, run.epoch + 1, run.history
    error.last_loss = losses[-1] if losses else None
    return error


def require_finite(run: Run, state: ForwardState, start: Any) -> None:
    """Raise a DivergenceError unless all parameters are finite, at the end of an epoch."""
    if not np.isfinite(run.optimizer.vector.value).all():
        what = f"a parameter is not finite after step {run.step}, epoch {run.epoch + 1}"
        raise diverged(what, run, state, start)


def _finite(array: Any) -> bool:
    return not isinstance(array, np.ndarray) or bool(np.isfinite(array).all())


def first_not_finite(network: Layer, x: Any) -> str:
    """Name the first layer whose output is not finite, by running a copy of the network.

    Returns
    -------
    str
        A clause such as ``layers.2 Dense(64 → 10) turns finite input into inf``, or empty if
        every output is finite.
    """
    twin = copy.deepcopy(network)
    found: list[str] = []

    def watch(path: str, layer: Layer) -> None:
        forward: Callable[..., tuple[Any, Any]] = layer.forward

        def watched(*inputs: Any, **constants: Any) -> tuple[Any, Any]:
            output, cache = forward(*inputs, **constants)
            if not found and not _finite(output):
                fault = f"turns finite input into {output[~np.isfinite(output)][0]}"
                for name, item in vars(layer).items():
                    if isinstance(item, Parameter) and not _finite(item.value):
                        fault = f"has a {name} that is not finite"
                        break
                found.append(f"{path} {layer!r}".strip().partition("\n")[0] + f" {fault}")
            return output, cache

        vars(layer)["forward"] = watched

    for path, layer in unique(twin, Layer).items():
        watch(path, layer)
    with np.errstate(all="ignore"):
        twin.forward(x)
    return "".join(found)
