"""The error of a run whose numbers are no longer finite, and the guard that undoes its steps."""

from functools import cached_property

import numpy as np

from minidl.training.first_step import first_not_finite
from minidl.training.history import History
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


class Guard:
    """What a run goes back to when a step fails.

    After any error buffers and generators are as they were before the step. If the loss diverged,
    the whole run is as it was at the start of the epoch, provided that a copy was wanted.
    """

    def __init__(self, run: Run, recover: bool) -> None:
        self._run, self._recover = run, recover

    @cached_property
    def _moved(self) -> ForwardState:
        return ForwardState(self._run.network)  # as it is once the callbacks have begun

    def begin_epoch(self) -> None:
        """Remember where the epoch starts."""
        run = self._run
        self._epoch = run.epoch + 1
        self._start = (self._moved.take(), run.optimizer.snapshot()) if self._recover else None

    def begin_step(self) -> None:
        """Remember what a forward pass is about to move."""
        self._before = self._moved.take()

    def undo_step(self, error: BaseException) -> None:
        """Go back to before the step that an error has ended; raise in full one of divergence."""
        self._moved.restore(self._before)
        if isinstance(error, DivergenceError):
            when = f"in step {self._run.step + 1}, epoch {self._epoch}"
            raise self._divergence(f"{error} {when}") from None

    def require_finite(self) -> None:
        """Raise a DivergenceError unless all parameters are finite."""
        if not np.isfinite(self._run.optimizer.vector.value).all():
            when = f"after step {self._run.step}, epoch {self._epoch}"
            raise self._divergence(f"a parameter is not finite {when}")

    def _divergence(self, what: str) -> DivergenceError:
        """Go back to the start of the epoch; return the error that says what happened where."""
        run, losses = self._run, self._run.history.step_loss
        culprit = first_not_finite(run.network, run.batch[0]) or "all outputs are finite"
        last = f"; the last finite loss was {losses[-1]:.4g}" if losses else ""
        where = "after the last step"
        if self._start is not None:
            where = "at the start of that epoch"
            self._moved.restore(self._start[0])
            run.optimizer.restore(self._start[1])
        error = DivergenceError(
            f"{what}: {culprit}{last}. The network is as it was {where}. Try a smaller learning "
            f"rate (it is {run.optimizer.learning_rate:g}), inputs scaled to about 1, or another "
            "initializer"
        )
        error.step, error.epoch, error.history = run.step, self._epoch, run.history
        error.last_loss = losses[-1] if losses else None
        return error
