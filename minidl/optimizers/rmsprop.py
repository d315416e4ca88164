"""RMSProp: every gradient divided by its recent root mean square."""

import numpy as np

from minidl.arrays import Array, constant
from minidl.checks.arguments import Bounded
from minidl.layer import Layer
from minidl.optimizers.optimizer import Clip, Groups, Optimizer
from minidl.optimizers.schedules import Rate


class RMSProp(Optimizer):
    """RMSProp: every coordinate of the gradient is divided by its recent root mean square.

    With parameters θ, gradient g, learning rate η, momentum μ and weight decay λ, a step is::

        g ← g + λ θ
        v ← α v + (1 − α) g²
        u ← μ u + g / (√v + ε)                 (u = g / (√v + ε) without momentum)
        θ ← θ − η u

    Parameters
    ----------
    network : Layer
        Whose parameters to train.
    learning_rate : float or schedule
        η, above 0.
    alpha : float, default 0.99
        α, in [0, 1): how slowly the mean square follows.
    momentum : float, default 0
        μ, in [0, 1).
    epsilon : float, default 1e-8
        ε, above 0.
    weight_decay : float, default 0
        λ, not negative.
    groups, clip
        See `Optimizer`.

    Attributes
    ----------
    square : ndarray
        v, one number for each of the parameters' vector.
    velocity : ndarray or None
        u, if there is momentum.

    Raises
    ------
    ValueError, TypeError
        For a hyper-parameter that is out of range or no number; for a network without parameters.

    References
    ----------
    G. Hinton, "Neural Networks for Machine Learning", lecture 6e, 2012; the form is torch's.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import Dense
    >>> layer = Dense(1, 2, rng=0)
    >>> optimizer = RMSProp(layer, learning_rate=0.1)
    >>> layer.bias.grad += [100.0, -0.01]
    >>> optimizer.step()
    >>> layer.bias.value.round(3)
    array([-1.,  1.], dtype=float32)
    """

    config = (*Optimizer.config, "alpha", "momentum", "epsilon")
    state = ("square", "velocity")

    alpha = Bounded(least=0, below=1)
    momentum = Bounded(least=0, below=1)
    epsilon = Bounded(above=0)
    square: Array
    velocity: Array | None

    def __init__(
        self,
        network: Layer,
        learning_rate: Rate,
        alpha: float = 0.99,
        momentum: float = 0.0,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        groups: Groups | None = None,
        clip: Clip | None = None,
    ) -> None:
        self.alpha, self.momentum, self.epsilon = alpha, momentum, epsilon
        super().__init__(
            network, learning_rate, weight_decay=weight_decay, groups=groups, clip=clip
        )

    def update(
        self,
        value: Array,
        grad: Array,
        square: Array,
        velocity: Array | None,
        rate: float,
        decay: float,
    ) -> None:
        """Take the step of one stretch."""
        dtype = square.dtype
        alpha, share = constant(self.alpha, dtype), constant(1 - self.alpha, dtype)
        epsilon = constant(max(self.epsilon, np.finfo(dtype).tiny), dtype)  # 0 / 0 would be NaN
        if decay:
            grad += decay * value
        square *= alpha
        square += share * (grad * grad)
        grad /= np.sqrt(square) + epsilon
        if velocity is not None:
            velocity *= constant(self.momentum, dtype)
            velocity += grad
            grad = velocity
        value -= constant(rate, dtype) * grad

    def _needs(self, name: str) -> bool:
        return name == "square" or self.momentum > 0
