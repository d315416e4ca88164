"""Random networks, on random inputs, keep every law; no right gradient is called wrong."""

import numpy as np
import pytest
from hypothesis import given, target
from hypothesis import strategies as st

from minidl import BatchNorm, Dense, Sequential, SoftmaxCrossEntropy, Tanh
from minidl.gradcheck import check_gradients
from minidl.parameters import walk
from minidl.testing import check_layer, laws
from minidl.testing.strategies import inputs_for, networks


@given(st.data())
def test_a_random_network_keeps_every_law(data):
    network = data.draw(networks(), label="network")
    inputs = data.draw(inputs_for(network), label="inputs")
    excused = [laws.has_proven_gradients]
    if any(isinstance(layer, BatchNorm) for _, layer in walk(network)):
        excused.append(laws.treats_samples_independently)
    check_layer(network, *inputs, without=excused)


@given(inputs_for(SoftmaxCrossEntropy()))
def test_the_loss_keeps_every_law_for_random_logits_and_targets(inputs):
    check_layer(SoftmaxCrossEntropy(), *inputs, without=[laws.has_proven_gradients])


def accept(layer, inputs):
    """Check gradients in float64, and look for inputs that come close to being refused."""
    report = check_gradients(layer, *inputs, variants=False, dtype=np.float64)
    errors = [float(np.max(tensor.relative_error, initial=0)) for tensor in report.tensors]
    target(np.log10(max([1e-20, *errors])), label="the largest relative error")
    assert report.verdict != "fail", str(report)


@given(st.data())
def test_no_gradient_of_a_random_network_is_called_wrong(data):
    network = data.draw(networks(), label="network")
    accept(network, data.draw(inputs_for(network), label="inputs"))


@given(inputs_for(SoftmaxCrossEntropy()))
def test_no_gradient_of_the_loss_is_called_wrong(inputs):
    accept(SoftmaxCrossEntropy(), inputs)


@pytest.mark.parametrize("inside", [(), (Dense(1, 1, rng=2),)], ids=["alone", "in a network"])
def test_a_saturated_tanh_in_float32_is_not_called_wrong(inside):
    report = check_gradients(Sequential(*inside, Tanh()), np.float32([[8]]), variants=False)
    assert report.verdict != "fail", str(report)
