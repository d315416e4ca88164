"""Layers, one module a family.

They take NumPy arrays of floating numbers (`Embedding` integers; `Flatten` and `Reshape`, which do
not compute, any numbers) and cast nothing: 200 + 100 is 44 in uint8. For anything else they raise
TypeError, for an input or a cotangent of a shape that does not fit ValueError.
"""

from minidl.layers.activations import ReLU, Sigmoid, Tanh
from minidl.layers.attention import MultiHeadAttention, PositionalEncoding
from minidl.layers.convolution import Conv2D
from minidl.layers.dense import Dense
from minidl.layers.dropout import Dropout
from minidl.layers.embedding import Embedding
from minidl.layers.normalization import BatchNorm, LayerNorm
from minidl.layers.pooling import AvgPool2D, GlobalAveragePool2D, MaxPool2D
from minidl.layers.rectifiers import ELU, GELU, LeakyReLU, SiLU, Softplus
from minidl.layers.recurrent import GRU, LSTM, RNN
from minidl.layers.shapes import Flatten, Reshape
from minidl.layers.softmax import LogSoftmax, Softmax

__all__ = [
    "ELU",
    "GELU",
    "GRU",
    "LSTM",
    "RNN",
    "AvgPool2D",
    "BatchNorm",
    "Conv2D",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "GlobalAveragePool2D",
    "LayerNorm",
    "LeakyReLU",
    "LogSoftmax",
    "MaxPool2D",
    "MultiHeadAttention",
    "PositionalEncoding",
    "ReLU",
    "Reshape",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
]
