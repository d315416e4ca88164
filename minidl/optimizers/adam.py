"""Adam, and AdamW, which decays the weights beside the gradient."""

import math
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np

from minidl.arrays import Array, constant
from minidl.checks.arguments import Bounded
from minidl.layer import Layer
from minidl.optimizers.optimizer import Clip, Groups, Optimizer
from minidl.optimizers.schedules import Rate


class _Moments(Optimizer):
    """The rule that Adam and AdamW share."""

    config = (*Optimizer.config, "beta1", "beta2", "epsilon")
    state = ("mean", "square")

    decoupled: ClassVar[bool]
    beta1 = Bounded(least=0, below=1)
    beta2 = Bounded(least=0, below=1)
    epsilon = Bounded(above=0)
    mean: Array
    square: Array

    def __init__(
        self,
        network: Layer,
        learning_rate: Rate,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        groups: Groups | None = None,
        clip: Clip | None = None,
    ) -> None:
        self.beta1, self.beta2, self.epsilon = beta1, beta2, epsilon
        super().__init__(
            network, learning_rate, weight_decay=weight_decay, groups=groups, clip=clip
        )

    def update(
        self, value: Array, grad: Array, mean: Array, square: Array, rate: float, decay: float
    ) -> None:
        """Take the step of one stretch.

        m̂ / (√v̂ + ε) = (c₂/c₁) m / (√v + c₂ ε)  with  c₁ = 1 − β₁ᵗ and c₂ = √(1 − β₂ᵗ)
        """
        beta1, share1, beta2, share2, c1, c2, epsilon = _coefficients(
            self.steps + 1, self.beta1, self.beta2, self.epsilon, grad.dtype
        )
        if decay and self.decoupled:
            value *= 1 - rate * decay
        elif decay:
            grad += decay * value
        mean *= beta1
        mean += share1 * grad
        square *= beta2
        square += share2 * (grad * grad)
        value -= constant(rate * c2 / c1, grad.dtype) * (mean / (np.sqrt(square) + epsilon))


class Adam(_Moments):
    """Adam: a step of about the learning rate in every coordinate, by running means of g and g².

    With parameters θ, gradient g, learning rate η and weight decay λ, step t = 1, 2, … is::

        g ← g + λ θ
        m ← β₁ m + (1 − β₁) g                  v ← β₂ v + (1 − β₂) g²
        θ ← θ − η m̂ / (√v̂ + ε)                 m̂ = m / (1 − β₁ᵗ),  v̂ = v / (1 − β₂ᵗ)

    where m̂ and v̂ make up for the zeros that m and v begin with.

    Parameters
    ----------
    network : Layer
        Whose parameters to train.
    learning_rate : float or schedule
        η, above 0; 0.001 is the customary first choice.
    beta1, beta2 : float, default 0.9 and 0.999
        β₁ and β₂, in [0, 1).
    epsilon : float, default 1e-8
        ε, above 0.
    weight_decay : float, default 0
        λ, not negative. Since Adam divides by √v̂, it hardly decays weights with large gradients;
        `AdamW` decays all alike.
    groups, clip
        See `Optimizer`.

    Attributes
    ----------
    mean, square : ndarray
        m and v, one number for each of the parameters' vector.

    Raises
    ------
    ValueError, TypeError
        For a hyper-parameter that is out of range or no number; for a network without parameters.

    References
    ----------
    D. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, algorithm 1.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import Dense
    >>> layer = Dense(1, 2, rng=0)
    >>> optimizer = Adam(layer, learning_rate=0.5)
    >>> layer.bias.grad += [100.0, -0.01]
    >>> optimizer.step()
    >>> layer.bias.value.round(3)
    array([-0.5,  0.5], dtype=float32)
    """

    decoupled = False


class AdamW(_Moments):
    """Adam with decoupled weight decay: the weights shrink beside the gradient, all alike.

    It is `Adam` without λ in the gradient, and before each step::

        θ ← (1 − η λ) θ

    Parameters
    ----------
    network : Layer
        Whose parameters to train.
    learning_rate : float or schedule
        η, above 0; 0.001 is the customary first choice.
    beta1, beta2 : float, default 0.9 and 0.999
        β₁ and β₂, in [0, 1).
    epsilon : float, default 1e-8
        ε, above 0.
    weight_decay : float, default 0.01
        λ, not negative. Biases and norms are customarily spared:
        ``groups={"*.bias*": {"weight_decay": 0}, "*.gain": {"weight_decay": 0}}``.
    groups, clip
        See `Optimizer`.

    Attributes
    ----------
    mean, square : ndarray
        The running means of g and g², one number for each of the parameters' vector.

    Raises
    ------
    ValueError, TypeError
        For a hyper-parameter that is out of range or no number; for a network without parameters.

    References
    ----------
    I. Loshchilov and F. Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, algorithm 2
    (with λ times the learning rate, as torch has it).

    Examples
    --------
    >>> from minidl import Dense
    >>> layer = Dense(1, 1, weight_initializer=lambda rng, shape, dtype: [[1.0]])
    >>> AdamW(layer, learning_rate=0.5, weight_decay=0.5).step()
    >>> layer.weight.value
    array([[0.75]], dtype=float32)
    """

    decoupled = True

    def __init__(
        self,
        network: Layer,
        learning_rate: Rate,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.01,
        *,
        groups: Groups | None = None,
        clip: Clip | None = None,
    ) -> None:
        super().__init__(
            network, learning_rate, beta1, beta2, epsilon, weight_decay, groups=groups, clip=clip
        )


@lru_cache(maxsize=8)
def _coefficients(
    step: int, beta1: float, beta2: float, epsilon: float, dtype: np.dtype[Any]
) -> tuple[Any, ...]:
    """Return β₁, 1 − β₁, β₂, 1 − β₂, c₁, c₂ and c₂ ε of a step: all but c₁ and c₂ as arrays."""
    c1, c2 = 1 - beta1**step, math.sqrt(1 - beta2**step)
    numbers = (beta1, 1 - beta1, beta2, 1 - beta2)
    smallest = np.finfo(dtype).tiny  # 0 / 0 is NaN
    return (
        *(constant(n, dtype) for n in numbers),
        c1,
        c2,
        constant(max(c2 * epsilon, smallest), dtype),
    )
