"""What a training run leaves behind: the curves."""

from dataclasses import dataclass, field
from typing import Any, Self

from minidl.checks.arguments import integer


class Steps(int):
    """A number of steps, where a plain number counts epochs: ``validate_every=Steps(50)``.

    Examples
    --------
    >>> Steps(50)
    Steps(50)
    """

    def __new__(cls, value: Any) -> Self:
        """Refuse what is no positive integer."""
        return super().__new__(cls, integer("Steps", value, least=1))

    def __repr__(self) -> str:
        return f"Steps({int(self)})"


@dataclass
class History:
    """The curves of a training run.

    Attributes
    ----------
    seed : int
        What the order of the data was drawn from: the one given, or the one drawn.
    steps_per_epoch : int
        The number of batches in an epoch; of an iterable that does not tell its length, in the
        last complete one.
    step_loss : list of float
        The training loss of every step, on its batch, before its update.
    steps : list of int
        After how many steps each validation took place.
    training : dict of str to list of float
        Loss and metrics at every validation: the mean over the steps since the last.
    validation : dict of str to list of float
        The same on the held-out data; empty if there are none.
    interrupted : bool
        Whether Ctrl-C ended the run.
    stopped_by : str
        The class of the callback that ended the run, or empty.
    resumed_from : int or None
        After which step a run with ``resume=`` has gone on; 0 if there was no checkpoint yet.

    Examples
    --------
    >>> History(seed=0, steps_per_epoch=4, steps=[4, 8]).epochs
    [1.0, 2.0]
    """

    seed: int
    steps_per_epoch: int
    step_loss: list[float] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    training: dict[str, list[float]] = field(default_factory=dict)
    validation: dict[str, list[float]] = field(default_factory=dict)
    interrupted: bool = False
    stopped_by: str = ""
    resumed_from: int | None = None

    @property
    def epochs(self) -> list[float]:
        """After how many epochs each validation took place."""
        return [step / (self.steps_per_epoch or 1) for step in self.steps]

    def __repr__(self) -> str:
        steps = len(self.step_loss)
        parts = [f"{steps} steps, {steps / (self.steps_per_epoch or 1):g} epochs"]
        for title, curves in (("training", self.training), ("held-out", self.validation)):
            if self.steps and curves:
                last = ", ".join(f"{name} {values[-1]:.4g}" for name, values in curves.items())
                parts.append(f"{title} {last}")
        parts += ["interrupted"] if self.interrupted else []
        parts += [f"stopped by {self.stopped_by}"] if self.stopped_by else []
        return f"History({'; '.join(parts)})"
