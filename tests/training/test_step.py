"""One step of the public loop: the loss of a batch, its gradients, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from minidl import (
    Dense,
    DivergenceError,
    SoftmaxCrossEntropy,
    loss_and_gradients,
)
from tests.support.fits import LOSS
from tests.support.networks import blobs, perceptron, state_of


def test_micro_batches_with_scale_add_up_to_the_gradient_of_the_whole_batch():
    x, y = blobs(32)
    whole, parts = perceptron(dtype=np.float64), perceptron(dtype=np.float64)
    loss_and_gradients(whole, LOSS, x, y)
    for part in range(4):
        rows = slice(8 * part, 8 * part + 8)
        loss_and_gradients(parts, LOSS, x[rows], y[rows], scale=1 / 4)
    for a, b in zip(whole, parts, strict=True):
        if isinstance(a, Dense):
            np.testing.assert_allclose(a.weight.grad, b.weight.grad, rtol=1e-12, atol=1e-15)


def test_an_integral_sample_weight_counts_like_repeated_samples():
    x, y = blobs(12)
    weight = np.arange(12) % 3
    one, other = perceptron(dtype=np.float64), perceptron(dtype=np.float64)
    weighted = loss_and_gradients(one, LOSS, x, y, sample_weight=weight)
    repeated = loss_and_gradients(other, LOSS, np.repeat(x, weight, 0), np.repeat(y, weight))
    np.testing.assert_allclose(weighted, repeated, rtol=1e-12)
    np.testing.assert_allclose(one[0].weight.grad, other[0].weight.grad, rtol=1e-10, atol=1e-15)


def test_float64_data_do_not_change_the_dtype_of_a_float32_network():
    x, y = blobs()
    network = perceptron()
    assert loss_and_gradients(network, LOSS, x, y).dtype == np.float32


def test_no_gradient_is_taken_from_a_loss_that_is_not_finite():
    network = perceptron()
    network[0].weight.value[0, 0] = np.nan
    with pytest.raises(DivergenceError, match="nan"):
        loss_and_gradients(network, LOSS, *blobs())
    assert not network[2].weight.grad.any()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"network": None}, TypeError, "the network must be a Layer, got None"),
        ({"loss": "mse"}, TypeError, "the loss must be a Layer, got 'mse'"),
        ({"loss": LOSS.forward}, TypeError, "the loss must be a Layer, got <bound method"),
        ({"loss": SoftmaxCrossEntropy}, TypeError, "the loss must be a Layer, got <class"),
        ({"scale": float("nan")}, ValueError, "scale must be finite"),
        ({"scale": -1}, ValueError, "scale must be greater than 0"),
        ({"x": blobs()[0] + 1j}, TypeError, "complex"),
        ({"x": [["a", "b"]]}, TypeError, "real numbers"),
        ({"sample_weight": -np.ones(60)}, ValueError, "not negative"),
    ],
)
def test_the_public_loop_refuses_what_is_no_batch(change, error, message):
    x, y = blobs()
    network = perceptron()
    before = state_of(network)
    with pytest.raises(error, match=message):
        loss_and_gradients(**{"network": network, "loss": LOSS, "x": x, "y": y, **change})
    assert state_of(network) == before


def test_whole_numbers_are_cast_like_fit_casts_them():
    x, y = blobs()
    whole = np.round(x)
    one, other = perceptron(), perceptron()
    assert loss_and_gradients(one, LOSS, whole.astype(int), y).dtype == np.float32
    loss_and_gradients(other, LOSS, whole, y)
    assert state_of(one) == state_of(other)


X = np.random.default_rng(0).normal(size=(6, 3))
Y = np.array([0, 1, 1, 0, 1, 0])


def gradient(x, dtype=np.float32):
    network = Dense(3, 2, rng=0, dtype=dtype)
    value = loss_and_gradients(network, LOSS, x, Y)
    return value, network.weight.grad.tobytes()


@pytest.mark.parametrize(
    "same",
    [
        X.tolist(),
        pd.DataFrame(X),
        X.astype(">f8"),
        np.asfortranarray(X),
        np.repeat(X, 2, axis=0)[::2],
        X.astype(np.longdouble),
        X.astype(np.float32),
    ],
    ids=["list", "frame", "big-endian", "fortran", "strided", "long", "float32"],
)
def test_the_same_numbers_give_the_same_bits_whatever_holds_them(same):
    assert gradient(same) == gradient(X)


def test_a_batch_of_the_right_dtype_is_taken_as_it_is():
    seen = []

    class Watching(Dense):
        def forward(self, x):
            seen.append(x)
            return super().forward(x)

    x = X.astype(np.float32)
    loss_and_gradients(Watching(3, 2, rng=0), LOSS, x, Y)
    assert seen[0] is x


def test_a_batch_that_the_dtype_of_the_network_cannot_hold_diverges_without_a_warning():
    with pytest.raises(DivergenceError, match="the loss is nan"), np.errstate(invalid="ignore"):
        gradient(1e300 * X)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.ma.masked_array(X, X > 1), "masked"),
        (np.zeros((0, 3)), "empty|no logits"),
        (np.array(1.0), "array of samples|no features"),
        ([[0.0, np.nan, 0.0]] * 6, r"x\[0, 1\] is nan"),
    ],
    ids=["masked", "empty", "number", "nan"],
)
def test_what_is_no_batch_is_refused(x, message, dtype):
    with pytest.raises((ValueError, TypeError), match=f"(?i){message}"):
        gradient(x, dtype)
