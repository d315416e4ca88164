"""Embedding against one-hot rows, torch and what must be refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import Dense, Embedding, Flatten, Sequential
from tests.support.beside_torch import assert_agrees

INDEX_SHAPES = st.lists(st.integers(0, 5), max_size=3)


@given(INDEX_SHAPES, st.integers(1, 8), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_it_is_a_dense_layer_on_one_hot_rows(shape, vocabulary, features, seed):
    rng = np.random.default_rng(seed)
    layer = Embedding(vocabulary, features, rng=rng, dtype=np.float64)
    dense = Dense(vocabulary, features, bias=False, dtype=np.float64)
    dense.weight.value = layer.weight.value
    x = rng.integers(0, vocabulary, shape)
    dy = rng.normal(size=(*shape, features))
    y, cache = layer.forward(x)
    expected, dense_cache = dense.forward(np.eye(vocabulary)[x])
    np.testing.assert_allclose(y, expected, rtol=1e-13)
    assert layer.backward(dy, cache) is None
    dense.backward(dy, dense_cache)
    np.testing.assert_allclose(layer.weight.grad, dense.weight.grad, rtol=1e-12, atol=1e-13)


@given(INDEX_SHAPES, st.integers(1, 8), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_it_agrees_with_torch(shape, vocabulary, features, seed):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    layer = Embedding(vocabulary, features, rng=rng, dtype=np.float64)
    theirs = torch.nn.Embedding(vocabulary, features, dtype=torch.float64)
    x = rng.integers(0, vocabulary, shape)
    dy = rng.normal(size=(*shape, features))
    assert_agrees(layer, theirs, x, dy, [(layer.weight, theirs.weight)])


def test_the_cs231n_check_of_a_word_embedding():
    """The values of assignment 3, "Word embedding: forward", cs231n.github.io."""
    layer = Embedding(5, 3, dtype=np.float64)
    layer.weight.value = np.linspace(0, 1, 15).reshape(5, 3)
    expected = [
        [[0, 0.07142857, 0.14285714], [0.64285714, 0.71428571, 0.78571429]],
        [[0.21428571, 0.28571429, 0.35714286], [0.42857143, 0.5, 0.57142857]],
    ]
    np.testing.assert_allclose(layer(np.array([[0, 3], [1, 2]])), expected, atol=5e-9)


def test_repeated_indices_add_up():
    layer = Embedding(4, 2, rng=0)
    _, cache = layer.forward(np.array([[1, 1, 3], [1, 0, 3]]))
    layer.backward(np.arange(12, dtype=np.float32).reshape(2, 3, 2), cache)
    np.testing.assert_array_equal(layer.weight.grad, [[8, 9], [8, 11], [0, 0], [14, 16]])


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint64, np.dtype(">i4")])
def test_integers_of_any_width_are_taken(dtype):
    layer = Embedding(200, 2, rng=0)
    x = np.array([[3, 100], [0, 127]])
    y, cache = layer.forward(x.astype(dtype))
    np.testing.assert_array_equal(y, layer(x))
    layer.backward(np.ones_like(y), cache)
    assert np.flatnonzero(layer.weight.grad[:, 0]).tolist() == [0, 3, 100, 127]


@pytest.mark.parametrize("bad", [10, 1000, -1, -(2**62)])
def test_an_index_outside_the_vocabulary_is_named_with_its_position(bad):
    x = np.array([[1, 2, 3], [4, bad, bad]])
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        Sequential(Embedding(10, 2), Flatten())(x)
    assert str(caught.value) == (
        f"Sequential[0] Embedding(10 → 2): index {bad} at [1, 1] is outside the vocabulary, 0 to 9"
    )


@pytest.mark.parametrize("x", [np.array([1.0]), np.array([True]), np.array(["1"])])
def test_what_is_not_an_integer_is_refused(x):
    with pytest.raises(TypeError, match=r"Embedding\(10 → 2\): .* must be integers, got"):
        Embedding(10, 2)(x)


def test_the_initial_vectors_are_drawn_from_the_generator():
    layer = Embedding(300, 40, rng=0)
    assert abs(layer.weight.value.mean()) < 0.05
    assert abs(layer.weight.value.std() - 1) < 0.05
    np.testing.assert_array_equal(layer.weight.value, Embedding(300, 40, rng=0).weight.value)
    rng = np.random.default_rng(0)
    first, second = Embedding(3, 2, rng=rng), Embedding(3, 2, rng=rng)
    assert not np.array_equal(first.weight.value, second.weight.value)
