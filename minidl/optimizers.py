"""Optimizers: rules that turn the gradients of a network into its next parameters."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from typing import Any

import numpy as np

from minidl.layer import Layer
from minidl.parameters import ParameterVector
from minidl.validation import number

__all__ = ["SGD", "Optimizer"]

_FIXED = ("network", "vector")


class Optimizer(ABC):
    """What every optimizer is: a network's parameters as one vector, and a rule to change them.

    Parameters
    ----------
    network : Layer
        Whose parameters to train; they are packed into a `ParameterVector`.
    learning_rate : float
        The length of a step, above 0. It may be assigned at any time.

    Attributes
    ----------
    network : Layer
    vector : ParameterVector
    """

    def __init__(self, network: Layer, learning_rate: float) -> None:
        if not isinstance(network, Layer):
            raise TypeError(f"an optimizer needs a layer or network, got {network!r}")
        self.learning_rate = learning_rate
        self.network = network
        self.vector = ParameterVector(network)
        if not self.vector.parameters:
            raise ValueError(f"nothing to train: {type(network).__name__} has no parameters")

    @property
    def learning_rate(self) -> float:
        """The length of a step."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._learning_rate = number("learning_rate", value, above=0)

    def step(self) -> None:
        """Change the parameters by one step along the accumulated gradients, and clear these.

        Raises
        ------
        RuntimeError
            If parameters have been packed into another network's vector since.
        """
        self.vector.require_current()
        self._update()
        self.clear()

    def clear(self) -> None:
        """Set all gradients to zero."""
        self.vector.grad.fill(0)

    def snapshot(self) -> dict[str, Any]:
        """Return a copy of everything that a step changes."""
        state = {name: item for name, item in vars(self).items() if name not in _FIXED}
        return {"value": self.vector.value.copy(), **copy.deepcopy(state)}

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Go back to a `snapshot`."""
        state = copy.deepcopy(snapshot)
        self.vector.value[:] = state.pop("value")
        vars(self).update(state)

    @abstractmethod
    def _update(self) -> None:
        """Change ``vector.value``; ``vector.grad`` may be overwritten."""


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum and weight decay.

    With parameters θ, gradient g, learning rate η, momentum μ and weight decay λ, a step is::

        g ← g + λ θ
        v ← μ v + g                       (v = g without momentum)
        θ ← θ − η v                       or θ ← θ − η (g + μ v) with Nesterov's momentum

    Parameters
    ----------
    network : Layer
        Whose parameters to train.
    learning_rate : float
        η, above 0.
    momentum : float, default 0
        μ, in [0, 1).
    nesterov : bool, default False
        Whether to look ahead along the momentum; needs momentum above 0.
    weight_decay : float, default 0
        λ, not negative: the gradient of λ/2 ‖θ‖² is added, for weights and biases alike.

    Raises
    ------
    ValueError, TypeError
        For a hyper-parameter that is out of range or no number; for a network without parameters.

    References
    ----------
    I. Sutskever et al., "On the importance of initialization and momentum in deep learning",
    ICML 2013, in the form in which the learning rate stands outside the velocity.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import Dense
    >>> layer = Dense(1, 1, bias_initializer=lambda rng, shape, dtype: np.ones(shape, dtype))
    >>> optimizer = SGD(layer, learning_rate=0.5)
    >>> layer.bias.grad += 1.0
    >>> optimizer.step()
    >>> layer.bias.value, layer.bias.grad
    (array([0.5], dtype=float32), array([0.], dtype=float32))
    """

    def __init__(
        self,
        network: Layer,
        learning_rate: float,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        self.momentum = number("momentum", momentum, least=0, below=1)
        self.weight_decay = number("weight_decay", weight_decay, least=0)
        if not isinstance(nesterov, (bool, np.bool)):
            raise TypeError(f"nesterov must be True or False, got {nesterov!r}")
        if nesterov and not self.momentum:
            raise ValueError("nesterov=True needs a momentum above 0")
        self.nesterov = bool(nesterov)
        super().__init__(network, learning_rate)
        self.velocity = np.zeros_like(self.vector.value) if self.momentum else None

    def _update(self) -> None:
        value, grad = self.vector.value, self.vector.grad
        if self.weight_decay:
            grad += self.weight_decay * value
        if self.velocity is None:
            grad *= self.learning_rate
        else:
            self.velocity *= self.momentum
            self.velocity += grad
            if self.nesterov:
                grad += self.momentum * self.velocity
                grad *= self.learning_rate
            else:
                np.multiply(self.velocity, self.learning_rate, out=grad)
        value -= grad

    def __repr__(self) -> str:
        options = [f"learning_rate={self.learning_rate:g}"]
        options += [f"momentum={self.momentum:g}"] if self.momentum else []
        options += ["nesterov=True"] if self.nesterov else []
        options += [f"weight_decay={self.weight_decay:g}"] if self.weight_decay else []
        return f"SGD({', '.join(options)})"
