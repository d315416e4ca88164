"""minidl: a deep-learning framework on NumPy, in which every hand-written gradient is proved."""

from minidl.callbacks import EarlyStopping, GradientErrors
from minidl.composition import Add, Concatenate, Residual
from minidl.containers import Sequential
from minidl.history import History, Steps
from minidl.layer import Layer
from minidl.layers import (
    ELU,
    GELU,
    BatchNorm,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    LayerNorm,
    LeakyReLU,
    LogSoftmax,
    ReLU,
    Reshape,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from minidl.losses import (
    Hinge,
    Huber,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
)
from minidl.optimizers import SGD, Adam, AdamW, ClipNorm, ClipValue, Optimizer, RMSProp
from minidl.parameters import Buffer, Parameter, ParameterVector
from minidl.prediction import accuracy, predict, predict_classes, predict_proba
from minidl.schedules import CosineDecay, ExponentialDecay, LinearDecay, StepDecay, WarmUp
from minidl.training import DivergenceError, batches, fit, loss_and_gradients

__version__ = "0.1.0"

__all__ = [
    "ELU",
    "GELU",
    "SGD",
    "Adam",
    "AdamW",
    "Add",
    "BatchNorm",
    "Buffer",
    "ClipNorm",
    "ClipValue",
    "Concatenate",
    "CosineDecay",
    "Dense",
    "DivergenceError",
    "Dropout",
    "EarlyStopping",
    "Embedding",
    "ExponentialDecay",
    "Flatten",
    "GradientErrors",
    "Hinge",
    "History",
    "Huber",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "LinearDecay",
    "LogSoftmax",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Optimizer",
    "Parameter",
    "ParameterVector",
    "RMSProp",
    "ReLU",
    "Reshape",
    "Residual",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "SigmoidCrossEntropy",
    "Softmax",
    "SoftmaxCrossEntropy",
    "Softplus",
    "StepDecay",
    "Steps",
    "Tanh",
    "WarmUp",
    "accuracy",
    "batches",
    "fit",
    "loss_and_gradients",
    "predict",
    "predict_classes",
    "predict_proba",
]
