"""A callback that ends a run once a figure has stopped improving, and brings the best back."""

from typing import Any

from minidl.arrays import Array
from minidl.checks.arguments import boolean, integer
from minidl.parameters import Buffer, unique
from minidl.training.callbacks import Callback
from minidl.training.run import Run


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
