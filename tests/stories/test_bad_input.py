"""What users pass by mistake, and what should come of it: an error in words or the same result."""

import copy
import pickle

import numpy as np
import pytest

from minidl import (
    SGD,
    Dense,
    DivergenceError,
    Dropout,
    MeanSquaredError,
    ReLU,
    Sequential,
    SoftmaxCrossEntropy,
    fit,
    loss_and_gradients,
    predict,
    predict_proba,
)

X = np.random.default_rng(0).integers(-4, 5, (12, 3)).astype(np.float32)
Y = np.arange(12) % 2


def parts():
    rng = np.random.default_rng(0)
    network = Sequential(Dense(3, 4, rng=rng), ReLU(), Dropout(0.5, rng=rng), Dense(4, 2, rng=rng))
    return network, SoftmaxCrossEntropy(), SGD(network, 0.1, momentum=0.9)


def with_one(value):
    x = X.copy()
    x[7, 1] = value
    return x


def misaligned():
    raw = np.zeros(X.nbytes + 1, np.uint8)[1:]
    array = raw.view(np.float32).reshape(X.shape)
    array[...] = X
    return array


def read_only():
    x = X.copy()
    x.flags.writeable = False
    return x


def frame():
    return pytest.importorskip("pandas").DataFrame(X)


def sparse():
    return pytest.importorskip("scipy.sparse").csr_matrix(X)


SAME = {
    "int64": lambda: X.astype(np.int64),
    "int8": lambda: X.astype(np.int8),
    "float16": lambda: X.astype(np.float16),
    "float64": lambda: X.astype(np.float64),
    "longdouble": lambda: X.astype(np.longdouble),
    "big-endian": lambda: X.astype(">f8"),
    "Fortran order": lambda: np.asfortranarray(X),
    "negative strides": lambda: X[::-1, ::-1].copy()[::-1, ::-1],
    "every second": lambda: np.repeat(X, 2, axis=0)[::2],
    "read-only": read_only,
    "misaligned": misaligned,
    "broadcast": lambda: np.broadcast_to(X, (1, *X.shape))[0],
    "lists": X.tolist,
    "tuples": lambda: tuple(map(tuple, X.tolist())),
    "np.matrix": lambda: np.asmatrix(X),
    "a mask that masks nothing": lambda: np.ma.MaskedArray(X),
    "a pandas frame": frame,
}
REFUSED = {
    "NaN": (lambda: with_one(np.nan), ValueError, r"x\[7, 1\] is nan"),
    "inf": (lambda: with_one(np.inf), ValueError, r"x\[7, 1\] is inf"),
    "-inf": (lambda: with_one(-np.inf), ValueError, r"x\[7, 1\] is -inf"),
    "too large": (lambda: with_one(1.0).astype(float) * 1e300, ValueError, "finite in float32"),
    "complex": (lambda: X + 0j, TypeError, "x is complex"),
    "objects": (lambda: X.astype(object), TypeError, "x .*dtype object"),
    "strings": (lambda: X.astype(str), TypeError, "x .*dtype <U"),
    "dates": (lambda: X.astype("M8[D]"), TypeError, "x .*dtype datetime64"),
    "records": (lambda: np.zeros(12, "f4,f4"), TypeError, "x .*dtype"),
    "masked": (lambda: np.ma.masked_equal(X, X[0, 0]), ValueError, "x has masked values"),
    "sparse": (sparse, TypeError, r"x is a sparse .*toarray\(\)"),
    "ragged": (lambda: [[1, 2, 3], [4, 5]], ValueError, "x is not a regular array"),
    "a number": (lambda: np.float32(3), ValueError, "x must be an array of samples"),
    "none": (lambda: X[:0], ValueError, "x is empty"),
    "no features": (lambda: X[:, :0], ValueError, "x is empty"),
    "too few features": (lambda: X[:, :2], ValueError, "input has 2 features, expected 3"),
    "too many features": (lambda: np.hstack([X, X]), ValueError, "has 6 features, expected 3"),
    "one sample": (lambda: X[0], ValueError, "x|output"),
    "three axes": (lambda: X[:, :, None], ValueError, "has 1 features, expected 3"),
}
LABELS = {
    "negative": (Y - 1, ValueError, "class label -1 at 0 is out of range"),
    "too large": (Y + 1, ValueError, "class label 2 at 1 is out of range"),
    "fractional": (Y + 0.5, ValueError, "must be integers"),
    "NaN": (np.where(Y > 0, np.nan, 0), ValueError, r"y\[1\] is nan"),
    "booleans": (Y > 0, TypeError, "dtype bool"),
    "strings": (Y.astype(str), TypeError, "dtype <U"),
    "objects": (Y.astype(object), TypeError, "dtype object"),
    "complex": (Y + 0j, TypeError, "y is complex"),
    "a column": (Y[:, None], ValueError, "outputs of shape"),
    "one-hot, too wide": (np.eye(3)[Y], ValueError, "outputs of shape"),
    "no distribution": (np.full((12, 2), 0.7), ValueError, "sum to 1"),
    "too short": (Y[:-1], ValueError, "y has 11 samples, but x has 12"),
    "too long": (np.append(Y, 0), ValueError, "y has 13 samples, but x has 12"),
    "empty": (Y[:0], ValueError, "y is empty"),
    "one label": (1, ValueError, "y must be an array of samples"),
}
NUMBERS = {
    "epochs": (0, -1, 1.5, np.nan, np.inf, "2", True, None),
    "batch_size": (0, -1, 1.5, np.nan, np.inf, "2", True, None),
    "seed": (-1, 1.5, np.nan, "2", True),
    "validate_every": (0, -1, 1.5, "2", True, None),
    "checkpoint_every": (0, -1, 1.5, "2", True, None),
    "recover": (0, 1, "yes", None, np.ones(2)),
}
RATES = (0, -0.1, np.nan, np.inf, 1e300, "0.1", True, None, 1j)
MOMENTA = (-0.1, 1, 2, np.nan, np.inf, "0.9", True, None)


def state(network, optimizer):
    """Return all bits that a refused call has to leave alone."""
    return pickle.dumps((network, optimizer.vector.grad.tobytes(), optimizer.steps))


def assert_refused(kind, message, function, network, optimizer):
    optimizer.vector.grad[:] = 0.25
    before = state(network, optimizer)
    with pytest.raises(kind, match=message):
        function()
    assert state(network, optimizer) == before


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("form", SAME)
def test_what_holds_the_same_numbers_gives_the_same_bits(form):
    given, results = SAME[form](), []
    untouched = copy.deepcopy(given)
    for x in (X, given):
        network, loss, optimizer = parts()
        fit(network, loss, optimizer, x, Y, epochs=2, batch_size=5, seed=0)
        results.append((optimizer.vector.value, predict(network, x), predict_proba(network, x)))
    for expected, found in zip(*results, strict=True):
        np.testing.assert_array_equal(found, expected)
        assert type(found) is np.ndarray
    np.testing.assert_array_equal(np.asarray(given), np.asarray(untouched))


@pytest.mark.parametrize("form", REFUSED)
@pytest.mark.parametrize("entry", ["fit", "validation", "predict", "predict_proba"])
def test_what_is_no_array_of_finite_numbers_is_refused(entry, form):
    make, kind, message = REFUSED[form]
    x = make()
    network, loss, optimizer = parts()
    options = {"epochs": 1, "batch_size": 5, "seed": 0}

    def call():
        if entry == "fit":
            fit(network, loss, optimizer, x, Y, **options)
        elif entry == "validation":
            fit(network, loss, optimizer, X, Y, validation=(x, Y), **options)
        else:
            {"predict": predict, "predict_proba": predict_proba}[entry](network, x)

    if (entry == "validation" and "features" in form) or form in ("one sample", "three axes"):
        message = "samples of shape|" + message
    assert_refused(kind, message, call, network, optimizer)


@pytest.mark.parametrize("form", LABELS)
def test_targets_that_are_no_classes_are_refused(form):
    y, kind, message = LABELS[form]
    network, loss, optimizer = parts()
    call = lambda: fit(network, loss, optimizer, X, y, epochs=1, batch_size=5)  # noqa: E731
    assert_refused(kind, message, call, network, optimizer)


@pytest.mark.parametrize(("name", "value"), [(n, v) for n, vs in NUMBERS.items() for v in vs])
def test_a_wrong_number_is_refused_by_name(name, value):
    network, loss, optimizer = parts()
    options = {"epochs": 1, "batch_size": 5, name: value}
    call = lambda: fit(network, loss, optimizer, X, Y, **options)  # noqa: E731
    assert_refused((ValueError, TypeError), name, call, network, optimizer)


@pytest.mark.parametrize(
    ("name", "value"),
    [*(("learning_rate", v) for v in RATES), *(("momentum", v) for v in MOMENTA)],
    ids=repr,
)
def test_a_wrong_hyper_parameter_is_refused_by_name_and_leaves_the_optimizer(name, value):
    network, _, optimizer = parts()
    with pytest.raises((ValueError, TypeError), match=name):
        SGD(network, **{"learning_rate": 0.1, name: value})
    call = lambda: setattr(optimizer, name, value)  # noqa: E731
    assert_refused((ValueError, TypeError), name, call, network, optimizer)
    assert (optimizer.learning_rate, optimizer.momentum) == (0.1, 0.9)


@pytest.mark.parametrize("shape", [(12,), (12, 2), (1, 12), (12, 1, 1)])
def test_a_regression_target_is_never_broadcast(shape):
    with pytest.raises(ValueError, match="shape"):
        MeanSquaredError().forward(np.ones((12, 1), np.float32), np.ones(shape, np.float32))


def test_a_cache_of_another_call_still_gives_the_gradient_of_that_call():
    network = parts()[0]
    y, cache = network.forward(X)
    network.backward(np.ones_like(y), cache)
    expected = network[0].weight.grad.copy()
    network.forward(X * 2)
    network[0].weight.grad = np.zeros_like(expected)
    SGD(network, 0.1)  # packs the parameters
    network.backward(np.ones_like(y), cache)
    np.testing.assert_array_equal(network[0].weight.grad, expected)


class _Faulty(Dense):
    fault = "shape"

    def backward(self, dy, x, /):
        dx = super().backward(dy, x)
        return {
            "shape": dx[:, :1],
            "dtype": dx.astype(np.float64),
            "number": (dx, dx),
            "NaN": dx * np.nan,
            "nothing": None,
        }[self.fault]


@pytest.mark.parametrize("fault", ["shape", "dtype", "number", "NaN", "nothing"])
def test_a_layer_whose_gradient_is_none_is_named_before_the_first_update(fault):
    layer = _Faulty(4, 4, rng=0)
    layer.fault = fault
    network = Sequential(Dense(3, 4, rng=0), layer, Dense(4, 2, rng=0))
    optimizer = SGD(network, 0.1)
    before = optimizer.vector.value.copy()
    with pytest.raises((ValueError, TypeError), match=r"Sequential\[1\] Dense\(4 → 4\): backward"):
        fit(network, SoftmaxCrossEntropy(), optimizer, X, Y, epochs=1, batch_size=4)
    np.testing.assert_array_equal(optimizer.vector.value, before)
    assert not optimizer.vector.grad.any()


def test_the_loop_of_ones_own_never_takes_a_step_from_a_loss_that_is_not_finite():
    network, loss, optimizer = parts()
    before = state(network, optimizer)
    with pytest.raises(DivergenceError, match="the loss is nan"):
        loss_and_gradients(Sequential(*network[:2], network[3]), loss, X * np.nan, Y)
    assert state(network, optimizer) == before


def test_one_axis_is_that_of_the_samples_even_if_a_batch_is_as_long_as_a_sample():
    network = Dense(3, 3, rng=0)
    optimizer = SGD(network, 0.1)
    numbers = np.ones(9)
    call = lambda: fit(  # noqa: E731
        network, MeanSquaredError(), optimizer, numbers, numbers, epochs=1, batch_size=3
    )
    assert_refused(ValueError, "input has 1 features, expected 3", call, network, optimizer)
