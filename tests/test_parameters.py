"""Parameters, buffers, the walk that finds them and the vector that packs them."""

import copy
import itertools
import pickle
import re

import numpy as np
import pytest

from minidl import SGD, Buffer, Dense, Layer, Parameter, ParameterVector, ReLU, Sequential
from minidl.parameters import network_dtype, unique, walk


class Holder(Layer):
    """A layer that is only there for what it holds."""

    def __init__(self, **attributes):
        vars(self).update(attributes)

    def forward(self, x):
        return x, None

    def backward(self, dy, cache):
        return dy


def mlp(*sizes, dtype=np.float32, seed=0):
    rng = np.random.default_rng(seed)
    return Sequential(*(Dense(a, b, rng=rng, dtype=dtype) for a, b in itertools.pairwise(sizes)))


@pytest.mark.parametrize("kind", [Parameter, Buffer])
class TestArraysOfALayer:
    def test_the_initial_value_is_copied(self, kind):
        given = np.ones(3, np.float32)
        item = kind(given)
        given[0] = 7
        np.testing.assert_array_equal(item.value, [1, 1, 1])

    def test_it_is_float32_unless_another_floating_dtype_is_asked_for(self, kind):
        assert kind([1.5]).value.dtype == np.float32
        assert kind([1.5], np.float64).value.dtype == np.float64

    @pytest.mark.parametrize("dtype", [np.int64, np.complex64, bool, object])
    def test_a_dtype_that_is_not_floating_is_refused_by_name(self, kind, dtype):
        with pytest.raises(TypeError, match=np.dtype(dtype).name):
            kind([1], dtype)

    def test_assigning_copies_into_the_array_that_was_there(self, kind):
        item = kind(np.zeros((2, 3)))
        storage, given = item.value, np.arange(6.0).reshape(2, 3)
        item.value = given
        given[:] = -1
        assert item.value is storage
        np.testing.assert_array_equal(storage, [[0, 1, 2], [3, 4, 5]])

    @pytest.mark.parametrize("shape", [(), (3,), (1, 3), (3, 2), (1, 2, 3)])
    def test_assigning_another_shape_is_refused_and_both_shapes_are_named(self, kind, shape):
        item = kind(np.zeros((2, 3)))
        both = re.escape("(2, 3)") + ".*" + re.escape(str(shape))
        with pytest.raises(ValueError, match=both):
            item.value = np.ones(shape)
        assert not item.value.any()

    def test_assigning_complex_numbers_is_refused(self, kind):
        item = kind(np.zeros(2))
        with pytest.raises(TypeError, match="complex"):
            item.value = np.ones(2) * 1j

    def test_arithmetic_in_place_keeps_the_array(self, kind):
        item = kind([1.0, 2.0])
        storage = item.value
        item.value -= 1
        assert item.value is storage
        np.testing.assert_array_equal(storage, [0, 1])

    def test_a_square_value_can_be_assigned_its_own_transpose(self, kind):
        item = kind([[1, 2], [3, 4]])
        item.value = item.value.T
        np.testing.assert_array_equal(item.value, [[1, 3], [2, 4]])

    def test_a_single_number_is_an_array_without_axes(self, kind):
        item = kind(3.0)
        item.value += 1
        assert item.value.shape == ()
        assert item.value == 4

    @pytest.mark.parametrize("copier", [copy.copy, copy.deepcopy, pickle.loads])
    def test_a_copy_is_equal_and_independent(self, kind, copier):
        item = kind([1.0, 2.0], np.float64)
        twin = copier(pickle.dumps(item) if copier is pickle.loads else item)
        np.testing.assert_array_equal(twin.value, item.value)
        assert twin.value.dtype == np.float64
        twin.value += 1
        np.testing.assert_array_equal(item.value, [1, 2])

    def test_casting_keeps_the_numbers(self, kind):
        item = kind([0.5, -2.0])
        item.cast(np.float64)
        assert item.value.dtype == np.float64
        np.testing.assert_array_equal(item.value, [0.5, -2.0])
        with pytest.raises(TypeError, match="int64"):
            item.cast(np.int64)

    def test_its_repr_names_shape_and_dtype(self, kind):
        assert repr(kind(np.zeros((2, 3)))) == f"{kind.__name__}((2, 3), float32)"


def test_the_gradient_of_a_new_parameter_is_zero_and_of_its_shape_and_dtype():
    parameter = Parameter(np.ones((2, 3)), np.float64)
    np.testing.assert_array_equal(parameter.grad, np.zeros((2, 3)))
    assert parameter.grad.dtype == np.float64


def test_assigning_a_gradient_copies_into_its_array_after_a_check_of_the_shape():
    parameter = Parameter(np.ones(3))
    storage = parameter.grad
    parameter.grad = np.array([1, 2, 3])
    assert parameter.grad is storage
    np.testing.assert_array_equal(storage, [1, 2, 3])
    with pytest.raises(ValueError, match=r"Parameter.grad has shape \(3,\), got .* \(4,\)"):
        parameter.grad = np.ones(4)


def test_copying_a_parameter_copies_its_gradient():
    parameter = Parameter(np.ones(2))
    parameter.grad += [3, 4]
    twin = copy.deepcopy(parameter)
    parameter.grad += 1
    np.testing.assert_array_equal(twin.grad, [3, 4])


def test_the_walk_follows_attributes_in_the_order_in_which_they_were_set():
    b, a = Parameter(1.0), Parameter(2.0)
    assert list(walk(Holder(b=b, a=a)))[1:] == [("b", b), ("a", a)]


def test_the_walk_goes_into_lists_tuples_dicts_and_layers_to_any_depth():
    weight, mean, rng = Parameter(1.0), Buffer(2.0), np.random.default_rng(0)
    tower = Holder(blocks=[{"inner": (Holder(weight=weight),)}], state=[[mean]], rng=rng)
    found = {path: item for path, item in walk(tower) if not isinstance(item, Layer)}
    assert found == {"blocks.0.inner.0.weight": weight, "state.0.0": mean, "rng": rng}


def test_the_walk_ends_at_a_layer_that_knows_its_parent():
    parent, child = Holder(), Holder(weight=Parameter(1.0))
    parent.child, child.parent = child, parent
    assert [path for path, _ in walk(parent)] == ["", "child", "child.weight"]


def test_arrays_and_numbers_are_no_part_of_a_layer():
    assert len(list(walk(Holder(size=3, table=np.ones(3), name="x", function=abs)))) == 1


def test_what_stands_in_two_places_is_walked_twice_and_unique_once_under_its_first_path():
    shared = Dense(2, 2)
    network = Sequential(shared, ReLU(), shared)
    assert [path for path, item in walk(network) if item is shared.weight] == [
        "layers.0.weight",
        "layers.2.weight",
    ]
    assert list(unique(network, Parameter)) == ["layers.0.weight", "layers.0.bias"]


def test_unique_goes_by_identity_not_by_equality():
    assert len(unique(Holder(a=Parameter(1.0), b=Parameter(1.0)), Parameter)) == 2


def test_unique_takes_several_kinds():
    holder = Holder(a=Parameter(1.0), b=Buffer(1.0), c=np.random.default_rng(0))
    assert list(unique(holder, (Buffer, np.random.Generator))) == ["b", "c"]


def test_the_dtype_of_a_network_is_that_of_its_parameters():
    assert network_dtype(mlp(2, 3, dtype=np.float64)) == np.float64
    assert network_dtype(ReLU()) is None


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


def test_parameters_whose_paths_read_the_same_are_not_lost():
    vector = ParameterVector(Holder(parts={1: Parameter(1.0), "1": Parameter(2.0)}))
    assert sorted(vector.value) == [1, 2]
