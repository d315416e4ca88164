"""Callbacks: what may watch a training run, and end it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from minidl.arrays import Array
from minidl.checks.arguments import boolean, integer
from minidl.parameters import Buffer, unique
from minidl.training.run import Run

HOOKS = ("on_begin", "on_gradients", "on_step", "on_epoch", "on_end")


class Callback:
    """Something that watches a run of `fit`: here every method does nothing.

    Derive from it, and define what you need. Each method is given the `Run`: the network, the loss,
    the optimizer, the history, the counts, and the current batch. One that returns True ends the
    run, after the current step; any other answer is ignored. An object that has some of the methods
    without being derived from this class is a callback as well.

    A callback that has to remember something across a checkpoint gets two more methods:
    ``state()``, which returns a dict of numbers, strings and floating arrays, and
    ``restore(state)``, which is given it when the run is resumed, after ``on_begin``; it may return
    True as well.

    Notes
    -----
    In each of these moments the history is written first; then the callbacks are called, in the
    order in which `fit` was given them; then the progress bar is drawn, and last of all, once
    nothing else is to happen in a step, a checkpoint is written.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import SGD, Callback, Dense, SoftmaxCrossEntropy, fit
    >>> class Enough(Callback):
    ...     def on_step(self, run):
    ...         return run.history.step_loss[-1] < 0.1
    ...
    ...     def on_end(self, run):
    ...         print("enough" if run.epoch < run.epochs else "not yet")
    >>> x = np.random.default_rng(0).normal(size=(100, 2))
    >>> network = Dense(2, 2, rng=0)
    >>> history = fit(
    ...     network, SoftmaxCrossEntropy(), SGD(network, 1.0), x, (x[:, 0] > 0).astype(int),
    ...     epochs=100, batch_size=20, seed=0, callbacks=[Enough()],
    ... )
    enough
    >>> history.stopped_by
    'Enough'
    """

    def on_begin(self, run: Run) -> bool | None:
        """Before the first step: the counts are 0, or those of the checkpoint that is gone on with.

        An error here leaves everything as it was before `fit`.
        """

    def on_gradients(self, run: Run) -> bool | None:
        """In a step, between the gradients and the update.

        ``run.batch`` has been sent through the network, ``run.prediction`` is what it gave,
        ``run.optimizer.vector.grad`` are the gradients; ``run.step`` does not count this step yet.
        """

    def on_step(self, run: Run) -> bool | None:
        """After a step: ``run.step`` counts it, and ``run.history.step_loss`` has its loss.

        If ``run.epoch_ends``, ``run.epoch`` counts the epoch already. If the history has been
        written, its last entries are those of this step.
        """

    def on_epoch(self, run: Run) -> bool | None:
        """After the last step of an epoch, and its `on_step`: ``run.epoch`` counts the epoch."""

    def on_end(self, run: Run) -> bool | None:
        """After the last step, unless an error has ended the run; the history is complete."""


def call(watchers: Iterable[Any], hook: str, run: Run) -> None:
    """Call a method of all that have it."""
    for watcher in watchers:
        method = getattr(watcher, hook, None)
        answer = None if method is None else method(run)
        if answer is not None:
            heed(watcher, answer, run)


def heed(watcher: Any, answer: Any, run: Run) -> None:
    """End the run if a watcher has answered True; the first that does is noted."""
    if isinstance(answer, (bool, np.bool)) and answer:
        run.ended = True
        run.history.stopped_by = run.history.stopped_by or type(watcher).__name__


class EarlyStopping(Callback):
    """End a run when a figure has stopped improving.

    Parameters
    ----------
    monitor : str, default "loss"
        Which figure: the loss should fall, every other metric should rise. The held-out one
        counts if there are held-out data, else the training one.
    patience : int, default 10
        After how many validations without improvement to end the run.
    restore_best : bool, default True
        Whether the network gets back the parameters and buffers of its best validation, whether
        the run ends by itself, by a callback or by Ctrl-C.

    Attributes
    ----------
    best : float or None
        The best figure so far.
    best_step : int
        The step after which it was reached.

    Raises
    ------
    ValueError
        When the run begins, if no such figure is recorded.

    Examples
    --------
    >>> from minidl import EarlyStopping
    >>> EarlyStopping(monitor="accuracy", patience=5)
    EarlyStopping(monitor='accuracy', patience=5, restore_best=True)
    """

    config = ("monitor", "patience", "restore_best")
    _counters = ("best", "best_step", "_seen", "_waited")

    def __init__(
        self, monitor: str = "loss", patience: int = 10, restore_best: bool = True
    ) -> None:
        if not isinstance(monitor, str):
            raise TypeError(f"monitor must be the name of a figure, got {monitor!r}")
        self.monitor = monitor
        self.patience = integer("patience", patience, least=1)
        self.restore_best = boolean("restore_best", restore_best)
        self._forget()

    def _forget(self) -> None:
        self.best: float | None = None
        self.best_step = 0
        self._seen = self._waited = 0
        self._state: list[Array] = []

    def on_begin(self, run: Run) -> None:
        """Forget an earlier run."""
        curves = run.history.validation or run.history.training
        if self.monitor not in curves:
            raise ValueError(
                f"EarlyStopping monitors {self.monitor!r}, but recorded are {', '.join(curves)}"
            )
        self._forget()

    def on_step(self, run: Run) -> bool:
        """Look at the newest validation, if there is one."""
        history = run.history
        if len(history.steps) == self._seen:
            return False
        self._seen = len(history.steps)
        value = (history.validation or history.training)[self.monitor][-1]
        sign = 1 if self.monitor == "loss" else -1
        if self.best is None or sign * value < sign * self.best:
            self.best, self.best_step, self._waited = value, run.step, 0
            if self.restore_best:
                self._state = [array.copy() for array in _arrays(run)]
        else:
            self._waited += 1
        return self._waited >= self.patience

    def on_end(self, run: Run) -> None:
        """Go back to the best."""
        self.on_step(run)  # the run may have ended with a validation
        for array, best in zip(_arrays(run), self._state, strict=False):
            array[...] = best

    def state(self) -> dict[str, Any]:
        """Return the counters and the best arrays, for a checkpoint."""
        best = {str(index): array for index, array in enumerate(self._state)}
        return {**{name: getattr(self, name) for name in self._counters}, **best}

    def restore(self, state: dict[str, Any]) -> bool:
        """Go on from a `state`; the run had ended if the patience was at its end."""
        self._state = [state[name] for name in state if name not in self._counters]
        vars(self).update({name: state[name] for name in self._counters})
        return self._waited >= self.patience

    def __repr__(self) -> str:
        return (
            f"EarlyStopping(monitor={self.monitor!r}, patience={self.patience}, "
            f"restore_best={self.restore_best})"
        )


def _arrays(run: Run) -> list[Array]:
    buffers = unique(run.network, Buffer).values()
    return [run.optimizer.vector.value, *(buffer.value for buffer in buffers)]
