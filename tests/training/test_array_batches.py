"""Batches of arrays and memory-maps."""

import numpy as np
import pytest

from minidl import (
    SGD,
    Dense,
    Embedding,
    Flatten,
    MeanSquaredError,
    Sequential,
    SoftmaxCrossEntropy,
    fit,
    predict,
)
from tests.support.seventy import RNG, X, Y, network, trained


def mapped(path, array):
    memory = np.lib.format.open_memmap(path, "w+", array.dtype, array.shape)
    memory[:] = array
    memory.flush()
    return np.load(path, mmap_mode="r")


@pytest.fixture
def maps(tmp_path):
    return mapped(tmp_path / "x.npy", X), mapped(tmp_path / "y.npy", Y)


def test_a_memory_map_trains_to_the_same_bits_as_the_array(maps):
    expected, curves = trained(X, Y, epochs=2, batch_size=16, validation=(X, Y))
    got, mapped_curves = trained(*maps, epochs=2, batch_size=16, validation=maps)
    np.testing.assert_array_equal(got, expected)
    assert mapped_curves == curves


def test_a_memory_map_of_another_dtype_is_cast_batch_by_batch(tmp_path):
    halves = X.astype(np.float16)
    expected, _ = trained(halves, Y, epochs=1, batch_size=16)
    got, _ = trained(mapped(tmp_path / "h.npy", halves), Y, epochs=1, batch_size=16)
    np.testing.assert_array_equal(got, expected)


def test_a_memory_map_with_a_bad_row_is_found_before_its_step_and_the_row_is_named(tmp_path):
    spoilt = X.copy()
    spoilt[41, 2] = np.nan
    order = np.random.default_rng([3, 0]).permutation(len(X))
    good = int(np.flatnonzero(order == 41)[0]) // 16
    own = network()
    optimizer = SGD(own, 0.1)
    with pytest.raises(ValueError, match=r"^x\[41:42\]: x\[0, 2\] is nan"):
        fit(
            own, SoftmaxCrossEntropy(), optimizer, mapped(tmp_path / "x.npy", spoilt), Y,
            epochs=1, batch_size=16, seed=3,
        )  # fmt: skip
    assert optimizer.steps == good
    assert not optimizer.vector.grad.any()


def test_a_memory_map_with_a_wrong_label_is_told_with_its_row(tmp_path):
    wrong = Y.copy()
    wrong[41] = 7
    with pytest.raises(ValueError, match=r"^y\[41:42\]: y: class label 7"):
        trained(X, mapped(tmp_path / "y.npy", wrong), epochs=1, batch_size=16)


def test_a_memory_map_is_predicted_block_by_block(maps):
    own = network()
    np.testing.assert_array_equal(
        predict(own, maps[0], batch_size=32), predict(own, X, batch_size=32)
    )


def test_a_memory_map_with_a_bad_number_is_not_predicted(tmp_path):
    spoilt = X.copy()
    spoilt[41, 2] = np.inf
    with pytest.raises(ValueError, match=r"^x\[32:64\]\[9, 2\] is inf"):
        predict(network(), mapped(tmp_path / "x.npy", spoilt), batch_size=32)


@pytest.mark.parametrize("missing", ["y", "batch_size"])
def test_what_arrays_need_is_asked_for(missing):
    data = (X,) if missing == "y" else (X, Y)
    with pytest.raises(TypeError, match=f"{missing} is needed"):
        trained(*data, epochs=1, **({"batch_size": 16} if missing == "y" else {}))


def test_integers_of_a_memory_map_reach_an_embedding(tmp_path):
    words = RNG.integers(0, 9, (20, 3))
    rng = np.random.default_rng(0)

    def run(x):
        own = Sequential(Embedding(9, 2, rng=0), Flatten(), Dense(6, 1, rng=0))
        optimizer = SGD(own, 0.1)
        fit(own, MeanSquaredError(), optimizer, x, target, epochs=1, batch_size=8, seed=0)
        return optimizer.vector.value.copy()

    target = rng.normal(size=(20, 1))
    np.testing.assert_array_equal(run(mapped(tmp_path / "w.npy", words)), run(words))
