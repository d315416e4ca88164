"""Stochastic gradient descent."""

from minidl.arrays import Array, constant
from minidl.checks.arguments import Bounded, boolean
from minidl.layer import Layer
from minidl.optimizers.optimizer import Clip, Groups, Optimizer
from minidl.optimizers.schedules import Rate


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
    learning_rate : float or schedule
        η, above 0.
    momentum : float, default 0
        μ, in [0, 1).
    nesterov : bool, default False
        Whether to look ahead along the momentum; needs momentum above 0.
    weight_decay : float, default 0
        λ, not negative: the gradient of λ/2 ‖θ‖² is added, for weights and biases alike (see
        `groups` to spare some).
    groups, clip
        See `Optimizer`.

    Attributes
    ----------
    velocity : ndarray or None
        v, one number for each of the parameters' vector, if there is momentum.

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

    config = (*Optimizer.config, "momentum", "nesterov")
    state = ("velocity",)

    momentum = Bounded(least=0, below=1)
    velocity: Array | None

    def __init__(
        self,
        network: Layer,
        learning_rate: Rate,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
        *,
        groups: Groups | None = None,
        clip: Clip | None = None,
    ) -> None:
        self.momentum = momentum
        self.nesterov = boolean("nesterov", nesterov)
        if nesterov and not self.momentum:
            raise ValueError("nesterov=True needs a momentum above 0")
        super().__init__(
            network, learning_rate, weight_decay=weight_decay, groups=groups, clip=clip
        )

    def update(
        self, value: Array, grad: Array, velocity: Array | None, rate: float, decay: float
    ) -> None:
        """Take the step of one stretch."""
        if decay:
            grad += decay * value
        if velocity is None:
            grad *= constant(rate, grad.dtype)
            value -= grad
            return
        momentum = constant(self.momentum, grad.dtype)
        velocity *= momentum
        velocity += grad
        ahead = grad + momentum * velocity if self.nesterov else velocity
        value -= constant(rate, grad.dtype) * ahead

    def _needs(self, name: str) -> bool:
        return self.momentum > 0
