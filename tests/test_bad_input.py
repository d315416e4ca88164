"""Every kind of bad or strange array at every entry, with the ideal answer beside it.

SAME: the same result, bit for bit, as with a plain array of the same numbers; REFUSED: a ValueError
or TypeError that is no raw message of NumPy's, and nothing has changed, the input included.
"""

import numpy as np
import pytest

from minidl import SGD, Dense, ReLU, Sequential, SoftmaxCrossEntropy, fit, predict, predict_proba
from minidl.losses import MeanSquaredError
from minidl.run import ForwardState

SAME, REFUSED = "same", "refused"
BASE = np.round(np.random.default_rng(0).normal(size=(8, 3)) * 4).astype(np.float32)
LABELS = np.array([0, 1, 1, 0, 1, 0, 0, 1])


def spoiled(value, dtype=np.float32):
    array = BASE.astype(dtype)
    array[5, 1] = value
    return array


def misaligned():
    raw = np.zeros(BASE.nbytes + 1, np.uint8)
    array = raw[1:].view(np.float32).reshape(BASE.shape)
    array[...] = BASE
    assert not array.flags.aligned
    return array


def read_only():
    array = BASE.copy()
    array.flags.writeable = False
    return array


def structured():
    return np.zeros(8, [("a", "f4"), ("b", "f4"), ("c", "f4")])


def sparse():
    return pytest.importorskip("scipy.sparse").csr_matrix(BASE)


def frame():
    return pytest.importorskip("pandas").DataFrame(BASE)


def masked(which):
    return lambda: np.ma.MaskedArray(BASE.copy(), np.full(BASE.shape, False) | which)


ONE = np.arange(24).reshape(8, 3) == 7
CASES = {
    "float32": (SAME, lambda: BASE.copy()),
    "float16": (SAME, lambda: BASE.astype(np.float16)),
    "float64": (SAME, lambda: BASE.astype(np.float64)),
    "longdouble": (SAME, lambda: BASE.astype(np.longdouble)),
    "integers": (SAME, lambda: BASE.astype(np.int8)),
    "big-endian": (SAME, lambda: BASE.astype(">f4")),
    "big-endian float64": (SAME, lambda: BASE.astype(">f8")),
    "Fortran order": (SAME, lambda: np.asfortranarray(BASE)),
    "negative strides": (SAME, lambda: BASE[::-1, ::-1].copy()[::-1, ::-1]),
    "every second row": (SAME, lambda: BASE.repeat(2, 0)[::2]),
    "read-only": (SAME, read_only),
    "misaligned": (SAME, misaligned),
    "lists": (SAME, lambda: BASE.tolist()),
    "tuple of arrays": (SAME, lambda: tuple(BASE.copy())),
    "np.matrix": (SAME, lambda: np.asmatrix(BASE.copy())),
    "nothing masked": (SAME, masked(False)),
    "a data frame": (SAME, frame),
    "NaN": (REFUSED, lambda: spoiled(np.nan)),
    "inf": (REFUSED, lambda: spoiled(np.inf)),
    "-inf": (REFUSED, lambda: spoiled(-np.inf)),
    "too large for float32": (REFUSED, lambda: spoiled(1e300, np.float64)),
    "complex": (REFUSED, lambda: BASE.astype(np.complex64)),
    "objects": (REFUSED, lambda: BASE.astype(object)),
    "a None in it": (REFUSED, lambda: spoiled(None, object)),
    "strings": (REFUSED, lambda: BASE.astype(str)),
    "bytes": (REFUSED, lambda: BASE.astype("S8")),
    "dates": (REFUSED, lambda: BASE.astype(np.int64).astype("datetime64[s]")),
    "time differences": (REFUSED, lambda: BASE.astype(np.int64).astype("timedelta64[s]")),
    "structured": (REFUSED, structured),
    "one masked": (REFUSED, masked(ONE)),
    "sparse": (REFUSED, sparse),
    "0-D": (REFUSED, lambda: np.float32(1)),
    "a number": (REFUSED, lambda: 1.0),
    "None": (REFUSED, lambda: None),
    "a string": (REFUSED, lambda: "abc"),
    "a dict": (REFUSED, lambda: {"a": 1}),
    "a set": (REFUSED, lambda: {1.0, 2.0}),
    "1-D": (REFUSED, lambda: BASE[:, 0].copy()),
    "ragged": (REFUSED, lambda: [[1.0, 2.0, 3.0], [1.0]]),
    "no samples": (REFUSED, lambda: BASE[:0]),
    "no features": (REFUSED, lambda: BASE[:, :0]),
    "too few features": (REFUSED, lambda: BASE[:, :2].copy()),
    "too many features": (REFUSED, lambda: np.hstack([BASE, BASE])),
}


def trained(x, network, optimizer):
    fit(network, SoftmaxCrossEntropy(), optimizer, x, LABELS, epochs=2, batch_size=3, seed=0)
    return optimizer.vector.value


def validated(x, network, optimizer):
    return fit(
        network, SoftmaxCrossEntropy(), optimizer, BASE, LABELS,
        epochs=1, batch_size=3, seed=0, validation=(x, LABELS),
    ).validation["loss"]  # fmt: skip


def regressed(x, network, optimizer):
    twin = Dense(3, 3, rng=0)
    rule = SGD(twin, 0.01)
    fit(twin, MeanSquaredError(), rule, BASE, x, epochs=1, batch_size=3, seed=0)
    return rule.vector.value


ENTRIES = {
    "fit x": trained,
    "fit y": regressed,
    "fit validation": validated,
    "predict": lambda x, network, optimizer: predict(network, x),
    "predict_proba": lambda x, network, optimizer: predict_proba(network, x),
}


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("entry", ENTRIES)
def test_a_strange_array_gives_the_same_bits_or_an_error_that_changes_nothing(entry, case):
    ideal, make = CASES[case]
    call = ENTRIES[entry]

    def fresh():
        network = Sequential(Dense(3, 4, rng=1), ReLU(), Dense(4, 2, rng=2))
        return network, SGD(network, 0.1)

    x, (network, optimizer) = make(), fresh()
    if ideal == SAME:
        expected = call(BASE.copy(), *fresh())
        found = call(x, network, optimizer)
        assert np.asarray(found).tobytes() == np.asarray(expected).tobytes()
        assert type(found) is type(expected)
        assert (np.asarray(x, np.float32) == BASE).all()
        return
    optimizer.vector.grad[:] = 1
    before = repr((optimizer.snapshot(), ForwardState(network).take(), optimizer.vector.grad))
    with pytest.raises((ValueError, TypeError)) as caught:
        call(x, network, optimizer)
    after = repr((optimizer.snapshot(), ForwardState(network).take(), optimizer.vector.grad))
    assert after == before
    raw = ("could not convert", "ufunc", "setting an array", "not aligned", "broadcast")
    assert not any(part in str(caught.value) and str(caught.value).startswith(part) for part in raw)


LABEL_CASES = {
    "unsigned": (SAME, lambda: LABELS.astype(np.uint8)),
    "a column": (REFUSED, lambda: LABELS[:, None]),
    "booleans": (REFUSED, lambda: LABELS.astype(bool)),
    "whole floating numbers": (SAME, lambda: LABELS.astype(np.float32)),
    "a list": (SAME, lambda: LABELS.tolist()),
    "negative": (REFUSED, lambda: LABELS - 1),
    "too large": (REFUSED, lambda: LABELS + 1),
    "fractions": (REFUSED, lambda: LABELS + 0.5),
    "NaN": (REFUSED, lambda: np.where(LABELS == 1, np.nan, 0)),
    "strings": (REFUSED, lambda: LABELS.astype(str)),
    "one-hot of the wrong width": (REFUSED, lambda: np.eye(3)[LABELS]),
    "too short": (REFUSED, lambda: LABELS[:-1]),
    "too long": (REFUSED, lambda: np.append(LABELS, 0)),
}


@pytest.mark.parametrize("case", LABEL_CASES)
def test_strange_labels_give_the_same_bits_or_an_error_that_changes_nothing(case):
    ideal, make = LABEL_CASES[case]

    def train(y):
        network = Dense(3, 2, rng=0)
        before = network.weight.value.copy()
        optimizer = SGD(network, 0.1)
        try:
            fit(network, SoftmaxCrossEntropy(), optimizer, BASE, y, epochs=1, batch_size=3, seed=0)
        except (ValueError, TypeError):
            assert (network.weight.value == before).all()
            assert optimizer.steps == 0
            raise
        return network.weight.value.tobytes()

    if ideal == SAME:
        assert train(make()) == train(LABELS)
    else:
        with pytest.raises((ValueError, TypeError)):
            train(make())


NUMBERS = (-1, 0, 1.5, float("nan"), float("inf"), "1", None, True, 1j, [1], np.ones(2))
ALLOWED = {
    "learning_rate": (1.5,),
    "momentum": (0,),
    "weight_decay": (0, 1.5),
    "batch_size": (),
    "epochs": (),
    "seed": (0, None),
    "validate_every": (),
    "checkpoint_every": (),
    "threads": (None,),
    "recover": (True,),
}


@pytest.mark.parametrize("value", NUMBERS, ids=str)
@pytest.mark.parametrize("name", ALLOWED)
def test_a_hyper_parameter_out_of_range_or_of_the_wrong_type_is_refused_by_name(name, value):
    network = Dense(3, 2, rng=0)
    before = network.weight.value.copy()
    if name in ("learning_rate", "momentum", "weight_decay"):

        def call():
            SGD(network, **{"learning_rate": 0.1, name: value})
    else:
        options = {"epochs": 1, "batch_size": 3, name: value}

        def call():
            fit(network, SoftmaxCrossEntropy(), SGD(network, 0.1), BASE, LABELS, **options)

    if any(
        value is good or (type(value) is type(good) and value == good) for good in ALLOWED[name]
    ):
        call()
        return
    with pytest.raises((ValueError, TypeError), match=name):
        call()
    assert (network.weight.value == before).all()
