"""Networks are float32 or float64: half precision is refused at every door, data in it are cast."""

import inspect

import numpy as np
import pytest

from minidl import (
    SGD,
    BatchNorm,
    Buffer,
    Dense,
    Layer,
    MeanSquaredError,
    Parameter,
    ReLU,
    Sequential,
    SoftmaxCrossEntropy,
    Tanh,
    fit,
    loss_and_gradients,
    predict,
)
from minidl.checkpoint.architecture import VOCABULARY, config_of
from minidl.gradcheck import check_gradients
from minidl.initializers import glorot_normal, glorot_uniform, he_normal, he_uniform, zeros
from tests.support.table import TABLE

SENTENCE = (
    "must be float32 or float64, got float16: half precision loses sums and means, take float32"
)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 3)).astype(np.float16)
Y = np.arange(12) % 2
LAYERS = {
    type(case.layer): {key: getattr(case.layer, key) for key in config_of(type(case.layer)) or ()}
    for case in TABLE
    if "dtype" in inspect.signature(type(case.layer)).parameters
}


def classifier():
    rng = np.random.default_rng(0)
    return Sequential(Dense(3, 4, rng=rng), BatchNorm(4), ReLU(), Dense(4, 2, rng=rng))


@pytest.mark.parametrize("kind", LAYERS)
def test_a_layer_in_half_precision_is_refused(kind):
    config = {key: bool(value) if key == "bias" else value for key, value in LAYERS[kind].items()}
    for dtype in (np.float16, "float16", np.dtype(">f2")):
        with pytest.raises(TypeError, match=f"^dtype {SENTENCE}$"):
            kind(**config, dtype=dtype)


@pytest.mark.parametrize(
    "ask",
    [
        lambda dtype: Parameter(np.ones(2), dtype),
        lambda dtype: Buffer(np.ones(2), dtype),
        lambda dtype: Parameter(np.ones(2)).cast(dtype),
        lambda dtype: Buffer(np.ones(2)).cast(dtype),
        lambda dtype: Dense(2, 2).astype(dtype),
        lambda dtype: Sequential(Tanh()).astype(dtype),
        lambda dtype: check_gradients(Tanh(), X, dtype=dtype),
        *(
            lambda dtype, draw=draw: draw(RNG, (2, 2), dtype)
            for draw in (glorot_normal, glorot_uniform, he_normal, he_uniform, zeros)
        ),
    ],
)
def test_whatever_else_has_a_dtype_refuses_all_but_the_two(ask):
    with pytest.raises(TypeError, match=SENTENCE):
        ask(np.float16)
    for dtype, name in ((int, "int64"), ("nonsense", "'nonsense'"), (complex, "complex128")):
        with pytest.raises(TypeError, match=f"dtype must be float32 or float64, got {name}"):
            ask(dtype)


def test_loading_knows_no_other_class_with_a_dtype():
    assert {VOCABULARY[kind.__name__] for kind in LAYERS} == set(LAYERS)


COMPUTING = [case for case in TABLE if repr(case) != "Sequential() of nothing"]


@pytest.mark.parametrize("case", COMPUTING, ids=repr)
def test_a_layer_or_loss_that_is_called_with_half_precision_says_what_to_take(case):
    first, *others = map(np.asarray, case.inputs)
    if first.dtype.kind != "f":
        pytest.skip("takes integers")
    for call in (case.layer, case.layer.forward):
        with pytest.raises(TypeError, match=SENTENCE):
            call(first.astype(np.float16), *others)


@pytest.mark.parametrize("case", COMPUTING, ids=repr)
def test_a_cotangent_in_half_precision_is_refused(case):
    inputs = [np.asarray(each) for each in case.inputs]
    layer = case.layer.astype(np.float64)
    y, cache = layer.forward(*inputs)
    if np.ndim(y):
        with pytest.raises(TypeError, match=SENTENCE):
            layer.backward(y.astype(np.float16), cache)


def trained(x, y, loss, network, **options):
    fit(network, loss, SGD(network, 0.1), x, y, epochs=2, batch_size=5, seed=0, **options)
    return [predict(network, x)] + [
        p.value for p in network[0].__dict__.values() if hasattr(p, "grad")
    ]


def test_data_in_half_precision_are_cast_to_the_dtype_of_the_network():
    wide = X.astype(np.float32)
    halves, exact = (trained(x, Y, SoftmaxCrossEntropy(), classifier()) for x in (X, wide))
    for one, other in zip(halves, exact, strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == np.float32
    value = loss_and_gradients(classifier(), SoftmaxCrossEntropy(), X, Y)
    assert value == loss_and_gradients(classifier(), SoftmaxCrossEntropy(), wide, Y)
    assert predict(classifier().astype(np.float64), X).dtype == np.float64
    assert predict(Sequential(Tanh()), X).dtype == np.float32  # which has no dtype of its own


def test_targets_in_half_precision_are_cast_too():
    network, twin = (Sequential(Dense(3, 1, rng=0)) for _ in range(2))
    y = X[:, :1]
    halves = trained(X, y, MeanSquaredError(), network)
    exact = trained(X.astype(np.float32), y.astype(np.float32), MeanSquaredError(), twin)
    for one, other in zip(halves, exact, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_loss_of_your_own_gets_no_targets_in_half_precision():
    seen = set()

    class Squares(Layer):
        def forward(self, prediction, target):
            seen.add(target.dtype)
            return np.square(prediction - target).sum(), prediction - target

        def backward(self, dy, error):
            return dy * 2 * error

    network = Sequential(Dense(3, 1, rng=0))
    fit(network, Squares(), SGD(network, 0.01), X, X[:, :1], epochs=1, batch_size=5, seed=0)
    assert seen == {np.dtype(np.float32)}


def test_the_gradient_checker_judges_data_in_half_precision():
    for layer in (Tanh(), Dense(3, 2, rng=0), Sequential(Dense(3, 2, rng=0, dtype=np.float64))):
        assert check_gradients(layer, X).ok


def test_estimators_take_data_in_half_precision_but_no_such_dtype():
    pytest.importorskip("sklearn")
    from minidl import NeuralNetClassifier, NeuralNetRegressor

    def probabilities(x, **options):
        model = NeuralNetClassifier(max_epochs=2, random_state=0, **options)
        return model.fit(x, Y).predict_proba(x)

    for options in ({}, {"module": classifier()}):
        exact = probabilities(X.astype(np.float32), **options)
        np.testing.assert_array_equal(probabilities(X, **options), exact)
    for kind in (NeuralNetClassifier, NeuralNetRegressor):
        with pytest.raises(TypeError, match=SENTENCE):
            kind(dtype=np.float16).fit(X, Y)
