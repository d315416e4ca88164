"""The losses of a regression: closed forms, kinks, extremes, and which constant they lead to."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from minidl import SGD, Dense, Huber, MeanAbsoluteError, MeanSquaredError, fit, loss_and_gradients
from tests.support.losses import value_and_gradient

ERRORS = np.array([-3.0, -0.5, 0.0, 0.5, 3.0])


@pytest.mark.parametrize(
    ("loss", "losses", "slopes"),
    [
        (MeanSquaredError(), [9, 0.25, 0, 0.25, 9], [-6, -1, 0, 1, 6]),
        (MeanAbsoluteError(), [3, 0.5, 0, 0.5, 3], [-1, -1, 0, 1, 1]),
        (Huber(), [2.5, 0.125, 0, 0.125, 2.5], [-1, -0.5, 0, 0.5, 1]),
        (Huber(0.5), [1.375, 0.125, 0, 0.125, 1.375], [-0.5, -0.5, 0, 0.5, 0.5]),
        (Huber(3), [4.5, 0.125, 0, 0.125, 4.5], [-3, -0.5, 0, 0.5, 3]),
    ],
)
def test_each_error_costs_what_the_formula_says_and_nothing_at_its_middle(loss, losses, slopes):
    target = np.array([1.0, -2.0, 0.5, 8.0, 0.0])
    value, gradient = value_and_gradient(loss, target + ERRORS, target)
    assert value == np.mean(losses)
    assert_allclose(gradient, np.array(slopes) / 5, rtol=1e-15)
    assert not np.signbit(gradient[2])


def test_huber_lies_between_the_squared_and_the_absolute_error():
    rng = np.random.default_rng(0)
    z, t = rng.normal(0, 3, 100), rng.normal(0, 3, 100)
    assert Huber(1e6)(z, t) == pytest.approx(MeanSquaredError()(z, t) / 2, rel=1e-12)
    small = Huber(1e-6)(z, t) / 1e-6
    assert small == pytest.approx(MeanAbsoluteError()(z, t), rel=1e-5)


@pytest.mark.parametrize("loss", [MeanSquaredError(), MeanAbsoluteError(), Huber(2)])
def test_large_errors_stay_finite_in_float32(loss):
    z, t = np.array([1e4, -1e4], np.float32), np.array([-1e4, 1e4], np.float32)
    value, gradient = value_and_gradient(loss, z, t)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize(
    ("loss", "constant"),
    [(MeanSquaredError(), np.mean), (MeanAbsoluteError(), np.median), (Huber(1e-3), np.median)],
)
def test_a_constant_goes_where_statistics_say(loss, constant):
    y = np.array([[0.0], [1.0], [2.0], [3.0], [94.0]])
    network = Dense(1, 1, dtype=np.float64, rng=0)
    optimizer = SGD(network, 1.0)
    rate = (
        1.0 if isinstance(loss, MeanAbsoluteError) else 0.1 if loss.__class__ is not Huber else 1e3
    )
    for step in range(2000):
        optimizer.learning_rate = rate / (1 + 0.05 * step)
        loss_and_gradients(network, loss, np.zeros((5, 1)), y)
        optimizer.step()
    assert network.bias.value[0] == pytest.approx(constant(y), abs=0.05)


def test_fit_takes_whole_numbers_and_booleans_as_targets_and_records_no_accuracy():
    x = np.random.default_rng(0).normal(size=(40, 2))
    network = Dense(2, 1, rng=0)
    for y in (np.arange(40)[:, np.newaxis], x[:, :1] > 0):
        history = fit(network, MeanSquaredError(), SGD(network, 1e-3), x, y, epochs=1, batch_size=8)
        assert list(history.training) == ["loss"]


def test_sample_weights_of_fit_hold_for_every_output():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(12, 2)), rng.normal(size=(12, 3))
    weight = np.arange(12) % 3
    one, other = (Dense(2, 3, rng=0, dtype=np.float64) for _ in range(2))
    weighted = loss_and_gradients(one, Huber(), x, y, sample_weight=weight)
    repeated = loss_and_gradients(
        other, Huber(), np.repeat(x, weight, axis=0), np.repeat(y, weight, axis=0)
    )
    assert weighted == pytest.approx(repeated, rel=1e-13)
    assert_allclose(one.weight.grad, other.weight.grad, rtol=1e-12)
    options = {"epochs": 1, "batch_size": 4, "sample_weight": weight}
    fit(one, Huber(), SGD(one, 0.1), x, y, **options)


def test_the_door_refuses_flat_targets_for_a_column_and_what_overflows():
    x = np.zeros((4, 2))
    network = Dense(2, 1, rng=0)
    for y, words in [
        (np.zeros(4), r"outputs of shape \(4, 1\).* got shape \(4,\): y\[\.\.\., np\.newaxis\]"),
        (np.full((4, 1), 1e300), r"target \(0, 0\) is 1e\+300, too large for float32"),
    ]:
        with pytest.raises(ValueError, match=words):
            fit(network, MeanSquaredError(), SGD(network, 0.1), x, y, epochs=1, batch_size=2)


@pytest.mark.parametrize("delta", [0, -1, np.inf, "1", None, True])
def test_a_delta_must_be_a_number_above_zero(delta):
    with pytest.raises((ValueError, TypeError), match="delta must be"):
        Huber(delta)
