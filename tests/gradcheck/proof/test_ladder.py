"""The ladder against closed forms: the slope is inside its bound, a kink is seen, a jump is not."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl.gradcheck.proof.ladder import climb
from minidl.gradcheck.proof.noise import measure_noise

EPS = float(np.finfo(float).eps)
SMOOTH = {
    "sin": (np.sin, math.cos),
    "exp": (np.exp, math.exp),
    "cube": (lambda x: x**3, lambda x: 3 * x**2),
    "logistic": (lambda x: 1 / (1 + np.exp(-x)), lambda x: math.exp(-x) / (1 + math.exp(-x)) ** 2),
    "cancelling": (lambda x: (1e6 + np.sin(x)) - 1e6, math.cos),
}


def slope(function, x, reach=0.5):
    """Return (low, high, error) of a function of one number, as the checker would find them."""

    def line(step):
        moved = x + step
        return np.atleast_1d(np.float64(function(moved))), moved - x

    y, _ = line(0.0)
    noise, _ = measure_noise(lambda step: line(step)[0], y, EPS)
    found = climb(line, y, noise, reach=reach, size=abs(x))
    return found.low.item(), found.high.item(), found.error.item()


@pytest.mark.parametrize("name", SMOOTH)
@given(x=st.floats(-3, 3))
def test_the_slope_of_a_smooth_function_is_inside_its_bound(name, x):
    function, derivative = SMOOTH[name]
    low, high, error = slope(function, x)
    assert low == high
    assert abs(low - derivative(x)) <= 3 * error
    if abs(x) > 0.1 and abs(derivative(x)) > 1e-3:  # a function that hardly moves may stay open
        assert error <= (1e-3 if name == "cancelling" else 1e-7) * max(1, abs(low))


@given(left=st.floats(-2, 2), right=st.floats(-2, 2))
def test_a_kink_gives_its_two_slopes(left, right):
    low, high, error = slope(lambda x: max(x, 0) * right + min(x, 0) * left, 0.0)
    assert abs(low - min(left, right)) <= 3 * error
    assert abs(high - max(left, right)) <= 3 * error


@pytest.mark.parametrize("function", [np.sign, np.floor, lambda x: math.sqrt(abs(x))])
def test_where_there_is_no_slope_nothing_is_proved(function):
    assert slope(function, 0.0)[2] == np.inf


def test_a_function_that_does_not_move_has_the_slope_zero():
    assert slope(lambda x: 3.0, 1.0)[:2] == (0, 0)


def test_a_line_of_several_outputs_keeps_them_apart():
    def line(step):
        return np.array([1e9 + step, abs(step), np.sin(step)]), step

    y, _ = line(0.0)
    found = climb(line, y, 4 * EPS * np.maximum(np.abs(y), 1), reach=0.5)
    np.testing.assert_allclose(found.low, [1, -1, 1], atol=1e-5)
    np.testing.assert_allclose(found.high, [1, 1, 1], atol=1e-5)
    assert found.along(np.array([0.0, 2.0, -1.0]))[:2] == pytest.approx((-3, 1))
