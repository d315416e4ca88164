"""The flat vector: every number keeps its place, and an old vector is told from a new one."""

import copy
import itertools
import pickle

import numpy as np
import pytest

from minidl import SGD, Dense, Parameter, ParameterVector, ReLU, Sequential
from minidl.parameters import unique
from tests.support.points import Holder


def mlp(*sizes, dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    return Sequential(*(Dense(a, b, rng=rng, dtype=dtype) for a, b in itertools.pairwise(sizes)))


def test_packing_keeps_every_number_and_every_shape():
    network = mlp(2, 3, 5)
    for k, parameter in enumerate(unique(network, Parameter).values()):
        parameter.grad += k
    before = {
        name: (p.value.copy(), p.grad.copy()) for name, p in unique(network, Parameter).items()
    }
    vector = ParameterVector(network)
    assert vector.names == tuple(before)
    for name, parameter in unique(network, Parameter).items():
        np.testing.assert_array_equal(parameter.value, before[name][0])
        np.testing.assert_array_equal(parameter.grad, before[name][1])


def test_values_and_gradients_are_views_of_two_contiguous_vectors():
    network = mlp(2, 3, 5)
    vector = ParameterVector(network)
    assert len(vector) == vector.value.size == vector.grad.size == 2 * 3 + 3 + 3 * 5 + 5
    assert vector.value.flags.c_contiguous
    assert vector.grad.flags.c_contiguous
    for parameter in vector.parameters:
        assert np.shares_memory(parameter.value, vector.value)
        assert np.shares_memory(parameter.grad, vector.grad)
    vector.value[:] = np.arange(len(vector))
    flat = np.concatenate([parameter.value.ravel() for parameter in vector.parameters])
    np.testing.assert_array_equal(flat, np.arange(len(vector)))


def test_each_number_of_the_value_belongs_to_the_same_number_of_the_gradient():
    vector = ParameterVector(mlp(3, 2, 4))
    for k, parameter in enumerate(vector.parameters):
        for index in np.ndindex(parameter.value.shape):
            parameter.value[index] = parameter.grad[index] = 100 * k + sum(index)
    np.testing.assert_array_equal(vector.value, vector.grad)


def test_the_order_is_that_of_the_walk_and_does_not_change():
    network = mlp(2, 3, 2)
    names = ("layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias")
    assert ParameterVector(network).names == names
    assert ParameterVector(copy.deepcopy(network)).names == names


def test_a_shared_parameter_is_packed_once():
    shared = Dense(2, 2)
    vector = ParameterVector(Sequential(shared, ReLU(), shared))
    assert len(vector) == 6
    assert len(vector.parameters) == 2


def test_packing_again_returns_the_same_storage():
    network = mlp(2, 3)
    first, second = ParameterVector(network), ParameterVector(network)
    assert first.value is second.value
    assert first.grad is second.grad
    first.require_current()
    assert ParameterVector(Sequential(*network)).value is first.value


def test_packing_an_overlapping_network_retires_the_old_vector():
    body, head, other = Dense(2, 3), Dense(3, 2), Dense(3, 5)
    old, untouched = SGD(Sequential(body, head), 0.1), SGD(mlp(2, 2), 0.1)
    new = SGD(Sequential(body, other), 0.1)
    with pytest.raises(RuntimeError, match="new optimizer"):
        old.step()
    new.step()
    untouched.step()
    assert np.shares_memory(body.weight.value, new.vector.value)


@pytest.mark.parametrize("part", [slice(0, 1), slice(1, 2), slice(0, 0)])
def test_packing_a_part_retires_the_whole_and_packing_nothing_does_not(part):
    network = mlp(2, 3, 2)
    whole = ParameterVector(network)
    ParameterVector(network[part])
    if len(network[part]):
        with pytest.raises(RuntimeError):
            whole.require_current()
    else:
        whole.require_current()


def test_a_step_that_is_refused_changes_nothing():
    body = Dense(2, 3, rng=0)
    old = SGD(body, 0.1)
    SGD(Sequential(body, Dense(3, 1, rng=1)), 0.1)
    body.weight.grad += 1
    value, grad = body.weight.value.copy(), body.weight.grad.copy()
    with pytest.raises(RuntimeError):
        old.step()
    np.testing.assert_array_equal(body.weight.value, value)
    np.testing.assert_array_equal(body.weight.grad, grad)


def test_a_pretrained_part_takes_its_numbers_and_gradients_along():
    body = Dense(2, 3, rng=0)
    ParameterVector(body)
    body.weight.grad += 2
    value = body.weight.value.copy()
    ParameterVector(Sequential(body, Dense(3, 1)))
    np.testing.assert_array_equal(body.weight.value, value)
    np.testing.assert_array_equal(body.weight.grad, np.full((2, 3), 2))


def test_a_network_that_was_retired_can_be_packed_again():
    body = Dense(2, 3)
    network = Sequential(body, Dense(3, 2))
    old = ParameterVector(network)
    taken = ParameterVector(body)
    again = ParameterVector(network)
    assert again.value is not old.value
    again.require_current()
    with pytest.raises(RuntimeError):
        taken.require_current()


def test_two_dtypes_are_refused_and_both_are_named():
    network = Sequential(Dense(2, 3), Dense(3, 2, dtype=np.float64))
    with pytest.raises(TypeError) as caught:
        ParameterVector(network)
    for word in ("float32", "float64", "layers.0.weight", "layers.1.weight"):
        assert word in str(caught.value)


def test_a_packing_that_is_refused_retires_no_vector():
    body = Dense(2, 3, rng=0)
    optimizer = SGD(body, 0.1)
    value = body.weight.value
    with pytest.raises(TypeError):
        ParameterVector(Sequential(body, Dense(3, 2, dtype=np.float64)))
    with pytest.raises(ValueError, match="learning_rate"):
        SGD(Sequential(body, Dense(3, 2)), learning_rate=-1)
    optimizer.step()
    assert body.weight.value is value


def test_parameters_without_axes_and_without_elements_are_packed():
    holder = Holder(a=Parameter(3.0), b=Parameter(np.ones((0, 4))), c=Parameter([1.0, 2.0]))
    vector = ParameterVector(holder)
    np.testing.assert_array_equal(vector.value, [3, 1, 2])
    holder.a.grad += 5
    np.testing.assert_array_equal(vector.grad, [5, 0, 0])
    assert ParameterVector(holder).value is vector.value


def test_a_network_without_parameters_has_an_empty_vector():
    assert len(ParameterVector(ReLU())) == 0


def test_assigning_to_a_vector_writes_into_the_parameters_or_raises():
    layer = Dense(1, 2)
    vector = ParameterVector(layer)
    vector.value, vector.grad = [1, 2, 3, 4], [5, 6, 7, 8]
    assert layer.weight.value.tolist() == [[1, 2]]
    assert layer.bias.grad.tolist() == [7, 8]
    with pytest.raises(ValueError, match=r"ParameterVector.value has shape \(4,\)"):
        vector.value = 0
    with pytest.raises(TypeError, match="grad has dtype float32, got dtype complex"):
        vector.grad = np.zeros(4, complex)
    assert vector.value.tolist() == [1, 2, 3, 4]


def test_assigning_to_a_packed_parameter_writes_into_the_vector():
    layer = Dense(2, 2)
    vector = ParameterVector(layer)
    layer.weight.value = [[1, 2], [3, 4]]
    layer.weight.grad = [[5, 6], [7, 8]]
    np.testing.assert_array_equal(vector.value[:4], [1, 2, 3, 4])
    np.testing.assert_array_equal(vector.grad[:4], [5, 6, 7, 8])


@pytest.mark.parametrize("copier", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copied_parameter_is_in_no_vector(copier):
    layer = Dense(2, 2, rng=0)
    vector = ParameterVector(layer)
    twin = copier(layer)
    twin.weight.value += 1
    twin.weight.grad += 1
    assert not np.shares_memory(twin.weight.value, vector.value)
    assert not vector.grad.any()
    np.testing.assert_array_equal(twin.weight.value, layer.weight.value + 1)
    vector.require_current()


@pytest.mark.parametrize("copier", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copied_vector_packs_the_copied_network(copier):
    network = mlp(2, 3)
    vector = ParameterVector(network)
    twin_network, twin = copier((network, vector))
    assert twin.value is not vector.value
    assert np.shares_memory(twin_network[0].weight.value, twin.value)
    np.testing.assert_array_equal(twin.value, vector.value)
    vector.require_current()
    twin.require_current()


def test_casting_a_packed_parameter_ends_the_training_of_its_old_vector():
    """Otherwise the optimizer goes on with an array that no layer looks at."""
    layer = Dense(2, 2)
    optimizer = SGD(layer, 0.1)
    for parameter in unique(layer, Parameter).values():
        parameter.cast(np.float64)
    with pytest.raises(RuntimeError):
        optimizer.step()
