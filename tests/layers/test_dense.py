"""The fully connected layer against what it must equal."""

import numpy as np
import pytest

from minidl import Dense
from minidl.initializers import he_normal


def given(weight, bias=None):
    weight = np.asarray(weight)
    return Dense(
        *weight.shape,
        bias=bias is not None,
        weight_initializer=lambda rng, shape, dtype: weight,
        bias_initializer=lambda rng, shape, dtype: np.asarray(bias),
        dtype=np.float64,
    )


def test_a_worked_example():
    """By hand: x = (1, 2), W = ((1, 0, 2), (0, 1, 1)), b = (10, 20, 30), dy = (1, -1, 3)."""
    layer = given([[1, 0, 2], [0, 1, 1]], [10, 20, 30])
    y, cache = layer.forward(np.array([[1.0, 2.0]]))
    np.testing.assert_array_equal(y, [[11, 22, 34]])
    dx = layer.backward(np.array([[1.0, -1.0, 3.0]]), cache)
    np.testing.assert_array_equal(dx, [[7, 2]])
    np.testing.assert_array_equal(layer.weight.grad, [[1, -1, 3], [2, -2, 6]])
    np.testing.assert_array_equal(layer.bias.grad, [1, -1, 3])


@pytest.mark.parametrize("shape", [(7, 3), (3,), (2, 5, 3), (0, 3), (4, 0, 3)])
@pytest.mark.parametrize("bias", [True, False])
def test_it_agrees_with_torch_for_any_leading_shape(shape, bias):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    layer = Dense(3, 4, bias=bias, bias_initializer=rng_normal, rng=rng, dtype=np.float64)
    x = rng.normal(size=shape)
    y, cache = layer.forward(x)
    dy = rng.normal(size=y.shape)
    dx = layer.backward(dy, cache)

    theirs = torch.nn.Linear(3, 4, bias=bias, dtype=torch.float64)
    with torch.no_grad():
        theirs.weight.copy_(torch.tensor(layer.weight.value.T))
        if bias:
            theirs.bias.copy_(torch.tensor(layer.bias.value))
    their_x = torch.tensor(x, requires_grad=True)
    their_y = theirs(their_x)
    their_y.backward(torch.tensor(dy))
    np.testing.assert_allclose(y, their_y.detach().numpy(), atol=1e-14)
    np.testing.assert_allclose(dx, their_x.grad.numpy(), atol=1e-14)
    np.testing.assert_allclose(layer.weight.grad, theirs.weight.grad.numpy().T, atol=1e-14)
    if bias:
        np.testing.assert_allclose(layer.bias.grad, theirs.bias.grad.numpy(), atol=1e-14)


def rng_normal(rng, shape, dtype):
    return rng.normal(size=shape)


def test_a_generator_is_advanced_and_an_integer_gives_the_same_weights_again():
    rng = np.random.default_rng(0)
    first, second = Dense(3, 3, rng=rng), Dense(3, 3, rng=rng)
    assert not np.array_equal(first.weight.value, second.weight.value)
    again = Dense(3, 3, rng=0)
    np.testing.assert_array_equal(again.weight.value, first.weight.value)
    assert not np.array_equal(Dense(3, 3).weight.value, Dense(3, 3).weight.value)


def test_making_a_layer_leaves_the_global_generator_alone():
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    Dense(3, 3)
    np.testing.assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


def test_the_bias_begins_at_zero_and_any_function_can_draw_the_weight():
    layer = Dense(200, 100, weight_initializer=he_normal, rng=0)
    assert not layer.bias.value.any()
    assert 0.9 < layer.weight.value.var() / (2 / 200) < 1.1


def test_the_wrong_number_of_features_is_an_error_that_says_both():
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        Dense(64, 10).forward(np.zeros((128, 32), np.float32))
    assert str(caught.value) == (
        "Dense(64 → 10): input has 32 features, expected 64 (input shape (128, 32))"
    )
    with pytest.raises(ValueError, match="no features"):
        Dense(64, 10).forward(np.float32(1))


@pytest.mark.parametrize(("rng", "error"), [("0", TypeError), (-1, ValueError), (0.5, TypeError)])
def test_rng_is_a_generator_a_seed_or_none(rng, error):
    with pytest.raises(error, match="rng must be"):
        Dense(2, 3, rng=rng)


def test_an_initializer_that_returns_another_shape_is_named():
    with pytest.raises(ValueError, match=r"Dense\(2 → 3\): weight_initializer.*\(3, 2\).*\(2, 3\)"):
        Dense(2, 3, weight_initializer=lambda rng, shape, dtype: np.zeros(shape[::-1], dtype))


def test_its_repr_names_the_sizes_and_a_missing_bias():
    assert repr(Dense(64, 10)) == "Dense(64 → 10)"
    assert repr(Dense(64, 10, bias=False)) == "Dense(64 → 10, no bias)"
