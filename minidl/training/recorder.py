"""The first that watches a run: it writes the history."""

from collections.abc import Callable
from typing import Any, TypeAlias

from minidl.arrays import Array
from minidl.prediction import predict
from minidl.training.callbacks import Callback
from minidl.training.history import Steps
from minidl.training.run import Run

Metric: TypeAlias = Callable[[Any, Any], float]


class Recorder(Callback):
    """Writes the figures of a run: means over the training steps, and those on held-out data.

    Attributes
    ----------
    held_out : (x, y), (x, y, weight) or None
        The held-out data.
    sums : dict of str to float
        Loss and metrics, summed over the steps since the last validation.
    count : int
        How many steps these are.
    """

    def __init__(
        self,
        run: Run,
        metrics: dict[str, Metric],
        held_out: tuple[Array, ...] | None,
        every: int | Steps,
    ) -> None:
        self.held_out = held_out
        self._metrics, self._every = metrics, every
        names = ("loss", *metrics)
        self.sums = dict.fromkeys(names, 0.0)
        self.count = 0
        run.history.training = {name: [] for name in names}
        run.history.validation = {name: [] for name in names} if held_out else {}

    def on_step(self, run: Run) -> None:
        """Add the figures of the step; validate if it is time."""
        self.sums["loss"] += run.history.step_loss[-1]
        for name, metric in self._metrics.items():
            self.sums[name] += metric(run.prediction, run.batch[1])
        self.count += 1
        if run.is_due(self._every):
            self._validate(run)

    def on_end(self, run: Run) -> None:
        """Validate once more if there were steps since."""
        if self.count:
            self._validate(run)

    def _validate(self, run: Run) -> None:
        history = run.history
        history.steps.append(run.step)
        for name, total in self.sums.items():
            history.training[name].append(float(total / self.count))
            self.sums[name] = 0.0
        self.count = 0
        if self.held_out is not None:
            x, y, *weight = self.held_out
            prediction = predict(run.network, x)
            history.validation["loss"].append(float(run.loss(prediction, y, *weight)))
            for name, metric in self._metrics.items():
                history.validation[name].append(float(metric(prediction, y)))
