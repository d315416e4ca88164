"""Layers of layers: the chain, what goes around it, and branches that are joined."""

from minidl.containers.branches import Add, Concatenate
from minidl.containers.chain import Residual, Sequential

__all__ = ["Add", "Concatenate", "Residual", "Sequential"]
