"""Networks whose first layer takes integers: what the door lets through."""

import numpy as np
import pytest

from minidl import (
    SGD,
    Add,
    Dense,
    Embedding,
    Flatten,
    GradientErrors,
    Layer,
    ReLU,
    Sequential,
    SoftmaxCrossEntropy,
    fit,
    loss_and_gradients,
    predict,
)
from minidl.parameters import input_dtype
from minidl.training.checks import check_integers
from tests.support.networks import state_of


def reader(seed=0, **dtype):
    rng = np.random.default_rng(seed)
    return Sequential(Embedding(6, 4, rng=rng, **dtype), Flatten(), Dense(12, 2, rng=rng, **dtype))


class Positions(Layer):
    """A composite of a user: words and places, each with a table."""

    def __init__(self):
        self.words, self.places = Embedding(6, 4, rng=0), Embedding(3, 4, rng=1)

    def forward(self, x):
        (words, first), (places, second) = (
            self.words.forward(x),
            self.places.forward(np.arange(x.shape[1])),
        )
        return words + places, (first, second)

    def backward(self, dy, caches):
        self.words.backward(dy, caches[0])
        self.places.backward(dy.sum(axis=0), caches[1])

    def __call__(self, x):
        return self.words(x) + self.places(np.arange(x.shape[1]))


class Declared(Layer):
    """Takes integers, and says so itself, since its first layer does not."""

    takes_integers = True

    def __init__(self):
        self.scale, self.words = Dense(4, 4, rng=0), Embedding(6, 4, rng=0)

    def forward(self, x):
        words, first = self.words.forward(x)
        y, second = self.scale.forward(words)
        return y, (first, second)

    def backward(self, dy, caches):
        return self.words.backward(self.scale.backward(dy, caches[1]), caches[0])

    def __call__(self, x):
        return self.scale(self.words(x))


def words(samples=80, seed=0):
    """Return triples of words; the class is whether the first two are the same."""
    x = np.random.default_rng(seed).integers(0, 6, (samples, 3))
    x[: samples // 2, 1] = x[: samples // 2, 0]
    return x, (x[:, 0] == x[:, 1]).astype(int)


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (reader(), "i"),
        (Sequential(Sequential(), Flatten(), reader()), "i"),  # nothing before it has parameters
        (Sequential(Sequential(reader())), "i"),
        (Add(reader(), reader(1)), "i"),
        (Sequential(Positions(), Flatten()), "i"),
        (Sequential(Declared(), Flatten()), "i"),
        (Sequential(Flatten(), Dense(3, 2)), "f"),
        (Dense(3, 2), "f"),
    ],
)
def test_a_network_takes_what_its_first_layer_takes(network, expected):
    assert input_dtype(network).kind == expected


def test_a_network_without_parameters_takes_any_floating_dtype():
    assert input_dtype(ReLU()) is None


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.int64, ">i4", np.float64, float])
def test_predict_hands_integers_on_whatever_they_are_stored_in(dtype):
    network, (x, _) = reader(), words()
    np.testing.assert_array_equal(predict(network, x.astype(dtype)), network(x))
    np.testing.assert_array_equal(predict(network, x.tolist()), network(x))


@pytest.mark.parametrize("network", [reader, Positions, Declared])
def test_a_network_that_reads_words_learns(network):
    x, y = words()
    rng = np.random.default_rng(1)
    model = network() if network is reader else Sequential(network(), Flatten(), Dense(12, 2))
    model = Sequential(*model[:-1], Dense(12, 40, rng=rng), ReLU(), Dense(40, 2, rng=rng))
    watch = GradientErrors(every=50, coordinates=20)
    history = fit(
        model,
        SoftmaxCrossEntropy(),
        SGD(model, 0.2, momentum=0.9),
        x,
        y,
        epochs=40,
        batch_size=16,
        validation=(x.astype(float), y),
        seed=0,
        callbacks=[watch],
    )
    assert history.training["accuracy"][-1] == 1
    assert history.validation["accuracy"][-1] == 1
    assert max(watch.errors) < 1e-4


def test_loss_and_gradients_takes_integers_and_whole_numbers():
    network, (x, y) = reader(), words()
    loss = SoftmaxCrossEntropy()
    exact = loss_and_gradients(network, loss, x, y)
    gradient = network[0].weight.grad.copy()
    assert loss_and_gradients(network, loss, x.astype(float), y) == exact
    np.testing.assert_allclose(network[0].weight.grad, 2 * gradient, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (1.5, r"x\[2, 1\] is 1.5: the first layer of this network takes integers"),
        (np.nan, r"x\[2, 1\] is nan: all values must be finite"),
        (1e30, r"x\[2, 1\] is 1e\+30, too large for an index"),
        (6, r"Sequential\[0\] Embedding\(6 → 4\): index 6 at \[2, 1\] is outside the vocabulary"),
    ],
)
def test_what_is_no_index_is_refused_before_anything_changes(value, message):
    network, (x, y) = reader(), words()
    optimizer = SGD(network, 0.1, momentum=0.9)
    x = x.astype(float)
    x[2, 1] = value
    before = state_of(network, optimizer)
    loss = SoftmaxCrossEntropy()
    for run in (
        lambda: fit(network, loss, optimizer, x, y, epochs=1, batch_size=8),
        lambda: predict(network, x),
        lambda: loss_and_gradients(network, loss, x, y),
    ):
        with pytest.raises(ValueError, match=message):
            run()
    assert state_of(network, optimizer) == before


class Columns(Layer):
    """Two tables of different sizes, the second of numbers that are first folded to 0 … 2."""

    def __init__(self):
        self.words, self.folded = Embedding(6, 4, rng=0), Embedding(3, 4, rng=1)

    def forward(self, x):
        return self(x), None

    def backward(self, dy, cache):
        raise NotImplementedError

    def __call__(self, x):
        return self.words(x[:, 0]) + self.folded(x[:, 1] % 3)


@pytest.mark.parametrize("bad", [6, -1])
@pytest.mark.parametrize(("row", "column"), [(0, 0), (57, 2), (79, 1)])
def test_the_door_names_the_row_of_an_integer_out_of_range_wherever_it_stands(bad, row, column):
    x, _ = words()
    x[row, column] = bad
    message = (
        rf"^x\[{row}:{row + 1}\]: Sequential\[0\] .*: index {bad} at \[0, {column}\] is outside"
    )
    with pytest.raises(ValueError, match=message):
        check_integers("x", reader(), x, batch_size=2)


@pytest.mark.parametrize("data", ["x", "validation x"])
def test_fit_finds_an_index_out_of_range_in_a_later_batch_before_anything_changes(data):
    network, (x, y) = reader(), words()
    wrong = x.copy()
    wrong[70, 2] = 6
    optimizer = SGD(network, 0.1, momentum=0.9)
    before = state_of(network, optimizer)
    train, held_out = (wrong, x) if data == "x" else (x, wrong)
    with pytest.raises(
        ValueError, match=rf"^{data}\[70:71\]: Sequential\[0\] .* index 6 at \[0, 2\]"
    ):
        fit(
            network,
            SoftmaxCrossEntropy(),
            optimizer,
            train,
            y,
            epochs=1,
            batch_size=8,
            validation=(held_out, y),
        )
    assert state_of(network, optimizer) == before


def test_the_message_for_a_table_that_does_not_come_first_tells_what_to_declare():
    class Headed(Declared):
        takes_integers = False

    with pytest.raises(TypeError, match=r"got dtype float32; .* has to say takes_integers = True"):
        predict(Headed(), words()[0])


def test_the_door_knows_only_what_the_network_itself_refuses():
    x = np.random.default_rng(0).integers(0, 6, (50, 2))
    x[:, 1] *= 100
    check_integers("x", Columns(), x, batch_size=8)
    x[31, 0] = 7
    with pytest.raises(ValueError, match=r"^x\[31:32\]: Embedding.*index 7"):
        check_integers("x", Columns(), x, batch_size=8)
    check_integers("x", Dense(2, 2), x.astype(np.float32), batch_size=8)


@pytest.mark.parametrize("x", [[["a", "b", "c"]], [[1j, 0, 0]]])
def test_what_is_no_number_is_refused(x):
    with pytest.raises(TypeError, match="x "):
        predict(reader(), x)
