"""The contract of a layer, met by a user's own layers."""

import copy

import numpy as np
import pytest

from minidl import SGD, Buffer, Dense, Layer, Parameter, ReLU, Sequential, SoftmaxCrossEntropy
from tests.support.scale import Scale


class Block(Layer):
    """A composite layer whose author forgot to define __call__."""

    def __init__(self, dense, drop):
        self.dense, self.drop = dense, drop

    def forward(self, x):
        x, first = self.dense.forward(x)
        x, second = self.drop.forward(x)
        return x, (first, second)

    def backward(self, dy, caches):
        return self.dense.backward(self.drop.backward(dy, caches[1]), caches[0])


class Whitener(Layer):
    """A layer with a parameter, a buffer, a constant array and a generator."""

    def __init__(self):
        self.gain = Parameter(np.ones(3))
        self.mean = Buffer(np.zeros(3))
        self.table = np.linspace(0, 1, 3, dtype=np.float32)
        self.places = np.arange(3)
        self.rng = np.random.default_rng(0)

    def forward(self, x):
        return (x - self.mean.value) * self.gain.value + self.table, x

    def backward(self, dy, x):
        self.gain.grad += (dy * (x - self.mean.value)).sum(axis=0)
        return dy * self.gain.value


def test_the_custom_layer_of_the_design_page_works_as_printed():
    layer = Scale(3)
    layer.gain.value = [1, 2, 3]
    x = np.array([[1, 1, 1], [2, 0, -1]], np.float32)
    y, cache = layer.forward(x)
    np.testing.assert_array_equal(y, [[1, 2, 3], [2, 0, -3]])
    dx = layer.backward(np.ones_like(y), cache)
    np.testing.assert_array_equal(dx, [[1, 2, 3], [1, 2, 3]])
    np.testing.assert_array_equal(layer.gain.grad, [3, 1, 0])
    np.testing.assert_array_equal(layer(x), y)
    assert repr(layer) == "Scale(gain (3,))"


def test_the_custom_layer_of_the_design_page_learns_inside_a_network():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 2)).astype(np.float32)
    target = (x[:, 0] > x[:, 1]).astype(int)
    network = Sequential(Scale(2), Dense(2, 2, rng=rng), Scale(2))
    loss, optimizer = SoftmaxCrossEntropy(), SGD(network, 1.0, momentum=0.5)
    for _ in range(50):
        prediction, cache = network.forward(x)
        _, loss_cache = loss.forward(prediction, target)
        network.backward_parameters(loss.backward(1.0, loss_cache), cache)
        optimizer.step()
    assert (network(x).argmax(axis=1) == target).mean() > 0.97
    assert not np.array_equal(network[0].gain.value, [1, 1])


def test_a_layer_without_forward_or_backward_is_abstract():
    class Half(Layer):
        def forward(self, x):
            return x, None

    with pytest.raises(TypeError, match="backward"):
        Half()


def test_calling_a_layer_that_holds_layers_says_which_and_what_to_do():
    block = Block(Dense(2, 2), Sequential(ReLU()))
    with pytest.raises(NotImplementedError) as caught:
        block(np.ones((1, 2)))
    for words in ("Block", "dense", "drop", "define __call__ by calling them"):
        assert words in str(caught.value)


def test_backward_parameters_calls_backward_unless_a_layer_defines_it():
    layer, twin = Scale(2), Scale(2)
    x = np.array([[1, 2], [3, 4]], np.float32)
    assert layer.backward_parameters(x, layer.forward(x)[1]) is None
    twin.backward(x, twin.forward(x)[1])
    np.testing.assert_array_equal(layer.gain.grad, twin.gain.grad)


def test_astype_gives_an_independent_copy_in_the_new_dtype():
    layer = Whitener()
    twin = layer.astype(np.float64)
    assert twin.gain.value.dtype == twin.gain.grad.dtype == np.float64
    assert twin.mean.value.dtype == twin.table.dtype == np.float64
    assert twin.places.dtype == layer.places.dtype
    assert layer.gain.value.dtype == layer.mean.value.dtype == layer.table.dtype == np.float32
    x = np.random.default_rng(0).normal(size=(4, 3))
    assert twin(x).dtype == np.float64
    np.testing.assert_allclose(twin(x), layer(x), rtol=1e-6)
    twin.gain.value += 1
    twin.mean.value += 1
    twin.table += 1
    twin.rng.random()
    np.testing.assert_array_equal(layer.gain.value, [1, 1, 1])
    np.testing.assert_array_equal(layer.mean.value, [0, 0, 0])
    np.testing.assert_array_equal(layer.table, np.float32([0, 0.5, 1]))
    assert layer.rng.random() == np.random.default_rng(0).random()


def test_astype_keeps_sharing_and_leaves_the_vector_of_the_original_in_use():
    shared = Dense(2, 2, rng=0)
    network = Sequential(shared, ReLU(), shared)
    optimizer = SGD(network, 0.1)
    twin = network.astype(np.float64)
    assert twin[0] is twin[2]
    assert not np.shares_memory(twin[0].weight.value, optimizer.vector.value)
    optimizer.step()


def test_astype_refuses_integers():
    with pytest.raises(TypeError, match="int32"):
        Scale(2).astype(np.int32)


def test_a_deep_copy_of_network_and_optimizer_trains_on_like_the_original():
    rng = np.random.default_rng(0)
    network = Sequential(Dense(2, 5, rng=rng), ReLU(), Dense(5, 3, rng=rng))
    optimizer = SGD(network, 0.1, momentum=0.9)
    x, target = rng.normal(size=(16, 2)).astype(np.float32), rng.integers(0, 3, 16)
    loss = SoftmaxCrossEntropy()

    def train(network, optimizer):
        for _ in range(3):
            prediction, cache = network.forward(x)
            _, loss_cache = loss.forward(prediction, target)
            network.backward(loss.backward(1.0, loss_cache), cache)
            optimizer.step()

    train(network, optimizer)
    twin_network, twin_optimizer = copy.deepcopy((network, optimizer))
    before = optimizer.vector.value.copy()
    train(twin_network, twin_optimizer)
    np.testing.assert_array_equal(optimizer.vector.value, before)
    assert not np.array_equal(twin_optimizer.vector.value, before)
    train(network, optimizer)
    np.testing.assert_array_equal(optimizer.vector.value, twin_optimizer.vector.value)
    np.testing.assert_array_equal(network(x), twin_network(x))
