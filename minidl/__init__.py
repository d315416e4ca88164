"""minidl: a deep-learning framework on NumPy, in which every hand-written gradient is proved.

``import minidl`` loads next to nothing: each public name is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
    "GRU",
    "LSTM",
    "RNN",
    "SGD",
    "Adam",
    "AdamW",
    "Add",
    "AvgPool2D",
    "BatchNorm",
    "Buffer",
    "ClipNorm",
    "ClipValue",
    "Concatenate",
    "Conv2D",
    "CosineDecay",
    "Dense",
    "DivergenceError",
    "Dropout",
    "EarlyStopping",
    "Embedding",
    "ExponentialDecay",
    "Flatten",
    "GlobalAveragePool2D",
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
    "MaxPool2D",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "MultiHeadAttention",
    "Optimizer",
    "Parameter",
    "ParameterVector",
    "PositionalEncoding",
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

_HOMES = (
    "callbacks",
    "composition",
    "containers",
    "history",
    "layer",
    "layers",
    "losses",
    "optimizers",
    "parameters",
    "prediction",
    "schedules",
    "training",
)


def __getattr__(name: str) -> Any:
    if name in __all__:
        for home in _HOMES:
            module = importlib.import_module(f"minidl.{home}")
            if name in module.__all__:
                globals()[name] = item = getattr(module, name)
                return item
    raise AttributeError(f"module 'minidl' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
