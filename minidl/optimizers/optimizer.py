"""What every optimizer is: the parameters of a network as one vector, and a rule to change them."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np

from minidl.arrays import Array
from minidl.checks.arguments import Bounded, instance
from minidl.layer import Layer
from minidl.naming import describe
from minidl.optimizers._groups import checked_groups, stretches
from minidl.optimizers.schedules import Rate, as_rate, rate_at
from minidl.parameters import Parameter, unique
from minidl.vector import ParameterVector

Groups: TypeAlias = Mapping[str, Mapping[str, Any]]
Clip: TypeAlias = Callable[[Array], Any]

_EVERY = 64
"""How many steps pass before subnormal numbers of the state are set to 0."""

_ELSEWHERE = {"lr": "learning_rate", "betas": "beta1 and beta2", "eps": "epsilon", "rho": "alpha"}
"""What other libraries call our keywords."""


class _Keywords:
    """Answers a wrong keyword; apart from `Optimizer`, of which `help` would show ``__new__``."""

    def __new__(cls, *_: Any, **given: Any) -> Self:
        """Make an optimizer; a keyword that it does not take is answered with those it does."""
        taken = signature(cls).parameters
        open_ = any(each.kind is each.VAR_KEYWORD for each in taken.values())
        for name in () if open_ else given:
            if name not in taken:
                ours = _ELSEWHERE.get(name, "")
                hint = f" (here it is {ours})" if ours.partition(" ")[0] in taken else ""
                raise TypeError(f"{cls.__name__} takes no {name}{hint}, but {', '.join(taken)}")
        return super().__new__(cls)


class Optimizer(_Keywords, ABC):
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
    state : tuple of str
        The names of the arrays that the rule remembers from step to step. Each is an attribute of
        one number for each of the vector's, at first 0.
    config : tuple of str
        The names of the hyper-parameters; a class with more of them adds its own,
        ``config = (*Optimizer.config, "momentum")``.

    Raises
    ------
    ValueError, TypeError
        For a hyper-parameter that is out of range or no number; for a network without parameters;
        for a group that matches nothing, with the names there are.

    Notes
    -----
    An optimizer of your own is its rule: `update`, and the names of its `state`. `step` does the
    rest, and state and hyper-parameters are what `snapshot` and a checkpoint of `fit` hold.

    Examples
    --------
    >>> from minidl import SGD, Dense, ReLU, Sequential
    >>> network = Sequential(Dense(2, 8), ReLU(), Dense(8, 3))
    >>> groups = {"*.bias": {"weight_decay": 0}, "layers.0.*": {"learning_rate": 0}}
    >>> optimizer = SGD(network, 0.1, weight_decay=1e-4, groups=groups)

    >>> class HeavyBall(Optimizer):
    ...     state = ("velocity",)
    ...
    ...     def update(self, value, grad, velocity, rate, decay):
    ...         velocity *= 0.9
    ...         velocity -= rate * (grad + decay * value)
    ...         value += velocity
    >>> HeavyBall(network, 0.1, weight_decay=1e-4, groups=groups).step()
    """

    # _rate is learning_rate before it is asked for a number; checkpoints know it by that name
    config: ClassVar[tuple[str, ...]] = ("_rate", "weight_decay", "groups", "clip")
    state: ClassVar[tuple[str, ...]] = ()

    weight_decay = Bounded(least=0)

    def __init__(
        self,
        network: Layer,
        learning_rate: Rate,
        *,
        weight_decay: float = 0.0,
        groups: Groups | None = None,
        clip: Clip | None = None,
    ) -> None:
        if not isinstance(network, Layer):
            raise TypeError(f"an optimizer needs a layer or network, got {network!r}")
        self.steps = 0
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        if clip is not None and not callable(instance(f"{type(self).__name__}: clip", clip)):
            raise TypeError(f"clip must be a function of the gradient: ClipNorm(1.0), got {clip!r}")
        self.clip = clip
        parameters = unique(network, Parameter)
        if not parameters:
            raise ValueError(f"nothing to train: {type(network).__name__} has no parameters")
        self._groups = checked_groups(groups)
        self._stretches, self._frozen = stretches(parameters, self._groups)
        self.network = network
        self.vector = ParameterVector(network)
        for name in self.state:
            setattr(self, name, None)
        for name in self.state:
            self._array(name)

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

    @abstractmethod
    def update(self, value: Array, grad: Array, *state_rate_decay: Any, **_: Any) -> None:
        """Change the parameters of one stretch of the vector, in place.

        Parameters
        ----------
        value, grad : ndarray
            The parameters, and their gradients, which may be overwritten.
        *state : ndarray
            The same stretch of each array that `state` names, in this order; to be changed too.
        rate, decay : float
            The learning rate and the weight decay of the stretch.
        """

    def step(self) -> None:
        """Change the parameters by one step along the accumulated gradients, and clear these.

        The vector is cut where a group begins, and into blocks that stay in the cache.

        Raises
        ------
        RuntimeError
            If parameters have been packed into another network's vector since.
        ValueError
            If a schedule gives a learning rate that is negative or not finite.
        """
        vector = self.vector
        vector.require_current()
        if self.clip is not None:
            for part in self._frozen:
                vector.grad[part] = 0  # it has no share in a norm
            self.clip(vector.grad)
        arrays: list[Any] = [vector.value, vector.grad, *map(self._array, self.state)]
        rate, decay = self.learning_rate, self.weight_decay
        if self._stretches is None:
            self.update(*arrays, rate, decay)
        else:
            for pattern, blocks in self._stretches:
                own = self._own(pattern, rate, decay)
                for block in blocks:
                    parts: list[Any] = [a if a is None else a[block] for a in arrays]
                    self.update(*parts, *own)
        self.steps += 1
        if self.steps % _EVERY == 0:
            _flush(arrays[2:])
        vector.grad.fill(0)

    def clear(self) -> None:
        """Set all gradients to zero."""
        self.vector.grad.fill(0)

    def variables(self) -> dict[str, Any]:
        """Return all that a step or a user can change, beside the parameters: no copies.

        The number of steps, the hyper-parameters and the arrays of the state, by their names.
        """
        names = {"steps", "_groups", *self.config, *self.state}
        return {name: item for name, item in vars(self).items() if name in names}

    def snapshot(self) -> dict[str, Any]:
        """Return a copy of everything that a step changes."""
        return {"value": self.vector.value.copy(), **copy.deepcopy(self.variables())}

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go back to a `snapshot`."""
        variables = copy.deepcopy(snapshot)
        self.vector.value[:] = variables.pop("value")
        vars(self).update(variables)

    def _own(self, pattern: str | None, rate: float, decay: float) -> tuple[float, float]:
        """Return the learning rate and the weight decay of a group, by default the given ones."""
        own = self._groups[pattern] if pattern is not None else {}
        return rate_at(own.get("learning_rate", rate), self.steps), own.get("weight_decay", decay)

    def _array(self, name: str) -> Array | None:
        """Return an array of the state; one that is needed by now begins with zeros."""
        array: Array | None = getattr(self, name)
        if array is None and self._needs(name):
            array = np.zeros_like(self.vector.value)
            setattr(self, name, array)
        return array

    def _needs(self, name: str) -> bool:
        """Tell whether the rule uses an array of its state, with the hyper-parameters it has."""
        return True

    def __repr__(self) -> str:
        shown = {"learning_rate": self._rate, "groups": self.groups or None, "clip": self.clip}
        return describe(self, network=None, **shown)


def _flush(state: list[Any]) -> None:
    """Set what is too small for a normal number to 0.

    Decaying averages of gradients that have ended would stay at the smallest subnormal number for
    ever, and on many processors arithmetic with those is many times slower.
    """
    for array in state:
        if array is not None:
            array *= np.abs(array) >= np.finfo(array.dtype).tiny
