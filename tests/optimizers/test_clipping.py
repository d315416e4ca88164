"""Clipping: norms, extremes, and that a gradient which is not finite is not hidden."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from minidl import (
    SGD,
    ClipNorm,
    ClipValue,
    Dense,
    DivergenceError,
    Layer,
    Parameter,
    Sequential,
    SoftmaxCrossEntropy,
    batches,
    fit,
    loss_and_gradients,
)
from tests.support.networks import blobs, perceptron, state_of


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_a_norm_above_the_maximum_becomes_the_maximum_and_the_direction_stays(dtype, size):
    gradient = np.random.default_rng(0).normal(size=size).astype(dtype)
    before = gradient.astype(np.float64)
    norm = ClipNorm(1e-3)(gradient)
    assert gradient.dtype == dtype
    assert norm == pytest.approx(np.sqrt(np.sum(before**2)), rel=1e-5)
    np.testing.assert_allclose(gradient / 1e-3, before / norm, rtol=1e-5)


@pytest.mark.parametrize("clip", [ClipNorm(5.0), ClipValue(4.0)])
def test_what_is_within_bounds_keeps_its_bits(clip):
    gradient = np.array([3.0, -4.0])
    clip(gradient)
    assert_array_equal(gradient, [3.0, -4.0])


@pytest.mark.parametrize(("dtype", "scale"), [(np.float32, 1e30), (np.float64, 1e200)])
def test_norms_whose_squares_overflow_or_vanish_are_exact(dtype, scale):
    for factor in (scale, 1 / scale):
        gradient = np.array([3 * factor, -4 * factor], dtype)
        maximum = min(max(factor, 1e-30), 1e30)
        assert ClipNorm(maximum)(gradient) == pytest.approx(5 * factor, rel=1e-6)
        length = min(maximum, 5 * factor)
        np.testing.assert_allclose(gradient / length, [0.6, -0.8], rtol=1e-6)


@pytest.mark.parametrize("clip", [ClipNorm(1.0), ClipValue(1.0)])
@pytest.mark.parametrize("size", [0, 3])
def test_the_norm_of_nothing_is_zero(clip, size):
    gradient = np.zeros(size)
    assert clip(gradient) == 0
    assert_array_equal(gradient, [0] * size)


@pytest.mark.parametrize("clip", [ClipNorm(1.0), ClipValue(1.0)])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_gradient_that_is_not_finite_is_left_as_it_is_and_told(clip, bad):
    gradient = np.array([3.0, bad, -7.0])
    assert not np.isfinite(clip(gradient))
    assert_array_equal(gradient, [3.0, bad, -7.0])


class Explode(Layer):
    def __init__(self):
        self.gain = Parameter(np.ones(3))
        self.calls = 0

    def forward(self, x):
        return x, None

    def backward(self, dy, cache):
        self.calls += 1
        self.gain.grad += np.inf if self.calls > 3 else 0
        return dy


@pytest.mark.parametrize("clip", [ClipNorm(1.0), ClipValue(1.0)])
def test_fit_finds_a_gradient_that_is_not_finite_in_spite_of_clipping(clip):
    network = Sequential(Dense(2, 3, rng=0), Explode())
    x, y = blobs()
    start = state_of(network[0])
    with pytest.raises(DivergenceError):
        fit(
            network,
            SoftmaxCrossEntropy(),
            SGD(network, 0.1, clip=clip),
            x,
            y,
            epochs=1,
            batch_size=10,
            seed=0,
        )
    assert state_of(network[0]) == start


def test_clipping_in_the_optimizer_is_clipping_in_the_loop():
    x, y = blobs()
    x = x.astype(np.float32)
    one, other = perceptron(), perceptron()
    inside, outside = SGD(one, 0.5, clip=ClipNorm(0.1)), SGD(other, 0.5)
    clip = ClipNorm(0.1)
    for x_batch, y_batch in batches(x, y, 10, rng=0):
        loss_and_gradients(one, SoftmaxCrossEntropy(), x_batch, y_batch)
        inside.step()
        loss_and_gradients(other, SoftmaxCrossEntropy(), x_batch, y_batch)
        assert clip(outside.vector.grad) > 0
        outside.step()
    assert_array_equal(inside.vector.value, outside.vector.value)


@pytest.mark.parametrize("kind", [ClipNorm, ClipValue])
@pytest.mark.parametrize("maximum", [0, -1, np.inf, "1", None, True])
def test_a_maximum_must_be_a_number_above_zero(kind, maximum):
    with pytest.raises((ValueError, TypeError), match="maximum must be"):
        kind(maximum)


def test_their_reprs_show_the_maximum():
    assert (repr(ClipNorm(1)), repr(ClipValue(0.5))) == ("ClipNorm(1)", "ClipValue(0.5)")
