"""Correct layers that move, sum or combine: shapes, cumulative sums, residual, concatenation."""

import math

import numpy as np

from minidl import Layer


class Identity(Layer):
    def forward(self, x):
        return x, None

    def backward(self, dy, cache):
        return dy


class Flatten(Layer):
    def forward(self, x):
        return x.reshape(len(x), math.prod(x.shape[1:])), x.shape

    def backward(self, dy, shape):
        return dy.reshape(shape)


class Transpose(Layer):
    def __init__(self, *axes):
        self.axes = axes

    def forward(self, x):
        return x.transpose(self.axes), None

    def backward(self, dy, cache):
        return dy.transpose(np.argsort(self.axes))


class CumSum(Layer):
    def forward(self, x):
        return x.cumsum(axis=1), None

    def backward(self, dy, cache):
        return dy[:, ::-1].cumsum(axis=1)[:, ::-1]


class Mean(Layer):
    """The mean of each row."""

    def forward(self, x):
        return x.mean(axis=1), x.shape

    def backward(self, dy, shape):
        return np.broadcast_to(dy[:, None] / shape[1], shape).copy()


class Product(Layer):
    """The product of each row, by prefix and suffix products."""

    def forward(self, x):
        return x.prod(axis=1), x

    def backward(self, dy, x):
        ones = np.ones_like(x[:, :1])
        before = np.concatenate([ones, x[:, :-1].cumprod(axis=1)], axis=1)
        after = np.concatenate([x[:, :0:-1].cumprod(axis=1)[:, ::-1], ones], axis=1)
        return dy[:, None] * before * after


class Gather(Layer):
    """Chosen columns, possibly repeated."""

    def __init__(self, index):
        self.index = np.asarray(index)

    def forward(self, x):
        return x[:, self.index], x.shape

    def backward(self, dy, shape):
        dx = np.zeros(shape, dy.dtype)
        np.add.at(dx, (slice(None), self.index), dy)
        return dx


class Concat(Layer):
    """Two inputs side by side."""

    def forward(self, a, b):
        return np.concatenate([a, b], axis=1), a.shape[1]

    def backward(self, dy, width):
        return dy[:, :width].copy(), dy[:, width:].copy()


class Residual(Layer):
    """x + branch(x)."""

    def __init__(self, branch):
        self.branch = branch

    def forward(self, x):
        y, cache = self.branch.forward(x)
        return x + y, cache

    def backward(self, dy, cache):
        return dy + self.branch.backward(dy, cache)

    def __call__(self, x):
        return x + self.branch(x)


class Concatenate(Layer):
    """The outputs of two branches side by side."""

    def __init__(self, left, right):
        self.left, self.right = left, right

    def forward(self, x):
        a, left = self.left.forward(x)
        b, right = self.right.forward(x)
        return np.concatenate([a, b], axis=1), (left, right, a.shape[1])

    def backward(self, dy, cache):
        left, right, width = cache
        return self.left.backward(dy[:, :width], left) + self.right.backward(dy[:, width:], right)

    def __call__(self, x):
        return np.concatenate([self.left(x), self.right(x)], axis=1)


class Gate(Layer):
    """A highway: s a(x) + (1 − s) b(x), where s = σ(gate(x))."""

    def __init__(self, gate, left, right):
        self.gate, self.left, self.right = gate, left, right

    def forward(self, x):
        g, gate = self.gate.forward(x)
        a, left = self.left.forward(x)
        b, right = self.right.forward(x)
        s = 1 / (1 + np.exp(-g))
        return s * a + (1 - s) * b, (gate, left, right, s, a, b)

    def backward(self, dy, cache):
        gate, left, right, s, a, b = cache
        dx = self.left.backward(dy * s, left)
        dx = dx + self.right.backward(dy * (1 - s), right)
        return dx + self.gate.backward(dy * (a - b) * s * (1 - s), gate)

    def __call__(self, x):
        s = 1 / (1 + np.exp(-self.gate(x)))
        return s * self.left(x) + (1 - s) * self.right(x)
