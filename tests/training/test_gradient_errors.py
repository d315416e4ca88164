"""The gradients of a run beside numerical ones."""

import numpy as np
import pytest

from minidl import (
    SGD,
    Dense,
    GradientErrors,
    Layer,
    Sequential,
    SoftmaxCrossEntropy,
    Tanh,
    fit,
)
from tests.support.networks import Noise, blobs, perceptron, state_of

LOSS = SoftmaxCrossEntropy()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_gradient_errors_are_at_the_level_of_rounding_for_right_gradients(dtype):
    x, y = blobs()
    rng = np.random.default_rng(0)
    network = Sequential(
        Dense(2, 8, rng=rng, dtype=dtype), Tanh(), Noise(), Dense(8, 3, rng=rng, dtype=dtype)
    )
    watch = GradientErrors(every=2)
    fit(
        network, LOSS, SGD(network, 0.1), x, y,
        epochs=2, batch_size=15, seed=0, callbacks=[watch], sample_weight=np.linspace(0, 1, 60),
    )  # fmt: skip
    assert watch.steps == [0, 2, 4, 6]
    assert max(watch.errors) < (1e-7 if dtype == np.float64 else 1e-3)


def test_gradient_errors_show_a_wrong_gradient():
    class Wrong(Layer):
        def forward(self, x):
            return np.tanh(x), x

        def backward(self, dy, x):
            return dy * (1 - x * x)

    x, y = blobs()
    network = Sequential(Dense(2, 40, rng=0), Wrong(), Dense(40, 3, rng=0))
    watch = GradientErrors(coordinates=20)
    fit(network, LOSS, SGD(network, 0.01), x, y, epochs=1, batch_size=30, callbacks=[watch])
    assert min(watch.errors) > 1e-2


def test_gradient_errors_watch_without_changing_anything():
    x, y = blobs()
    networks = [Sequential(*perceptron(), Noise()) for _ in range(2)]
    for network, callbacks in zip(networks, ([], [GradientErrors()]), strict=True):
        fit(
            network, LOSS, SGD(network, 0.1, momentum=0.5), x, y,
            epochs=1, batch_size=15, seed=0, callbacks=callbacks,
        )  # fmt: skip
    assert state_of(networks[0]) == state_of(networks[1])


def test_a_gradient_that_is_zero_on_both_sides_has_no_error():
    class Dead(Layer):
        def forward(self, x):
            return 0 * x, None

        def backward(self, dy, cache):
            return 0 * dy

    network = Sequential(Dense(2, 3, rng=0), Dead())
    watch = GradientErrors()
    fit(network, LOSS, SGD(network, 0.1), *blobs(), epochs=1, batch_size=60, callbacks=[watch])
    assert watch.errors == [0.0]
