"""Gradient descent: closed forms, and what a user can do wrong."""

import numpy as np
import pytest

from minidl import SGD, Dense, Optimizer, Parameter, ReLU, Sequential
from tests.support.points import Point


def test_gradient_descent_on_a_parabola_shrinks_geometrically():
    """θ ← θ − η θ = (1 − η) θ, so after 5 steps with η = 1/4 it is (3/4)⁵ of what it was."""
    point = Point([1024.0])
    optimizer = SGD(point, 0.25)
    for _ in range(5):
        point.theta.grad += point.theta.value
        optimizer.step()
    np.testing.assert_array_equal(point.theta.value, [243.0])


def test_momentum_under_a_constant_gradient_reaches_its_terminal_velocity():
    """v → g / (1 − μ): ten times the step of plain descent for μ = 0.9."""
    point = Point([0.0])
    optimizer = SGD(point, 1.0, momentum=0.9)
    for _ in range(300):
        before = point.theta.value.copy()
        point.theta.grad += 1.0
        optimizer.step()
    np.testing.assert_allclose(before - point.theta.value, 10, rtol=1e-9)


def test_weight_decay_alone_shrinks_weights_and_biases_alike():
    layer = Dense(2, 2, bias_initializer=lambda rng, shape, dtype: np.ones(shape), rng=0)
    weight = layer.weight.value.copy()
    SGD(layer, 0.5, weight_decay=0.5).step()
    np.testing.assert_allclose(layer.weight.value, 0.75 * weight, rtol=1e-6)
    np.testing.assert_array_equal(layer.bias.value, [0.75, 0.75])


def test_a_step_without_gradients_changes_nothing():
    layer = Dense(2, 2, rng=0)
    optimizer = SGD(layer, 0.1, momentum=0.9)
    value = optimizer.vector.value.copy()
    optimizer.step()
    np.testing.assert_array_equal(optimizer.vector.value, value)


def test_the_learning_rate_can_be_assigned_between_steps():
    point = Point([0.0])
    optimizer = SGD(point, 1.0)
    for rate in (1.0, 0.5):
        optimizer.learning_rate = rate
        point.theta.grad += 1
        optimizer.step()
    np.testing.assert_array_equal(point.theta.value, [-1.5])
    with pytest.raises(ValueError, match="learning_rate must be greater than 0, got -1"):
        optimizer.learning_rate = -1
    assert optimizer.learning_rate == 0.5


def test_a_shared_parameter_takes_one_step_along_the_sum_of_its_gradients():
    shared = Point([0.0])
    optimizer = SGD(Sequential(shared, ReLU(), shared), 1.0)
    for layer in (optimizer.network[0], optimizer.network[2]):
        layer.theta.grad += 1
    optimizer.step()
    np.testing.assert_array_equal(shared.theta.value, [-2])


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"learning_rate": 0}, ValueError, "learning_rate must be greater than 0, got 0"),
        ({"learning_rate": np.nan}, ValueError, "learning_rate must be finite, got nan"),
        ({"learning_rate": np.inf}, ValueError, "learning_rate must be finite"),
        ({"learning_rate": "0.1"}, TypeError, "learning_rate must be a number, got '0.1'"),
        ({"learning_rate": None}, TypeError, "learning_rate must be a number"),
        ({"learning_rate": True}, TypeError, "learning_rate must be a number"),
        ({"momentum": 1.0}, ValueError, "momentum must be less than 1"),
        ({"momentum": -0.1}, ValueError, "momentum must be at least 0"),
        ({"weight_decay": -1e-9}, ValueError, "weight_decay must be at least 0"),
        ({"nesterov": True}, ValueError, "nesterov=True needs a momentum above 0"),
        ({"nesterov": "yes", "momentum": 0.9}, TypeError, "nesterov must be True or False"),
    ],
)
def test_a_hyper_parameter_out_of_range_is_refused_by_name(options, error, words):
    with pytest.raises(error, match=words):
        SGD(Dense(2, 2), **{"learning_rate": 0.1, **options})


def test_a_network_without_parameters_is_refused():
    with pytest.raises(ValueError, match="Sequential has no parameters"):
        SGD(Sequential(ReLU()), 0.1)


@pytest.mark.parametrize("network", [None, [Dense(2, 2)], Parameter(1.0), Dense])
def test_what_is_not_a_network_is_refused(network):
    with pytest.raises(TypeError, match="an optimizer needs a layer or network"):
        SGD(network, 0.1)


def test_an_optimizer_of_ones_own_is_one_method():
    class SignDescent(Optimizer):
        def update(self, value, grad, rate, decay):
            value -= rate * np.sign(grad)

    point = Point([0.0, 0.0])
    optimizer = SignDescent(point, 0.5)
    point.theta.grad += [3, -0.1]
    optimizer.step()
    np.testing.assert_array_equal(point.theta.value, [-0.5, 0.5])
    assert not point.theta.grad.any()


def test_its_repr_names_the_hyper_parameters_that_are_set():
    assert repr(SGD(Dense(1, 1), 0.1)) == "SGD(learning_rate=0.1)"
    everything = SGD(Dense(1, 1), 0.1, momentum=0.9, nesterov=True, weight_decay=1e-4)
    assert repr(everything) == (
        "SGD(learning_rate=0.1, momentum=0.9, nesterov=True, weight_decay=0.0001)"
    )
