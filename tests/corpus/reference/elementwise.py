"""Correct elementwise layers; what backward needs is in the cache, nothing on the layer."""

import numpy as np
from scipy.special import erf, expit

from minidl import Layer, Parameter

F64 = np.float64


class ReLU(Layer):
    def forward(self, x):
        return np.maximum(x, 0), x

    def backward(self, dy, x):
        return dy * (x > 0)


class LeakyReLU(Layer):
    def __init__(self, slope=0.1):
        self.slope = slope

    def forward(self, x):
        return np.where(x > 0, x, self.slope * x), x

    def backward(self, dy, x):
        return np.where(x > 0, dy, self.slope * dy)


class PReLU(Layer):
    """One learnt slope for each feature."""

    def __init__(self, features, dtype=F64):
        self.slope = Parameter(np.linspace(0.1, 0.4, features), dtype)

    def forward(self, x):
        return np.where(x > 0, x, self.slope.value * x), x

    def backward(self, dy, x):
        self.slope.grad += (dy * np.minimum(x, 0)).sum(axis=0)
        return np.where(x > 0, dy, self.slope.value * dy)


class ELU(Layer):
    def __init__(self, alpha=1.3):
        self.alpha = alpha

    def forward(self, x):
        y = np.where(x > 0, x, self.alpha * np.expm1(np.minimum(x, 0)))
        return y, (x, y)

    def backward(self, dy, cache):
        x, y = cache
        return np.where(x > 0, dy, dy * (y + self.alpha))


class GELU(Layer):
    """x Φ(x), with the error function."""

    def forward(self, x):
        return x * (1 + erf(x / np.sqrt(2).astype(x.dtype))) / 2, x

    def backward(self, dy, x):
        cumulative = (1 + erf(x / np.sqrt(2).astype(x.dtype))) / 2
        density = np.exp(-x * x / 2) / np.sqrt(2 * np.pi).astype(x.dtype)
        return dy * (cumulative + x * density)


class SiLU(Layer):
    def forward(self, x):
        s = expit(x)
        return x * s, (x, s)

    def backward(self, dy, cache):
        x, s = cache
        return dy * (s + x * s * (1 - s))


class Softplus(Layer):
    def forward(self, x):
        return np.logaddexp(x, 0), x

    def backward(self, dy, x):
        return dy * expit(x)


class Sigmoid(Layer):
    def forward(self, x):
        y = expit(x)
        return y, y

    def backward(self, dy, y):
        return dy * y * (1 - y)


class Tanh(Layer):
    def forward(self, x):
        y = np.tanh(x)
        return y, y

    def backward(self, dy, y):
        return dy * (1 - y * y)


class HardTanh(Layer):
    def forward(self, x):
        return np.clip(x, -1, 1), x

    def backward(self, dy, x):
        return dy * ((x > -1) & (x < 1))


class Abs(Layer):
    def forward(self, x):
        return np.abs(x), x

    def backward(self, dy, x):
        return dy * np.sign(x)


class Softsign(Layer):
    def forward(self, x):
        return x / (1 + np.abs(x)), x

    def backward(self, dy, x):
        return dy / (1 + np.abs(x)) ** 2


class Square(Layer):
    def forward(self, x):
        return x * x, x

    def backward(self, dy, x):
        return 2 * x * dy


class Exp(Layer):
    def forward(self, x):
        y = np.exp(x)
        return y, y

    def backward(self, dy, y):
        return dy * y


class Log(Layer):
    """log(ε + x²), which is even, smooth and steep near 0."""

    def __init__(self, epsilon=0.1):
        self.epsilon = epsilon

    def forward(self, x):
        return np.log(self.epsilon + x * x), x

    def backward(self, dy, x):
        return dy * 2 * x / (self.epsilon + x * x)


class Softmax(Layer):
    def forward(self, x):
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        y = e / e.sum(axis=-1, keepdims=True)
        return y, y

    def backward(self, dy, y):
        return y * (dy - (dy * y).sum(axis=-1, keepdims=True))


class LogSoftmax(Layer):
    def forward(self, x):
        shifted = x - x.max(axis=-1, keepdims=True)
        y = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
        return y, y

    def backward(self, dy, y):
        return dy - np.exp(y) * dy.sum(axis=-1, keepdims=True)


class Dropout(Layer):
    def __init__(self, p=0.4, seed=0):
        self.p = p
        self.rng = np.random.default_rng(seed)

    def forward(self, x):
        mask = (self.rng.random(x.shape) >= self.p).astype(x.dtype) / (1 - self.p)
        mask = mask.astype(x.dtype)
        return x * mask, mask

    def backward(self, dy, mask):
        return dy * mask

    def __call__(self, x):
        return x.copy()
