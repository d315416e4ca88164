"""What every optimizer is: the parameters of a network as one vector, and a rule to change them."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from minidl.arrays import Array
from minidl.checks.arguments import Bounded
from minidl.layer import Layer
from minidl.naming import describe
from minidl.optimizers._groups import checked_groups, stretches
from minidl.optimizers.keywords import Keywords
from minidl.optimizers.schedules import Rate, as_rate, rate_at
from minidl.parameters import Parameter, unique
from minidl.vector import ParameterVector

_FIXED = ("network", "vector")
_OF_GROUPS = ("_groups", "_stretches", "_frozen")


class Optimizer(Keywords, ABC):
    """The parameters of a network as one vector, and a rule that turns gradients into a step.

    Parameters
    ----------
    network : Layer
        Whose parameters to train; they are packed into a `ParameterVector`.
    learning_rate : float or function (step) -> float
        The length of a step, above 0, or a schedule (see `minidl.schedules`): a function of the
        number of steps taken before. It may be assigned at any time.
    weight_decay : float, default 0
        How strongly parameters are pulled to 0, not negative.
    groups : dict of str to dict, optional
        For parameters whose path matches a pattern (see `fnmatch`), a ``learning_rate`` or
        ``weight_decay`` of their own: ``{"*.bias": {"weight_decay": 0}}``. The first pattern that
        matches counts. A learning rate of 0 freezes: the parameters and all that the optimizer
        knows of them stay as they are, and their gradients are cleared unseen.
    clip : function (gradient) -> Any, optional
        What is done to the whole gradient, in place, before a step: `ClipNorm`, `ClipValue`.

    Attributes
    ----------
    network : Layer
    vector : ParameterVector
    steps : int
        The number of steps taken.

    Raises
    ------
    ValueError, TypeError
        For a hyper-parameter that is out of range or no number; for a network without parameters;
        for a group that matches nothing, with the names there are.

    Notes
    -----
    An optimizer of your own is one method, ``_update``, which changes ``vector.value`` by
    ``vector.grad``. It has weight decay and groups if it goes through ``_parts``, as those here do.

    Examples
    --------
    >>> from minidl import SGD, Dense, ReLU, Sequential
    >>> network = Sequential(Dense(2, 8), ReLU(), Dense(8, 3))
    >>> groups = {"*.bias": {"weight_decay": 0}, "layers.0.*": {"learning_rate": 0}}
    >>> optimizer = SGD(network, 0.1, weight_decay=1e-4, groups=groups)
    """

    config: ClassVar[tuple[str, ...]] = ("_rate", "weight_decay", "groups", "clip")

    weight_decay = Bounded(least=0)

    def __init__(
        self,
        network: Layer,
        learning_rate: Rate,
        *,
        weight_decay: float = 0.0,
        groups: Mapping[str, Mapping[str, Any]] | None = None,
        clip: Callable[[Array], Any] | None = None,
    ) -> None:
        if not isinstance(network, Layer):
            raise TypeError(f"an optimizer needs a layer or network, got {network!r}")
        self.steps = 0
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        if clip is not None and not callable(clip):
            raise TypeError(f"clip must be a function of the gradient: ClipNorm(1.0), got {clip!r}")
        self.clip = clip
        parameters = unique(network, Parameter)
        if not parameters:
            raise ValueError(f"nothing to train: {type(network).__name__} has no parameters")
        self._groups = checked_groups(groups)
        self._stretches, self._frozen = stretches(parameters, self._groups)
        self.network = network
        self.vector = ParameterVector(network)

    @property
    def groups(self) -> Mapping[str, Mapping[str, Any]]:
        """The groups as they were given; others need another optimizer."""
        return self._groups

    @property
    def learning_rate(self) -> float:
        """The length of the next step; may be set to a number or a schedule."""
        rate = self._rate
        return rate if isinstance(rate, float) else rate_at(rate, self.steps)

    @learning_rate.setter
    def learning_rate(self, value: Rate) -> None:
        self._rate = as_rate("learning_rate", value, above=0)

    def step(self) -> None:
        """Change the parameters by one step along the accumulated gradients, and clear these.

        Raises
        ------
        RuntimeError
            If parameters have been packed into another network's vector since.
        ValueError
            If a schedule gives a learning rate that is negative or not finite.
        """
        self.vector.require_current()
        if self.clip is not None:
            for part in self._frozen:
                self.vector.grad[part] = 0  # it has no share in a norm
            self.clip(self.vector.grad)
        self._update()
        self.steps += 1
        self.clear()

    def clear(self) -> None:
        """Set all gradients to zero."""
        self.vector.grad.fill(0)

    def snapshot(self) -> dict[str, Any]:
        """Return a copy of everything that a step changes."""
        fixed = _FIXED if self._groups else _FIXED + _OF_GROUPS  # a schedule may have a state
        state = {name: item for name, item in vars(self).items() if name not in fixed}
        return {"value": self.vector.value.copy(), **copy.deepcopy(state)}

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go back to a `snapshot`."""
        state = copy.deepcopy(snapshot)
        self.vector.value[:] = state.pop("value")
        vars(self).update(state)

    @abstractmethod
    def _update(self) -> None:
        """Change ``vector.value``; ``vector.grad`` may be overwritten."""

    def _parts(self, *state: Array | None) -> list[tuple[Any, ...]]:
        """Return (value, gradient, state …, learning rate, weight decay) for what is not frozen.

        Each is a stretch of the vectors with hyper-parameters of its own: without groups, all.
        """
        vector, rate, decay = self.vector, self.learning_rate, self.weight_decay
        arrays = (vector.value, vector.grad, *state)
        if not self._groups:
            return [(*arrays, rate, decay)]
        return [
            (
                *(None if array is None else array[part] for array in arrays),
                rate_at(own.get("learning_rate", rate), self.steps),
                own.get("weight_decay", decay),
            )
            for part, own in self._stretches
        ]

    def __repr__(self) -> str:
        shown = {"learning_rate": self._rate, "groups": self.groups or None, "clip": self.clip}
        return describe(self, network=None, **shown)
