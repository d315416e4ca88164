"""Correct layers built on products: dense, bilinear, tied, embedding, and products of inputs."""

import numpy as np

from minidl import Layer, Parameter

F64 = np.float64


class Dense(Layer):
    def __init__(self, rng, fan_in, fan_out, dtype=F64):
        self.weight = Parameter(rng.normal(size=(fan_in, fan_out)) / np.sqrt(fan_in), dtype)
        self.bias = Parameter(rng.normal(size=fan_out), dtype)

    def forward(self, x):
        return x @ self.weight.value + self.bias.value, x

    def backward(self, dy, x):
        self.weight.grad += x.T @ dy
        self.bias.grad += dy.sum(axis=0)
        return dy @ self.weight.value.T


class Affine(Layer):
    """Dense with weight and bias as inputs: a function of three arrays."""

    def forward(self, x, w, b):
        return x @ w + b, (x, w)

    def backward(self, dy, cache):
        x, w = cache
        return dy @ w.T, x.T @ dy, dy.sum(axis=0)


class Linear(Layer):
    """A product with a constant matrix."""

    def __init__(self, rng, fan_in, fan_out):
        self.matrix = rng.normal(size=(fan_in, fan_out))

    def forward(self, x):
        return x @ self.matrix, None

    def backward(self, dy, cache):
        return dy @ self.matrix.T


class Scale(Layer):
    """A gain and a shift for each feature."""

    def __init__(self, rng, features, dtype=F64):
        self.gain = Parameter(rng.normal(size=features), dtype)
        self.shift = Parameter(rng.normal(size=features), dtype)

    def forward(self, x):
        return x * self.gain.value + self.shift.value, x

    def backward(self, dy, x):
        self.gain.grad += (dy * x).sum(axis=0)
        self.shift.grad += dy.sum(axis=0)
        return dy * self.gain.value


class Bilinear(Layer):
    """y[n, k] = Σᵢⱼ a[n, i] W[k, i, j] b[n, j]."""

    def __init__(self, rng, left, right, out, dtype=F64):
        self.weight = Parameter(rng.normal(size=(out, left, right)), dtype)

    def forward(self, a, b):
        return np.einsum("ni,kij,nj->nk", a, self.weight.value, b), (a, b)

    def backward(self, dy, cache):
        a, b = cache
        self.weight.grad += np.einsum("nk,ni,nj->kij", dy, a, b)
        da = np.einsum("nk,kij,nj->ni", dy, self.weight.value, b)
        db = np.einsum("nk,kij,ni->nj", dy, self.weight.value, a)
        return da, db


class Multiply(Layer):
    def forward(self, a, b):
        return a * b, (a, b)

    def backward(self, dy, cache):
        a, b = cache
        return dy * b, dy * a


class Add(Layer):
    def forward(self, a, b):
        return a + b, None

    def backward(self, dy, cache):
        return dy.copy(), dy.copy()


class Divide(Layer):
    def forward(self, a, b):
        return a / b, (a, b)

    def backward(self, dy, cache):
        a, b = cache
        return dy / b, -dy * a / (b * b)


class Matmul(Layer):
    def forward(self, a, b):
        return a @ b, (a, b)

    def backward(self, dy, cache):
        a, b = cache
        return dy @ b.swapaxes(-1, -2), a.swapaxes(-1, -2) @ dy


class Tied(Layer):
    """An autoencoder: tanh(x W) Wᵀ, the weight in two places."""

    def __init__(self, rng, features, code, dtype=F64):
        self.weight = Parameter(rng.normal(size=(features, code)), dtype)

    def forward(self, x):
        h = np.tanh(x @ self.weight.value)
        return h @ self.weight.value.T, (x, h)

    def backward(self, dy, cache):
        x, h = cache
        da = (dy @ self.weight.value) * (1 - h * h)
        self.weight.grad += dy.T @ h
        self.weight.grad += x.T @ da
        return da @ self.weight.value.T


class Embedding(Layer):
    def __init__(self, rng, words, features, dtype=F64):
        self.table = Parameter(rng.normal(size=(words, features)), dtype)

    def forward(self, index):
        return self.table.value[index], index

    def backward(self, dy, index):
        np.add.at(self.table.grad, index, dy)


class Quadratic(Layer):
    """One number for each row: xᵀ A x, with a matrix A that is not symmetric."""

    def __init__(self, rng, features, dtype=F64):
        self.matrix = Parameter(rng.normal(size=(features, features)), dtype)

    def forward(self, x):
        return np.einsum("ni,ij,nj->n", x, self.matrix.value, x), x

    def backward(self, dy, x):
        self.matrix.grad += np.einsum("n,ni,nj->ij", dy, x, x)
        return dy[:, None] * (x @ (self.matrix.value + self.matrix.value.T))
