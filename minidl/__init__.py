"""minidl: a deep-learning framework on NumPy, in which every hand-written gradient is proved.

``import minidl`` loads next to nothing: each public name is loaded when it is first used.
"""

# ruff: noqa: F403 (type checkers and editors follow the stars)
from __future__ import annotations

from typing import TYPE_CHECKING

from minidl.lazy import lazy

if TYPE_CHECKING:
    from minidl.callbacks import *
    from minidl.checkpoint import *
    from minidl.composition import *
    from minidl.containers import *
    from minidl.estimators import NeuralNetClassifier as NeuralNetClassifier
    from minidl.estimators import NeuralNetRegressor as NeuralNetRegressor
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

__all__, __getattr__, __dir__ = lazy(
    __name__,
    callbacks="EarlyStopping GradientErrors",
    checkpoint="BusyError ModelFileError load save",
    composition="Add Concatenate Residual",
    containers="Sequential",
    estimators="NeuralNetClassifier NeuralNetRegressor",
    history="History Steps",
    layer="Layer",
    layers=(
        "ELU GELU GRU LSTM RNN AvgPool2D BatchNorm Conv2D Dense Dropout Embedding Flatten "
        "GlobalAveragePool2D LayerNorm LeakyReLU LogSoftmax MaxPool2D MultiHeadAttention "
        "PositionalEncoding ReLU Reshape SiLU Sigmoid Softmax Softplus Tanh"
    ),
    losses=(
        "Hinge Huber Loss MeanAbsoluteError MeanSquaredError SigmoidCrossEntropy "
        "SoftmaxCrossEntropy"
    ),
    optimizers="SGD Adam AdamW ClipNorm ClipValue Optimizer RMSProp",
    parameters="Buffer Parameter ParameterVector",
    prediction="accuracy predict predict_classes predict_proba",
    schedules="CosineDecay ExponentialDecay LinearDecay StepDecay WarmUp",
    training="DivergenceError batches fit loss_and_gradients",
)
__all__ = [name for name in __all__ if not name.startswith("NeuralNet")]  # * needs NumPy alone
