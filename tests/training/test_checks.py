"""The door of `fit`: what is refused changes nothing, and the same numbers in any form count."""

import numpy as np
import pytest

from minidl import (
    SGD,
    BatchNorm,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Layer,
    MeanSquaredError,
    ReLU,
    Sequential,
    SoftmaxCrossEntropy,
    Tanh,
    fit,
)
from minidl.training.checks import Task
from tests.support.fits import LOSS, Act, interrupt, train
from tests.support.networks import Noise, blobs, perceptron, state_of


class MeanSquare(Layer):
    differentiable = 1

    def forward(self, prediction, target):
        return ((prediction - target) ** 2).mean(), (prediction - target) * np.float32(2)

    def backward(self, dy, difference):
        return dy * difference / difference.size


def test_a_loss_that_is_no_number_or_takes_no_weights_is_refused():
    class Unreduced(MeanSquare):
        def forward(self, prediction, target):
            return (prediction - target) ** 2, None

    class Bare(MeanSquare):
        def forward(self, prediction, target):
            return 0.0

    x, _ = blobs()
    network = Dense(2, 2, rng=0)
    arguments = {"optimizer": SGD(network, 0.1), "x": x, "y": x, "epochs": 1, "batch_size": 8}
    for loss, weight, message in (
        (Unreduced(), None, "a loss is one number"),
        (Bare(), None, r"must return \(output, cache\)"),
        (MeanSquare(), np.ones(60), "takes no weights"),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            fit(network, loss, **arguments, sample_weight=weight)
    with pytest.raises(TypeError, match="takes no weights"):
        fit(network, MeanSquare(), **arguments, validation=(x, x, np.ones(60)))


def good():
    x, y = blobs()
    return {"x": x, "y": y, "epochs": 1, "batch_size": 16}


def changed(array, place, value):
    array = np.array(array, float)
    array[place] = value
    return array


BAD_DATA = {
    "x too few features": ({"x": np.ones((60, 1))}, ValueError, "has 1 features, expected 2"),
    "x 1-D": ({"x": np.ones(60)}, ValueError, "features, expected 2"),
    "x 0-D": ({"x": 3.0}, ValueError, "array of samples"),
    "x empty": ({"x": np.ones((0, 2)), "y": []}, ValueError, r"empty: its shape is \(0, 2\)"),
    "x without features": ({"x": np.ones((60, 0))}, ValueError, "empty"),
    "x ragged": ({"x": [[1, 2], [3]]}, ValueError, "not a regular array"),
    "x NaN": ({"x": changed(blobs()[0], (3, 1), np.nan)}, ValueError, r"x\[3, 1\] is nan"),
    "x infinite": ({"x": changed(blobs()[0], (0, 0), -np.inf)}, ValueError, "is -inf"),
    "x too large": ({"x": changed(blobs()[0], (0, 0), 1e300)}, ValueError, "finite in float32"),
    "x complex": ({"x": np.ones((60, 2), complex)}, TypeError, "complex"),
    "x object": ({"x": np.full((60, 2), None)}, TypeError, "got dtype object"),
    "x strings": ({"x": np.full((60, 2), "1")}, TypeError, "got dtype <U1"),
    "x dates": ({"x": np.zeros((60, 2), "M8[s]")}, TypeError, "datetime64"),
    "x masked": ({"x": np.ma.masked_equal(np.eye(60, 2), 1)}, ValueError, "masked"),
    "y short": ({"y": [0] * 59}, ValueError, "y has 59 samples, but x has 60"),
    "y negative": ({"y": [-1] + [0] * 59}, ValueError, "label -1 at 0 is out of range"),
    "y too large": ({"y": [0] * 59 + [3]}, ValueError, "label 3 at 59 .* classes 0 to 2"),
    "y too large, floating": ({"y": [0.0] * 59 + [3.0]}, ValueError, "label 3.0 at 59"),
    "y fractional": ({"y": [0.0] * 59 + [0.5]}, ValueError, "label 59 is 0.5"),
    "y NaN": ({"y": [0.0] * 59 + [np.nan]}, ValueError, r"y\[59\] is nan"),
    "y boolean": ({"y": [True] * 60}, TypeError, "got dtype bool"),
    "y strings": ({"y": ["a"] * 60}, TypeError, "np.unique"),
    "y a column": (
        {"y": np.zeros((60, 1), int)},
        ValueError,
        r"labels of shape \(60,\), got .*\(60, 1\)",
    ),
    "y too wide": ({"y": np.eye(60, 4)}, ValueError, r"got a target of shape \(60, 4\)"),
    "y no probabilities": ({"y": np.full((60, 3), 0.5)}, ValueError, "sum to 1, but row 0"),
    "weights short": ({"sample_weight": [1.0]}, ValueError, "has 1 weights, but x has 60"),
    "weights negative": ({"sample_weight": [1.0] * 59 + [-1]}, ValueError, r"\[59\] is negative"),
    "weights zero": ({"sample_weight": [0] * 60}, ValueError, "zero for all"),
    "validation single": ({"validation": np.ones((3, 2))}, TypeError, r"must be \(x, y\) or"),
    "validation four": ({"validation": ([[0, 0]], [1], [1], 1)}, TypeError, r"must be \(x, y\) or"),
    "held-out weights": (
        {"validation": ([[0, 0]], [1], [1, 1])},
        ValueError,
        "validation weight has 2 weights, but x has 1",
    ),
    "held-out weights zero": ({"validation": ([[0, 0]], [1], [0])}, ValueError, "zero for all"),
    "held-out weights negative": (
        {"validation": ([[0, 0]], [1], [-1])},
        ValueError,
        r"validation weight\[0\] is negative",
    ),
    "validation y": ({"validation": ([[0, 0]], [5])}, ValueError, "^validation y: .* label 5"),
    "validation x": ({"validation": ([[0]], [1])}, ValueError, r"shape \(1,\), but x of \(2,\)"),
    "epochs 0": ({"epochs": 0}, ValueError, "epochs must be at least 1, got 0"),
    "epochs 1.5": ({"epochs": 1.5}, TypeError, "epochs must be an integer, got 1.5"),
    "epochs boolean": ({"epochs": True}, TypeError, "got True"),
    "batch size": ({"batch_size": -1}, ValueError, "batch_size must be at least 1"),
    "batch size NaN": ({"batch_size": float("nan")}, TypeError, "batch_size"),
    "every": ({"validate_every": 0}, ValueError, "validate_every"),
    "seed": ({"seed": -1}, ValueError, "seed"),
    "seed text": ({"seed": "0"}, TypeError, "seed must be an integer, got '0'"),
    "callback alone": ({"callbacks": Act(1, interrupt)}, TypeError, "must be a list"),
    "callback class": ({"callbacks": [object()]}, TypeError, "needs one of on_begin"),
    "metric's name": ({"metrics": {"loss": lambda p, t: 0.0}}, ValueError, "'loss' is taken"),
    "progress": ({"progress": "yes"}, TypeError, "progress must be"),
    "callback not made": ({"callbacks": [Act]}, TypeError, "a class: make an instance, Act"),
    "metrics list": ({"metrics": [len]}, TypeError, "must be a dict"),
    "metric no function": ({"metrics": {"a": 3}}, TypeError, r"metrics\['a'\] must be a function"),
    "metric None": ({"metrics": {"a": lambda p, t: None}}, TypeError, "must return a number"),
    "metric array": ({"metrics": {"a": lambda p, t: p}}, TypeError, "must return a number"),
}


@pytest.mark.parametrize("case", BAD_DATA)
def test_what_is_refused_at_the_door_changes_nothing(case):
    arguments, error, message = BAD_DATA[case]
    network = Sequential(*perceptron(), Noise())
    optimizer = SGD(network, 0.1, momentum=0.9)
    network[0].weight.grad += 1.0
    before = state_of(network, optimizer)
    with pytest.raises(error, match=message):
        fit(network, LOSS, optimizer, **{**good(), **arguments})
    assert state_of(network, optimizer) == before


def equivalents():
    x, y = blobs()
    x32 = np.round(x).astype(np.float32)
    padded = np.zeros((60, 4), np.float32)
    padded[:, ::2] = x32
    misaligned = np.zeros(60 * 8 + 1, np.uint8)[1:].view(np.float32).reshape(60, 2)
    misaligned[:] = x32
    locked = x32.copy()
    locked.flags.writeable = False
    return {
        "lists": (x32.tolist(), y.tolist()),
        "float64": (x32.astype(np.float64), y),
        "float16": (x32.astype(np.float16), y.astype(np.uint8)),
        "longdouble": (x32.astype(np.longdouble), y.astype(np.float64)),
        "integers": (x32.astype(np.int16), y),
        "big-endian": (x32.astype(">f4"), y.astype(">i8")),
        "Fortran order": (np.asfortranarray(x32), y),
        "negative strides": (x32[::-1].copy()[::-1], y[::-1].copy()[::-1]),
        "strided": (padded[:, ::2], y),
        "misaligned": (misaligned, y),
        "read-only": (locked, y),
        "np.matrix": (np.asarray(x32).view(np.matrix), y),
        "masked, nothing masked": (np.ma.array(x32), y),
        "one-hot": (x32, np.eye(3)[y]),
        "integer one-hot": (x32, np.eye(3, dtype=int)[y]),
    }, (x32, y)


@pytest.mark.parametrize("form", equivalents()[0])
def test_the_same_numbers_in_any_form_give_the_same_result(form):
    cases, (x, y) = equivalents()
    expected, network = perceptron(), perceptron()
    train(expected, x, y, seed=0)
    train(network, *cases[form], seed=0)
    if "one-hot" in form:
        np.testing.assert_allclose(network[0].weight.value, expected[0].weight.value, rtol=1e-5)
    else:
        assert state_of(network) == state_of(expected)


def test_sparse_matrices_are_refused_with_the_way_out():
    sparse = pytest.importorskip("scipy.sparse")
    x, y = blobs()
    with pytest.raises(TypeError, match=r"pass x\.toarray\(\)"):
        train(perceptron(), sparse.csr_matrix(x), y)


def test_an_optimizer_of_another_network_is_refused():
    with pytest.raises(ValueError, match="another network"):
        train(perceptron(), *blobs(), optimizer=SGD(perceptron(), 0.1))


def test_an_optimizer_whose_parameters_moved_on_is_refused():
    network = perceptron()
    optimizer = SGD(network, 0.1)
    SGD(Sequential(network, Tanh()), 0.1)
    train(network, *blobs(), optimizer=optimizer)  # the same parameters in the same order
    SGD(Sequential(network[0], ReLU()), 0.1)
    with pytest.raises(RuntimeError, match="build a new optimizer"):
        train(network, *blobs(), optimizer=optimizer)


@pytest.mark.parametrize("part", ["network", "loss", "optimizer"])
def test_parts_that_are_no_parts_are_refused(part):
    network = perceptron()
    parts = {"network": network, "loss": LOSS, "optimizer": SGD(network, 0.1), part: "adam"}
    with pytest.raises(TypeError, match=f"the {part} must be"):
        fit(**parts, **good())


X, Y = blobs()


def begun(network=None, loss=None, x=X):
    task = Task(network or perceptron(), loss or SoftmaxCrossEntropy())
    task.begin(task.inputs("x", x))
    return task


def test_a_first_batch_is_only_inferred():
    network = Sequential(Dense(2, 4, rng=0), BatchNorm(4), Dropout(0.5, rng=1), Dense(4, 3, rng=2))
    before = state_of(network)
    task = begun(network)
    assert state_of(network) == before
    np.testing.assert_array_equal(task.prediction, network(X.astype(np.float32)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_everything_comes_in_the_dtype_of_the_network(dtype):
    task = begun(perceptron(dtype=dtype))
    assert task.inputs("x", X.tolist()).dtype == dtype
    assert task.weights("the weight", [1, 2], 2).dtype == dtype
    x, _, weight = task.held_out((X, Y, Y + 1))
    assert x.dtype == weight.dtype == dtype


def test_a_network_of_integers_takes_whole_numbers_as_integers_and_weights_in_its_own_dtype():
    task = begun(Sequential(Embedding(5, 3, rng=0), Flatten(), Dense(6, 2, rng=0)), x=[[0, 4]] * 3)
    assert task.inputs("x", [[1.0, 2.0]]).dtype == np.intp
    assert task.weights("the weight", [1, 2], 2).dtype == np.float32


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (lambda task: task.inputs("x", [[np.nan, 0]]), ValueError, r"x\[0, 0\] is nan"),
        (lambda task: task.targets("y", [0, 3], 2), ValueError, "y: class label 3 at 1"),
        (lambda task: task.targets("y", [0], 2), ValueError, "y has 1 samples, but x has 2"),
        (lambda task: task.weights("w", [1, -1], 2), ValueError, r"w\[1\] is negative"),
        (lambda task: task.held_out(X), TypeError, r"validation must be \(x, y\)"),
        (lambda task: task.held_out((X[:, :1], Y)), ValueError, r"samples of shape \(1,\), but x"),
        (lambda task: task.held_out((X, Y + 9)), ValueError, "validation y: class label"),
        (lambda task: task.metrics([len], Y), TypeError, "metrics must be a dict"),
        (lambda task: task.metrics({"loss": len}, Y), ValueError, "the name 'loss' is taken"),
        (lambda task: task.metrics({"all": lambda p, y: p}, Y), TypeError, "must return a number"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_name(act, error, message):
    with pytest.raises(error, match=message):
        act(begun())


def test_the_accuracy_is_recorded_of_classes_alone():
    assert list(begun().metrics(None, Y)) == ["accuracy"]
    assert begun(loss=MeanSquaredError()).metrics(None, Y) == {}


def test_no_held_out_data_are_none():
    assert begun().held_out(None) is None
    assert len(begun().held_out((X, Y, None))) == 2


class Unweighted(Layer):
    def forward(self, prediction, y):
        return np.square(prediction).mean(axis=self.axis), None

    def backward(self, scale, cache):
        raise NotImplementedError

    axis = None


def test_a_loss_is_one_number_and_takes_weights_only_if_it_says_so():
    loss = Unweighted()
    task = begun(loss=loss)
    task.check_loss(Y, None)
    with pytest.raises(TypeError, match="takes no weights"):
        task.check_loss(Y, Y)
    loss.axis = 0
    with pytest.raises(ValueError, match="a loss is one number"):
        task.check_loss(Y, None)
