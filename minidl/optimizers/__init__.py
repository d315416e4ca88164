"""Optimizers: rules that turn the gradients of a network into its next parameters."""

from minidl.optimizers.adam import Adam, AdamW
from minidl.optimizers.clipping import ClipNorm, ClipValue
from minidl.optimizers.optimizer import Optimizer
from minidl.optimizers.rmsprop import RMSProp
from minidl.optimizers.schedules import (
    CosineDecay,
    ExponentialDecay,
    LinearDecay,
    StepDecay,
    WarmUp,
)
from minidl.optimizers.sgd import SGD

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "ClipNorm",
    "ClipValue",
    "CosineDecay",
    "ExponentialDecay",
    "LinearDecay",
    "Optimizer",
    "RMSProp",
    "StepDecay",
    "WarmUp",
]
