"""What a network and a loss take is asked once, of a first batch, and nothing has changed then."""

import numpy as np
import pytest

from minidl import (
    BatchNorm,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Layer,
    MeanSquaredError,
    Sequential,
    SoftmaxCrossEntropy,
)
from minidl.training.checks import Task
from tests.support.networks import blobs, perceptron, state_of

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
