"""One training run as its callbacks see it, and what a forward pass of it moves."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minidl.checks.arguments import integer
from minidl.layer import Layer
from minidl.optimizers import Optimizer
from minidl.parameters import Buffer, unique
from minidl.training.history import History, Steps


@dataclass
class Run:
    """A training run as its callbacks see it.

    Attributes
    ----------
    network, loss : Layer
    optimizer : Optimizer
    history : History
        What has been recorded so far.
    epochs : int
        How many epochs are planned.
    epoch, step : int
        The number of completed epochs, and of completed steps.
    done : int
        The number of completed steps of the current epoch: 0 as soon as it is complete.
    epoch_ends : bool
        Whether the current batch is the last of its epoch.
    ended : bool
        Whether the current step is the last: of all epochs, for a callback, or because of Ctrl-C.
    batch : (x, y, sample_weight)
        The current batch; sample_weight is None without weights.
    prediction : ndarray or None
        What the network gave for it, before the update.
    """

    network: Layer
    loss: Layer
    optimizer: Optimizer
    history: History
    epochs: int
    epoch: int = 0
    step: int = 0
    done: int = 0
    epoch_ends: bool = False
    ended: bool = False
    batch: tuple[Any, Any, Any] = field(default=(None, None, None), repr=False)
    prediction: Any = field(default=None, repr=False)

    @property
    def steps_per_epoch(self) -> int:
        """The number of batches in an epoch; 0 until an iterable has told its length."""
        return self.history.steps_per_epoch

    def is_due(self, every: int | Steps) -> bool:
        """Tell whether something that happens every so many epochs, or steps, is due now."""
        if isinstance(every, Steps):
            return self.step % every == 0
        return self.epoch_ends and self.epoch % every == 0


def as_plan(name: str, every: int | Steps) -> int | Steps:
    """Check a plan such as ``validate_every``: a number of epochs, or `Steps`."""
    return every if isinstance(every, Steps) else integer(name, every, least=1)


class ForwardState:
    """The buffers and random generators of a network: what a forward pass in training moves."""

    def __init__(self, network: Layer) -> None:
        self._parts = list(unique(network, (Buffer, np.random.Generator)).values())

    def take(self) -> list[Any]:
        """Copy the state."""
        return [
            part.value.copy() if isinstance(part, Buffer) else part.bit_generator.state
            for part in self._parts
        ]

    def restore(self, taken: list[Any]) -> None:
        """Go back to a copy."""
        for part, state in zip(self._parts, taken, strict=True):
            if isinstance(part, Buffer):
                part.value = state
            else:
                part.bit_generator.state = state
