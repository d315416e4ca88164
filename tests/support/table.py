"""Every public layer of minidl with inputs to hold it to the laws on: the table of the house.

A new layer is added here, and to the families of `minidl.testing.strategies`.
"""

import numpy as np

from minidl import (
    ELU,
    GELU,
    GRU,
    LSTM,
    RNN,
    Add,
    AvgPool2D,
    BatchNorm,
    Concatenate,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePool2D,
    Hinge,
    Huber,
    LayerNorm,
    LeakyReLU,
    LogSoftmax,
    MaxPool2D,
    MeanAbsoluteError,
    MeanSquaredError,
    MultiHeadAttention,
    PositionalEncoding,
    ReLU,
    Reshape,
    Residual,
    Sequential,
    Sigmoid,
    SigmoidCrossEntropy,
    SiLU,
    Softmax,
    SoftmaxCrossEntropy,
    Softplus,
    Tanh,
)
from minidl.testing import Case, laws

RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 3))
SEQUENCES = RNG.normal(size=(4, 3, 3))
PATCHES = RNG.normal(size=(3, 2, 2, 2))
TOKENS = np.array([[0, 5, 5], [2, 5, 1], [3, 3, 0], [1, 1, 1]])
LENGTHS = np.array([3, 0, 1, 2])
WORDS = RNG.normal(size=(3, 5, 4))
MASK = np.arange(5) < np.array([[5], [0], [2]])
IMAGES = RNG.normal(size=(3, 2, 5, 6))
LABELS = np.array([2, 0, 1, 1, 0])
PROBABILITIES = RNG.dirichlet(np.ones(3), 5)
WEIGHTS = np.array([1, 0.5, 0, 2, 1])
NUMBERS = RNG.normal(size=(5, 3))
YES = (NUMBERS > 0).astype(float)
SIGNS = 2 * YES - 1


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


def residual():
    return Residual(Dense(3, 5, rng=5), Tanh(), Dense(5, 3, rng=6))


def branches():
    dense = Dense(3, 3, rng=7)
    return Concatenate(dense, Add(dense, Sequential(), ReLU()), Sequential(Dense(3, 1, rng=8)))


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
    Case(LeakyReLU(0.1), X),
    Case(LeakyReLU(0.1), np.round(X), name="LeakyReLU(0.1) at zero"),
    Case(ELU(), X),
    Case(ELU(0.5), X),
    Case(Sigmoid(), X),
    Case(Softplus(), X),
    Case(SiLU(), X),
    Case(GELU(), X),
    Case(GELU(approximate=True), X),
    Case(Softmax(), X),
    Case(Softmax(1), SEQUENCES, name="Softmax(1) on sequences"),
    Case(LogSoftmax(), X),
    Case(LogSoftmax(1), SEQUENCES, name="LogSoftmax(1) on sequences"),
    Case(Flatten(), PATCHES),
    Case(Reshape((4, 2)), PATCHES),
    Case(Dropout(0.4, rng=0), X),
    Case(Dropout(0, rng=0), X),
    Case(Embedding(6, 3, rng=0), TOKENS),
    Case(Embedding(6, 3, rng=0), TOKENS[0], name="Embedding(6 → 3) of single words"),
    Case(LayerNorm(3), X),
    Case(LayerNorm(3), SEQUENCES, name="LayerNorm(3) on sequences"),
    Case(LayerNorm(1), X[:, :1]),
    Case(BatchNorm(3), X, without=[laws.treats_samples_independently]),
    Case(
        BatchNorm(2),
        PATCHES,
        name="BatchNorm(2) on images",
        without=[laws.treats_samples_independently],
    ),
    Case(BatchNorm(3, axis=-1), SEQUENCES, without=[laws.treats_samples_independently]),
    Case(Sequential(), X, name="Sequential() of nothing"),
    Case(deep, X, name="a nested Sequential"),
    Case(shared, X, name="a Sequential with a shared layer"),
    Case(residual, X, name="Residual"),
    Case(residual, SEQUENCES, name="Residual on sequences"),
    Case(lambda: Add(Tanh(), Dense(3, 3, rng=1), Sequential()), X, name="Add"),
    Case(branches, X, name="Concatenate with a shared layer"),
    Case(lambda: Concatenate(ReLU(), Tanh(), axis=1), SEQUENCES, name="Concatenate along axis 1"),
    Case(SoftmaxCrossEntropy(), X, LABELS),
    Case(SoftmaxCrossEntropy(), X, LABELS, WEIGHTS, name="SoftmaxCrossEntropy() weighted"),
    Case(SoftmaxCrossEntropy(), X, PROBABILITIES, name="SoftmaxCrossEntropy() of probabilities"),
    Case(
        SoftmaxCrossEntropy(),
        SEQUENCES,
        LABELS[:4, np.newaxis] * [1, 0, 1],
        name="SoftmaxCrossEntropy() on sequences",
    ),
    Case(SoftmaxCrossEntropy(label_smoothing=0.1), X, LABELS, WEIGHTS),
    Case(SoftmaxCrossEntropy(ignore_index=1), X, LABELS),
    Case(SigmoidCrossEntropy(), X, YES),
    Case(SigmoidCrossEntropy(pos_weight=[0.5, 2, 3]), X, YES, WEIGHTS),
    Case(SigmoidCrossEntropy(), SEQUENCES, 0.5 + 0 * SEQUENCES, name="SigmoidCrossEntropy() soft"),
    Case(MeanSquaredError(), X, NUMBERS),
    Case(MeanSquaredError(), X, NUMBERS, WEIGHTS, name="MeanSquaredError() weighted"),
    Case(MeanAbsoluteError(), X, NUMBERS),
    Case(MeanAbsoluteError(), X, X, name="MeanAbsoluteError() at its kink"),
    Case(Huber(), X, NUMBERS),
    Case(Huber(delta=0.3), SEQUENCES, SEQUENCES[::-1], WEIGHTS[:4]),
    Case(Hinge(), X, SIGNS),
    Case(Hinge(margin=0.5), X, LABELS, WEIGHTS),
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
