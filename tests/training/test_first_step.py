"""The first step is watched: a faulty layer is named before anything changes."""

import numpy as np
import pytest

from minidl import (
    SGD,
    Dense,
    Layer,
    Parameter,
    Sequential,
    Tanh,
)
from tests.support.fits import train
from tests.support.networks import Noise, blobs, state_of


def test_methods_that_stand_on_an_instance_are_still_there_after_the_first_step():
    layer = Tanh()
    layer.forward = lambda x: (np.tanh(x), np.tanh(x))
    forward = layer.forward
    network = Sequential(Dense(2, 8, rng=0), layer, Dense(8, 3, rng=0))
    train(network, *blobs())
    assert layer.forward is forward


class Faulty(Layer):
    """Returns from backward what a function makes of the right gradient."""

    def __init__(self, fault, forward=lambda y: (y, None)):
        self.gain = Parameter(np.ones(8))
        self.fault, self.output = fault, forward

    def forward(self, x):
        return self.output(x * self.gain.value)

    def backward(self, dy, cache):
        self.gain.grad += dy.sum(axis=0)
        return self.fault(dy)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (lambda dy: None, r"returned for input 0 None, expected an array of shape \(16, 8\)"),
        (lambda dy: (dy, dy), "returned 2 gradients for 1 inputs"),
        (lambda dy: [dy], "returned for input 0 a list, expected an array"),
        (lambda dy: dy.T, r"a gradient of shape \(8, 16\), expected shape \(16, 8\)"),
        (lambda dy: dy.astype(np.float64), "a gradient of float64, expected float32"),
        (lambda dy: dy * np.nan, "a gradient that is not finite"),
    ],
)
def test_the_first_step_finds_a_faulty_backward_and_changes_nothing(fault, message):
    network = Sequential(Dense(2, 8, rng=0), Faulty(fault), Noise(), Dense(8, 3, rng=0))
    optimizer = SGD(network, 0.1)
    before = state_of(network, optimizer)
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        train(network, *blobs(), optimizer=optimizer)
    assert str(caught.value).startswith("Sequential[1] Faulty(gain (8,)): backward")
    assert state_of(network, optimizer) == before
    assert all("forward" not in vars(layer) for layer in network)


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        (lambda y: y, "forward must return"),
        (lambda y: (y.astype(np.float64), None), "forward returned float64 for inputs"),
    ],
)
def test_the_first_step_finds_a_faulty_forward(forward, message):
    layer = Faulty(lambda dy: dy, forward)
    layer.output = lambda y: (y, None)
    network = Sequential(Dense(2, 8, rng=0), layer, Dense(8, 3, rng=0))
    optimizer = SGD(network, 0.1)

    class Break:
        def on_begin(self, run):
            layer.output = forward

    with pytest.raises(TypeError, match=message):
        train(network, *blobs(), optimizer=optimizer, callbacks=[Break()])


class Naked(Layer):
    """Forgets the cache."""

    def forward(self, x):
        return x

    def backward(self, dy, cache):
        return dy


def test_a_forward_without_a_cache_is_named_at_the_door():
    network = Sequential(Dense(2, 3, rng=0), Naked())
    with pytest.raises(TypeError, match=r"Sequential\[1\] Naked\(\): forward must return"):
        train(network, *blobs())


def test_a_layer_that_replaces_its_parameter_is_found_before_the_step():
    class Replacing(Dense):
        def backward_parameters(self, dy, x):
            self.weight = Parameter(self.weight.value)
            super().backward_parameters(dy, x)

    network = Sequential(Replacing(2, 3, rng=0))
    with pytest.raises(ValueError, match="parameters of another network"):
        train(network, *blobs())


def test_the_first_step_finds_a_parameter_gradient_that_is_not_finite():
    class Broken(Dense):
        def backward_parameters(self, dy, x):
            super().backward_parameters(dy, x)
            self.weight.grad += np.inf

    network = Sequential(Broken(2, 3, rng=0))
    with pytest.raises(ValueError, match="made the gradient of weight not finite"):
        train(network, *blobs())
    assert not network[0].weight.grad.any()
