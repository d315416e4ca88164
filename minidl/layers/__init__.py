"""Layers, one module a family."""

from minidl.layers.activations import ELU, LeakyReLU, ReLU, Sigmoid, Softplus, Tanh
from minidl.layers.dense import Dense
from minidl.layers.dropout import Dropout
from minidl.layers.embedding import Embedding
from minidl.layers.gated import GELU, SiLU
from minidl.layers.normalization import BatchNorm, LayerNorm
from minidl.layers.shapes import Flatten, Reshape
from minidl.layers.softmax import LogSoftmax, Softmax

__all__ = [
    "ELU",
    "GELU",
    "BatchNorm",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "LayerNorm",
    "LeakyReLU",
    "LogSoftmax",
    "ReLU",
    "Reshape",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
]
