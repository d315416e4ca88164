"""Callbacks: what may watch a training run, and end it."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any, TypeAlias

import numpy as np

from minidl.parameters import Array, Buffer, ParameterVector, unique
from minidl.run import ForwardState, Run
from minidl.validation import boolean, integer

__all__ = ["HOOKS", "Callback", "EarlyStopping", "GradientErrors", "Hooks", "progress_callbacks"]

HOOKS = ("on_begin", "on_gradients", "on_step", "on_epoch", "on_end")

Callback: TypeAlias = Any  # an object with any of the methods HOOKS


class Hooks:
    """The callbacks of a run."""

    def __init__(self, callbacks: list[Callback], run: Run) -> None:
        self._callbacks, self._run = callbacks, run

    def call(self, hook: str) -> bool:
        """Call a method of all that have it; tell whether one of them asks to end the run."""
        ended = False
        for callback in self._callbacks:
            answer = getattr(callback, hook)(self._run) if hasattr(callback, hook) else None
            ended |= self.judge(callback, answer)
        return ended

    def judge(self, callback: Callback, answer: Any) -> bool:
        """Tell whether a callback's answer ends the run, and note the first that did."""
        ended = isinstance(answer, (bool, np.bool)) and bool(answer)
        if ended:
            history = self._run.history
            history.stopped_by = history.stopped_by or type(callback).__name__
        return ended


class EarlyStopping:
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
        """Return what a checkpoint is to hold: numbers and arrays."""
        best = {str(place): array for place, array in enumerate(self._state)}
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


class GradientErrors:
    """Compare the gradients of a run with numerical ones, at the weights they were taken at.

    The numerical gradient g is taken in float64 on a copy of the network, before the update, with
    the batch and the random numbers of that step. Recorded is ‖a − g‖ / max(‖a‖, ‖g‖), where a is
    the gradient that the layers computed.

    Parameters
    ----------
    every : int, default 1
        How many steps pass between two checks.
    coordinates : int, default 100
        How many parameters to check each time, drawn at random if there are more.

    Attributes
    ----------
    steps : list of int
        After how many steps each check took place.
    errors : list of float
        The relative errors: about 1e-10 for right gradients in float64, 1e-6 in float32.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import SGD, Dense, GradientErrors, SoftmaxCrossEntropy, fit
    >>> network = Dense(2, 2, rng=0, dtype=np.float64)
    >>> watch = GradientErrors(every=5)
    >>> x = np.random.default_rng(0).normal(size=(20, 2))
    >>> history = fit(network, SoftmaxCrossEntropy(), SGD(network, 0.1), x, [0, 1] * 10,
    ...               epochs=1, batch_size=2, callbacks=[watch])
    >>> watch.steps, max(watch.errors) < 1e-8
    ([0, 5], True)
    """

    config = ("every", "coordinates")

    def __init__(self, every: int = 1, coordinates: int = 100) -> None:
        self.every = integer("every", every, least=1)
        self.coordinates = integer("coordinates", coordinates, least=1)
        self.steps: list[int] = []
        self.errors: list[float] = []

    def on_begin(self, run: Run) -> None:
        """Forget an earlier run."""
        self.steps, self.errors = [], []
        self._rng = np.random.default_rng(0)
        self._remember(run)

    def on_step(self, run: Run) -> None:
        """Remember what a forward moves, before one whose gradients are to be checked."""
        self._remember(run)

    def _remember(self, run: Run) -> None:
        if run.step % self.every == 0:
            self._before = ForwardState(run.network).take()

    def on_gradients(self, run: Run) -> None:
        """Check the gradients of this step."""
        from minidl.gradcheck import numerical_gradient  # a whole package, for those who check

        if run.step % self.every:
            return
        twin = run.network.astype(np.float64)
        moved, vector = ForwardState(twin), ParameterVector(twin)
        x, y, weight = run.batch
        x = x.astype(np.float64) if x.dtype.kind == "f" else x
        targets = (y,) if weight is None else (y, weight)
        chosen = np.arange(len(vector))
        if len(chosen) > self.coordinates:
            chosen = self._rng.choice(len(chosen), self.coordinates, replace=False)
        start = vector.value.copy()

        def loss_at(values: Array) -> float:
            vector.value[:] = start
            vector.value[chosen] = values
            moved.restore(self._before)
            return float(run.loss.forward(twin.forward(x)[0], *targets)[0])

        numerical, _ = numerical_gradient(loss_at, start[chosen])
        analytic = run.optimizer.vector.grad[chosen]
        scale = max(np.linalg.norm(analytic), np.linalg.norm(numerical))
        difference = float(np.linalg.norm(analytic - numerical))
        self.steps.append(run.step)
        self.errors.append(difference / float(scale) if scale else 0.0)


class _ProgressBar:
    """One line a run on the terminal, drawn by Rich."""

    def on_begin(self, run: Run) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
            BarColumn(),
            TextColumn("{task.completed}/{task.total} steps"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}"),
            console=Console(stderr=True),
        )
        self._task = self._bar.add_task(
            "fit",
            total=run.epochs * run.steps_per_epoch or None,
            epoch=1,
            epochs=run.epochs,
            figures="",
        )
        self._bar.start()

    def on_step(self, run: Run) -> None:
        history = run.history
        figures = f"loss {history.step_loss[-1]:.4g}"
        if history.validation and history.steps:
            figures += "".join(
                f", held-out {name} {curve[-1]:.4g}" for name, curve in history.validation.items()
            )
        epoch = min(run.epoch + 1, run.epochs)
        self._bar.update(self._task, completed=run.step, epoch=epoch, figures=figures)

    def close(self) -> None:
        if hasattr(self, "_bar"):
            self._bar.stop()


def progress_callbacks(progress: bool | None) -> list[Callback]:
    """Return the progress bar, if one is to be shown.

    Raises
    ------
    ImportError
        If it is insisted on and Rich is not installed.
    """
    if progress not in (None, True, False):
        raise TypeError(f"progress must be True, False or None, got {progress!r}")
    if not (progress or (progress is None and sys.stderr.isatty())):
        return []
    if importlib.util.find_spec("rich") is not None:
        return [_ProgressBar()]
    if progress:
        raise ImportError('progress=True needs Rich: python -m pip install "minidl[progress]"')
    return []
