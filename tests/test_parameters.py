"""Parameters, buffers, and the walk that finds them."""

import copy
import itertools
import pickle
import re

import numpy as np
import pytest

from minidl import Buffer, Dense, Layer, Parameter, ParameterVector, ReLU, Sequential
from minidl.parameters import network_dtype, unique, walk
from tests.support.points import Holder


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


def test_parameters_whose_paths_read_the_same_are_not_lost():
    vector = ParameterVector(Holder(parts={1: Parameter(1.0), "1": Parameter(2.0)}))
    assert sorted(vector.value) == [1, 2]
