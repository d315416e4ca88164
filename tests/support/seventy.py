"""Seventy samples of two classes, and a network that is trained on them, with dropout."""

import numpy as np

from minidl import SGD, Dense, Dropout, ReLU, Sequential, SoftmaxCrossEntropy, fit

RNG = np.random.default_rng(7)
X = RNG.normal(size=(70, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)


def network():
    rng = np.random.default_rng(0)
    return Sequential(Dense(4, 8, rng=rng), ReLU(), Dropout(0.2, rng=rng), Dense(8, 2, rng=rng))


def trained(*data, **options):
    own = network()
    optimizer = SGD(own, 0.1, momentum=0.9)
    history = fit(own, SoftmaxCrossEntropy(), optimizer, *data, seed=3, **options)
    return optimizer.vector.value.copy(), history
