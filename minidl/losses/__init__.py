"""Losses, one module a kind."""

from minidl.losses.elementwise import ElementwiseLoss
from minidl.losses.hinge import Hinge
from minidl.losses.loss import Loss
from minidl.losses.regression import Huber, MeanAbsoluteError, MeanSquaredError
from minidl.losses.sigmoid_cross_entropy import SigmoidCrossEntropy
from minidl.losses.softmax_cross_entropy import SoftmaxCrossEntropy

__all__ = [
    "ElementwiseLoss",
    "Hinge",
    "Huber",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "SigmoidCrossEntropy",
    "SoftmaxCrossEntropy",
]
