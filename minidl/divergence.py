"""The error of a run whose numbers are no longer finite: what it says, and what it undoes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from minidl.audit import first_not_finite
from minidl.history import History

if TYPE_CHECKING:
    from minidl.run import ForwardState, Run

__all__ = ["DivergenceError", "diverged", "require_finite"]


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
    minidl.divergence.DivergenceError: the loss is nan
    """

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
