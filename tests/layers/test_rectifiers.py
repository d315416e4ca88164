"""The relatives of ReLU, at ordinary numbers and far out."""

import math

import numpy as np
import pytest

from minidl import (
    ELU,
    GELU,
    LeakyReLU,
    Softplus,
)
from minidl.layers._functions import normal_cdf


def gradient(layer, x):
    y, cache = layer.forward(x)
    return layer.backward(np.ones_like(y), cache)


def test_softplus_and_its_slope_keep_their_relative_precision_where_they_are_tiny():
    x = np.linspace(-600, -40, 500)  # log(1 + e) = e (1 − e/2 + …): e to all digits
    np.testing.assert_allclose(Softplus()(x), np.exp(x), rtol=1e-15)
    np.testing.assert_allclose(gradient(Softplus(), x), np.exp(x), rtol=1e-15)


@pytest.mark.parametrize(("dtype", "lowest"), [(np.float64, -37.0), (np.float32, -12.0)])
def test_the_normal_distribution_function_is_exact_to_the_precision_promised(dtype, lowest):
    special = pytest.importorskip("scipy.special")
    rng = np.random.default_rng(0)
    grid = np.linspace(lowest, -lowest, 200_001)
    x = np.concatenate([grid, rng.normal(size=100_000), rng.normal(size=1000) * 1e-8])
    x = x.astype(dtype)
    exact = special.ndtr(x.astype(np.float64))
    error = np.abs(normal_cdf(x) - exact) / np.finfo(dtype).eps
    assert normal_cdf(x).dtype == dtype
    assert error.max() <= 2
    relative = error / exact / (4 + x.astype(float) ** 2 / 2)
    assert relative.max() < 2.5  # scipy's own error, measured with mpmath, reaches 1.9 of these


def test_gelu_agrees_with_the_error_function_of_the_standard_library():
    for x in (-3.0, -1.0, -1e-9, 0.0, 0.3, 1.0, 6.0):
        expected = 0.5 * x * (1 + math.erf(x / math.sqrt(2)))
        assert GELU()(np.array([x]))[0] == pytest.approx(expected, rel=1e-13, abs=0)


def test_the_approximation_of_gelu_is_as_close_as_its_docstring_says():
    x = np.linspace(-10, 10, 100_001)
    assert np.abs(GELU()(x) - GELU(approximate=True)(x)).max() < 0.0005
    assert "at most 0.0005" in " ".join(GELU.__doc__.split())


def test_a_slope_of_one_leaves_the_cotangent_as_it_is_bit_by_bit():
    x, dy = np.array([0.1, 7.0]), np.array([1 / 3, -0.1])
    for layer in (LeakyReLU(0.3), ELU(0.3)):
        np.testing.assert_array_equal(layer.backward(dy, layer.forward(x)[1]), dy)
