"""Sigmoid and cross-entropy against closed forms, at the edges of the numbers, and in use."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from minidl import SGD, Dense, SigmoidCrossEntropy, SoftmaxCrossEntropy, fit, predict_classes
from tests.support.losses import value_and_gradient
from tests.support.networks import blobs

DTYPES = [np.float32, np.float64]


def test_an_undecided_logit_costs_the_logarithm_of_two():
    value, gradient = value_and_gradient(SigmoidCrossEntropy(), np.zeros(4), [0, 1, 0, 1])
    assert value == pytest.approx(math.log(2), abs=1e-16)
    assert_array_equal(gradient, [0.125, -0.125, 0.125, -0.125])


def test_it_is_the_softmax_of_the_logit_and_zero():
    rng = np.random.default_rng(0)
    z, t = rng.normal(0, 5, 20), rng.integers(0, 2, 20)
    value, gradient = value_and_gradient(SigmoidCrossEntropy(), z, t)
    two = np.stack([np.zeros(20), z], axis=1)
    expected, both = value_and_gradient(SoftmaxCrossEntropy(), two, t)
    assert value == pytest.approx(expected, rel=1e-14)
    assert_allclose(gradient, both[:, 1], rtol=1e-14)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("far", [1e4, 710.0, 89.0])
def test_far_from_zero_a_wrong_logit_costs_its_distance_and_a_right_one_next_to_nothing(dtype, far):
    z, t = np.array([far, -far, far, -far], dtype), np.array([1, 0, 0, 1])
    for i, (cost, slope) in enumerate([(0, 0), (0, 0), (far, 1), (far, -1)]):
        value, gradient = value_and_gradient(SigmoidCrossEntropy(), z[i : i + 1], t[i : i + 1])
        assert value == pytest.approx(cost, rel=1e-6, abs=1e-38)
        assert gradient[0] == pytest.approx(slope, rel=1e-6, abs=1e-38)


@pytest.mark.parametrize(
    ("dtype", "distances"), [(np.float32, [20, 60, 80]), (np.float64, [40, 300, 700])]
)
def test_value_and_gradient_keep_their_digits_however_small_they_are(dtype, distances):
    """For z → ∞, −log σ(z) = log(1 + exp −z) → exp −z and its slope → −exp −z."""
    for z in distances:
        for sign, target in ((1, 1), (-1, 0)):
            logit = np.array([sign * z], dtype)
            value, gradient = value_and_gradient(SigmoidCrossEntropy(), logit, [target])
            assert value == pytest.approx(math.exp(-z), rel=1e-5 if dtype == np.float32 else 1e-13)
            assert gradient[0] == -sign * value


def test_pos_weight_counts_the_yeses_that_often():
    z = np.array([0.3, -1.0, 2.0])
    loss, plain = SigmoidCrossEntropy(pos_weight=3), SigmoidCrossEntropy()
    for t, times in ((1, 3), (0, 1)):
        value, gradient = value_and_gradient(loss, z, np.full(3, t))
        expected, apart = value_and_gradient(plain, z, np.full(3, t))
        assert value == pytest.approx(times * expected, rel=1e-14)
        assert_allclose(gradient, times * apart, rtol=1e-14)


def test_pos_weight_may_be_one_for_each_label():
    z, t = np.array([[0.3, -1.0]]), np.array([[1, 1]])
    _, gradient = value_and_gradient(SigmoidCrossEntropy([1.0, 4.0]), z, t)
    _, plain = value_and_gradient(SigmoidCrossEntropy(), z, t)
    assert_allclose(gradient, plain * [[1, 4]], rtol=1e-14)
    with pytest.raises(ValueError, match=r"pos_weight has shape \(2,\).*logits of shape \(1, 3\)"):
        SigmoidCrossEntropy([1.0, 4.0]).forward(np.zeros((1, 3)), np.zeros((1, 3)))
    with pytest.raises(ValueError, match="does not fit"):
        SigmoidCrossEntropy([1.0, 4.0]).forward(np.zeros(2), np.zeros(2))


@pytest.mark.parametrize("bad", [0, -1, np.nan, np.inf, [], [1, 0], np.ones((2, 2))])
def test_a_pos_weight_out_of_range_is_refused(bad):
    with pytest.raises(ValueError, match="pos_weight must be"):
        SigmoidCrossEntropy(bad)


@pytest.mark.parametrize("bad", ["2", None, True, 1j])
def test_a_pos_weight_that_is_no_number_is_refused(bad):
    with pytest.raises(TypeError, match="pos_weight must be a number"):
        SigmoidCrossEntropy(bad)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ([0, 1, 2], r"target 2\.0 at 2 is out of range"),
        ([-1, 1, 1], r"target -1\.0 at 0"),
        ([0, np.nan, 0], "target nan at 1"),
    ],
)
def test_labels_other_than_no_and_yes_are_refused_with_their_place(target, words):
    with pytest.raises(ValueError, match=words):
        SigmoidCrossEntropy().forward(np.zeros(3), target)


def test_the_door_takes_booleans_and_probabilities_and_refuses_other_labels():
    prediction = np.zeros((2, 1), np.float32)
    prepare = SigmoidCrossEntropy().prepare_target
    assert_array_equal(prepare(np.array([[True], [False]]), prediction), [[1], [0]])
    assert_array_equal(prepare(np.array([[0.25], [1]]), prediction), [[0.25], [1]])
    with pytest.raises(ValueError, match=r"y: label 2\.0 at \(1, 0\) is out of range"):
        prepare(np.array([[1], [2]]), prediction)


def test_accuracy_counts_the_logits_on_the_right_side_of_zero():
    loss = SigmoidCrossEntropy()
    z = np.array([[3.0], [-0.1], [0.1], [-5.0]])
    assert loss.accuracy(z, np.array([[1.0], [0.0], [0.0], [1.0]])) == 0.5
    assert loss.accuracy(z[:, 0], np.array([1.0, 0.0, 1.0, 0.0])) == 1.0
    assert loss.accuracy(np.array([[1.0, -1.0]]), np.array([[0.9, 0.9]])) == 0.5


@pytest.mark.parametrize("column", [True, False])
def test_a_network_with_one_output_learns_two_blobs_and_fit_records_its_accuracy(column):
    x, y = blobs(200, classes=2, seed=2)
    network = Dense(2, 1, rng=0)

    class Flat(Dense):
        def forward(self, x):
            z, cache = super().forward(x)
            return z[:, 0], cache

        def backward(self, dy, cache):
            return super().backward(dy[:, np.newaxis], cache)

        def backward_parameters(self, dy, cache):
            super().backward_parameters(dy.reshape(-1, 1), cache)

    network = Dense(2, 1, rng=0) if column else Flat(2, 1, rng=0)
    target = y[:, np.newaxis] if column else y
    history = fit(
        network,
        SigmoidCrossEntropy(),
        SGD(network, 0.5),
        x,
        target,
        epochs=20,
        batch_size=20,
        validation=(x, target),
        seed=0,
    )
    right = (predict_classes(network, x) == y).mean()
    assert history.validation["accuracy"][-1] == right > 0.95
    assert history.training["accuracy"][-1] > 0.95


def test_its_repr_shows_a_pos_weight():
    assert repr(SigmoidCrossEntropy()) == "SigmoidCrossEntropy()"
    assert repr(SigmoidCrossEntropy(2)) == "SigmoidCrossEntropy(pos_weight=2)"
    assert (
        repr(SigmoidCrossEntropy([1, 2])) == "SigmoidCrossEntropy(pos_weight=array of shape (2,))"
    )
