"""The hinge loss against published numbers, scikit-learn, and at its kinks."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from minidl import SGD, Dense, Hinge, SigmoidCrossEntropy, fit, predict_classes
from tests.support.losses import value_and_gradient
from tests.support.networks import blobs


def test_the_worked_examples_of_cs231n():
    """https://cs231n.github.io/linear-classify: 8; lecture 3 of 2017, slide 23: 2.9, 0, 12.9."""
    value, _ = value_and_gradient(Hinge(margin=10), np.array([13.0, -7.0, 11.0]), np.array(0))
    assert value == 8
    scores = np.array([[3.2, 5.1, -1.7], [1.3, 4.9, 2.0], [2.2, 2.5, -3.1]])
    for row, label, published in zip(scores, [0, 1, 2], [2.9, 0, 12.9], strict=True):
        assert Hinge()(row, np.array(label)) == pytest.approx(published, rel=1e-12)
    assert Hinge()(scores, np.array([0, 1, 2])) == pytest.approx(5.27, abs=0.005)


def test_the_loss_of_small_scores_is_about_nine_for_ten_classes():
    """CS231n, assignment 2: "Testing svm_loss: loss should be around 9"."""
    rng = np.random.default_rng(231)
    scores = 0.001 * rng.normal(size=(50, 10))
    assert Hinge()(scores, rng.integers(0, 10, 50)) == pytest.approx(9, abs=0.01)


def test_two_classes_agree_with_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    z, s = rng.normal(0, 2, 50), 2 * rng.integers(0, 2, 50) - 1
    weight = rng.uniform(0, 1, 50)
    assert Hinge()(z, s) == pytest.approx(metrics.hinge_loss(s, z), rel=1e-13)
    expected = metrics.hinge_loss(s, z, sample_weight=weight)
    assert Hinge()(z, s, weight) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("loss", [Hinge(), SigmoidCrossEntropy()])
def test_a_score_of_zero_is_no_yes_as_in_scikit_learn(loss):
    svm = pytest.importorskip("sklearn.svm")
    x, target = np.array([[-1.0], [1.0], [0.0], [0.0], [0.0]]), np.array([0, 1, 0, 0, 1])
    machine = svm.LinearSVC(fit_intercept=False).fit(x[:2], target[:2])
    scores = machine.decision_function(x)
    assert_array_equal(scores[2:], 0)
    assert loss.accuracy(scores, target) == machine.score(x, target) == 4 / 5


def test_zero_stands_for_minus_one():
    z = np.array([0.3, -2.0, 1.5])
    for target in ([1, -1, -1], [1, 0, 0], [True, False, False], [1.0, 0.0, -1.0]):
        value, gradient = value_and_gradient(Hinge(), z, np.array(target))
        assert value == pytest.approx((0.7 + 0 + 2.5) / 3)
        assert_allclose(gradient, np.array([-1, 0, 1]) / 3)


def test_beyond_the_margin_nothing_is_gained_and_at_it_the_gradient_is_zero():
    _, gradient = value_and_gradient(Hinge(), np.array([1.0, 2.0, 0.9]), np.array([1, 1, 1]))
    assert_allclose(gradient, [0, 0, -1 / 3])
    _, gradient = value_and_gradient(Hinge(), np.array([[2.0, 1.0, 0.0]]), np.array([0]))
    assert_array_equal(gradient, [[0, 0, 0]])


@pytest.mark.parametrize(
    ("scores", "target", "error", "words"),
    [
        (
            np.zeros(3),
            [1, 2, 1],
            ValueError,
            r"sign 2 at 1 is none: two classes are −1 \(or 0\) and \+1",
        ),
        (np.zeros((2, 2)), [[1, 1], [0.5, 1]], ValueError, r"sign 0\.5 at \(1, 0\)"),
        (np.zeros((2, 3)), [0, 3], ValueError, "class index 3 at 1 is out of range"),
        (np.zeros((2, 3)), [0, -1], ValueError, "class index -1 at 1"),
        (np.zeros((2, 3)), [0.0, 1.0], TypeError, "must be integers, got dtype float64"),
        (np.zeros((2, 3)), [0, 1, 2], ValueError, r"\(2, 3\).*of shape \(2,\), got .* \(3,\)"),
        (
            np.zeros((2, 1)),
            [[0, 1]],
            ValueError,
            r"need signs of that shape or class labels of shape \(2,\), got .* \(1, 2\)",
        ),
    ],
)
def test_targets_that_are_no_classes_are_refused_with_their_place(scores, target, error, words):
    with pytest.raises(error, match=words):
        Hinge().forward(scores, np.array(target))


@pytest.mark.parametrize(
    ("target", "prediction", "error", "words"),
    [
        (np.array([1, 5]), np.zeros(2), ValueError, "y: label 5 at 1 is none"),
        (np.array([1, 5]), np.zeros((2, 3)), ValueError, "y: class label 5 at 1 is out of range"),
        (np.array([1, 0.5]), np.zeros((2, 3)), ValueError, "y: class labels must be integers"),
        (np.array([True, False]), np.zeros((2, 3)), TypeError, "got dtype bool"),
        (
            np.zeros((2, 2)),
            np.zeros((2, 3)),
            ValueError,
            r"y: outputs of shape \(2, 3\) need labels −1 and \+1 of that shape or",
        ),
    ],
)
def test_the_door_refuses_labels_that_do_not_fit(target, prediction, error, words):
    with pytest.raises(error, match=words):
        Hinge().prepare_target(target, prediction)


@pytest.mark.parametrize("margin", [0, -1, np.nan, "1", None])
def test_a_margin_must_be_a_number_above_zero(margin):
    with pytest.raises((ValueError, TypeError), match="margin must be"):
        Hinge(margin)


@pytest.mark.parametrize("outputs", [1, 3])
def test_a_linear_machine_learns_blobs_and_fit_records_its_accuracy(outputs):
    x, y = blobs(200, classes=2 if outputs == 1 else 3, seed=2)
    target = y[:, np.newaxis] if outputs == 1 else y
    network = Dense(2, outputs, rng=0)
    history = fit(
        network,
        Hinge(),
        SGD(network, 0.1, weight_decay=1e-3),
        x,
        target,
        epochs=30,
        batch_size=20,
        validation=(x, target),
        seed=0,
    )
    right = (predict_classes(network, x) == y).mean()
    assert history.validation["accuracy"][-1] == right > 0.95
