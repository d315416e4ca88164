"""Arrays that are made once: right in every dtype, and never written to."""

import numpy as np
import pytest

from minidl import SGD, Dense, ReLU, Sequential, SoftmaxCrossEntropy, loss_and_gradients
from minidl.arrays import constant, ones

DTYPES = [np.dtype(np.float32), np.dtype(np.float64)]


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_constant_has_no_axes_and_the_dtype_asked_for(dtype):
    array = constant(0.1, dtype)
    assert array.shape == ()
    assert array.dtype == dtype
    assert array == dtype.type(0.1)
    assert (np.ones(3, dtype) * array).dtype == dtype


def test_the_same_number_in_another_dtype_is_another_constant():
    single, double = (constant(0.1, dtype) for dtype in DTYPES)
    assert single != double
    assert constant(0.1, DTYPES[0]) is single


def test_a_constant_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        constant(0.1, DTYPES[0])[...] = 3


@pytest.mark.parametrize("dtype", DTYPES)
def test_ones_are_ones_of_their_own_length_and_dtype(dtype):
    for length in (0, 1, 3):
        array = ones(length, dtype)
        assert array.dtype == dtype
        np.testing.assert_array_equal(array, np.ones(length))


def test_no_step_of_training_writes_into_the_ones_that_all_share():
    network, rng = Sequential(Dense(3, 4, rng=0), ReLU(), Dense(4, 3, rng=1)), np.random
    optimizer, x = SGD(network, 0.1, momentum=0.9), rng.default_rng(0).normal(size=(7, 3))
    for _ in range(3):
        loss_and_gradients(network, SoftmaxCrossEntropy(), x.astype(np.float32), np.arange(7) % 3)
        optimizer.step()
    for length in (3, 4, 7):
        np.testing.assert_array_equal(ones(length, DTYPES[0]), 1)
