"""Label smoothing, and class indices that do not count."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from minidl import SGD, Dense, SoftmaxCrossEntropy, fit
from tests.support.losses import value_and_gradient
from tests.support.networks import blobs


def test_a_smoothed_target_is_reached_at_finite_logits():
    """p = t' needs a gap of log(t'ₖ / t'ⱼ); the loss is then the entropy of t'."""
    loss, classes = SoftmaxCrossEntropy(label_smoothing=0.3), 4
    smoothed = np.array([0.3 / 4 + 0.7, 0.3 / 4, 0.3 / 4, 0.3 / 4])
    value, gradient = value_and_gradient(loss, np.log(smoothed)[np.newaxis], np.array([0]))
    assert value == pytest.approx(-(smoothed * np.log(smoothed)).sum(), rel=1e-14)
    assert_allclose(gradient, np.zeros((1, classes)), atol=1e-15)


def test_smoothing_is_part_of_the_loss_at_huge_gaps_too():
    logits = np.array([[1e4, 0.0]], np.float32)
    value, gradient = value_and_gradient(SoftmaxCrossEntropy(0.5), logits, np.array([0]))
    assert value == 2500
    assert_array_equal(gradient, [[0.25, -0.25]])


@pytest.mark.parametrize("ignored", [-100, 0, 255])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_ignored_elements_are_as_if_they_were_not_there(ignored, smoothing):
    rng = np.random.default_rng(0)
    logits, target = rng.normal(size=(6, 4)), np.array([1, ignored, 2, 3, ignored, 2])
    kept = target != ignored
    logits[~kept] = np.nan
    loss = SoftmaxCrossEntropy(smoothing, ignore_index=ignored)
    for weight in (None, rng.uniform(0.1, 1, 6)):
        value, gradient = value_and_gradient(loss, logits, target, weight)
        apart = SoftmaxCrossEntropy(smoothing)
        expected = value_and_gradient(
            apart, logits[kept], target[kept], None if weight is None else weight[kept]
        )
        assert value == pytest.approx(expected[0], rel=1e-14)
        assert_allclose(gradient[kept], expected[1], rtol=1e-13)
        assert not gradient[~kept].any()


@pytest.mark.parametrize("integers", [np.uint8, np.int8, np.int64])
def test_an_index_to_ignore_need_not_fit_the_targets_dtype(integers):
    loss = SoftmaxCrossEntropy(ignore_index=-100)
    assert loss(np.zeros((2, 4)), np.array([0, 3], integers)) == pytest.approx(math.log(4))


def test_where_all_is_ignored_loss_and_gradient_are_zero():
    loss = SoftmaxCrossEntropy(ignore_index=-1)
    value, gradient = value_and_gradient(loss, np.ones((2, 3), np.float32), np.array([-1, -1]))
    assert value == 0
    assert_array_equal(gradient, np.zeros((2, 3)))
    assert loss.accuracy(np.ones((2, 3)), np.array([-1, -1])) == 0


@pytest.mark.parametrize("data", ["y", "validation y"])
def test_data_in_which_all_is_ignored_are_refused_at_the_door(data):
    x, y = blobs()
    nothing = np.full_like(y, -100)
    network = Dense(2, 3, rng=0)
    given = {"y": y, "validation": (x, nothing)} if data != "y" else {"y": nothing}
    with pytest.raises(ValueError, match=f"^{data}: all labels are -100, the ignore_index"):
        fit(
            network,
            SoftmaxCrossEntropy(ignore_index=-100),
            SGD(network, 0.1),
            x,
            **given,
            epochs=1,
            batch_size=10,
        )


def test_other_indices_out_of_range_are_still_refused_in_forward_and_at_the_door():
    loss = SoftmaxCrossEntropy(ignore_index=-1)
    with pytest.raises(ValueError, match="-2 at 1"):
        loss.forward(np.zeros((2, 3)), np.array([-1, -2]))
    with pytest.raises(ValueError, match="3 at 1"):
        loss.prepare_target(np.array([-1, 3]), np.zeros((2, 3)))
    assert_array_equal(loss.prepare_target(np.array([-1.0, 2]), np.zeros((2, 3))), [-1, 2])


def test_probabilities_have_no_index_to_ignore():
    with pytest.raises(ValueError, match="ignore_index needs class indices"):
        SoftmaxCrossEntropy(ignore_index=-1).forward(np.zeros((1, 2)), np.full((1, 2), 0.5))


def test_the_accuracy_that_fit_records_leaves_ignored_samples_out():
    x, y = blobs(60, classes=3)
    y = np.where(np.arange(60) % 3 == 0, -1, y)
    network = Dense(2, 3, rng=0)
    history = fit(
        network,
        SoftmaxCrossEntropy(ignore_index=-1),
        SGD(network, 0.3),
        x,
        y,
        epochs=30,
        batch_size=10,
        validation=(x, y),
        seed=0,
    )
    kept = y >= 0
    right = (network(x[kept].astype(np.float32)).argmax(axis=1) == y[kept]).mean()
    assert history.validation["accuracy"][-1] == pytest.approx(right)
    assert right > 0.9


@pytest.mark.parametrize("smoothing", [-0.1, 1, np.nan, "0", True])
def test_smoothing_must_lie_in_the_unit_interval(smoothing):
    with pytest.raises((ValueError, TypeError), match="label_smoothing must be"):
        SoftmaxCrossEntropy(smoothing)


@pytest.mark.parametrize("index", [0.5, "pad", True])
def test_an_index_to_ignore_must_be_an_integer(index):
    with pytest.raises(TypeError, match="ignore_index must be an integer"):
        SoftmaxCrossEntropy(ignore_index=index)


def test_an_index_to_ignore_is_any_that_integers_of_64_bits_have():
    loss, target = SoftmaxCrossEntropy(ignore_index=-(2**63)), np.array([0, -(2**63)])
    assert loss(np.zeros((2, 2)), target) == pytest.approx(np.log(2), rel=1e-14)
    with pytest.raises(ValueError, match="ignore_index must be at least -9223372036854775808"):
        SoftmaxCrossEntropy(ignore_index=-(2**63) - 1)


def test_its_repr_shows_what_is_set():
    assert repr(SoftmaxCrossEntropy()) == "SoftmaxCrossEntropy()"
    assert repr(SoftmaxCrossEntropy(0.1, -100)) == (
        "SoftmaxCrossEntropy(label_smoothing=0.1, ignore_index=-100)"
    )
    assert repr(SoftmaxCrossEntropy(ignore_index=0)) == "SoftmaxCrossEntropy(ignore_index=0)"
