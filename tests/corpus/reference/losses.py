"""Correct losses: the first input is differentiable, the output is one number."""

import numpy as np
from scipy.special import expit

from minidl import Layer


class SoftmaxCE(Layer):
    """The mean over the samples, or Σ wᵢ ℓᵢ / Σ wᵢ."""

    differentiable = 1

    def forward(self, z, label, weight=None):
        shifted = z - z.max(axis=1, keepdims=True)
        e = np.exp(shifted)
        p = e / e.sum(axis=1, keepdims=True)
        losses = np.log(e.sum(axis=1)) - shifted[np.arange(len(z)), label]
        share = np.full(len(z), 1 / len(z), z.dtype) if weight is None else weight / weight.sum()
        return share @ losses, (p, label, share)

    def backward(self, dy, cache):
        p, label, share = cache
        dz = p.copy()
        dz[np.arange(len(dz)), label] -= 1
        return dz * (dy * share)[:, None]


class BCE(Layer):
    """Binary cross-entropy of logits."""

    differentiable = 1

    def forward(self, z, target):
        losses = np.maximum(z, 0) - z * target + np.log1p(np.exp(-np.abs(z)))
        return losses.mean(), (z, target)

    def backward(self, dy, cache):
        z, target = cache
        return dy * (expit(z) - target) / z.size


class MSE(Layer):
    differentiable = 1

    def forward(self, x, target):
        return ((x - target) ** 2).mean(), x - target

    def backward(self, dy, difference):
        return dy * 2 * difference / difference.size


class Huber(Layer):
    differentiable = 1

    def __init__(self, delta=1.0):
        self.delta = delta

    def forward(self, x, target):
        r = x - target
        size = np.abs(r)
        linear = self.delta * (size - self.delta / 2)
        return np.where(size <= self.delta, r * r / 2, linear).mean(), r

    def backward(self, dy, r):
        return dy * np.clip(r, -self.delta, self.delta) / r.size


class Hinge(Layer):
    """Multi-class: Σⱼ max(0, 1 + xⱼ − x_label) over the wrong classes, the mean over samples."""

    differentiable = 1

    def forward(self, x, label):
        rows = np.arange(len(x))
        margin = 1 + x - x[rows, label][:, None]
        margin[rows, label] = 0
        return np.maximum(margin, 0).sum() / len(x), (margin, label)

    def backward(self, dy, cache):
        margin, label = cache
        dx = (margin > 0).astype(margin.dtype)
        dx[np.arange(len(dx)), label] = -dx.sum(axis=1)
        return dy * dx / len(dx)


class L1(Layer):
    differentiable = 1

    def forward(self, x, target):
        return np.abs(x - target).mean(), x - target

    def backward(self, dy, difference):
        return dy * np.sign(difference) / difference.size


class Cosine(Layer):
    """The mean of 1 − cos(x, target) over the rows."""

    differentiable = 1

    def forward(self, x, target):
        norm = np.sqrt((x * x).sum(axis=1, keepdims=True))
        other = target / np.sqrt((target * target).sum(axis=1, keepdims=True))
        cosine = (x * other).sum(axis=1, keepdims=True) / norm
        return (1 - cosine).mean(), (x / norm, norm, other, cosine)

    def backward(self, dy, cache):
        unit, norm, other, cosine = cache
        return -dy * (other - cosine * unit) / norm / len(unit)
