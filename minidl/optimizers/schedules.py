"""Schedules: learning rates that depend on the number of steps taken."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from minidl.arrays import Array
from minidl.checks.arguments import instance, integer, number, refuse

Rate: TypeAlias = float | Callable[[int], Any]


class Schedule(ABC):
    """A learning rate as a function of the number of steps taken before.

    Give it to an optimizer in place of a number: ``SGD(network, CosineDecay(0.1, steps=1000))``.
    It is saved with the optimizer, which counts the steps. Called with an array of step numbers
    it returns an array, to be plotted. Any function of one integer will do as well.

    Examples
    --------
    >>> from minidl import SGD, Dense
    >>> optimizer = SGD(Dense(2, 2), StepDecay(0.1, every=2))
    >>> for _ in range(3):
    ...     print(f"{optimizer.learning_rate:g}")
    ...     optimizer.step()
    0.1
    0.1
    0.01
    """

    def __call__(self, step: ArrayLike) -> Any:
        """Return the learning rate after that many steps: a float, or an array for an array.

        Raises
        ------
        ValueError
            For a number of steps below 0; for a rate that is not finite.
        """
        array = np.asarray(step)
        with np.errstate(over="ignore"):
            rate = self._rate(array)
        wrong = ~((array >= 0) & (rate < np.inf))
        refuse(wrong, array, f"{self}: no finite rate after {{value}} steps; they count from 0")
        return rate if array.ndim else float(rate)

    @abstractmethod
    def _rate(self, step: Array) -> Any:
        """Return the rates of an array of step numbers."""

    def __repr__(self) -> str:
        options = [f"{name}={_show(value)}" for name, value in vars(self).items()]
        return f"{type(self).__name__}({', '.join(options).partition('=')[2]})"


def _show(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


class StepDecay(Schedule):
    """Multiply the rate by a factor every so many steps: η = start · factor^⌊step / every⌋.

    Parameters
    ----------
    start : float
        The rate at first, above 0.
    every : int
        How many steps pass between two drops.
    factor : float, default 0.1
        Above 0.

    Examples
    --------
    >>> StepDecay(0.5, every=10, factor=0.5)([0, 9, 10, 25])
    array([0.5  , 0.5  , 0.25 , 0.125])
    """

    config = ("start", "every", "factor")

    def __init__(self, start: float, every: int, factor: float = 0.1) -> None:
        self.start = number("start", start, above=0)
        self.every = integer("every", every, least=1)
        self.factor = number("factor", factor, above=0)

    def _rate(self, step: Array) -> Any:
        return self.start * self.factor ** (step // self.every)


class ExponentialDecay(Schedule):
    """Multiply the rate by a factor at every step: η = start · factor^step.

    Parameters
    ----------
    start : float
        The rate at first, above 0.
    factor : float
        Above 0; with more than 1 the rate grows, to find out how large a rate may be.

    Examples
    --------
    >>> ExponentialDecay(0.5, factor=0.5)([0, 1, 2])
    array([0.5  , 0.25 , 0.125])
    """

    config = ("start", "factor")

    def __init__(self, start: float, factor: float) -> None:
        self.start = number("start", start, above=0)
        self.factor = number("factor", factor, above=0)

    def _rate(self, step: Array) -> Any:
        return self.start * self.factor**step


class _Decay(Schedule):
    """A schedule from one rate to another in so many steps."""

    config = ("start", "steps", "end")

    def __init__(self, start: float, steps: int, end: float = 0.0) -> None:
        self.start = number("start", start, above=0)
        self.steps = integer("steps", steps, least=1)
        self.end = number("end", end, least=0)


class LinearDecay(_Decay):
    """Go in a straight line from one rate to another, and stay there.

    Parameters
    ----------
    start : float
        The rate at first, above 0.
    steps : int
        After how many steps the end is reached.
    end : float, default 0
        The last rate, not negative.

    Examples
    --------
    >>> LinearDecay(0.5, steps=4, end=0.1)([0, 1, 2, 4, 9])
    array([0.5, 0.4, 0.3, 0.1, 0.1])
    """

    def _rate(self, step: Array) -> Any:
        return _between(self.start, self.end, np.minimum(step / self.steps, 1))


class CosineDecay(_Decay):
    """Go from one rate to another along half a cosine, slow at both ends, and stay there.

    η = end + (start − end) · (1 + cos(π · step / steps)) / 2 up to the last step.

    Parameters
    ----------
    start : float
        The rate at first, above 0.
    steps : int
        After how many steps the end is reached.
    end : float, default 0
        The last rate, not negative.

    References
    ----------
    I. Loshchilov and F. Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR
    2017, equation 5, without the restarts.

    Examples
    --------
    >>> CosineDecay(0.5, steps=4)([0, 2, 4, 9])
    array([0.5 , 0.25, 0.  , 0.  ])
    """

    def _rate(self, step: Array) -> Any:
        angle = np.pi * np.minimum(step / self.steps, 1)
        return _between(self.start, self.end, 0.5 - 0.5 * np.cos(angle))


class WarmUp(Schedule):
    """Rise in a straight line to the first rate of another schedule, and go on with that.

    The first step is taken with 1/(steps + 1) of the full rate, the step after the last of the
    warm-up with all of it.

    Parameters
    ----------
    steps : int
        How many steps the warm-up takes.
    then : Schedule, function or float
        What follows; it begins to count where the warm-up ends.

    References
    ----------
    P. Goyal et al., "Accurate, Large Minibatch SGD: Training ImageNet in 1 Hour", 2017, section
    2.2.

    Examples
    --------
    >>> WarmUp(3, CosineDecay(0.4, steps=100))([0, 1, 2, 3, 53])
    array([0.1, 0.2, 0.3, 0.4, 0.2])
    >>> WarmUp(3, 0.4)
    WarmUp(3, then=0.4)
    """

    config = ("steps", "then")

    def __init__(self, steps: int, then: Rate) -> None:
        self.steps = integer("steps", steps, least=1)
        self.then = as_rate("then", then, above=0)

    def _rate(self, step: Array) -> Any:
        part = np.minimum((step + 1) / (self.steps + 1), 1)
        later = np.maximum(step - self.steps, 0)
        rates = [rate_at(self.then, int(each)) for each in later.reshape(-1)]
        return part * np.reshape(rates, later.shape)


def _between(start: float, end: float, part: Any) -> Any:
    return start + (end - start) * part


def as_rate(
    name: str, value: Any, *, above: float | None = None, least: float | None = None
) -> Rate:
    """Return a learning rate, a number within bounds as a float, or a function of the step.

    Raises
    ------
    ValueError, TypeError
        For anything else, and for a function that gives no rate after 0 steps.
    """
    if not callable(instance(name, value)):
        return number(name, value, above=above, least=least)
    number(f"{name} after 0 steps", value(0), least=0)
    schedule: Rate = value
    return schedule


def rate_at(rate: Rate, step: int) -> float:
    """Return a learning rate as a number, after so many steps."""
    if isinstance(rate, float):
        return rate
    return number(f"learning_rate after {step} steps", rate(step), least=0)
