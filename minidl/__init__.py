"""minidl: a deep-learning framework on NumPy, in which every hand-written gradient is proved."""

from minidl.callbacks import EarlyStopping, GradientErrors
from minidl.composition import Add, Concatenate, Residual
from minidl.containers import Sequential
from minidl.history import History, Steps
from minidl.layer import Layer
from minidl.layers import (
    ELU,
    GELU,
    Dense,
    LeakyReLU,
    LogSoftmax,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from minidl.losses import Loss, SoftmaxCrossEntropy
from minidl.optimizers import SGD, Optimizer
from minidl.parameters import Buffer, Parameter, ParameterVector
from minidl.prediction import accuracy, predict, predict_classes, predict_proba
from minidl.training import DivergenceError, batches, fit, loss_and_gradients

__version__ = "0.1.0"

__all__ = [
    "ELU",
    "GELU",
    "SGD",
    "Add",
    "Buffer",
    "Concatenate",
    "Dense",
    "DivergenceError",
    "EarlyStopping",
    "GradientErrors",
    "History",
    "Layer",
    "LeakyReLU",
    "LogSoftmax",
    "Loss",
    "Optimizer",
    "Parameter",
    "ParameterVector",
    "ReLU",
    "Residual",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "SoftmaxCrossEntropy",
    "Softplus",
    "Steps",
    "Tanh",
    "accuracy",
    "batches",
    "fit",
    "loss_and_gradients",
    "predict",
    "predict_classes",
    "predict_proba",
]
