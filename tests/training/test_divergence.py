"""A run whose numbers are no longer finite: what is said, and what is undone."""

import numpy as np
import pytest

from minidl import (
    SGD,
    Dense,
    DivergenceError,
    ExponentialDecay,
    Layer,
    Sequential,
)
from tests.support.fits import train
from tests.support.networks import Noise, blobs, state_of


class Cube(Layer):
    def forward(self, x):
        return x**3, x

    def backward(self, dy, x):
        return 3 * dy * x * x


def test_a_diverging_run_names_the_layer_and_goes_back_to_the_start_of_the_epoch():
    x, y = blobs(classes=2)
    network = Sequential(Dense(2, 8, rng=0), Noise(), Cube(), Dense(8, 2, rng=1))
    optimizer = SGD(network, 50.0, momentum=0.5)
    before = state_of(network, optimizer)
    with pytest.raises(DivergenceError, match=r"layers\.[23] .* turns finite") as caught:
        train(network, x, y, optimizer=optimizer, seed=0, epochs=20)
    error = caught.value
    assert error.epoch == 1
    assert error.step == len(error.history.step_loss) > 0
    assert np.isfinite(error.last_loss)
    assert "learning rate (it is 50)" in str(error)
    assert state_of(network, optimizer) == before


def test_without_recovery_a_diverging_run_leaves_the_last_step():
    x, y = blobs(classes=2)
    network = Sequential(Dense(2, 8, rng=0), Cube(), Dense(8, 2, rng=1))
    before = state_of(network)
    with pytest.raises(DivergenceError, match="after the last step"):
        train(network, x, y, optimizer=SGD(network, 50.0), seed=0, epochs=20, recover=False)
    assert state_of(network) != before
    assert not network[0].weight.grad.any()


def test_a_parameter_that_became_infinite_in_the_last_step_is_no_success():
    class Explode(Layer):
        def forward(self, x):
            return x, None

        def backward(self, dy, cache):
            return 1e30 * np.sign(dy)

    network = Sequential(Dense(2, 3, rng=0), Explode())
    before = state_of(network)
    message = "after step 1, epoch 1: .* has a weight that is not finite"
    with pytest.raises(DivergenceError, match=message):
        train(network, *blobs(), optimizer=SGD(network, 1e9), epochs=1, batch_size=60)
    assert state_of(network) == before


def test_a_schedule_counts_the_steps_of_fit_and_goes_back_with_a_run_that_diverged():
    x, y = blobs(classes=2)
    network = Sequential(Dense(2, 8, rng=0), Cube(), Dense(8, 2, rng=1))
    optimizer = SGD(network, ExponentialDecay(1e-3, factor=1.5))
    rates = []

    class Watch:
        def on_gradients(self, run):
            rates.append(run.optimizer.learning_rate)

    with pytest.raises(DivergenceError) as caught:
        train(network, x, y, optimizer=optimizer, seed=0, epochs=50, callbacks=[Watch()])
    np.testing.assert_allclose(rates, 1e-3 * 1.5 ** np.arange(len(rates)), rtol=1e-12)
    assert optimizer.steps == 4 * (caught.value.epoch - 1)
