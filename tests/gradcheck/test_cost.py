"""What an accepted layer costs: forwards are counted and memory is traced; nothing is timed."""

import tracemalloc

import numpy as np
import pytest

from minidl import Dense, ParameterVector, Sequential, SoftmaxCrossEntropy, Tanh
from minidl.gradcheck import check_gradients
from tests.corpus import samples


class Calls:
    """A count that a copied layer shares with the original."""

    def __init__(self):
        self.count = 0

    def __deepcopy__(self, memo):
        return self


def counted(layer):
    """Make a layer count the calls of its forward."""
    calls, kind = Calls(), type(layer)

    def forward(self, *inputs):
        calls.count += 1
        return kind.forward(self, *inputs)

    layer.__class__ = type(kind.__name__, (kind,), {"forward": forward})
    return calls


def network(rng):
    return Sequential(Dense(3, 4, rng=rng), Tanh(), Dense(4, 2, rng=rng))


SMALL = {
    "activation": (lambda rng: Tanh(), (5, 8)),
    "dense": (lambda rng: Dense(4, 3, rng=rng), (5, 4)),
    "network": (network, (2, 3)),
    "one number": (lambda rng: Tanh(), (1,)),
}


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_small_layer_is_accepted_after_2n_and_60_forwards(name, dtype):
    make, shape = SMALL[name]
    layer = make(np.random.default_rng(0)).astype(dtype)
    calls = counted(layer)
    x = np.random.default_rng(1).normal(size=shape).astype(dtype)
    report = check_gradients(layer, x)
    assert report.ok
    assert calls.count <= 2 * sum(tensor.size for tensor in report.tensors) + 60


def test_a_loss_is_accepted_after_2n_and_60_forwards():
    layer, rng = SoftmaxCrossEntropy(), np.random.default_rng(0)
    calls = counted(layer)
    assert check_gradients(layer, rng.normal(size=(6, 4)), rng.integers(4, size=6)).ok
    assert calls.count <= 2 * 24 + 60


def test_a_large_layer_costs_directions_not_coordinates():
    layer = Dense(64, 64, rng=0)
    calls = counted(layer)
    report = check_gradients(layer, np.random.default_rng(0).normal(size=(4, 64)))
    assert report.ok
    small = sum(tensor.size for tensor in report.tensors if not tensor.directions)
    assert calls.count <= 2 * small + 90


def test_variants_cost_little():
    x = np.random.default_rng(0).normal(size=(5, 8))
    counts = []
    for variants in (False, True):
        layer = Tanh()
        calls = counted(layer)
        check_gradients(layer, x, variants=variants)
        counts.append(calls.count)
    assert counts[1] - counts[0] <= 30


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_memory_is_bounded_by_a_few_times_the_layers_own_arrays(dtype):
    layer = Dense(256, 256, rng=0, dtype=dtype)
    x = np.random.default_rng(0).normal(size=(32, 256)).astype(dtype)
    own = 16 * (len(ParameterVector(layer)) + x.size)  # values and gradients in float64, x and y
    tracemalloc.start()
    try:
        assert check_gradients(layer, x).ok
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= 10 * own


def test_the_reference_layers_are_all_accepted_within_a_few_hundred_forwards():
    for name, sample in samples.CORRECT.items():
        layer, inputs = sample(np.random.default_rng(0))
        calls = counted(layer)
        report = check_gradients(layer, *inputs)
        size = sum(tensor.size for tensor in report.tensors)
        assert report.verdict != "fail", name
        assert calls.count <= 24 * size + 200, name
