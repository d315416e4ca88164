"""Every public layer of minidl with inputs to hold it to the laws on: the table of the house.

A new layer is added here, and to the families of `minidl.testing.strategies`.
"""

import numpy as np

from minidl import (
    GRU,
    LSTM,
    RNN,
    AvgPool2D,
    Conv2D,
    Dense,
    GlobalAveragePool2D,
    MaxPool2D,
    MultiHeadAttention,
    PositionalEncoding,
    ReLU,
    Sequential,
    SoftmaxCrossEntropy,
    Tanh,
)
from minidl.testing import Case

RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 3))
SEQUENCES = RNG.normal(size=(4, 3, 3))
LENGTHS = np.array([3, 0, 1, 2])
WORDS = RNG.normal(size=(3, 5, 4))
MASK = np.arange(5) < np.array([[5], [0], [2]])
IMAGES = RNG.normal(size=(3, 2, 5, 6))
LABELS = np.array([2, 0, 1, 1, 0])
PROBABILITIES = RNG.dirichlet(np.ones(3), 5)
WEIGHTS = np.array([1, 0.5, 0, 2, 1])


def deep():
    return Sequential(
        Dense(3, 5, rng=1),
        Sequential(Tanh(), Dense(5, 5, rng=2), ReLU()),
        Sequential(),
        Dense(5, 2, bias=False, rng=3),
    )


def shared():
    dense = Dense(3, 3, rng=4)
    return Sequential(dense, Tanh(), dense)


def convolutional():
    rng = np.random.default_rng(5)
    return Sequential(
        Conv2D(2, 3, 3, padding=1, rng=rng),
        ReLU(),
        MaxPool2D(2),
        Conv2D(3, 2, 2, rng=rng),
        GlobalAveragePool2D(),
        Dense(2, 2, rng=rng),
    )


TABLE = [
    Case(Dense(3, 4, rng=0), X),
    Case(Dense(3, 4, rng=0, bias=False), X),
    Case(Dense(3, 3, rng=0), SEQUENCES, name="Dense(3 -> 3) on sequences"),
    Case(Dense(3, 1, rng=0, dtype=np.float64), X),
    Case(ReLU(), X),
    Case(ReLU(), np.round(X), name="ReLU() at zero"),
    Case(Tanh(), X),
    Case(Tanh(), SEQUENCES, name="Tanh() on sequences"),
    Case(Sequential(), X, name="Sequential() of nothing"),
    Case(deep, X, name="a nested Sequential"),
    Case(shared, X, name="a Sequential with a shared layer"),
    Case(SoftmaxCrossEntropy(), X, LABELS),
    Case(SoftmaxCrossEntropy(), X, LABELS, WEIGHTS, name="SoftmaxCrossEntropy() weighted"),
    Case(SoftmaxCrossEntropy(), X, PROBABILITIES, name="SoftmaxCrossEntropy() of probabilities"),
    Case(
        SoftmaxCrossEntropy(),
        SEQUENCES,
        LABELS[:4, np.newaxis] * [1, 0, 1],
        name="SoftmaxCrossEntropy() on sequences",
    ),
    Case(Conv2D(2, 3, 3, padding=1, rng=0), IMAGES),
    Case(Conv2D(2, 3, (2, 3), stride=2, bias=False, rng=0), IMAGES),
    Case(Conv2D(2, 4, 1, rng=0, dtype=np.float64), IMAGES),
    Case(MaxPool2D(2), IMAGES),
    Case(MaxPool2D(3, 2, 1), IMAGES),
    Case(MaxPool2D(2, 1), np.round(IMAGES), name="MaxPool2D(2 x 2, stride 1 x 1) with ties"),
    Case(AvgPool2D(2), IMAGES),
    Case(AvgPool2D(3, 2, 1), IMAGES),
    Case(GlobalAveragePool2D(), IMAGES),
    Case(convolutional, IMAGES, name="a convolutional network"),
    *[
        case
        for kind in (RNN, GRU, LSTM)
        for case in (
            Case(kind(3, 2, rng=0), SEQUENCES),
            Case(kind(3, 2, rng=0, last=True), SEQUENCES),
            Case(kind(3, 2, rng=0), SEQUENCES, LENGTHS, name=f"{kind.__name__} with lengths"),
            Case(
                kind(3, 2, rng=0, last=True),
                SEQUENCES,
                LENGTHS,
                name=f"{kind.__name__} with lengths, last",
            ),
        )
    ],
    Case(PositionalEncoding(3, 5), SEQUENCES),
    Case(MultiHeadAttention(4, 2, rng=0), WORDS),
    Case(MultiHeadAttention(4, 1, causal=True, rng=0, bias=False), WORDS),
    Case(MultiHeadAttention(4, 2, rng=0), WORDS, MASK, name="MultiHeadAttention with a mask"),
]
