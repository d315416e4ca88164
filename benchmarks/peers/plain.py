"""Plain NumPy: the products of a step alone, and functions as one writes them in a notebook."""

import numpy as np

from benchmarks.peers import Trainer, training
from benchmarks.work import FLOOR, NotHere, Training

VERSION = np.__version__


class Products(Trainer):
    """The matrix products of a step by np.dot, the first layer's dx left out, and nothing else."""

    def build(self):
        if not self.work.widths:
            raise NotHere("a convolution is no single product")
        if self.work.goal:
            raise NotHere("it learns nothing")
        self.weights = list(self.work.initial())[::2]
        rng = np.random.default_rng(0)
        shapes = [(self.work.batch, width) for width in self.work.widths]
        self.xs = [rng.standard_normal(shape, np.float32) for shape in shapes]

    def reset(self):
        pass

    def train(self, epochs):
        dot, weights, xs = np.dot, self.weights, self.xs
        for _ in range(epochs * self.work.steps):
            for x, weight in zip(xs, weights, strict=False):
                dot(x, weight)
            for i in range(len(weights) - 1, 0, -1):
                dot(xs[i].T, xs[i + 1])
                dot(xs[i + 1], weights[i].T)
            dot(xs[0].T, xs[1])


def forward(x, w1, b1, w2, b2):
    hidden = np.maximum(x @ w1 + b1, 0)
    return hidden, hidden @ w2 + b2


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def backward(x, y, hidden, probabilities, w2):
    dz = probabilities.copy()
    dz[np.arange(len(y)), y] -= 1
    dz /= len(y)
    dh = dz @ w2.T * (hidden > 0)
    return x.T @ dh, dh.sum(axis=0), hidden.T @ dz, dz.sum(axis=0)


class Inline(Trainer):
    """One hidden layer by the textbook's functions on global arrays."""

    def build(self):
        if len(self.work.widths) != 3 or self.work.optimizer != "SGD":
            raise NotHere("it is written out for one hidden layer and SGD")
        self.rng = np.random.default_rng(0)

    def reset(self):
        self.parameters = list(self.work.initial())

    def train(self, epochs):
        x, y, size, rate = self.x, self.y, self.work.batch, np.float32(self.work.learning_rate)
        w1, b1, w2, b2 = self.parameters
        for _ in range(epochs):
            order = self.rng.permutation(len(x))
            for start in range(0, len(x), size):
                rows = order[start : start + size]
                xb, yb = x[rows], y[rows]
                hidden, z = forward(xb, w1, b1, w2, b2)
                probabilities = softmax(z)
                loss = -np.log(probabilities[np.arange(len(yb)), yb]).mean()
                dw1, db1, dw2, db2 = backward(xb, yb, hidden, probabilities, w2)
                w1 -= rate * dw1
                b1 -= rate * db1
                w2 -= rate * dw2
                b2 -= rate * db2
        return float(loss)


class InlineSample(Inline):
    """The same for one sample at a time, on vectors."""

    def build(self):
        super().build()
        if self.work.batch != 1:
            raise NotHere("it takes one sample a step")

    def train(self, epochs):
        x, y, rate = self.x, self.y, np.float32(self.work.learning_rate)
        w1, b1, w2, b2 = self.parameters
        for _ in range(epochs):
            for i in self.rng.permutation(len(x)):
                hidden = np.maximum(x[i] @ w1 + b1, 0)
                z = hidden @ w2 + b2
                e = np.exp(z - z.max())
                dz = e / e.sum()
                loss = -np.log(dz[y[i]])
                dz[y[i]] -= 1
                dh = w2 @ dz * (hidden > 0)
                w1 -= rate * np.outer(x[i], dh)
                b1 -= rate * dh
                w2 -= rate * np.outer(hidden, dz)
                b2 -= rate * dz
        return float(loss)


WAYS = {
    Training: {
        FLOOR: training(Products),
        "inline functions": training(Inline),
        "inline, on vectors": training(InlineSample),
    }
}
