"""Dropout: the statistics of its mask, its generator, and its absence at inference."""

import copy
import math

import numpy as np
import pytest

from minidl import SGD, Dense, Dropout, ReLU, Sequential, SoftmaxCrossEntropy, fit
from tests.support.networks import blobs


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_number_is_kept_with_the_right_probability_and_the_mean_stays(rate, dtype):
    n = 200_000
    y, _ = Dropout(rate, rng=0).forward(np.ones((n // 100, 100), dtype))
    assert y.dtype == dtype
    assert set(np.unique(y)) == {0, dtype(1 / (1 - rate))}
    kept = np.count_nonzero(y) / n
    deviation = math.sqrt(rate * (1 - rate) / n)
    assert abs(kept - (1 - rate)) < 5 * deviation
    assert abs(y.mean(dtype=np.float64) - 1) < 5 * deviation / (1 - rate)


def test_neighbours_are_kept_independently_of_one_another():
    y, _ = Dropout(0.5, rng=0).forward(np.ones((1000, 200)))
    for one, other in [(y[:, 1:], y[:, :-1]), (y[1:], y[:-1])]:
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 5 / math.sqrt(one.size)


def test_the_gradient_goes_through_the_mask_of_its_own_forward():
    layer, x = Dropout(0.5, rng=0), np.full((4, 5), 3.0)
    (first, first_cache), (second, second_cache) = layer.forward(x), layer.forward(x)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(layer.backward(x, first_cache), first)
    np.testing.assert_array_equal(layer.backward(x, second_cache), second)


def test_inference_is_the_identity():
    x = np.array([[1.0, np.pi]])
    np.testing.assert_array_equal(Dropout(0.9, rng=0)(x), x)


def test_a_rate_of_zero_keeps_everything():
    x = np.array([[1.0, np.pi]])
    np.testing.assert_array_equal(Dropout(0, rng=0).forward(x)[0], x)


def test_the_mask_does_not_depend_on_the_dtype():
    x = np.ones((20, 20))
    single, _ = Dropout(0.3, rng=0).forward(x.astype(np.float32))
    double, _ = Dropout(0.3, rng=0).forward(x)
    np.testing.assert_array_equal(single != 0, double != 0)


def test_two_layers_made_with_one_generator_draw_different_masks():
    rng, x = np.random.default_rng(0), np.ones((10, 10))
    first, second = Dropout(0.5, rng=rng), Dropout(0.5, rng=rng)
    assert not np.array_equal(first.forward(x)[0], second.forward(x)[0])
    state = rng.bit_generator.state
    first.forward(x)
    assert rng.bit_generator.state == state  # the layer has its own


def test_the_same_seed_gives_the_same_masks_and_a_copy_goes_on_alike():
    x = np.ones((10, 10))
    first, second = Dropout(0.5, rng=7), Dropout(0.5, rng=7)
    np.testing.assert_array_equal(first.forward(x)[0], second.forward(x)[0])
    twin = copy.deepcopy(first)
    np.testing.assert_array_equal(first.forward(x)[0], twin.forward(x)[0])


def test_a_run_with_dropout_can_be_repeated():
    x, y = blobs(samples=60)
    losses = []
    for _ in range(2):
        rng = np.random.default_rng(0)
        network = Sequential(Dense(2, 16, rng=rng), ReLU(), Dropout(0.3, rng=rng), Dense(16, 3))
        network[3].weight.value = np.random.default_rng(1).normal(size=(16, 3))
        history = fit(
            network,
            SoftmaxCrossEntropy(),
            SGD(network, 0.1),
            x,
            y,
            epochs=3,
            batch_size=10,
            seed=0,
        )
        losses.append(history.step_loss)
    assert losses[0] == losses[1]


@pytest.mark.parametrize(
    ("rate", "error", "words"),
    [
        (1, ValueError, "rate must be less than 0.999969, got 1"),
        (1 - 1e-9, ValueError, "rate must be less than 0.999969, got 0.99"),
        (-0.1, ValueError, "rate must be at least 0"),
        (np.nan, ValueError, "rate must be finite"),
    ],
)
def test_a_rate_is_a_probability_less_than_one(rate, error, words):
    with pytest.raises(error, match=words):
        Dropout(rate)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_highest_rate_keeps_the_mean_in_every_dtype(dtype):
    layer = Dropout(1 - 2**-14, rng=0)
    y, cache = layer.forward(np.ones((1000, 4000), dtype))
    kept = y[y != 0]
    assert y.dtype == dtype
    assert np.unique(kept).tolist() == [2**14]
    assert kept.size == pytest.approx(y.size / 2**14, rel=0.2)  # 3 standard deviations
    np.testing.assert_array_equal(layer.backward(np.ones_like(y), cache), y)


def test_its_repr_gives_the_rate():
    assert repr(Dropout(0.25)) == "Dropout(0.25)"
