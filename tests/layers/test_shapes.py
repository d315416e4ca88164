"""Flatten and Reshape: the same numbers in the same order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import Dense, Flatten, ReLU, Reshape, Sequential
from tests.support.arrays import any_order

SHAPES = st.lists(st.integers(0, 4), min_size=1, max_size=5)


@given(SHAPES, st.integers(0, 2**32 - 1))
def test_flatten_lists_the_numbers_of_a_sample_in_c_order(shape, seed):
    rng = np.random.default_rng(seed)
    x = any_order(rng, rng.normal(size=shape))
    y, cache = Flatten().forward(x)
    assert y.shape == (shape[0], np.prod(shape[1:]))
    for row, sample in zip(y, x, strict=True):
        assert row.tolist() == list(np.atleast_1d(sample).flat)
    np.testing.assert_array_equal(Flatten().backward(any_order(rng, np.array(y)), cache), x)


@given(SHAPES, st.integers(0, 5), st.integers(0, 2**32 - 1))
def test_reshape_undoes_flatten(shape, samples, seed):
    rng = np.random.default_rng(seed)
    sample = [max(size, 1) for size in shape]
    x = any_order(rng, rng.normal(size=(samples, *sample)))
    layer = Reshape(sample)
    y, cache = layer.forward(Flatten()(x))
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(layer.backward(y, cache), Flatten()(x))


def test_the_cs231n_check_of_an_affine_layer_on_images():
    """The values of assignment 1 (2017–2024), "Affine layer: forward", cs231n.github.io."""
    x = np.linspace(-0.1, 0.5, 240).reshape(2, 4, 5, 6)
    dense = Dense(120, 3, dtype=np.float64)
    dense.weight.value = np.linspace(-0.2, 0.3, 360).reshape(120, 3)
    dense.bias.value = np.linspace(-0.3, 0.1, 3)
    expected = [[1.49834967, 1.70660132, 1.91485297], [3.25553199, 3.5141327, 3.77273342]]
    np.testing.assert_allclose(Sequential(Flatten(), dense)(x), expected, atol=5e-9)


def test_an_array_without_axes_has_no_samples():
    for layer in (Flatten(), Reshape((1,))):
        with pytest.raises(ValueError, match=r"input has no axis of samples.*input shape \(\)"):
            layer.forward(np.array(1.0))


def test_another_number_of_numbers_is_an_error_that_says_both():
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        Sequential(ReLU(), Reshape((1, 28, 28)))(np.zeros((5, 100)))
    assert str(caught.value) == (
        "Sequential[1] Reshape((1, 28, 28)): input has 100 numbers a sample, expected 784 "
        "(input shape (5, 100))"
    )


@pytest.mark.parametrize(
    ("shape", "error", "words"),
    [
        ((1, -1), ValueError, r"shape\[1\] must be at least 1, got -1"),
        ((0,), ValueError, r"shape\[0\] must be at least 1"),
        ((2.0, 3), TypeError, r"shape\[0\] must be an integer"),
        (12, TypeError, "shape must be a tuple of integers, got 12"),
    ],
)
def test_a_shape_is_a_tuple_of_positive_integers(shape, error, words):
    with pytest.raises(error, match=words):
        Reshape(shape)


def test_a_sample_may_become_a_single_number():
    assert Reshape(())(np.zeros((5, 1))).shape == (5,)
    assert repr(Reshape([2, 3])) == "Reshape((2, 3))"
