"""Sequential: a chain, a sequence, a layer."""

import copy
import pickle
from collections.abc import Sequence

import numpy as np
import pytest

from minidl import Dense, Layer, Parameter, ParameterVector, ReLU, Sequential, Tanh
from minidl.parameters import unique


class Recorder(Layer):
    """Passes everything on, and writes down which of its methods was called."""

    def __init__(self, name, log, parameter=False):
        self.name, self.log = name, log
        self.gain = Parameter(1.0) if parameter else None

    def forward(self, x):
        self.log.append((self.name, "forward"))
        return x, None

    def backward(self, dy, cache):
        self.log.append((self.name, "backward"))
        return dy

    def backward_parameters(self, dy, cache):
        self.log.append((self.name, "backward_parameters"))

    def __call__(self, x):
        self.log.append((self.name, "call"))
        return x


class Broken(Layer):
    """Raises the error it is given, in the method it is given."""

    def __init__(self, error, method="forward"):
        self.error, self.method = error, method

    def forward(self, x):
        if self.method == "forward":
            raise self.error
        return x, None

    def backward(self, dy, cache):
        if self.method == "backward":
            raise self.error
        return dy

    def __repr__(self):
        return "Broken()"


def network(dtype=np.float32):
    rng = np.random.default_rng(0)
    return Sequential(
        Dense(3, 5, rng=rng, dtype=dtype),
        Sequential(Tanh(), Dense(5, 4, rng=rng, dtype=dtype)),
        ReLU(),
        Dense(4, 2, rng=rng, dtype=dtype),
    )


def gradients(layer, x, dy, method="backward"):
    """Return a copy's input gradient and its parameters' gradients."""
    twin = copy.deepcopy(layer)
    _, cache = twin.forward(x)
    dx = getattr(twin, method)(dy, cache)
    return dx, [parameter.grad for parameter in unique(twin, Parameter).values()]


def test_the_output_is_that_of_the_composed_functions():
    net, x = network(np.float64), np.random.default_rng(1).normal(size=(6, 3))
    inner = net[1]
    expected = net[3](np.maximum(inner[1](np.tanh(net[0](x))), 0))
    np.testing.assert_array_equal(net(x), expected)
    np.testing.assert_array_equal(net.forward(x)[0], expected)


def test_a_linear_chain_has_the_gradient_of_the_product_of_its_matrices():
    rng = np.random.default_rng(0)
    layers = [Dense(a, b, bias=False, rng=rng, dtype=np.float64) for a, b in [(3, 4), (4, 2)]]
    first, second = (layer.weight.value for layer in layers)
    x, dy = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    dx, (d_first, d_second) = gradients(Sequential(*layers), x, dy)
    np.testing.assert_allclose(dx, dy @ (first @ second).T, rtol=1e-12)
    np.testing.assert_allclose(d_first, x.T @ dy @ second.T, rtol=1e-12)
    np.testing.assert_allclose(d_second, (x @ first).T @ dy, rtol=1e-12)


def test_nesting_changes_no_bit_of_outputs_and_gradients():
    nested = network()
    flat = Sequential(nested[0], *nested[1], nested[2], nested[3])
    rng = np.random.default_rng(1)
    x, dy = rng.normal(size=(6, 3)).astype("f"), rng.normal(size=(6, 2)).astype("f")
    np.testing.assert_array_equal(nested(x), flat(x))
    for one, other in zip(gradients(nested, x, dy)[1], gradients(flat, x, dy)[1], strict=True):
        np.testing.assert_array_equal(one, other)


def test_backward_parameters_leaves_the_same_bits_as_backward():
    rng = np.random.default_rng(1)
    shared = Dense(3, 3, rng=rng)
    x, dy = rng.normal(size=(6, 3)).astype("f"), rng.normal(size=(6, 2)).astype("f")
    for net in (
        network(),
        Sequential(ReLU(), Sequential(Tanh(), network())),
        Sequential(shared, Tanh(), shared, Dense(3, 2, rng=rng)),
    ):
        _, full = gradients(net, x, dy)
        nothing, alone = gradients(net, x, dy, "backward_parameters")
        assert nothing is None
        for one, other in zip(full, alone, strict=True):
            np.testing.assert_array_equal(one, other)


def test_backward_parameters_ends_at_the_first_layer_with_parameters():
    log = []
    net = Sequential(
        Recorder("a", log),
        Recorder("b", log, parameter=True),
        Recorder("c", log),
        Recorder("d", log, parameter=True),
    )
    _, cache = net.forward(1.0)
    log.clear()
    net.backward_parameters(1.0, cache)
    assert log == [("d", "backward"), ("c", "backward"), ("b", "backward_parameters")]


def test_backward_parameters_without_parameters_does_nothing():
    log = []
    net = Sequential(Recorder("a", log), Sequential(Recorder("b", log)))
    _, cache = net.forward(1.0)
    log.clear()
    net.backward_parameters(1.0, cache)
    assert log == []


def test_calling_a_network_calls_its_layers_at_any_depth():
    log = []
    Sequential(Recorder("a", log), Sequential(Recorder("b", log)))(1.0)
    assert log == [("a", "call"), ("b", "call")]


def test_the_same_instance_may_stand_twice_and_its_gradients_add_up():
    shared = Dense(3, 3, rng=0, dtype=np.float64)
    twice = Sequential(shared, Tanh(), shared)
    apart = Sequential(copy.deepcopy(shared), Tanh(), copy.deepcopy(shared))
    rng = np.random.default_rng(1)
    x, dy = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    dx, (weight, bias) = gradients(twice, x, dy)
    expected, (first_weight, first_bias, second_weight, second_bias) = gradients(apart, x, dy)
    np.testing.assert_array_equal(dx, expected)
    np.testing.assert_allclose(weight, first_weight + second_weight, rtol=1e-12)
    np.testing.assert_allclose(bias, first_bias + second_bias, rtol=1e-12)
    assert len(ParameterVector(twice)) == 12


def test_a_chain_of_nothing_hands_its_input_on():
    x = np.ones((2, 3))
    y, cache = Sequential().forward(x)
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(Sequential()(x), x)
    np.testing.assert_array_equal(Sequential().backward(2 * x, cache), 2 * x)


def test_it_is_a_read_only_sequence():
    a, b, c = Dense(2, 3), ReLU(), Dense(3, 2)
    net = Sequential(a, b, c)
    assert isinstance(net, Sequence)
    assert len(net) == 3
    assert list(net) == [a, b, c]
    assert net[0] is a
    assert net[-1] is c
    assert net.index(c) == 2
    assert b in net
    assert list(reversed(net)) == [c, b, a]
    with pytest.raises(IndexError):
        net[3]
    with pytest.raises(TypeError):
        net[0] = b
    with pytest.raises(TypeError):
        del net[0]


def test_a_slice_is_a_network_of_the_same_layers():
    net = network()
    body = net[:-1]
    assert isinstance(body, Sequential)
    assert list(body) == list(net)[:-1]
    assert body[0] is net[0]
    x = np.ones((2, 3), np.float32)
    np.testing.assert_array_equal(net[-1](body(x)), net(x))
    assert list(net[::-2]) == [net[3], net[1]]


@pytest.mark.parametrize("copier", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_gives_the_same_bits_and_keeps_sharing(copier):
    shared = Dense(3, 3, rng=0)
    net = Sequential(shared, Sequential(Tanh(), shared))
    twin = copier(net)
    x = np.random.default_rng(0).normal(size=(4, 3)).astype("f")
    np.testing.assert_array_equal(twin(x), net(x))
    assert twin[0] is twin[1][1]
    assert twin[0] is not net[0]


def test_its_repr_shows_the_tree_with_the_number_of_parameters():
    rows = repr(network()).splitlines()
    assert [" ".join(row.split()) for row in rows] == [
        "Sequential(",
        "[0] Dense(3 → 5) 20",
        "[1] Sequential(",
        "[0] Tanh()",
        "[1] Dense(5 → 4) 24",
        ")",
        "[2] ReLU()",
        "[3] Dense(4 → 2) 10",
        ") 54 parameters, float32",
    ]
    assert len({len(row) for row in rows if row.endswith(("20", "24", "10"))}) == 1


def test_its_repr_counts_a_shared_parameter_once():
    shared = Dense(3, 3)
    assert repr(Sequential(shared, shared)).endswith(")  12 parameters, float32")


def test_the_repr_of_an_empty_chain_says_so():
    assert "0 parameters" in repr(Sequential())


def test_an_error_names_the_layer_and_its_place():
    net = Sequential(Dense(8, 64), ReLU(), Dense(32, 10))
    for run in (net, net.forward):
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            run(np.zeros((128, 8), np.float32))
        assert str(caught.value) == (
            "Sequential[2] Dense(32 → 10): input has 64 features, expected 32 "
            "(input shape (128, 64))"
        )


def test_an_error_in_a_nested_network_gives_the_whole_way():
    net = Sequential(ReLU(), Sequential(ReLU(), Sequential(Dense(3, 2))))
    with pytest.raises(ValueError, match="features") as caught:
        net(np.zeros((1, 4), np.float32))
    way, _, _ = str(caught.value).partition(":")
    assert way == "Sequential[1] Sequential[1] Sequential[0] Dense(3 → 2)"


@pytest.mark.parametrize("method", ["backward", "backward_parameters"])
def test_an_error_in_backward_names_its_place_too(method):
    rest = [ReLU(), Broken(ValueError("no"), "backward"), ReLU()]
    net = Sequential(Dense(2, 2), *rest)
    y, cache = net.forward(np.ones((1, 2), np.float32))
    with pytest.raises(ValueError, match=r"^Sequential\[2\] Broken\(\): no$"):
        getattr(net, method)(y, cache)


def test_an_error_of_the_first_layer_in_backward_parameters_names_its_place():
    class Faulty(Recorder):
        def backward_parameters(self, dy, cache):
            raise ValueError("no")

        def __repr__(self):
            return "Faulty()"

    net = Sequential(ReLU(), Faulty("a", [], parameter=True), ReLU())
    y, cache = net.forward(np.ones(2))
    with pytest.raises(ValueError, match=r"^Sequential\[1\] Faulty\(\): no$"):
        net.backward_parameters(y, cache)


def test_an_error_with_other_arguments_keeps_them_and_gets_notes():
    error = KeyError("gain")
    net = Sequential(ReLU(), Sequential(Broken(error)))
    with pytest.raises(KeyError) as caught:
        net.forward(np.ones(1))
    assert caught.value is error
    assert error.args == ("gain",)
    assert [note.split()[1] for note in error.__notes__] == ["Sequential[0]", "Sequential[1]"]


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ((Dense(1, 1), "relu"), ["Sequential[1]", "'relu'"]),
        (([Dense(1, 1), ReLU()],), ["Sequential[0]", "Sequential(*layers)"]),
        ((ReLU,), ["Sequential[0]", "ReLU(…)"]),
        ((np.tanh,), ["Sequential[0]", "tanh"]),
    ],
)
def test_what_is_not_a_layer_is_refused_with_its_place_and_a_hint(items, words):
    with pytest.raises(TypeError) as caught:
        Sequential(*items)
    for word in words:
        assert word in str(caught.value)
