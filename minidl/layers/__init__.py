"""Layers, one module a family."""

from minidl.layers.activations import ELU, LeakyReLU, ReLU, Sigmoid, Softplus, Tanh
from minidl.layers.dense import Dense
from minidl.layers.gated import GELU, SiLU
from minidl.layers.softmax import LogSoftmax, Softmax

__all__ = [
    "ELU",
    "GELU",
    "Dense",
    "LeakyReLU",
    "LogSoftmax",
    "ReLU",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
]
