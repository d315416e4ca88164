"""Correct normalisations."""

import numpy as np

from minidl import Buffer, Layer, Parameter

F64 = np.float64


class BatchNorm(Layer):
    """Over the batch, per feature; samples influence one another."""

    def __init__(self, rng, features, epsilon=1e-5, momentum=0.1, dtype=F64):
        self.gain = Parameter(1 + 0.3 * rng.normal(size=features), dtype)
        self.shift = Parameter(rng.normal(size=features), dtype)
        self.running_mean = Buffer(np.zeros(features), dtype)
        self.running_variance = Buffer(np.ones(features), dtype)
        self.epsilon, self.momentum = epsilon, momentum

    def forward(self, x):
        mean, variance = x.mean(axis=0), x.var(axis=0)
        self.running_mean.value += self.momentum * (mean - self.running_mean.value)
        self.running_variance.value += self.momentum * (variance - self.running_variance.value)
        inverse = 1 / np.sqrt(variance + self.epsilon)
        xhat = (x - mean) * inverse
        return xhat * self.gain.value + self.shift.value, (xhat, inverse)

    def backward(self, dy, cache):
        xhat, inverse = cache
        self.gain.grad += (dy * xhat).sum(axis=0)
        self.shift.grad += dy.sum(axis=0)
        d = dy * self.gain.value
        return inverse * (d - d.mean(axis=0) - xhat * (d * xhat).mean(axis=0))

    def __call__(self, x):
        xhat = (x - self.running_mean.value) / np.sqrt(self.running_variance.value + self.epsilon)
        return xhat * self.gain.value + self.shift.value


class LayerNorm(Layer):
    def __init__(self, rng, features, epsilon=1e-5, dtype=F64):
        self.gain = Parameter(1 + 0.3 * rng.normal(size=features), dtype)
        self.shift = Parameter(rng.normal(size=features), dtype)
        self.epsilon = epsilon

    def forward(self, x):
        centred = x - x.mean(axis=-1, keepdims=True)
        inverse = 1 / np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + self.epsilon)
        xhat = centred * inverse
        return xhat * self.gain.value + self.shift.value, (xhat, inverse)

    def backward(self, dy, cache):
        xhat, inverse = cache
        self.gain.grad += (dy * xhat).sum(axis=0)
        self.shift.grad += dy.sum(axis=0)
        d = dy * self.gain.value
        mean_path = d.mean(axis=-1, keepdims=True)
        variance_path = xhat * (d * xhat).mean(axis=-1, keepdims=True)
        return inverse * (d - mean_path - variance_path)


class RMSNorm(Layer):
    def __init__(self, rng, features, epsilon=1e-6, dtype=F64):
        self.gain = Parameter(1 + 0.3 * rng.normal(size=features), dtype)
        self.epsilon = epsilon

    def forward(self, x):
        inverse = 1 / np.sqrt((x * x).mean(axis=-1, keepdims=True) + self.epsilon)
        return x * inverse * self.gain.value, (x, inverse)

    def backward(self, dy, cache):
        x, inverse = cache
        self.gain.grad += (dy * x * inverse).sum(axis=0)
        d = dy * self.gain.value
        return inverse * d - x * inverse**3 * (d * x).mean(axis=-1, keepdims=True)


class UnitRows(Layer):
    """x / √(|x|² + ε), row by row."""

    def __init__(self, epsilon=1e-12):
        self.epsilon = epsilon

    def forward(self, x):
        norm = np.sqrt((x * x).sum(axis=-1, keepdims=True) + self.epsilon)
        return x / norm, (x / norm, norm)

    def backward(self, dy, cache):
        y, norm = cache
        return (dy - y * (dy * y).sum(axis=-1, keepdims=True)) / norm


class Standardize(Layer):
    """Each row to mean 0 and variance 1, without parameters."""

    def __init__(self, epsilon=1e-5):
        self.epsilon = epsilon

    def forward(self, x):
        centred = x - x.mean(axis=1, keepdims=True)
        deviation = np.sqrt((centred * centred).mean(axis=1, keepdims=True) + self.epsilon)
        return centred / deviation, (centred / deviation, deviation)

    def backward(self, dy, cache):
        y, deviation = cache
        inner = (dy * y).mean(axis=1, keepdims=True)
        return (dy - dy.mean(axis=1, keepdims=True) - y * inner) / deviation
