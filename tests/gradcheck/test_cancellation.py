"""Gradients that are zero because terms cancel: what is left is rounding, and no mistake."""

import numpy as np
import pytest

from minidl import BatchNorm, LayerNorm, ReLU, Residual, Sequential, Softmax
from minidl.gradcheck import check_gradients
from minidl.testing import laws


@pytest.mark.parametrize("dtype", [np.float64, None])
@pytest.mark.parametrize("seed", range(40))
def test_a_bias_that_the_next_layer_subtracts_again_is_not_called_nonlinear(seed, dtype):
    network = Sequential(ReLU(), BatchNorm(2), LayerNorm(2))
    report = check_gradients(network, np.zeros((1, 2, 2)), seed=seed, dtype=dtype, variants=False)
    assert report.verdict != "fail", report


def test_the_rounding_that_is_left_may_depend_on_the_memory_layout():
    network = Sequential(Residual(BatchNorm(2)), Sequential(Softmax(), ReLU()))
    laws.takes_any_memory_layout(network, np.zeros((2, 2, 3), np.float32))


@pytest.mark.parametrize("samples", [3, 4, 5, 8])
@pytest.mark.parametrize("depth", [2, 3])
def test_behind_a_constant_feature_float32_may_round_what_cancels_in_float64(samples, depth):
    network = Sequential(*(BatchNorm(1) for _ in range(depth)))
    laws.agrees_in_both_precisions(network, np.zeros((samples, 1), np.float32))
