"""minidl: a deep-learning framework on NumPy, in which every hand-written gradient is proved.

``import minidl`` loads next to nothing: each public name is loaded when it is first used.
"""

# ruff: noqa: F403 (type checkers and editors follow the stars)
import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from minidl.checkpoint import *
    from minidl.containers import *
    from minidl.estimators import NeuralNetClassifier as NeuralNetClassifier
    from minidl.estimators import NeuralNetRegressor as NeuralNetRegressor
    from minidl.layer import Layer as Layer
    from minidl.layers import *
    from minidl.losses import *
    from minidl.optimizers import *
    from minidl.parameters import Buffer as Buffer
    from minidl.parameters import Parameter as Parameter
    from minidl.prediction import *
    from minidl.training import *
    from minidl.vector import ParameterVector as ParameterVector

__version__ = "0.1.0"

_HOMES = {
    "checkpoint": "BusyError ModelFileError load save",
    "containers": "Add Concatenate Residual Sequential",
    "estimators": "NeuralNetClassifier NeuralNetRegressor",
    "layer": "Layer",
    "layers": (
        "ELU GELU GRU LSTM RNN AvgPool2D BatchNorm Conv2D Dense Dropout Embedding Flatten "
        "GlobalAveragePool2D LayerNorm LeakyReLU LogSoftmax MaxPool2D MultiHeadAttention "
        "PositionalEncoding ReLU Reshape SiLU Sigmoid Softmax Softplus Tanh"
    ),
    "losses": (
        "Hinge Huber Loss MeanAbsoluteError MeanSquaredError SigmoidCrossEntropy "
        "SoftmaxCrossEntropy"
    ),
    "optimizers": (
        "SGD Adam AdamW ClipNorm ClipValue CosineDecay ExponentialDecay LinearDecay Optimizer "
        "RMSProp StepDecay WarmUp"
    ),
    "parameters": "Buffer Parameter",
    "prediction": "accuracy predict predict_classes predict_proba",
    "training": (
        "Callback DivergenceError EarlyStopping GradientErrors History Steps batches fit "
        "loss_and_gradients"
    ),
    "vector": "ParameterVector",
}
"""Where each public name is to be found."""

_ORIGIN = {name: home for home, names in _HOMES.items() for name in names.split()}
__all__ = sorted(name for name in _ORIGIN if not name.startswith("NeuralNet"))  # NumPy alone


def __getattr__(name: str) -> Any:
    if name not in _ORIGIN:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    item = globals()[name] = getattr(importlib.import_module(f"minidl.{_ORIGIN[name]}"), name)
    return item


def __dir__() -> list[str]:
    return sorted({*globals(), *_ORIGIN})
