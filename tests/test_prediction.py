"""Using a trained network."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, softmax

from minidl import (
    Dense,
    Layer,
    Sequential,
    accuracy,
    predict,
    predict_classes,
    predict_proba,
)
from tests.support.networks import Noise, blobs, perceptron, state_of


def test_predictions_do_not_depend_on_the_size_of_the_batches():
    x, _ = blobs(100)
    network = perceptron()
    whole = predict(network, x)
    for size in (1, 7, 100, 1000):
        assert_allclose(predict(network, x, batch_size=size), whole, rtol=1e-5, atol=1e-6)


def test_predicting_changes_nothing_and_leaves_noise_out():
    x, _ = blobs()
    network = Sequential(*perceptron(), Noise())
    before = state_of(network)
    assert_array_equal(predict(network, x), predict(network[:3], x))
    assert state_of(network) == before


def test_probabilities_are_the_softmax_and_classes_their_maximum():
    x, _ = blobs()
    network = perceptron(dtype=np.float64)
    assert_allclose(predict_proba(network, x), softmax(predict(network, x), axis=1), rtol=1e-14)
    assert_array_equal(predict_classes(network, x), predict_proba(network, x).argmax(axis=1))


def test_probabilities_stay_finite_at_huge_logits():
    network = perceptron()
    network[2].bias.value = [1e4, 0, -1e4]
    assert_array_equal(predict_proba(network, [[0.0, 0.0]]), [[1, 0, 0]])


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        ([[np.nan, 0]], ValueError, r"x\[0, 0\] is nan"),
        (np.zeros((0, 2)), ValueError, "empty"),
        ([[1.0, 2.0, 3.0]], ValueError, r"Sequential\[0\] Dense\(2 → 8\): input has 3 features"),
        ([["a", "b"]], TypeError, "dtype <U1"),
    ],
)
def test_bad_samples_are_refused(x, error, message):
    with pytest.raises(error, match=message):
        predict(perceptron(), x)


def test_outputs_that_are_not_finite_are_refused():
    network = perceptron()
    network[2].bias.value = [0, np.nan, 0]
    for function in (predict, predict_proba, predict_classes):
        with pytest.raises(ValueError, match=r"not finite at \[0, 1\]"):
            function(network, [[0.0, 0.0]])


def test_a_network_that_gives_no_row_a_sample_is_refused():
    class Total(Layer):
        def forward(self, x):
            return x.sum(), None

        def backward(self, dy, cache):
            return dy

    with pytest.raises(ValueError, match=r"output of shape \(\) for 3 samples"):
        predict(Total(), np.ones((3, 2)))


def test_something_that_is_no_network_is_refused():
    with pytest.raises(TypeError, match="needs a layer or network"):
        predict("network", [[0.0, 0.0]])


@pytest.mark.parametrize(
    ("prediction", "target", "expected"),
    [
        ([[2.0, 1.0], [0.0, 1.0]], [0, 1], 1.0),
        ([[2.0, 1.0], [0.0, 1.0]], [[0.1, 0.9], [0.0, 1.0]], 0.5),
        ([0, 1, 1, 1], [0, 1, 0, 0], 0.5),
        (np.zeros((2, 3, 4)), np.zeros((2, 3), int), 1.0),
        ([[2.0, 1.0], [0.0, 1.0]], [[1, 0], [1, 0]], 0.5),
    ],
)
def test_accuracy_counts_what_is_right(prediction, target, expected):
    assert accuracy(prediction, target) == expected


@pytest.mark.parametrize(
    ("prediction", "target"), [([[1.0, 2.0]], [0, 1]), ([0, 1], [0]), ([], []), ([[0], [1]], [0])]
)
def test_accuracy_refuses_shapes_that_do_not_fit(prediction, target):
    with pytest.raises(ValueError, match="cannot be counted"):
        accuracy(prediction, target)


@pytest.mark.parametrize(
    ("prediction", "target"),
    [([[np.nan, 0.0]], [0]), ([[1.0, 0.0]], ["0"]), (None, None), ([[1j, 0.0]], [0])],
)
def test_accuracy_refuses_what_is_no_number(prediction, target):
    with pytest.raises(ValueError, match="must be numbers"):
        accuracy(prediction, target)


class Last(Layer):
    """Drops the last axis."""

    def forward(self, x):
        return x[..., 0], x.shape

    def backward(self, dy, shape):
        return dy.reshape(shape)


@pytest.mark.parametrize("flat", [False, True])
def test_a_single_output_is_the_logit_of_the_second_class(flat):
    x, _ = blobs()
    network = Dense(2, 1, rng=0, dtype=np.float64)
    logits = network(x)[:, 0]
    assert 0 < (logits > 0).sum() < 60
    if flat:
        network = Sequential(network, Last())
    proba = predict_proba(network, x)
    assert_allclose(proba, np.stack([expit(-logits), expit(logits)], axis=1), rtol=1e-13)
    assert_array_equal(predict_classes(network, x), logits > 0)


@pytest.mark.parametrize(
    ("prediction", "target", "expected"),
    [
        ([[0.7], [-0.2], [3.0]], [1, 1, 0], 1 / 3),
        ([[0.7], [-0.2], [3.0]], [[1], [0], [0]], 2 / 3),
        ([[0.7], [-0.2], [3.0]], [[1.0], [0.0], [0.0]], 2 / 3),
        ([0.7, -0.2, 3.0], [1, 0, 1], 1.0),
        ([0.7, -0.2, 3.0], [1, -1, -1], 2 / 3),
        ([0.7, -0.2, 3.0], [0.9, 0.2, 0.3], 2 / 3),
        ([0.7, -0.2, 3.0], [True, False, False], 2 / 3),
        ([0.0, 2.0, 1.0], [0, 2, 2], 2 / 3),
        ([[0.0], [0.0]], [0, 1], 1 / 2),
    ],
)
def test_accuracy_of_single_outputs_counts_the_right_side_of_zero(prediction, target, expected):
    assert accuracy(prediction, target) == pytest.approx(expected)


def test_accuracy_of_several_labels_counts_them_one_by_one():
    truth = np.array([[1, 1], [0, 0], [1, 0], [1, 1]])
    logits = np.where(truth == 1, 2.5, -1.5)
    assert accuracy(logits, truth) == 1
    assert accuracy(-logits, truth) == 0


def test_accuracy_of_single_outputs_takes_whole_numbers_for_logits_too():
    assert accuracy(np.array([3.0, 1.0, -2.0]), [1, 1, 0]) == 1


def test_accuracy_of_single_outputs_refuses_more_than_two_classes():
    with pytest.raises(ValueError, match=r"tell two classes apart.*go up to 2"):
        accuracy([[0.5], [-0.5]], [0, 2])
    with pytest.raises(ValueError, match=r"shape \(3, 1\) cannot be counted against .* \(2,\)"):
        accuracy([[0.5], [-0.5], [0.1]], [0, 1])
