"""Layers, one module a family."""

from minidl.layers.activations import ReLU, Tanh
from minidl.layers.attention import MultiHeadAttention, PositionalEncoding
from minidl.layers.convolution import Conv2D
from minidl.layers.dense import Dense
from minidl.layers.pooling import AvgPool2D, GlobalAveragePool2D, MaxPool2D
from minidl.layers.recurrent import GRU, LSTM, RNN

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "AvgPool2D",
    "Conv2D",
    "Dense",
    "GlobalAveragePool2D",
    "MaxPool2D",
    "MultiHeadAttention",
    "PositionalEncoding",
    "ReLU",
    "Tanh",
]
