"""Residual, Add and Concatenate: what they compute, pass on and refuse."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import (
    Add,
    Concatenate,
    Dense,
    Layer,
    ParameterVector,
    ReLU,
    Residual,
    Sequential,
    Tanh,
)
from tests.containers.test_chain import Broken, Recorder, gradients

DTYPE = {"dtype": np.float64}


class Scaled(Layer):
    """Multiplies by a constant, and hands on the very arrays that it keeps in its cache."""

    def __init__(self, factor):
        self.factor = factor

    def forward(self, x):
        y = self.factor * x
        return y, y

    def backward(self, dy, y):
        return self.factor * dy * (y == y)


class Pick(Layer):
    """Looks integers up in a table: a layer whose input carries no gradient."""

    def __init__(self, width, seed=0):
        self.table = np.random.default_rng(seed).normal(size=(10, *np.ravel(width).astype(int)))

    def forward(self, x):
        return self.table[x], None

    def backward(self, dy, cache):
        return None


def dense(a, b, seed=0):
    return Dense(a, b, rng=seed, **DTYPE)


def composites():
    shared = dense(3, 3, 5)
    return [
        Residual(dense(3, 4), Tanh(), dense(4, 3, 1)),
        Add(Sequential(dense(3, 4), ReLU()), dense(3, 4, 1), dense(3, 4, 2)),
        Concatenate(dense(3, 4), ReLU(), Sequential(Tanh(), dense(3, 1))),
        Concatenate(ReLU(), Tanh(), axis=1),
        Residual(Residual(shared), Add(shared, Sequential()), shared),
        Sequential(Concatenate(dense(3, 2), shared), Add(dense(5, 3), dense(5, 3, 1)), shared),
    ]


def draw(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def test_a_residual_block_adds_its_chain_to_its_input():
    first, second = dense(3, 4), dense(4, 3, 1)
    block, x, dy = Residual(first, Tanh(), second), draw(5, 3), draw(5, 3, seed=1)
    expected = x + second(np.tanh(first(x)))
    np.testing.assert_array_equal(block(x), expected)
    np.testing.assert_array_equal(block.forward(x)[0], expected)
    alone, parameters = gradients(Sequential(first, Tanh(), second), x, dy)
    dx, same = gradients(block, x, dy)
    np.testing.assert_array_equal(dx, dy + alone)
    for one, other in zip(parameters, same, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_sum_of_linear_maps_is_the_map_of_the_summed_matrices():
    first, second = dense(3, 4), dense(3, 4, 1)
    x, dy = draw(5, 3), draw(5, 4)
    weight = first.weight.value + second.weight.value
    layer = Add(first, second)
    np.testing.assert_allclose(layer(x), x @ weight, rtol=1e-12)
    np.testing.assert_allclose(gradients(layer, x, dy)[0], dy @ weight.T, rtol=1e-12)


def test_linear_maps_side_by_side_are_the_map_of_the_matrices_side_by_side():
    first, second = dense(3, 4), dense(3, 2, 1)
    x, dy = draw(5, 3), draw(5, 6)
    weight = np.hstack([first.weight.value, second.weight.value])
    layer = Concatenate(first, second)
    np.testing.assert_allclose(layer(x), x @ weight, rtol=1e-12)
    dx, parameters = gradients(layer, x, dy)
    np.testing.assert_allclose(dx, dy @ weight.T, rtol=1e-12)
    d_weight = x.T @ dy
    np.testing.assert_allclose(parameters[0], d_weight[:, :4], rtol=1e-12)
    np.testing.assert_allclose(parameters[2], d_weight[:, 4:], rtol=1e-12)


@pytest.mark.parametrize("axis", [1, -3, 2, -1])
def test_images_are_joined_along_the_axis_that_is_named(axis):
    layer, x = Concatenate(Scaled(2.0), Scaled(3.0), axis=axis), draw(2, 3, 4, 5)
    y, cache = layer.forward(x)
    np.testing.assert_array_equal(y, np.concatenate([2 * x, 3 * x], axis))
    dy = draw(*y.shape)
    first, second = np.split(dy, 2, axis)
    np.testing.assert_array_equal(layer.backward(dy, cache), 2 * first + 3 * second)


@given(st.integers(0, 5), st.integers(0, 2**32 - 1), st.sampled_from(range(6)))
def test_backward_parameters_leaves_the_same_bits_as_backward(samples, seed, which):
    layer, x = composites()[which], draw(samples, 3, seed=seed)
    dy = draw(*layer(x).shape, seed=seed + 1)
    dx, full = gradients(layer, x, dy)
    nothing, alone = gradients(layer, x, dy, "backward_parameters")
    assert dx.shape == x.shape
    assert nothing is None
    for one, other in zip(full, alone, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("layer", composites(), ids=lambda layer: repr(layer).partition("(")[0])
def test_nothing_is_written_into_what_the_layers_inside_keep(layer):
    x = draw(4, 3)
    x.flags.writeable = False
    y, cache = layer.forward(x)
    dy = draw(*y.shape)
    dy.flags.writeable = False
    before = pickle.dumps(cache)
    first = layer.backward(dy, cache)
    assert pickle.dumps(cache) == before
    np.testing.assert_array_equal(layer.backward(dy, cache), first)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_adding_branches_does_not_disturb_one_that_keeps_its_output(order):
    """The case in which an in-place sum is wrong: ReLU keeps y, and its slope is read from y."""
    branches = [ReLU(), Scaled(10.0)]
    x = np.array([[-1.0, 2.0]])
    y, cache = Add(*(branches[place] for place in order)).forward(x)
    np.testing.assert_array_equal(y, [[-10, 22]])
    layer = Add(*(branches[place] for place in order))
    np.testing.assert_array_equal(layer.backward(np.ones((1, 2)), cache), [[10, 11]])
    y, cache = Residual(Scaled(-2.0), ReLU()).forward(x)
    np.testing.assert_array_equal(y, [[1, 2]])
    dx = Residual(Scaled(-2.0), ReLU()).backward(np.ones((1, 2)), cache)
    np.testing.assert_array_equal(dx, [[-1, 1]])


def test_one_instance_in_two_branches_is_one_set_of_weights_whose_gradients_add_up():
    shared = dense(3, 3)
    x, dy = draw(5, 3), draw(5, 6)
    layer = Concatenate(shared, Sequential(Tanh(), shared))
    apart = Concatenate(copy.deepcopy(shared), Sequential(Tanh(), copy.deepcopy(shared)))
    dx, (weight, bias) = gradients(layer, x, dy)
    expected, (first, first_bias, second, second_bias) = gradients(apart, x, dy)
    np.testing.assert_array_equal(dx, expected)
    np.testing.assert_allclose(weight, first + second, rtol=1e-12)
    np.testing.assert_allclose(bias, first_bias + second_bias, rtol=1e-12)
    assert len(ParameterVector(layer)) == 12


@pytest.mark.parametrize("kind", [Residual, Add, Concatenate])
def test_calling_it_calls_the_layers_inside(kind):
    log = []
    kind(Recorder("a", log), Recorder("b", log))(np.ones((1, 1)))
    assert log == [("a", "call"), ("b", "call")]


@pytest.mark.parametrize("kind", [Residual, Add, Concatenate])
def test_backward_parameters_is_passed_on(kind):
    log = []
    layer = kind(Recorder("a", log, parameter=True))
    y, cache = layer.forward(np.ones((1, 1)))
    log.clear()
    layer.backward_parameters(y, cache)
    assert log == [("a", "backward_parameters")]


@pytest.mark.parametrize(
    "layer",
    [
        Add(Pick(2), Sequential(Pick(2), ReLU())),
        Concatenate(Pick(2), Pick(3, 1)),
        Residual(Pick(())),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_integer_input_has_no_gradient(layer):
    x = np.array([[1, 2], [3, 0]])
    y, cache = layer.forward(x)
    assert layer.backward(np.ones_like(y), cache) is None
    assert layer.backward_parameters(np.ones_like(y), cache) is None


def test_layers_below_one_without_an_input_gradient_are_left_alone():
    log = []
    net = Sequential(Recorder("below", log, parameter=True), Pick(2), dense(2, 3))
    y, cache = net.forward(np.array([1, 2]))
    log.clear()
    assert net.backward(np.ones_like(y), cache) is None
    net.backward_parameters(np.ones_like(y), cache)
    assert log == []
    assert net[2].bias.grad.tolist() == [4, 4, 4]


@pytest.mark.parametrize("copier", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
@pytest.mark.parametrize("which", range(6))
def test_a_copy_gives_the_same_bits(copier, which):
    layer, x = composites()[which], draw(4, 3)
    np.testing.assert_array_equal(copier(layer)(x), layer(x))


def test_the_tree_of_layers_is_shown():
    net = Sequential(
        Dense(3, 5),
        Residual(Dense(5, 5), ReLU()),
        Concatenate(Sequential(), Add(ReLU(), Tanh()), axis=1),
    )
    assert [" ".join(row.split()) for row in repr(net).splitlines()] == [
        "Sequential(",
        "[0] Dense(3 → 5) 20",
        "[1] Residual(",
        "[0] Dense(5 → 5) 30",
        "[1] ReLU()",
        ")",
        "[2] Concatenate(",
        "[0] Sequential()",
        "[1] Add(",
        "[0] ReLU()",
        "[1] Tanh()",
        ")",
        ") axis 1",
        ") 50 parameters, float32",
    ]
    assert repr(net[2]).endswith(")  axis 1  0 parameters")


@pytest.mark.parametrize("kind", [Residual, Add, Concatenate])
def test_it_is_a_read_only_sequence(kind):
    first, second = ReLU(), Tanh()
    layer = kind(first, second)
    assert list(layer) == [first, second]
    assert layer[1] is layer[-1] is second
    assert layer[1:] == (second,)
    assert len(layer) == 2
    with pytest.raises(TypeError):
        layer[0] = second


@pytest.mark.parametrize("kind", [Residual, Add, Concatenate])
@pytest.mark.parametrize("method", ["forward", "backward", "backward_parameters", "call"])
def test_an_error_inside_names_the_place(kind, method):
    inside = Broken(ValueError("no"), "forward" if method == "call" else method.split("_")[0])
    layer = Sequential(dense(2, 2), kind(dense(2, 2), inside, dense(2, 2)))

    def run(x):
        if method == "call":
            return layer(x)
        y, cache = layer.forward(x)
        return method == "forward" or getattr(layer, method)(y, cache)

    with pytest.raises(ValueError, match="no") as caught:
        run(np.ones((1, 2)))
    assert str(caught.value) == f"Sequential[1] {kind.__name__}[1] Broken(): no"


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (
            Residual(Dense(3, 4)),
            "Residual: x + f(x) needs one shape, but f turns (5, 3) into (5, 4)",
        ),
        (
            Residual(Dense(3, 1)),
            "Residual: x + f(x) needs one shape, but f turns (5, 3) into (5, 1)",
        ),
        (
            Add(Dense(3, 4), Dense(3, 1)),
            "Add: branch 1 gives shape (5, 1), but branch 0 (5, 4)",
        ),
        (
            Concatenate(Dense(3, 4), ReLU(), axis=2),
            "Concatenate: no axis 2 in the output of branch 0, of shape (5, 4)",
        ),
    ],
)
def test_shapes_that_do_not_fit_are_an_error_and_never_broadcast(layer, message):
    x = np.ones((5, 3), np.float32)
    for run in (layer, layer.forward):
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            run(x)
        assert str(caught.value) == message
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        Sequential(ReLU(), layer)(x)
    assert str(caught.value) == f"Sequential[1] {message}"


@pytest.mark.parametrize("axis", [1, -1])
def test_branches_side_by_side_may_differ_in_one_axis_only(axis):
    class Crop(Layer):
        def forward(self, x):
            return x[:, :2, :2], None

        def backward(self, dy, cache):
            raise NotImplementedError

    with pytest.raises(ValueError, match=rf"branch 1 gives .*\(2, 2, 2\).*in axis {axis} only"):
        Concatenate(ReLU(), Crop(), axis=axis)(np.ones((2, 3, 3)))


@pytest.mark.parametrize("kind", [Residual, Add, Concatenate])
def test_what_is_not_a_layer_is_refused_with_its_place_and_a_hint(kind):
    name = kind.__name__
    with pytest.raises(TypeError, match=rf"{name}\[1\] is not a layer: 'relu'"):
        kind(ReLU(), "relu")
    with pytest.raises(TypeError, match=rf"{name}\[0\].*{name}\(\*layers\)"):
        kind([ReLU(), ReLU()])


@pytest.mark.parametrize("kind", [Add, Concatenate])
def test_no_branch_at_all_is_refused(kind):
    with pytest.raises(ValueError, match=f"{kind.__name__} needs at least one branch"):
        kind()


def test_the_axis_is_an_integer_and_not_that_of_the_samples():
    with pytest.raises(ValueError, match="axis of the samples"):
        Concatenate(ReLU(), axis=0)
    with pytest.raises(TypeError, match=r"axis must be an integer, got 1\.5"):
        Concatenate(ReLU(), axis=1.5)


def test_branches_are_never_joined_along_the_axis_of_the_samples():
    with pytest.raises(ValueError, match="that of the samples"):
        Concatenate(Dense(3, 2), Dense(3, 2), axis=-2)(np.ones((4, 3), np.float32))
