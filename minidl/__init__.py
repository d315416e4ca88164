"""minidl: a deep-learning framework on NumPy, in which every hand-written gradient is proved."""

from minidl.callbacks import EarlyStopping, GradientErrors
from minidl.containers import Sequential
from minidl.history import History, Steps
from minidl.layer import Layer
from minidl.layers import (
    GRU,
    LSTM,
    RNN,
    AvgPool2D,
    Conv2D,
    Dense,
    GlobalAveragePool2D,
    MaxPool2D,
    MultiHeadAttention,
    PositionalEncoding,
    ReLU,
    Tanh,
)
from minidl.losses import Loss, SoftmaxCrossEntropy
from minidl.optimizers import SGD, Optimizer
from minidl.parameters import Buffer, Parameter, ParameterVector
from minidl.prediction import accuracy, predict, predict_classes, predict_proba
from minidl.training import DivergenceError, batches, fit, loss_and_gradients

__version__ = "0.1.0"

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "SGD",
    "AvgPool2D",
    "Buffer",
    "Conv2D",
    "Dense",
    "DivergenceError",
    "EarlyStopping",
    "GlobalAveragePool2D",
    "GradientErrors",
    "History",
    "Layer",
    "Loss",
    "MaxPool2D",
    "MultiHeadAttention",
    "Optimizer",
    "Parameter",
    "ParameterVector",
    "PositionalEncoding",
    "ReLU",
    "Sequential",
    "SoftmaxCrossEntropy",
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
