"""BatchNorm and LayerNorm against their definition and torch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import BatchNorm, Dense, LayerNorm, Sequential
from tests.support.arrays import any_order, assert_close
from tests.support.beside_torch import assert_agrees

SEEDS = st.integers(0, 2**32 - 1)
DOUBLE = {"dtype": np.float64}


def perturbed(layer, rng):
    """Give a layer random γ and β."""
    layer.gain.value = rng.normal(size=layer.features)
    layer.bias.value = rng.normal(size=layer.features)
    return layer


# three numbers to normalise over: of two, x̂ is ±1, and dx is nothing but cancellation
@given(
    samples=st.integers(3, 6),
    features=st.integers(1, 4),
    rest=st.lists(st.integers(1, 4), max_size=2),
    momentum=st.sampled_from([0, 0.1, 0.5, 1]),
    eps=st.sampled_from([1e-5, 1e-2]),
    spread=st.sampled_from([0.3, 10.0]),
    seed=SEEDS,
)
def test_batch_norm_agrees_with_torch(samples, features, rest, momentum, eps, spread, seed):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    layer = perturbed(BatchNorm(features, momentum=momentum, eps=eps, **DOUBLE), rng)
    kind = (torch.nn.BatchNorm1d, torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)[len(rest)]
    theirs = kind(features, momentum=float(momentum), eps=eps, dtype=torch.float64)
    pairs = [(layer.gain, theirs.weight), (layer.bias, theirs.bias)]
    for _ in range(2):
        x, dy = rng.normal(2, spread, (2, samples, features, *rest))
        assert_agrees(layer, theirs, any_order(rng, x), any_order(rng, dy), pairs)
        assert_close(layer.running_mean.value, theirs.running_mean)
        assert_close(layer.running_variance.value, theirs.running_var)
    theirs.eval()
    assert_close(layer(x), theirs(torch.tensor(x)).detach())


@given(
    shape=st.lists(st.integers(1, 4), max_size=3),
    features=st.integers(3, 6),
    eps=st.sampled_from([1e-5, 1e-2]),
    spread=st.sampled_from([0.3, 10.0]),
    seed=SEEDS,
)
def test_layer_norm_agrees_with_torch(shape, features, eps, spread, seed):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    layer = perturbed(LayerNorm(features, eps=eps, **DOUBLE), rng)
    theirs = torch.nn.LayerNorm(features, eps=eps, dtype=torch.float64)
    x, dy = rng.normal(2, spread, (2, *shape, features))
    pairs = [(layer.gain, theirs.weight), (layer.bias, theirs.bias)]
    assert_agrees(layer, theirs, any_order(rng, x), any_order(rng, dy), pairs)


@pytest.mark.parametrize("axis", [1, 2, 3, -1, -2, -3])
def test_any_axis_but_the_first_can_be_that_of_the_features(axis):
    rng = np.random.default_rng(0)
    layer = perturbed(BatchNorm(4, axis=axis, **DOUBLE), rng)
    plain = BatchNorm(4, **DOUBLE)
    plain.gain.value, plain.bias.value = layer.gain.value, layer.bias.value
    x, dy = rng.normal(size=(2, 3, 4, 5, 6))
    there = np.moveaxis(x, 1, axis)
    y, cache = layer.forward(there)
    expected, plain_cache = plain.forward(x)
    np.testing.assert_allclose(np.moveaxis(y, axis, 1), expected, rtol=1e-12)
    dx = layer.backward(np.moveaxis(dy, 1, axis), cache)
    np.testing.assert_allclose(
        np.moveaxis(dx, axis, 1), plain.backward(dy, plain_cache), rtol=1e-9, atol=1e-12
    )
    np.testing.assert_allclose(layer.gain.grad, plain.gain.grad, rtol=1e-12)
    np.testing.assert_allclose(np.moveaxis(layer(there), axis, 1), plain(x), rtol=1e-12)


@pytest.mark.parametrize("shape", [(200, 3), (20, 3, 4, 5)])
def test_a_batch_leaves_with_mean_beta_and_deviation_gamma(shape):
    rng = np.random.default_rng(0)
    layer = perturbed(BatchNorm(3, eps=1e-12, **DOUBLE), rng)
    y, _ = layer.forward(rng.normal(5, 7, shape))
    others = tuple(axis for axis in range(len(shape)) if axis != 1)
    np.testing.assert_allclose(y.mean(axis=others), layer.bias.value, atol=1e-12)
    np.testing.assert_allclose(y.std(axis=others), np.abs(layer.gain.value), rtol=1e-10)


def test_a_position_leaves_with_mean_zero_and_deviation_one():
    y = LayerNorm(50, eps=1e-12, **DOUBLE)(np.random.default_rng(0).normal(5, 7, (4, 6, 50)))
    np.testing.assert_allclose(y.mean(axis=-1), np.zeros((4, 6)), atol=1e-12)
    np.testing.assert_allclose(y.std(axis=-1), np.ones((4, 6)), rtol=1e-10)


@pytest.mark.parametrize("shape", [(1, 3), (1, 3, 1, 1)])
def test_of_one_value_a_feature_batch_norm_returns_beta_and_passes_nothing_back(shape):
    rng = np.random.default_rng(0)
    layer = perturbed(BatchNorm(3), rng)
    x = rng.normal(5, 2, shape).astype(np.float32)
    y, cache = layer.forward(x)
    np.testing.assert_array_equal(y.reshape(3), layer.bias.value)
    dx = layer.backward(np.ones_like(x), cache)
    np.testing.assert_array_equal(dx, np.zeros(shape))
    np.testing.assert_array_equal(layer.gain.grad, [0, 0, 0])
    np.testing.assert_array_equal(layer.bias.grad, [1, 1, 1])
    np.testing.assert_allclose(layer.running_mean.value, 0.1 * x.reshape(3), rtol=1e-6)
    np.testing.assert_array_equal(layer.running_variance.value, [1, 1, 1])


@pytest.mark.parametrize("shape", [(0, 3), (0, 3, 4, 4), (2, 3, 0, 4)])
def test_an_empty_batch_moves_nothing(shape):
    layer = BatchNorm(3)
    y, cache = layer.forward(np.zeros(shape, np.float32))
    dx = layer.backward(y, cache)
    assert y.shape == dx.shape == shape
    assert y.dtype == dx.dtype == np.float32
    assert layer(y).shape == shape
    for item, value in [(layer.running_mean.value, 0), (layer.running_variance.value, 1)]:
        np.testing.assert_array_equal(item, np.full(3, value))
    for parameter in (layer.gain, layer.bias):
        np.testing.assert_array_equal(parameter.grad, np.zeros(3))


def test_of_one_feature_layer_norm_returns_beta_and_passes_nothing_back():
    layer = perturbed(LayerNorm(1), np.random.default_rng(0))
    x = np.array([[3.0], [-7.1]], np.float32)
    y, cache = layer.forward(x)
    np.testing.assert_array_equal(y, np.repeat(layer.bias.value[np.newaxis], 2, axis=0))
    np.testing.assert_array_equal(layer.backward(np.ones_like(x), cache), [[0], [0]])


def test_a_constant_feature_does_no_harm():
    x = np.full((8, 2), 3.0)
    for layer in (BatchNorm(2, **DOUBLE), LayerNorm(2, **DOUBLE)):
        y, cache = layer.forward(x)
        np.testing.assert_array_equal(y, np.zeros((8, 2)))
        assert np.isfinite(layer.backward(np.ones((8, 2)), cache)).all()


def test_the_running_averages_tend_to_those_of_the_data():
    rng = np.random.default_rng(0)
    layer = BatchNorm(2, **DOUBLE)
    for _ in range(200):
        layer.forward(rng.normal([3, -1], [2, 0.5], (100, 2)))
    np.testing.assert_allclose(layer.running_mean.value, [3, -1], atol=0.2)
    np.testing.assert_allclose(layer.running_variance.value, [4, 0.25], rtol=0.2)
    y = layer(np.array([[3.0, -1.0], [5.0, -0.5]]))
    np.testing.assert_allclose(y, [[0, 0], [1, 1]], atol=0.2)


def test_single_precision_keeps_up_with_a_large_mean():
    """The variance is that of the centred numbers: no difference of squares."""
    x = np.random.default_rng(0).normal(100, 1, (4096, 64))
    for layer in (BatchNorm(64), LayerNorm(64)):
        y, _ = layer.forward(x.astype(np.float32))
        exact, _ = layer.astype(np.float64).forward(x)
        np.testing.assert_allclose(y, exact, atol=2e-3)


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (
            BatchNorm(3),
            (5, 4),
            "BatchNorm(3): input has 4 features, expected 3 (input shape (5, 4))",
        ),
        (
            BatchNorm(3, axis=-1),
            (5, 3, 4),
            "BatchNorm(3, axis=-1): input has 4 features, expected 3 (input shape (5, 3, 4))",
        ),
        (
            BatchNorm(3),
            (3,),
            "BatchNorm(3): input has no features, expected 3 (input shape (3,))",
        ),
        (
            BatchNorm(3, axis=-1),
            (3,),
            "BatchNorm(3, axis=-1): input has no axis of samples (input shape (3,))",
        ),
        (
            LayerNorm(3),
            (5, 4),
            "LayerNorm(3): input has 4 features, expected 3 (input shape (5, 4))",
        ),
        (LayerNorm(3), (), "LayerNorm(3): input has no features, expected 3 (input shape ())"),
    ],
)
def test_another_shape_is_an_error_that_says_both(layer, shape, message):
    for run in (layer, layer.forward):
        with pytest.raises(ValueError) as caught:  # noqa: PT011
            run(np.zeros(shape))
        assert str(caught.value) == message
    with pytest.raises(ValueError, match=r"Sequential\[1\] ") as caught:
        Sequential(Sequential(), layer)(np.zeros(shape))
    assert str(caught.value) == f"Sequential[1] {message}"


@pytest.mark.parametrize(
    ("build", "error", "words"),
    [
        (lambda: BatchNorm(3, axis=0), ValueError, "axis of the samples"),
        (lambda: BatchNorm(3, momentum=-0.1), ValueError, "momentum must be at least 0"),
        (lambda: BatchNorm(3, momentum=1.5), ValueError, "momentum must be at most 1, got 1.5"),
        (lambda: BatchNorm(3, eps=0), ValueError, "eps must be greater than 0"),
        (lambda: BatchNorm(3, eps=1e-300), ValueError, "eps must be greater than 0, got 1e-300"),
        (lambda: LayerNorm(3, eps=1e300), ValueError, "eps must be finite"),
        (lambda: LayerNorm(3, eps=-1), ValueError, "eps must be greater than 0"),
    ],
)
def test_a_wrong_argument_is_refused(build, error, words):
    with pytest.raises(error, match=words):
        build()


@pytest.mark.parametrize("eps", [1.2e-38, 3.4e38])
@pytest.mark.parametrize("kind", [BatchNorm, LayerNorm])
@pytest.mark.parametrize("spread", [0, 1e-20, 1, 1e10])
def test_an_extreme_eps_that_is_taken_gives_finite_numbers(kind, eps, spread):
    layer, rng = kind(3, eps=eps), np.random.default_rng(0)
    x = (0.1 + spread * rng.normal(size=(4, 3))).astype(np.float32)
    y, cache = layer.forward(x)
    dx = layer.backward(rng.normal(size=(4, 3)).astype(np.float32), cache)
    for array in (y, layer(x), dx, layer.gain.grad, layer.bias.grad):
        assert array.dtype == np.float32
        assert np.isfinite(array).all()


def test_the_tree_shows_them():
    rows = repr(Sequential(Dense(4, 3), BatchNorm(3), LayerNorm(3))).splitlines()
    assert [" ".join(row.split()) for row in rows[1:4]] == [
        "[0] Dense(4 → 3) 15",
        "[1] BatchNorm(3) 6",
        "[2] LayerNorm(3) 6",
    ]
