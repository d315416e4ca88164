"""Losses, one module a kind."""

# ruff: noqa: F403 (type checkers and editors follow the stars)
from __future__ import annotations

from typing import TYPE_CHECKING

from minidl.lazy import lazy

if TYPE_CHECKING:
    from minidl.losses.elementwise import *
    from minidl.losses.hinge import *
    from minidl.losses.loss import *
    from minidl.losses.regression import *
    from minidl.losses.sigmoid_cross_entropy import *
    from minidl.losses.softmax_cross_entropy import *

__all__, __getattr__, __dir__ = lazy(
    __name__,
    elementwise="ElementwiseLoss",
    hinge="Hinge",
    loss="Loss",
    regression="Huber MeanAbsoluteError MeanSquaredError",
    sigmoid_cross_entropy="SigmoidCrossEntropy",
    softmax_cross_entropy="SoftmaxCrossEntropy",
)
