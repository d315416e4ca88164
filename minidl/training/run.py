"""One training run: what its callbacks see, what it records, and what a failing step moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from minidl.arrays import Array
from minidl.checks.arguments import integer
from minidl.layer import Layer
from minidl.optimizers import Optimizer
from minidl.parameters import Buffer, unique
from minidl.prediction import predict
from minidl.training.history import History, Steps

Metric: TypeAlias = Callable[[Any, Any], float]


@dataclass
class Run:
    """A training run as its callbacks see it.

    Attributes
    ----------
    network, loss : Layer
    optimizer : Optimizer
    history : History
        What has been recorded so far.
    epochs, steps_per_epoch : int
        The plan; steps_per_epoch is 0 as long as an iterable has not told its length.
    epoch : int
        The number of completed epochs.
    step : int
        The number of completed steps.
    batch : (x, y, sample_weight)
        The current batch; sample_weight is None without weights.
    """

    network: Layer
    loss: Layer
    optimizer: Optimizer
    history: History
    epochs: int
    steps_per_epoch: int
    epoch: int = 0
    step: int = 0
    batch: tuple[Any, Any, Any] = field(default=(None, None, None), repr=False)


def as_plan(name: str, every: int | Steps) -> int | Steps:
    """Return how many epochs, or steps, pass between two events."""
    return every if isinstance(every, Steps) else integer(name, every, least=1)


def is_due(every: int | Steps, run: Run, epoch_ends: bool) -> bool:
    """Tell whether a plan asks for its event after this step."""
    if isinstance(every, Steps):
        return run.step % every == 0
    return epoch_ends and run.epoch % every == 0


class Recorder:
    """Writes the history: the mean over the training steps, and a pass over held-out data.

    Attributes
    ----------
    held_out : (x, y), (x, y, weight) or None
        The held-out data.
    sums : dict of str to float
        What the steps since the last validation add up to.
    count : int
        How many these are.
    """

    def __init__(
        self,
        run: Run,
        metrics: dict[str, Metric],
        held_out: tuple[Array, ...] | None,
        every: int | Steps,
    ) -> None:
        self._run = run
        self._metrics = metrics
        self.held_out = held_out
        self._every = every
        names = ("loss", *metrics)
        self.sums = dict.fromkeys(names, 0.0)
        self.count = 0
        run.history.training = {name: [] for name in names}
        run.history.validation = {name: [] for name in names} if held_out else {}

    def add(self, value: float, prediction: Array, y: Array) -> None:
        """Take in one step: its loss and the predictions before its update."""
        self._run.history.step_loss.append(value)
        self.sums["loss"] += value
        for name, metric in self._metrics.items():
            self.sums[name] += metric(prediction, y)
        self.count += 1

    def due(self, epoch_ends: bool) -> bool:
        """Tell whether the plan asks for a validation now."""
        return is_due(self._every, self._run, epoch_ends)

    def validate(self) -> None:
        """Record the figures since the last validation, if there was a step since."""
        if not self.count:
            return
        run = self._run
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


class ForwardState:
    """What a forward pass in training moves: buffers and random generators."""

    def __init__(self, network: Layer) -> None:
        self._buffers = list(unique(network, Buffer).values())
        self._generators = list(unique(network, np.random.Generator).values())

    def take(self) -> tuple[list[Any], list[Any]]:
        """Copy the state."""
        return (
            [buffer.value.copy() for buffer in self._buffers],
            [generator.bit_generator.state for generator in self._generators],
        )

    def restore(self, taken: tuple[list[Any], list[Any]]) -> None:
        """Go back to a copy."""
        for buffer, value in zip(self._buffers, taken[0], strict=True):
            buffer.value = value
        for generator, state in zip(self._generators, taken[1], strict=True):
            generator.bit_generator.state = state
