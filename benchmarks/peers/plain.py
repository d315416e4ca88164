"""Plain NumPy: the products of a step alone, and functions as one writes them in a notebook."""

import numpy as np

from benchmarks.peers import Trainer, training
from benchmarks.work import FLOOR, INLINE, NotHere, Training

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


class Inline(Trainer):
    """One hidden layer and one sample a step, as one writes it into a notebook."""

    def build(self):
        if len(self.work.widths) != 3 or self.work.batch != 1:
            raise NotHere

    def reset(self):
        self.parameters = list(self.work.initial())

    def train(self, epochs):
        x, y, rate = self.x, self.y, np.float32(self.work.learning_rate)
        w1, b1, w2, b2 = self.parameters
        for order in self.orders(epochs):
            for i in order:
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
        return loss


def relu(z):
    return np.maximum(z, 0)


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def forward(x, parameters):
    w1, b1, w2, b2 = parameters
    hidden = relu(x @ w1 + b1)
    return hidden, softmax(hidden @ w2 + b2)


def cross_entropy(probabilities, y):
    return -np.log(probabilities[np.arange(len(y)), y]).mean()


def backward(x, y, hidden, probabilities, w2):
    dz = probabilities.copy()
    dz[np.arange(len(y)), y] -= 1
    dz /= len(y)
    dh = dz @ w2.T * (hidden > 0)
    return x.T @ dh, dh.sum(axis=0), hidden.T @ dz, dz.sum(axis=0)


class Functions(Inline):
    """The same in functions of a batch, which here has one sample."""

    def train(self, epochs):
        x, y, size, rate = self.x, self.y, self.work.batch, np.float32(self.work.learning_rate)
        parameters = self.parameters
        for order in self.orders(epochs):
            for start in range(0, len(x), size):
                rows = order[start : start + size]
                x_batch, y_batch = x[rows], y[rows]
                hidden, probabilities = forward(x_batch, parameters)
                loss = cross_entropy(probabilities, y_batch)
                gradients = backward(x_batch, y_batch, hidden, probabilities, parameters[2])
                for parameter, gradient in zip(parameters, gradients, strict=True):
                    parameter -= rate * gradient
        return loss


WAYS = {
    Training: {
        FLOOR: training(Products),
        INLINE: training(Inline),
        "inline, in functions of a batch": training(Functions),
    }
}
