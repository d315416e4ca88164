"""What the Hypothesis strategies draw, and what they shrink to."""

import inspect
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

import minidl
from minidl import Dense, Layer, Parameter, Sequential, SoftmaxCrossEntropy, Tanh
from minidl.parameters import unique
from minidl.testing.strategies import (
    CONTAINERS,
    FAMILIES,
    INPUTS,
    Given,
    batches,
    cotangents,
    inputs_for,
    layers,
    networks,
    sizes,
    values,
)

PUBLIC = [
    item
    for item in (getattr(minidl, name) for name in minidl.__all__)
    if isinstance(item, type) and issubclass(item, Layer) and not inspect.isabstract(item)
]


def found(strategy, condition):
    """Return the smallest example."""
    phases = [Phase.generate, Phase.shrink]  # to explain an example takes 50 times as long
    only = settings(max_examples=20_000, database=None, phases=phases)
    return find(strategy, condition, settings=only)


def drawn(strategy, condition):
    """Return any example: that there is one is what matters."""
    only = settings(max_examples=20_000, database=None, phases=[Phase.generate])
    return find(strategy, condition, settings=only)


def leaves(network):
    for layer in network:
        yield from leaves(layer) if isinstance(layer, Sequential) else [layer]


@pytest.mark.parametrize("layer", PUBLIC, ids=lambda layer: layer.__name__)
def test_every_public_layer_is_drawn_by_a_strategy(layer):
    assert layer in {**FAMILIES, **CONTAINERS, **INPUTS}


@pytest.mark.parametrize("kind", FAMILIES, ids=lambda kind: kind.__name__)
def test_layers_draw_every_class(kind):
    assert isinstance(drawn(layers(), lambda layer: isinstance(layer, kind)), kind)


@pytest.mark.parametrize("kind", [*CONTAINERS, Dense, Tanh], ids=lambda kind: kind.__name__)
def test_networks_draw_layers_and_containers(kind):
    drawn(networks(), lambda net: any(isinstance(layer, kind) for layer in net))


@pytest.mark.parametrize(
    "condition",
    [
        lambda x: x == 0,
        lambda x: 1e-7 <= x <= 1e-3,
        lambda x: -1e-3 <= x <= -1e-7,
        lambda x: 0.1 < abs(x) < 3,
        lambda x: x > 10,
        lambda x: x < -10,
    ],
)
def test_values_of_every_kind_are_drawn(condition):
    drawn(values(), condition)


@given(values(np.float32))
def test_values_are_exact_in_their_dtype_and_not_subnormal(x):
    assert np.float32(x) == x
    assert x == 0 or 9e-8 < abs(x) <= 30


def test_sizes_are_one_primes_and_squares():
    for n in (1, 2, 3, 4, 5, 7):
        assert drawn(sizes(), lambda size, n=n: size == n) == n


def test_batches_have_ties():
    drawn(batches((3,)), lambda x: x.size > len(np.unique(x)) > 1)


@given(batches((2, 3), np.float64, size=4))
def test_a_batch_has_the_size_shape_and_dtype_asked_for(x):
    assert x.shape == (4, 2, 3)
    assert x.dtype == np.float64


@given(st.data())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_a_network_takes_its_inputs_and_its_cotangents(data):
    network = data.draw(networks(dtype=np.float64))
    (x,) = data.draw(inputs_for(network))
    y, cache = network.forward(x)
    assert y.dtype == x.dtype
    assert network.backward(data.draw(cotangents(y)), cache).shape == x.shape


@given(st.data())
def test_a_network_takes_the_samples_it_was_asked_to_take(data):
    network = data.draw(networks((2, 3)))
    assert len(network(data.draw(batches((2, 3), size=4)))) == 4


@given(layers(()))
def test_samples_without_axes_have_layers_too(layer):
    assert layer(np.ones(3)).shape == (3,)


@given(st.data())
def test_a_loss_takes_its_inputs(data):
    loss = SoftmaxCrossEntropy()
    value, cache = loss.forward(*data.draw(inputs_for(loss)))
    assert value >= 0
    assert np.isfinite(loss.backward(data.draw(cotangents(value)), cache)).all()


def test_inputs_for_a_loss_have_indices_probabilities_and_weights():
    inputs = inputs_for(SoftmaxCrossEntropy())
    drawn(inputs, lambda inputs: inputs[1].dtype.kind == "i" and len(inputs) == 2)
    drawn(inputs, lambda inputs: inputs[1].dtype.kind == "f" and len(inputs) == 2)
    drawn(inputs, lambda inputs: len(inputs) == 3 and 0 in inputs[2])


def test_networks_nest_share_layers_and_may_be_empty():
    assert len(found(networks(), lambda net: len(net) == 0)) == 0
    drawn(networks(), lambda net: any(isinstance(layer, Sequential) and layer for layer in net))

    def shares(net):
        trained = [id(layer) for layer in leaves(net) if unique(layer, Parameter)]
        return len(trained) > len(set(trained))

    drawn(networks(), shares)


def test_counter_examples_are_small():
    network = found(networks(), lambda net: any(isinstance(layer, Tanh) for layer in leaves(net)))
    assert [type(layer) for layer in leaves(network)] == [Tanh]
    (x,) = found(inputs_for(Dense(3, 2)), lambda inputs: inputs[0].max() > 2.5)
    assert x.shape == (1, 3)
    assert len(np.unique(x)) <= 2


def test_a_counter_example_is_printed_as_the_code_that_makes_it():
    @settings(database=None, max_examples=1000, phases=[Phase.generate, Phase.shrink])
    @given(network=networks((2,)))
    def holds(network):
        assert not any(isinstance(layer, Dense) for layer in network)

    with pytest.raises(AssertionError) as caught:
        holds()
    text = re.sub(r"#[^\n]*|\s+", "", "".join(caught.value.__notes__))
    assert "network=Sequential(Dense(in_features=2,out_features=1," in text


def test_given_numbers_are_shown():
    assert repr(Given([1.0])) == "Given(numbers=[1.0])"


class Mine(Layer):
    def forward(self, x):
        return x, None

    def backward(self, dy, cache):
        return dy


class MyLoss(SoftmaxCrossEntropy):
    pass


def test_inputs_for_a_layer_of_ones_own_need_the_shape_of_a_sample():
    for layer in (Mine(), Sequential(Mine())):
        with pytest.raises(TypeError, match=r"inputs_for\(layer, shape=\(3,\)\)"):
            inputs_for(layer)
    (x,) = found(inputs_for(Mine(), shape=(3,)), lambda inputs: True)
    assert x.shape == (1, 3)
    with pytest.raises(TypeError, match="does not know what MyLoss"):
        inputs_for(MyLoss())
