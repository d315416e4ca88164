"""minidl: a deep-learning framework on NumPy, in which every hand-written gradient is proved.

``import minidl`` loads next to nothing: each public name is loaded when it is first used.
"""

# ruff: noqa: F403, F405 (type checkers and editors follow the stars, and __all__ limits them)
from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minidl.callbacks import *
    from minidl.checkpoint import *
    from minidl.composition import *
    from minidl.containers import *
    from minidl.history import *
    from minidl.layer import *
    from minidl.layers import *
    from minidl.losses import *
    from minidl.optimizers import *
    from minidl.parameters import *
    from minidl.prediction import *
    from minidl.schedules import *
    from minidl.training import *

__version__ = "0.1.0"

# fmt: off
__all__ = [
    "ELU", "GELU", "GRU", "LSTM", "RNN", "SGD", "Adam", "AdamW", "Add", "AvgPool2D",
    "BatchNorm", "Buffer", "BusyError", "ClipNorm", "ClipValue", "Concatenate", "Conv2D",
    "CosineDecay", "Dense", "DivergenceError", "Dropout", "EarlyStopping", "Embedding",
    "ExponentialDecay", "Flatten", "GlobalAveragePool2D", "GradientErrors", "Hinge", "History",
    "Huber", "Layer", "LayerNorm", "LeakyReLU", "LinearDecay", "LogSoftmax", "Loss",
    "MaxPool2D", "MeanAbsoluteError", "MeanSquaredError", "ModelFileError",
    "MultiHeadAttention", "Optimizer", "Parameter", "ParameterVector", "PositionalEncoding",
    "RMSProp", "ReLU", "Reshape", "Residual", "Sequential", "SiLU", "Sigmoid",
    "SigmoidCrossEntropy", "Softmax", "SoftmaxCrossEntropy", "Softplus", "StepDecay", "Steps",
    "Tanh", "WarmUp", "accuracy", "batches", "fit", "load", "loss_and_gradients", "predict",
    "predict_classes", "predict_proba", "save",
]

_HOMES = (  # what loads the most comes last
    "parameters", "layer", "layers", "containers", "composition", "losses", "schedules",
    "optimizers", "history", "prediction", "callbacks", "training", "checkpoint",
)
# fmt: on


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
