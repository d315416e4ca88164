"""Initial weights: the distributions that the papers ask for, and what they are for."""

import numpy as np
import pytest

from minidl import Dense
from minidl.initializers import glorot_normal, glorot_uniform, he_normal, he_uniform, zeros

SHAPE = FAN_IN, FAN_OUT = 300, 500
GLOROT, HE = 2 / (FAN_IN + FAN_OUT), 2 / FAN_IN
DRAWN = [
    pytest.param(glorot_uniform, GLOROT, id="glorot_uniform"),
    pytest.param(glorot_normal, GLOROT, id="glorot_normal"),
    pytest.param(he_uniform, HE, id="he_uniform"),
    pytest.param(he_normal, HE, id="he_normal"),
]


@pytest.mark.parametrize(("initializer", "variance"), DRAWN)
def test_the_distribution_is_the_one_of_the_paper(initializer, variance):
    """Kolmogorov-Smirnov on 150,000 draws; a variance that is 5 % off has p < 1e-6."""
    stats = pytest.importorskip("scipy.stats")
    weight = initializer(np.random.default_rng(0), SHAPE, np.float64).ravel()
    scale = np.sqrt(variance)
    if "uniform" in initializer.__name__:
        expected = stats.uniform(-np.sqrt(3) * scale, 2 * np.sqrt(3) * scale)
    else:
        expected = stats.norm(0, scale)
    assert stats.kstest(weight, expected.cdf).pvalue > 0.01


@pytest.mark.parametrize(("initializer", "variance"), DRAWN)
def test_mean_and_variance_are_right_within_what_chance_allows(initializer, variance):
    weight = initializer(np.random.default_rng(1), SHAPE, np.float64)
    assert abs(weight.mean()) < 4 * np.sqrt(variance / weight.size)
    assert abs(weight.var() / variance - 1) < 4 * np.sqrt(2 / weight.size)


@pytest.mark.parametrize(
    ("initializer", "bound"),
    [(glorot_uniform, np.sqrt(6 / (FAN_IN + FAN_OUT))), (he_uniform, np.sqrt(6 / FAN_IN))],
)
def test_the_uniform_ones_fill_their_bounds(initializer, bound):
    weight = initializer(np.random.default_rng(0), SHAPE, np.float64)
    assert 0.999 * bound < weight.max() <= bound
    assert -bound <= weight.min() < -0.999 * bound


@pytest.mark.parametrize("initializer", [glorot_uniform, glorot_normal, he_uniform, he_normal])
def test_the_dtype_rounds_the_same_numbers(initializer):
    double = initializer(np.random.default_rng(0), SHAPE, np.float64)
    single = initializer(np.random.default_rng(0), SHAPE, np.float32)
    assert single.dtype == np.float32
    assert double.shape == single.shape == SHAPE
    np.testing.assert_array_equal(single, double.astype(np.float32))


@pytest.mark.parametrize("initializer", [glorot_uniform, glorot_normal, he_uniform, he_normal])
def test_the_generator_moves_on(initializer):
    rng = np.random.default_rng(0)
    one, other = (initializer(rng, SHAPE, np.float64) for _ in range(2))
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.02


@pytest.mark.parametrize("initializer", [glorot_uniform, glorot_normal, he_uniform, he_normal])
@pytest.mark.parametrize("shape", [(), (3,)])
def test_a_shape_without_fans_is_refused_and_named(initializer, shape):
    with pytest.raises(ValueError, match="fan_in, fan_out") as caught:
        initializer(np.random.default_rng(0), shape, np.float32)
    assert str(shape) in str(caught.value)


def test_zeros_draws_nothing():
    rng = np.random.default_rng(0)
    value = zeros(rng, (2, 3), np.float32)
    np.testing.assert_array_equal(value, np.zeros((2, 3)))
    assert value.dtype == np.float32
    assert rng.random() == np.random.default_rng(0).random()


@pytest.mark.parametrize(
    ("initializer", "activation"),
    [(he_normal, lambda x: np.maximum(x, 0)), (he_uniform, lambda x: np.maximum(x, 0))],
)
def test_the_signal_keeps_its_size_through_thirty_rectified_layers(initializer, activation):
    """What they are for; with weights N(0, 1) the signal grows by a factor of 10 a layer."""
    rng = np.random.default_rng(0)
    x = start = rng.normal(size=(100, 200))
    for _ in range(30):
        x = activation(Dense(200, 200, weight_initializer=initializer, rng=rng)(x))
    assert 1 / 3 < np.mean(x**2) / np.mean(start**2) < 3
