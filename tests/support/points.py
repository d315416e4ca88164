"""Layers that are nothing but parameters, and gradients to feed an optimizer with."""

from itertools import pairwise

import numpy as np

from minidl import Dense, Layer, Parameter, Sequential
from minidl.parameters import unique


class Point(Layer):
    """A layer that is nothing but its parameter."""

    def __init__(self, value, dtype=np.float64):
        self.theta = Parameter(value, dtype)

    def forward(self, x):
        return x, None

    def backward(self, dy, cache):
        return dy


class Holder(Layer):
    """A layer that is only there for what it holds."""

    def __init__(self, **attributes):
        vars(self).update(attributes)

    def forward(self, x):
        return x, None

    def backward(self, dy, cache):
        return dy


def network(seed=0, sizes=(3, 4, 2), dtype=np.float64):
    """Return layers with weights and biases that are not 0."""
    rng = np.random.default_rng(seed)
    layers = Sequential(*(Dense(a, b, rng=rng, dtype=dtype) for a, b in pairwise(sizes)))
    for parameter in parameters(layers):
        parameter.value += rng.normal(size=parameter.value.shape)
    return layers


def parameters(layer):
    return list(unique(layer, Parameter).values())
