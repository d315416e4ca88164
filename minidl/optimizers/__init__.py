"""Optimizers: rules that turn the gradients of a network into its next parameters."""

# ruff: noqa: F403 (type checkers and editors follow the stars)
from __future__ import annotations

from typing import TYPE_CHECKING

from minidl.lazy import lazy

if TYPE_CHECKING:
    from minidl.optimizers.adam import *
    from minidl.optimizers.clipping import *
    from minidl.optimizers.optimizer import *
    from minidl.optimizers.rmsprop import *
    from minidl.optimizers.sgd import *

__all__, __getattr__, __dir__ = lazy(
    __name__,
    adam="Adam AdamW",
    clipping="ClipNorm ClipValue",
    optimizer="Optimizer",
    rmsprop="RMSProp",
    sgd="SGD",
)
