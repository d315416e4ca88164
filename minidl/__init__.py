"""minidl: a deep-learning framework on NumPy, in which every hand-written gradient is proved."""

from minidl.containers import Sequential
from minidl.layer import Layer
from minidl.layers import Dense, ReLU, Tanh
from minidl.losses import Loss, SoftmaxCrossEntropy
from minidl.optimizers import SGD, Optimizer
from minidl.parameters import Buffer, Parameter, ParameterVector

__version__ = "0.1.0"

__all__ = [
    "SGD",
    "Buffer",
    "Dense",
    "Layer",
    "Loss",
    "Optimizer",
    "Parameter",
    "ParameterVector",
    "ReLU",
    "Sequential",
    "SoftmaxCrossEntropy",
    "Tanh",
]
