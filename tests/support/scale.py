"""The complete custom layer that the design shows, word for word: it is run, and type-checked."""

import numpy as np

from minidl import Layer, Parameter


class Scale(Layer):
    def __init__(self, features):
        self.gain = Parameter(np.ones(features))

    def forward(self, x):
        return x * self.gain.value, x

    def backward(self, dy, x):
        self.gain.grad += (dy * x).sum(axis=0)
        return dy * self.gain.value
