"""Parameter groups: which pattern counts, what frozen means, and what is refused."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from minidl import (
    SGD,
    Adam,
    ClipNorm,
    CosineDecay,
    Dense,
    ReLU,
    Sequential,
    SoftmaxCrossEntropy,
    fit,
)
from tests.support.networks import blobs, perceptron
from tests.support.points import network


def test_biases_are_spared_by_weight_decay():
    layers = network()
    weights, biases = layers[0].weight.value.copy(), layers[0].bias.value.copy()
    SGD(layers, 0.5, weight_decay=0.5, groups={"*.bias": {"weight_decay": 0}}).step()
    np.testing.assert_allclose(layers[0].weight.value, 0.75 * weights)
    assert_array_equal(layers[0].bias.value, biases)


def test_the_first_pattern_that_matches_counts():
    layers = network()
    first, second = layers[0].bias.value.copy(), layers[1].bias.value.copy()
    groups = {"layers.0.bias": {"weight_decay": 1}, "*.bias": {"weight_decay": 0.5}}
    SGD(layers, 0.5, groups=groups).step()
    np.testing.assert_allclose(layers[0].bias.value, 0.5 * first)
    np.testing.assert_allclose(layers[1].bias.value, 0.75 * second)


def test_a_frozen_layer_stays_and_so_does_its_state_even_under_gradients_that_are_not_finite():
    layers = network()
    optimizer = Adam(layers, 0.1, weight_decay=0.1, groups={"layers.0.*": {"learning_rate": 0}})
    before = layers[0].weight.value.copy()
    for _ in range(3):
        layers[0].weight.grad += np.nan
        layers[1].weight.grad += 1
        optimizer.step()
    assert_array_equal(layers[0].weight.value, before)
    assert not optimizer.mean[: layers[0].weight.value.size].any()
    assert np.isfinite(optimizer.vector.value).all()
    assert not optimizer.vector.grad.any()


@pytest.mark.parametrize("frozen", [1e6, np.inf, np.nan])
@pytest.mark.parametrize(("gradient", "step"), [([0.3, 0.4], [0.3, 0.4]), ([30, 40], [0.6, 0.8])])
def test_what_is_frozen_has_no_share_in_the_norm_that_is_clipped(frozen, gradient, step):
    layers = network()
    optimizer = SGD(layers, 1.0, groups={"layers.0.*": {"learning_rate": 0}}, clip=ClipNorm(1.0))
    before = layers[1].bias.value.copy()
    layers[0].weight.grad += frozen
    layers[1].bias.grad += gradient
    optimizer.step()
    np.testing.assert_allclose(layers[1].bias.value, before - step)


def test_a_rate_of_zero_from_a_schedule_is_a_step_of_length_zero_and_does_not_freeze():
    layers = network()
    optimizer = SGD(layers, lambda step: 0.0 if step == 0 else 1.0, momentum=0.5)
    before = layers[0].bias.value.copy()
    for _ in range(2):
        layers[0].bias.grad += 1
        optimizer.step()
    np.testing.assert_allclose(layers[0].bias.value, before - 1.5)


def test_a_group_may_have_a_schedule_of_its_own():
    layers = network()
    first, second = layers[0].bias.value.copy(), layers[1].bias.value.copy()
    groups = {"layers.1.*": {"learning_rate": CosineDecay(1.0, steps=2)}}
    optimizer = SGD(layers, 0.25, groups=groups)
    for _ in range(3):
        for layer in layers:
            layer.bias.grad += 1
        optimizer.step()
    np.testing.assert_allclose(layers[0].bias.value, first - 0.75)
    np.testing.assert_allclose(layers[1].bias.value, second - 1.5)


def test_a_pretrained_layer_is_kept_by_fit_while_the_rest_learns():
    x, y = blobs()
    layers = perceptron()
    kept, learnt = layers[0].weight.value.copy(), layers[2].weight.value.copy()
    optimizer = SGD(layers, 0.1, groups={"layers.0.*": {"learning_rate": 0}})
    fit(layers, SoftmaxCrossEntropy(), optimizer, x, y, epochs=2, batch_size=10, seed=0)
    assert_array_equal(layers[0].weight.value, kept)
    assert (layers[2].weight.value != learnt).all()


def test_groups_that_say_nothing_new_change_no_bit():
    def train(**options):
        layers = perceptron()
        optimizer = SGD(layers, 0.1, momentum=0.9, weight_decay=1e-3, **options)
        x, y = blobs()
        fit(layers, SoftmaxCrossEntropy(), optimizer, x, y, epochs=2, batch_size=10, seed=0)
        return optimizer.vector.value

    groups = {"*.bias": {"weight_decay": 1e-3}, "layers.0.*": {"learning_rate": 0.1}}
    assert_array_equal(train(), train(groups=groups))


@pytest.mark.parametrize(
    ("groups", "error", "words"),
    [
        (
            {"*.gain": {}},
            ValueError,
            r"'\*\.gain' matches no parameter; the parameters are layers\.0",
        ),
        ({"bias": {}}, ValueError, "layers.0.weight, layers.0.bias, layers.2.weight"),
        ({"*": {}, "*.bias": {}}, ValueError, "only what an earlier pattern has matched"),
        ({"*": {"momentum": 0.5}}, ValueError, "momentum is no option of a group"),
        (
            {"*": {"learning_rate": -1}},
            ValueError,
            r"groups\['\*'\]: learning_rate must be at least",
        ),
        ({"*": {"learning_rate": "0"}}, TypeError, r"learning_rate must be a number, got '0'"),
        ({"*": {"weight_decay": np.nan}}, ValueError, "weight_decay must be finite"),
        ({"*": 0}, TypeError, "needs a dict of options, got 0"),
        ([("*", {})], TypeError, "groups must be a dict"),
    ],
)
def test_groups_that_make_no_sense_are_refused(groups, error, words):
    with pytest.raises(error, match=words):
        SGD(Sequential(Dense(2, 3), ReLU(), Dense(3, 2)), 0.1, groups=groups)


def test_the_users_dict_is_not_kept():
    groups = {"*.bias": {"weight_decay": 0}}
    optimizer = SGD(network(), 0.1, groups=groups)
    groups["*.bias"]["weight_decay"] = 7
    assert optimizer.groups == {"*.bias": {"weight_decay": 0.0}}
