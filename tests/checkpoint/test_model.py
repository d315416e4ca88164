"""A network that was saved comes back: the same bits, the same sharing, the same file again."""

import copy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minidl
from minidl import (
    SGD,
    Add,
    BatchNorm,
    Buffer,
    Concatenate,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Layer,
    ModelFileError,
    Parameter,
    PositionalEncoding,
    ReLU,
    Residual,
    Sequential,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
    Tanh,
    fit,
    load,
    save,
)
from minidl.checkpoint.architecture import VOCABULARY
from minidl.parameters import network_dtype, unique, walk
from minidl.testing.strategies import inputs_for, networks
from tests.support.models import Scale, network
from tests.support.table import TABLE

X = np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)


def there_and_back(network, folder, **options):
    """Save and load a network, and prove that what came back gives the same file."""
    first, second = Path(folder, "first"), Path(folder, "second")
    save(network, first)
    twin = load(first, **options)
    save(twin, second)
    assert first.read_bytes() == second.read_bytes()
    assert [path for path, _ in walk(network)] == [path for path, _ in walk(twin)]
    for (path, one), (_, other) in zip(walk(network), walk(twin), strict=True):
        assert type(one) is type(other)
        if isinstance(one, (Parameter, Buffer)):
            assert one.value.dtype == other.value.dtype, path
            assert one.value.tobytes() == other.value.tobytes(), path
    return twin


def same_bits(one, other):
    return np.asarray(one).dtype == np.asarray(other).dtype and (
        np.asarray(one).tobytes() == np.asarray(other).tobytes()
    )


@pytest.mark.parametrize("dtype", [None, np.float64], ids=str)
@pytest.mark.parametrize("case", TABLE, ids=repr)
def test_every_layer_of_the_table_gives_the_same_bits(case, dtype, tmp_path):
    layer = copy.deepcopy(case.layer)
    layer = layer if dtype is None else layer.astype(dtype)
    twin = there_and_back(layer, tmp_path)
    arrays = [np.asarray(each) for each in case.inputs]
    own = network_dtype(layer) or dtype or np.float32
    inputs = [each.astype(own) if each.dtype.kind == "f" else each for each in arrays]
    assert same_bits(layer(*inputs), twin(*inputs))
    assert same_bits(layer.forward(*inputs)[0], twin.forward(*inputs)[0])


def test_every_layer_of_minidl_is_in_the_vocabulary():
    public = {type(case.layer).__name__ for case in TABLE}
    assert set(VOCABULARY) == public
    assert all(VOCABULARY[name] is getattr(minidl, name) for name in public)


@given(st.data())
def test_a_random_network_gives_the_same_bits(tmp_path_factory, data):
    layer = data.draw(networks(dtype=data.draw(st.sampled_from([np.float32, np.float64]))))
    twin = there_and_back(layer, tmp_path_factory.getbasetemp())
    inputs = data.draw(inputs_for(layer))
    with np.errstate(all="ignore"):
        assert same_bits(layer(*inputs), twin(*inputs))
        assert same_bits(layer.forward(*inputs)[0], twin.forward(*inputs)[0])


def test_training_goes_on_as_it_would_have(tmp_path):
    y = np.array([0, 1, 1, 0])
    own = network()
    twin = there_and_back(own, tmp_path)
    for each in (own, twin):
        loss = SoftmaxCrossEntropy()
        fit(each, loss, SGD(each, 0.1, momentum=0.9), X, y, epochs=5, batch_size=2, seed=0)
    assert same_bits(SGD(own, 1).vector.value, SGD(twin, 1).vector.value)


def test_an_instance_that_stands_twice_comes_back_as_one(tmp_path):
    dense = Dense(3, 3, rng=0)
    twin = there_and_back(Sequential(dense, Add(dense, Tanh()), dense), tmp_path)
    assert twin[0] is twin[2] is twin[1][0]
    assert len(unique(twin, Parameter)) == 2


def test_a_parameter_of_two_layers_comes_back_as_one(tmp_path):
    one, other = Dense(3, 3, rng=0), Dense(3, 3, rng=1, bias=False)
    other.weight = one.weight
    twin = there_and_back(Residual(one, Tanh(), other), tmp_path)
    assert twin[0] is not twin[2]
    assert twin[0].weight is twin[2].weight


def test_a_buffer_and_a_generator_of_two_layers_come_back_as_one(tmp_path):
    norms, drops = [BatchNorm(3), BatchNorm(3)], [Dropout(0.5, rng=0), Dropout(0.2, rng=1)]
    norms[1].running_mean, drops[1].rng = norms[0].running_mean, drops[0].rng
    twin = there_and_back(Sequential(*norms, *drops), tmp_path)
    assert twin[0].running_mean is twin[1].running_mean
    assert twin[2].rng is twin[3].rng


@pytest.mark.parametrize("kind", ["PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"])
@pytest.mark.parametrize("drawn", [0, 7])
def test_every_bit_generator_goes_on_where_it_was(kind, drawn, tmp_path):
    layer = Dropout(0.5)
    layer.rng = np.random.Generator(getattr(np.random, kind)(3))
    twin = there_and_back(layer, tmp_path)
    assert (layer.rng.random(drawn) == twin.rng.random(drawn)).all()
    layer.rng.integers(9, dtype=np.int32)  # leaves half of a word behind
    twin = there_and_back(layer, tmp_path)
    assert (layer.rng.integers(2**31, size=99) == twin.rng.integers(2**31, size=99)).all()
    assert layer.rng.integers(9, dtype=np.int32) == twin.rng.integers(9, dtype=np.int32)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12.0).reshape(3, 4).T,
        np.arange(12.0)[::-2],
        np.asfortranarray(np.ones((2, 3))),
        np.arange(3, dtype=">f4"),
        np.zeros((0, 3)),
        np.array(3.0),
        np.array([-0.0, 5e-324, 1.7e308]),
        np.array([1e-45, -0.0], np.float32),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_any_array_comes_back_bit_for_bit(array, tmp_path):
    layer = Scale(1)
    dtype = array.dtype
    layer.gain = Parameter(np.zeros(np.shape(array)), dtype)
    layer.gain._hold("value", array)  # as it lies in memory

    class Any(Scale):
        def __init__(self, features):
            super().__init__(features)
            self.gain = Parameter(np.zeros(np.shape(array)))

    layer.__class__ = Any
    save(layer, tmp_path / "file")
    value = load(tmp_path / "file", layers={"Any": Any}).gain.value
    assert value.dtype == dtype.newbyteorder("=")
    assert value.shape == array.shape
    assert value.tobytes() == np.asarray(array, dtype.newbyteorder("=")).tobytes()


def test_parameters_that_are_packed_into_a_vector_are_saved(tmp_path):
    own = network()
    SGD(own, 0.1)
    there_and_back(own, tmp_path)


def test_a_network_without_parameters_is_saved(tmp_path):
    assert list(there_and_back(Sequential(), tmp_path)) == []
    assert isinstance(there_and_back(Sequential(ReLU(), Tanh()), tmp_path)[1], Tanh)


@pytest.mark.parametrize(
    "layer",
    [
        Conv2D(2, 3, (2, 3), stride=(1, 2), padding=1, bias=False),
        Embedding(7, 2),
        Embedding(2000, 300),
        PositionalEncoding(4, 9),
        SigmoidCrossEntropy(pos_weight=[0.5, 2.0]),
        SoftmaxCrossEntropy(ignore_index=-1),
        Concatenate(Tanh(), axis=1),
    ],
    ids=repr,
)
def test_options_come_back(layer, tmp_path):
    assert repr(there_and_back(layer, tmp_path)) == repr(layer)


def test_a_layer_of_your_own_takes_two_lines(tmp_path):
    own = Sequential(Dense(3, 2, rng=0), Scale(2))
    own[1].gain.value = [2.0, 3.0]
    twin = there_and_back(own, tmp_path, layers={"Scale": Scale})
    assert same_bits(own(X), twin(X))


class Numbered(Scale):
    config = ("features", "number")

    def __init__(self, features, number):
        super().__init__(features)
        self.number = number


@pytest.mark.parametrize(
    "number", [0, -1, 1000, 2**63 - 1, -(2**63), 1e-300, -1e18, True, None, "", "a" * 1000]
)
def test_whatever_a_configuration_may_hold_comes_back(number, tmp_path):
    twin = there_and_back(Numbered(2, number), tmp_path, layers={"Numbered": Numbered})
    assert twin.number == number
    assert type(twin.number) is type(number)


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 1e19, np.inf, 1j, b"", "a" * 1001])
def test_what_a_configuration_may_not_hold_is_named(number, tmp_path):
    with pytest.raises(ModelFileError, match=r"Numbered\.number is .*, which cannot be saved"):
        save(Numbered(2, number), tmp_path / "file")


def test_text_stands_in_the_file_in_utf_8(tmp_path):
    save(Numbered(2, "größer ≥ 尺寸"), tmp_path / "model")
    assert "größer ≥ 尺寸".encode() in (tmp_path / "model").read_bytes()


class Block(Layer):
    """Holds layers that it was given, and one that it makes."""

    config = ("first", "others", "name", "sizes", "rate", "end")

    def __init__(self, first, others, name="block", sizes=(1, 2), rate=0.5, *, end=None, rng):
        self.first, self.others, self.name, self.sizes = first, others, name, sizes
        self.rate, self.end = rate, end
        self.own = Dense(3, 3, rng=rng)
        self.scales = {"x": Parameter(np.ones(3)), "y": [Parameter(np.zeros(3))]}

    def forward(self, x):
        raise NotImplementedError

    def backward(self, dy, cache):
        raise NotImplementedError

    def __call__(self, x):
        for layer in (self.first, self.own, *self.others):
            x = layer(x) * self.scales["x"].value + self.scales["y"][0].value
        return x


def test_a_layer_of_layers_of_your_own_comes_back_with_what_it_makes_itself(tmp_path):
    first = Dense(3, 3, rng=0)
    own = Block(first, [Tanh(), first], "é\n", (1.5, None, True, "s"), 1e-300, rng=1)
    own.scales["y"][0].value = [1, 2, 3]
    twin = there_and_back(own, tmp_path, layers={"Block": Block})
    assert same_bits(own(X), twin(X))
    assert twin.first is twin.others[1]
    assert isinstance(twin.others, list)
    assert (twin.name, twin.sizes, twin.rate, twin.end) == (own.name, own.sizes, own.rate, None)


def test_a_class_that_ties_its_own_parameters_may_be_saved(tmp_path):
    class Tied(Layer):
        config = ("features",)

        def __init__(self, features):
            self.features = features
            self.one, self.two = Dense(features, 3, rng=0), Dense(features, 3, rng=1)
            self.two.weight = self.one.weight
            self.both = [self.one.weight, self.two.weight]

        forward = backward = Scale.backward

    twin = there_and_back(Tied(3), tmp_path, layers={"Tied": Tied})
    assert twin.one.weight is twin.two.weight is twin.both[1]


def test_saving_and_loading_leave_the_global_generators_and_the_network_alone(tmp_path):
    own = network()
    state, before = np.random.get_state()[1].copy(), copy.deepcopy(own)  # noqa: NPY002
    there_and_back(own, tmp_path)
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002
    save(before, tmp_path / "before")
    assert (tmp_path / "before").read_bytes() == (tmp_path / "first").read_bytes()


class TwoOfOneName(Layer):
    config = ()

    def __init__(self):
        self.parts = {"a.b": Parameter(np.ones(2)), "a": {"b": Parameter(np.zeros(2))}}

    def forward(self, x):
        return x, None

    def backward(self, dy, cache):
        return dy


def test_two_arrays_of_one_path_are_refused_instead_of_one_of_them_lost(tmp_path):
    for ambiguous in (TwoOfOneName(), Sequential(layer := TwoOfOneName(), layer)):
        with pytest.raises(ModelFileError, match=r"two things have the path .*parts\.a\.b"):
            save(ambiguous, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []
