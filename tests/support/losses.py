"""Every loss in every form of its target, with draws of arguments that fit."""

from typing import Any, NamedTuple

import numpy as np

from minidl import (
    Hinge,
    Huber,
    MeanAbsoluteError,
    MeanSquaredError,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
)


class Case(NamedTuple):
    loss: Any
    target: str  # numbers, labels, signs, indices or rows

    @property
    def rows(self):
        """Whether an element is a row of scores."""
        return self.target in ("indices", "rows")

    def elements(self, shape):
        return shape[:-1] if self.rows else shape

    def draw(self, shape, dtype=np.float64, seed=0, spread=2.0):
        """Return (prediction, target, weight)."""
        rng = np.random.default_rng(seed)
        prediction = rng.normal(0, spread, shape).astype(dtype)
        elements = self.elements(shape)
        target = {
            "numbers": lambda: rng.normal(0, spread, shape).astype(dtype),
            "labels": lambda: rng.integers(0, 2, shape),
            "signs": lambda: 2 * rng.integers(0, 2, shape) - 1,
            "indices": lambda: rng.integers(0, shape[-1], elements),
            "rows": lambda: rng.dirichlet(np.ones(shape[-1]), elements).astype(dtype),
        }[self.target]()
        return prediction, target, rng.uniform(0.1, 2, elements).astype(dtype)


CASES = {
    "softmax, indices": Case(SoftmaxCrossEntropy(), "indices"),
    "softmax, rows": Case(SoftmaxCrossEntropy(), "rows"),
    "softmax, smoothed": Case(SoftmaxCrossEntropy(label_smoothing=0.2), "indices"),
    "softmax, smoothed rows": Case(SoftmaxCrossEntropy(label_smoothing=0.2), "rows"),
    "softmax, ignoring 1": Case(SoftmaxCrossEntropy(ignore_index=1), "indices"),
    "sigmoid": Case(SigmoidCrossEntropy(), "labels"),
    "sigmoid, yes weighs more": Case(SigmoidCrossEntropy(pos_weight=3.5), "labels"),
    "squared": Case(MeanSquaredError(), "numbers"),
    "absolute": Case(MeanAbsoluteError(), "numbers"),
    "Huber": Case(Huber(delta=0.7), "numbers"),
    "hinge, signs": Case(Hinge(), "signs"),
    "hinge, indices": Case(Hinge(margin=0.5), "indices"),
}
SHAPES = [(4, 3), (1, 2), (2, 3, 4), (5, 2)]


def value_and_gradient(loss, *inputs):
    value, cache = loss.forward(*inputs)
    return value, loss.backward(1.0, cache)
