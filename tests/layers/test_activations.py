"""Elementwise activations against closed forms and torch."""

import math

import numpy as np
import pytest

from minidl import ReLU, Tanh


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


@pytest.mark.parametrize(
    ("layer", "name"), [(ReLU(), "relu"), (Tanh(), "tanh")], ids=["ReLU", "Tanh"]
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_agrees_with_torch(layer, name, dtype):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x, dy = rng.normal(0, 3, (2, 5, 4)).astype(dtype), rng.normal(size=(2, 5, 4)).astype(dtype)
    x[0, 0] = 0
    y, cache = layer.forward(x)
    their_x = torch.tensor(x, requires_grad=True)
    their_y = getattr(torch, name)(their_x)
    their_y.backward(torch.tensor(dy))
    tolerance = 8 * np.finfo(dtype).eps
    np.testing.assert_allclose(y, their_y.detach().numpy(), rtol=tolerance)
    np.testing.assert_allclose(
        layer.backward(dy, cache), their_x.grad.numpy(), atol=4 * tolerance, rtol=0
    )


@pytest.mark.parametrize("layer", [ReLU(), Tanh()], ids=repr)
def test_an_array_without_axes_is_an_array_of_any_shape_too(layer):
    _, cache = layer.forward(np.array(0.5))
    assert np.shape(layer.backward(np.array(2.0), cache)) == ()
