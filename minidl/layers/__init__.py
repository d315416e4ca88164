"""Layers, one module a family."""

from minidl.layers.activations import ReLU, Tanh
from minidl.layers.dense import Dense

__all__ = ["Dense", "ReLU", "Tanh"]
