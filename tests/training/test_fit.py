"""The training loop: the very steps of the loop written by hand, whatever watches it."""

import numpy as np
import pytest

from minidl import (
    SGD,
    Dense,
    Layer,
    Sequential,
    Steps,
    fit,
    loss_and_gradients,
)
from tests.support.fits import LOSS, Act, train
from tests.support.networks import Noise, blobs, perceptron, state_of


def test_fit_takes_the_very_steps_of_the_loop_written_by_hand():
    x, y = blobs()
    x = x.astype(np.float32)
    fitted, byhand = perceptron(), perceptron()
    history = train(fitted, x, y, seed=7)
    optimizer = SGD(byhand, 0.1, momentum=0.9)
    losses = []
    for epoch in range(3):
        order = np.random.default_rng([7, epoch]).permutation(len(x))
        for start in range(0, len(x), 16):
            rows = order[start : start + 16]
            losses.append(float(loss_and_gradients(byhand, LOSS, x[rows], y[rows])))
            optimizer.step()
    assert history.step_loss == losses
    assert state_of(fitted) == state_of(byhand)


@pytest.mark.parametrize("batch_size", [1, 7, 60, 1000])
def test_any_batch_size_learns_blobs(batch_size):
    x, y = blobs()
    network = perceptron()
    optimizer = SGD(network, 0.05)
    history = train(network, x, y, optimizer=optimizer, epochs=60, batch_size=batch_size, seed=0)
    assert history.training["accuracy"][-1] > 0.9
    assert len(history.step_loss) == 60 * int(np.ceil(60 / batch_size))


def test_the_same_seed_gives_the_same_bits_whatever_only_watches():
    x, y = blobs()

    def run(**options):
        network = Sequential(*perceptron(), Noise())
        optimizer = SGD(network, 0.1, momentum=0.9)
        train(network, x, y, optimizer=optimizer, seed=3, **options)
        return state_of(network, optimizer)

    plain = run()
    assert plain == run(validation=(x, y), validate_every=Steps(1))
    assert plain == run(callbacks=[Act(2, lambda: None)], recover=False)
    assert plain == run(progress=True)
    assert plain != run(epochs=4)


def test_numpys_global_generator_is_neither_used_nor_moved():
    before = repr(np.random.get_state())  # noqa: NPY002
    train(perceptron(), *blobs())
    assert repr(np.random.get_state()) == before  # noqa: NPY002


def test_weights_of_any_size_count_by_their_ratio_alone():
    x, y = blobs()
    weight = 1.0 + np.arange(60) % 4
    networks = [perceptron() for _ in range(3)]
    for network, unit in zip(networks, (1.0, 2.0**120, 2.0**-160), strict=True):
        train(network, x, y, sample_weight=weight * unit, seed=0)
    for other in networks[1:]:
        np.testing.assert_allclose(
            other[0].weight.value, networks[0][0].weight.value, rtol=1e-3, atol=1e-5
        )


class MeanSquare(Layer):
    differentiable = 1

    def forward(self, prediction, target):
        return ((prediction - target) ** 2).mean(), (prediction - target) * np.float32(2)

    def backward(self, dy, difference):
        return dy * difference / difference.size


def test_a_loss_of_the_users_own_needs_no_more_than_the_contract():
    x, _ = blobs()
    target = (x @ [[1.0], [2.0]]).astype(np.float32)
    network = Dense(2, 1, rng=0)
    history = fit(network, MeanSquare(), SGD(network, 0.05), x, target, epochs=50, batch_size=10)
    assert history.step_loss[-1] < 1e-4 * history.step_loss[0]
    assert list(history.training) == ["loss"]
