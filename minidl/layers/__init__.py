"""Layers, one module a family."""

from minidl.layers.activations import ReLU, Tanh
from minidl.layers.convolution import Conv2D
from minidl.layers.dense import Dense
from minidl.layers.pooling import AvgPool2D, GlobalAveragePool2D, MaxPool2D

__all__ = ["AvgPool2D", "Conv2D", "Dense", "GlobalAveragePool2D", "MaxPool2D", "ReLU", "Tanh"]
