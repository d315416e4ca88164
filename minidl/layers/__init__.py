"""Layers, one module a family.

They take NumPy arrays of floating numbers (`Embedding` integers; `Flatten` and `Reshape`, which do
not compute, any numbers) and cast nothing: 200 + 100 is 44 in uint8. For anything else they raise
TypeError, for an input or a cotangent of a shape that does not fit ValueError.
"""

# ruff: noqa: F403 (type checkers and editors follow the stars)
from __future__ import annotations

from typing import TYPE_CHECKING

from minidl.lazy import lazy

if TYPE_CHECKING:
    from minidl.layers.activations import *
    from minidl.layers.attention import *
    from minidl.layers.convolution import *
    from minidl.layers.dense import *
    from minidl.layers.dropout import *
    from minidl.layers.embedding import *
    from minidl.layers.gated import *
    from minidl.layers.normalization import *
    from minidl.layers.pooling import *
    from minidl.layers.rectifiers import *
    from minidl.layers.recurrent import *
    from minidl.layers.shapes import *
    from minidl.layers.softmax import *

__all__, __getattr__, __dir__ = lazy(
    __name__,
    activations="ReLU Sigmoid Tanh",
    attention="MultiHeadAttention PositionalEncoding",
    convolution="Conv2D",
    dense="Dense",
    dropout="Dropout",
    embedding="Embedding",
    gated="GELU SiLU",
    normalization="BatchNorm LayerNorm",
    pooling="AvgPool2D GlobalAveragePool2D MaxPool2D",
    rectifiers="ELU LeakyReLU Softplus",
    recurrent="GRU LSTM RNN",
    shapes="Flatten Reshape",
    softmax="LogSoftmax Softmax",
)
