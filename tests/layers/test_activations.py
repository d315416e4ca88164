"""Activations against closed forms, scipy and torch."""

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
    Sequential,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from minidl.layers._functions import normal_cdf, sigmoid
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


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_softmax_far_out_gives_certainty_and_its_logarithm_the_difference(dtype):
    x = np.array([[-1e4, 1e4, 0]], dtype)
    np.testing.assert_array_equal(Softmax()(x), [[0, 1, 0]])
    np.testing.assert_array_equal(LogSoftmax()(x), [[-2e4, 0, -1e4]])
    dy = np.array([[1, 2, 3]], dtype)
    np.testing.assert_array_equal(Softmax().backward(dy, Softmax().forward(x)[1]), [[0, 0, 0]])
    dx = LogSoftmax().backward(dy, LogSoftmax().forward(x)[1])
    np.testing.assert_array_equal(dx, [[1, -4, 3]])


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


@pytest.mark.parametrize(("layer", "slope"), [(LeakyReLU(0.2), 0.2), (ELU(0.7), 0.7)], ids=repr)
def test_at_a_kink_the_left_slope_is_taken_in_code_as_in_words(layer, slope):
    for zero in (0.0, -0.0):
        assert gradient(layer, np.array([zero])) == slope
    assert "the left one" in " ".join(type(layer).__doc__.split())


def test_a_slope_of_one_leaves_the_cotangent_as_it_is_bit_by_bit():
    x, dy = np.array([0.1, 7.0]), np.array([1 / 3, -0.1])
    for layer in (LeakyReLU(0.3), ELU(0.3)):
        np.testing.assert_array_equal(layer.backward(dy, layer.forward(x)[1]), dy)


def test_the_gradient_of_softmax_is_that_of_its_jacobian():
    x, dy = np.array([[0.5, -1.0, 2.0]]), np.array([[1.0, 3.0, -2.0]])
    p = np.exp(x[0]) / np.exp(x).sum()
    _, cache = Softmax().forward(x)
    jacobian = np.diag(p) - np.outer(p, p)
    np.testing.assert_allclose(Softmax().backward(dy, cache), dy @ jacobian, atol=1e-15)
    _, cache = LogSoftmax().forward(x)
    jacobian = np.eye(3) - np.outer(np.ones(3), p)
    np.testing.assert_allclose(LogSoftmax().backward(dy, cache), dy @ jacobian, atol=1e-15)


@pytest.mark.parametrize("layer", [Softmax(), LogSoftmax(), Softmax(1), LogSoftmax(2)], ids=repr)
def test_softmax_needs_something_along_its_axis(layer):
    shapes = [(), (3, 0)] if layer.axis == -1 else [(3,), (3, 0)]
    for shape in shapes:
        with pytest.raises(ValueError, match=r"Softmax\(\d?\): nothing along axis .*input shape"):
            Sequential(layer)(np.zeros(shape))


@pytest.mark.parametrize("kind", [Softmax, LogSoftmax])
def test_softmax_never_runs_along_the_samples(kind):
    with pytest.raises(ValueError, match=rf"{kind.__name__}\(0\): axis 0 is that of the samples"):
        kind(0)
    for layer, shape in ((kind(), (3,)), (kind(-2), (5, 3)), (kind(-3), (2, 3, 4))):
        with pytest.raises(ValueError, match=r"Softmax\(.*\): the samples are along axis -\d"):
            layer.forward(np.zeros(shape))


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
        (lambda: LeakyReLU("0.1"), TypeError, "negative_slope must be a number, got '0.1'"),
        (lambda: ELU(0), ValueError, "alpha must be greater than 0, got 0"),
        (lambda: Softmax(0.5), TypeError, "axis must be an integer"),
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
