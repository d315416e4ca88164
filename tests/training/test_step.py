"""The door of a single step: what one batch may be, and that nothing is read of it in vain."""

import numpy as np
import pandas as pd
import pytest

from minidl import Dense, DivergenceError, SoftmaxCrossEntropy, loss_and_gradients

LOSS = SoftmaxCrossEntropy()
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
