"""Every activation: limits, kinks, NaN, precision, and what torch gives."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import (
    ELU,
    GELU,
    LeakyReLU,
    LogSoftmax,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from minidl.layers._functions import sigmoid
from tests.support.beside_torch import assert_agrees

ELEMENTWISE = [
    ReLU(),
    LeakyReLU(),
    LeakyReLU(0.2),
    ELU(),
    ELU(0.5),
    Sigmoid(),
    Tanh(),
    Softplus(),
    SiLU(),
    GELU(),
    GELU(approximate=True),
]

ALL = [*ELEMENTWISE, Softmax(), LogSoftmax()]


def gradient(layer, x):
    y, cache = layer.forward(x)
    return layer.backward(np.ones_like(y), cache)


def test_relu_keeps_what_is_positive():
    x = np.array([-3.0, -1e-300, 0.0, 1e-300, 3.0])
    np.testing.assert_array_equal(ReLU()(x), [0, 0, 0, 1e-300, 3])
    np.testing.assert_array_equal(gradient(ReLU(), x), [0, 0, 0, 1, 1])


def test_the_slope_of_relu_at_zero_is_zero_in_code_as_in_words():
    for zero in (0.0, -0.0):
        assert gradient(ReLU(), np.array([zero])) == 0
    assert "takes 0" in ReLU.__doc__


def test_relu_does_not_hide_nan():
    assert np.isnan(ReLU()(np.array([np.nan])))


def test_tanh_agrees_with_the_exponential_form():
    for x in (-2.0, -0.5, 0.0, 1e-9, 1.0, 3.0):
        expected = (math.exp(x) - math.exp(-x)) / (math.exp(x) + math.exp(-x))
        assert Tanh()(np.array([x]))[0] == pytest.approx(expected, rel=1e-7)
        slope = 4 / (math.exp(x) + math.exp(-x)) ** 2
        assert gradient(Tanh(), np.array([x]))[0] == pytest.approx(slope, rel=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tanh_saturates_without_overflow(dtype):
    x = np.array([-1e4, -100, 100, 1e4], dtype)
    np.testing.assert_array_equal(Tanh()(x), [-1, -1, 1, 1])
    np.testing.assert_array_equal(gradient(Tanh(), x), np.zeros(4))


@pytest.mark.parametrize("layer", ALL, ids=repr)
@pytest.mark.parametrize("size", [1e4, 1e30])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nothing_overflows_far_out_and_the_numbers_stay_finite(layer, size, dtype):
    x = np.array([[-size, -100, -20, 0, 20, 100, size]], dtype)
    y, cache = layer.forward(x)
    dx = layer.backward(np.ones_like(y), cache)
    assert y.dtype == dx.dtype == dtype
    assert np.isfinite(y).all()
    assert np.isfinite(dx).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("layer", "low", "high", "slopes"),
    [
        (ReLU(), 0, 1e4, (0, 1)),
        (LeakyReLU(0.25), -2500, 1e4, (0.25, 1)),
        (ELU(), -1, 1e4, (0, 1)),
        (ELU(0.5), -0.5, 1e4, (0, 1)),
        (Sigmoid(), 0, 1, (0, 0)),
        (Tanh(), -1, 1, (0, 0)),
        (Softplus(), 0, 1e4, (0, 1)),
        (SiLU(), 0, 1e4, (0, 1)),
        (GELU(), 0, 1e4, (0, 1)),
        (GELU(approximate=True), 0, 1e4, (0, 1)),
    ],
    ids=repr,
)
def test_the_limits_at_ten_thousand_are_exact(layer, low, high, slopes, dtype):
    x = np.array([-1e4, 1e4], dtype)
    np.testing.assert_array_equal(layer(x), np.array([low, high], dtype))
    np.testing.assert_array_equal(gradient(layer, x), np.array(slopes, dtype))


@pytest.mark.parametrize("layer", ALL, ids=repr)
def test_nan_is_not_hidden(layer):
    x = np.array([[np.nan, 1.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = layer(x)
    assert np.isnan(y[0, 0])


@pytest.mark.parametrize("layer", ELEMENTWISE, ids=repr)
def test_infinity_does_no_harm_on_the_right(layer):
    y = layer(np.array([1.0, np.inf]))
    assert y[1] in (1, np.inf)


TORCH = [
    (ReLU(), "relu", {}),
    (LeakyReLU(0.2), "leaky_relu", {"negative_slope": 0.2}),
    (ELU(0.7), "elu", {"alpha": 0.7}),
    (Sigmoid(), "sigmoid", {}),
    (Tanh(), "tanh", {}),
    (Softplus(), "softplus", {"threshold": 1000}),
    (SiLU(), "silu", {}),
    (GELU(), "gelu", {}),
    (GELU(approximate=True), "gelu", {"approximate": "tanh"}),
    (Softmax(), "softmax", {"dim": -1}),
    (Softmax(1), "softmax", {"dim": 1}),
    (LogSoftmax(), "log_softmax", {"dim": -1}),
    (LogSoftmax(1), "log_softmax", {"dim": 1}),
]


@pytest.mark.parametrize(
    ("layer", "name", "arguments"), TORCH, ids=[repr(layer) for layer, _, _ in TORCH]
)
@given(
    shape=st.lists(st.integers(1, 5), min_size=2, max_size=4),
    spread=st.sampled_from([0.1, 1.0, 5.0, 50.0]),
    zeros=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_it_agrees_with_torch(layer, name, arguments, shape, spread, zeros, seed):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    x, dy = rng.normal(0, spread, shape), rng.normal(size=shape)
    if zeros:
        x[rng.random(shape) < 0.3] = 0
    function = getattr(torch.nn.functional, name)
    assert_agrees(layer, lambda x: function(x, **arguments), x, dy)


def test_sigmoid_keeps_its_relative_precision_where_it_is_tiny():
    special = pytest.importorskip("scipy.special")
    x = np.linspace(-700, 700, 14001)
    np.testing.assert_allclose(sigmoid(x), special.expit(x), rtol=4e-16)


@pytest.mark.parametrize(("layer", "slope"), [(LeakyReLU(0.2), 0.2), (ELU(0.7), 0.7)], ids=repr)
def test_at_a_kink_the_left_slope_is_taken_in_code_as_in_words(layer, slope):
    for zero in (0.0, -0.0):
        assert gradient(layer, np.array([zero])) == slope
    assert "the left one" in " ".join(type(layer).__doc__.split())


@pytest.mark.parametrize("layer", ELEMENTWISE, ids=repr)
def test_an_array_without_axes_is_an_array_of_any_shape_too(layer):
    _, cache = layer.forward(np.array(0.5))
    dx = layer.backward(np.array(2.0), cache)
    assert np.shape(dx) == ()
    assert layer.backward(2.0, cache) == dx  # the cotangent of one number may be a float


@pytest.mark.parametrize(
    ("build", "error", "words"),
    [
        (lambda: LeakyReLU(1), ValueError, "negative_slope must be less than 1, got 1"),
        (lambda: LeakyReLU(-0.1), ValueError, "negative_slope must be at least 0"),
        (lambda: ELU(0), ValueError, "alpha must be greater than 0, got 0"),
        (lambda: LogSoftmax(None), TypeError, "axis must be an integer"),
    ],
)
def test_a_wrong_argument_is_refused(build, error, words):
    with pytest.raises(error, match=words):
        build()


def test_the_repr_gives_what_is_not_the_default():
    layers = [LeakyReLU(0.2), ELU(), ELU(2), GELU(), GELU(True), Softmax(), LogSoftmax(1)]
    assert ", ".join(map(repr, layers)) == (
        "LeakyReLU(0.2), ELU(), ELU(2), GELU(), GELU(approximate=True), Softmax(), LogSoftmax(1)"
    )
