"""Normalisation: the features of a batch, or those of a sample, get mean 0 and variance 1."""

from string import ascii_lowercase
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from minidl.arrays import Array
from minidl.checks.arguments import integer, number
from minidl.layer import Layer
from minidl.layers._checks import check_cotangent, check_input
from minidl.parameters import Buffer, Parameter


class _Normalization(Layer):
    """The base of both: ε, γ and β."""

    def __init__(self, features: int, *, eps: float = 1e-5, dtype: DTypeLike = np.float32) -> None:
        self.features = integer("features", features, least=1)
        self.eps = number("eps", eps, above=0)
        self.gain = Parameter(np.ones(self.features), dtype)
        self.bias = Parameter(np.zeros(self.features), dtype)


class BatchNorm(_Normalization):
    """Normalise every feature over the batch: y = γ (x − μ) / √(σ² + ε) + β.

    In training, the mean μ and the variance σ² of a feature are taken over all its numbers in the
    batch: over the samples, and for images (N, C, H, W) over the pixels too. At inference,
    ``layer(x)`` takes running averages instead, which `forward` updates::

        running ← (1 − momentum) running + momentum batch

    with the variance Σ (x − μ)² / (M − 1) of the M numbers, free of bias.

    Backward. x reaches the loss through its own x̂ = (x − μ) / s, s = √(σ² + ε), and through the
    μ and σ² of its feature, hence through the x̂ of all its numbers. With dx̂ = γ dy::

        ∂x̂ₖ/∂xᵢ = ([k = i] − 1/M − x̂ₖ x̂ᵢ / M) / s
        dx = (dx̂ − mean(dx̂) − x̂ mean(dx̂ x̂)) / s = γ/s (dy − Σ dy / M − x̂ Σ (dy x̂) / M)
        dγ = Σ dy x̂
        dβ = Σ dy

    Samples influence one another here, unlike in any other layer. Of a single number per feature
    x̂ is 0: then y = β, dx = 0, and the running variance stays as it is, since one number tells
    nothing of it. An empty batch changes nothing.

    Parameters
    ----------
    features : int
        The length of the axis of features.
    axis : int, default 1
        The axis of features: that of (N, features) and (N, C, H, W); −1 for sequences
        (N, T, features).
    momentum : float, default 0.1
        The weight of the newest batch in the running averages, as in PyTorch (Keras's is 1 − this).
    eps : float, default 1e-5
        The ε that keeps a constant feature from a division by zero.
    dtype : float32 or float64, default float32
        The dtype of parameters and buffers.

    Attributes
    ----------
    gain, bias : Parameter, shape (features,)
        γ and β, at first 1 and 0.
    running_mean, running_variance : Buffer, shape (features,)
        At first 0 and 1.

    Raises
    ------
    ValueError
        In `forward`, if x has no such axis, or its length is not features.

    References
    ----------
    S. Ioffe and C. Szegedy, "Batch normalization: accelerating deep network training by reducing
    internal covariate shift", ICML 2015.

    Examples
    --------
    >>> import numpy as np
    >>> layer = BatchNorm(2)
    >>> y, cache = layer.forward(np.array([[1, 10], [3, 10]], np.float32))
    >>> y.round(3)
    array([[-1.,  0.],
           [ 1.,  0.]], dtype=float32)
    >>> layer.running_mean.value, layer.running_variance.value
    (array([0.2, 1. ], dtype=float32), array([1.1, 0.9], dtype=float32))
    """

    config = ("features", "axis", "momentum", "eps")

    def __init__(
        self,
        features: int,
        *,
        axis: int = 1,
        momentum: float = 0.1,
        eps: float = 1e-5,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__(features, eps=eps, dtype=dtype)
        self.axis = integer("axis", axis)
        if self.axis == 0:
            raise ValueError("axis must be that of the features, got 0, the axis of the samples")
        self.momentum = number("momentum", momentum, least=0)
        if self.momentum > 1:
            raise ValueError(f"momentum must be at most 1, got {momentum!r}")
        self.running_mean = Buffer(np.zeros(self.features), dtype)
        self.running_variance = Buffer(np.ones(self.features), dtype)

    def forward(self, x: Array) -> tuple[Array, Any]:
        """Return (y, cache), and update the running averages."""
        axis, aligned = self._layout(x)
        count = x.size // self.features
        if count == 0:
            return x * self.gain.value.reshape(aligned), (x, self.gain.value, axis, aligned)
        mean = _sums(axis, x) / count
        normal = x - mean.reshape(aligned)
        squares = _sums(axis, normal, normal)
        inverse = 1 / np.sqrt(squares / count + self.eps)
        normal *= inverse.reshape(aligned)

        running = self.running_mean.value
        running += self.momentum * (mean - running)
        if count > 1:
            running = self.running_variance.value
            running += self.momentum * (squares / (count - 1) - running)

        y = normal * self.gain.value.reshape(aligned)
        y += self.bias.value.reshape(aligned)
        return y, (normal, inverse, axis, aligned)

    def backward(self, dy: Array, cache: Any, /) -> Array:
        """Return γ/s (dy − Σ dy / M − x̂ Σ (dy x̂) / M), and add dγ and dβ to the gradients."""
        normal, inverse, axis, aligned = cache
        check_cotangent(self, dy, normal.shape)
        d_gain, d_bias = _sums(axis, dy, normal), _sums(axis, dy)
        self.gain.grad += d_gain
        self.bias.grad += d_bias
        count = max(dy.size // self.features, 1)
        dx: Array = normal * (d_gain / -count).reshape(aligned)
        dx += dy
        dx -= (d_bias / count).reshape(aligned)
        dx *= (self.gain.value * inverse).reshape(aligned)
        return dx

    def __call__(self, x: Array) -> Array:
        """Return y with the running averages for μ and σ²."""
        _, aligned = self._layout(x)
        scale = self.gain.value / np.sqrt(self.running_variance.value + self.eps)
        y: Array = x - self.running_mean.value.reshape(aligned)
        y *= scale.reshape(aligned)
        y += self.bias.value.reshape(aligned)
        return y

    def _layout(self, x: Array) -> tuple[int, tuple[int, ...]]:
        """Return the axis of features, and the shape in which a vector of features meets x."""
        check_input(self, x, axis=self.axis, size=self.features)
        axis = self.axis % x.ndim
        if axis == 0:
            raise ValueError(f"{self}: input has no axis of samples (input shape {x.shape})")
        return axis, (-1,) + (1,) * (x.ndim - axis - 1)

    def __repr__(self) -> str:
        return f"BatchNorm({self.features}{'' if self.axis == 1 else f', axis={self.axis}'})"


def _sums(axis: int, *factors: Array) -> Array:
    """Return Σ x, or Σ x · y, over all axes but one: several times as fast as sum(axis=…)."""
    axes = ascii_lowercase[: factors[0].ndim]
    terms = ",".join([axes] * len(factors))
    if len(axes) == 2:
        return np.asarray(np.einsum(f"{terms}->{axes[axis]}", *factors))
    # einsum adds one by one: sums over single samples, added pairwise, keep the digits of float32
    return np.asarray(np.einsum(f"{terms}->{axes[axis]}{axes[0]}", *factors).sum(axis=1))


class LayerNorm(_Normalization):
    """Normalise every sample over its features, the last axis: y = γ (x − μ) / √(σ² + ε) + β.

    μ and σ² are the mean and the variance of the F numbers of one position, in training and at
    inference alike. With x̂ = (x − μ) / s and s = √(σ² + ε), backward is as in `BatchNorm`, along
    the other axis; with dx̂ = γ dy::

        dx = (dx̂ − mean(dx̂) − x̂ mean(dx̂ x̂)) / s        means over the F features
        dγ = Σ dy x̂                                      sums over all positions
        dβ = Σ dy

    Parameters
    ----------
    features : int
        The length F of the last axis.
    eps : float, default 1e-5
        The ε that keeps a constant sample from a division by zero.
    dtype : float32 or float64, default float32
        The dtype of the parameters.

    Attributes
    ----------
    gain, bias : Parameter, shape (features,)
        γ and β, at first 1 and 0.

    Raises
    ------
    ValueError
        In `forward`, if the last axis of x is not features long.

    References
    ----------
    J. L. Ba, J. R. Kiros and G. Hinton, "Layer normalization", arXiv:1607.06450, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> LayerNorm(3)(np.array([[1, 2, 3], [5, 5, 5]], np.float32)).round(3)
    array([[-1.225,  0.   ,  1.225],
           [ 0.   ,  0.   ,  0.   ]], dtype=float32)
    """

    config = ("features", "eps")

    def forward(self, x: Array) -> tuple[Array, Any]:
        """Return (y, cache)."""
        check_input(self, x, size=self.features)
        normal = x - _row_means(x)
        variance = np.vecdot(normal, normal)[..., np.newaxis] / self.features
        inverse = 1 / np.sqrt(variance + self.eps)
        normal *= inverse
        y = normal * self.gain.value
        y += self.bias.value
        return y, (normal, inverse)

    def backward(self, dy: Array, cache: Any, /) -> Array:
        """Return (dx̂ − mean(dx̂) − x̂ mean(dx̂ x̂)) / s, and add dγ and dβ to the gradients."""
        normal, inverse = cache
        check_cotangent(self, dy, normal.shape)
        rows = dy.reshape(-1, self.features)
        self.gain.grad += np.einsum("nf,nf->f", rows, normal.reshape(rows.shape))
        self.bias.grad += np.dot(np.ones(len(rows), dy.dtype), rows)
        dx: Array = dy * self.gain.value
        along = np.vecdot(dx, normal)[..., np.newaxis] / self.features
        dx -= _row_means(dx)
        dx -= normal * along
        dx *= inverse
        return dx

    def __repr__(self) -> str:
        return f"LayerNorm({self.features})"


def _row_means(x: Array) -> Array:
    """Return the means over the last axis, which is kept: a product is faster than mean."""
    features = x.shape[-1]
    means: Array = np.dot(x, np.ones(features, x.dtype))[..., np.newaxis] / features
    return means
