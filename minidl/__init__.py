"""minidl: a deep-learning framework on NumPy, in which every hand-written gradient is proved."""

from minidl.callbacks import EarlyStopping, GradientErrors
from minidl.composition import Add, Concatenate, Residual
from minidl.containers import Sequential
from minidl.history import History, Steps
from minidl.layer import Layer
from minidl.layers import (
    ELU,
    GELU,
    GRU,
    LSTM,
    RNN,
    AvgPool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePool2D,
    LayerNorm,
    LeakyReLU,
    LogSoftmax,
    MaxPool2D,
    MultiHeadAttention,
    PositionalEncoding,
    ReLU,
    Reshape,
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
    "GRU",
    "LSTM",
    "RNN",
    "SGD",
    "Add",
    "AvgPool2D",
    "BatchNorm",
    "Buffer",
    "Concatenate",
    "Conv2D",
    "Dense",
    "DivergenceError",
    "Dropout",
    "EarlyStopping",
    "Embedding",
    "Flatten",
    "GlobalAveragePool2D",
    "GradientErrors",
    "History",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "LogSoftmax",
    "Loss",
    "MaxPool2D",
    "MultiHeadAttention",
    "Optimizer",
    "Parameter",
    "ParameterVector",
    "PositionalEncoding",
    "ReLU",
    "Reshape",
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
