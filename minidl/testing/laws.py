"""The laws of a layer, each a function ``law(layer, *inputs)`` that raises AssertionError.

``layer`` is any `minidl.Layer`, and ``inputs`` are what its forward takes, the batch on the first
axis. Every law works on copies: the layer and the inputs it is given stay as they are. It runs
them in float32 and in float64; floating inputs are cast, whatever they were. An error says in one
sentence what the layer does wrong. Most laws are probes of `minidl.gradcheck`, run one by one.

Examples
--------
>>> import numpy as np
>>> from minidl import Dense
>>> from minidl.testing import laws
>>> for law in laws.LAWS:
...     law(Dense(3, 2, rng=0), np.array([[1.0, -2.0, 3.0], [0.5, 0.0, -1.0]]))
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

from minidl.contract import probes
from minidl.contract.probes import Probe
from minidl.contract.trial import LAWS as PROBED
from minidl.gradcheck import check_gradients
from minidl.layer import Layer
from minidl.testing import batches
from minidl.testing.copies import survives
from minidl.testing.runs import broken, explained, fail

Law: TypeAlias = Callable[..., None]


def _probe(law: Law, layer: Layer, inputs: tuple[Any, ...], *tried: Probe) -> None:
    with explained(layer, ""):
        found = broken(layer, inputs, tried)
    if law.__name__ in found:
        fail(layer, found[law.__name__])


def keeps_shape_and_dtype(layer: Layer, *inputs: Any) -> None:
    """Check that dx has the shape of x, and that float32 stays float32 and float64 float64."""
    _probe(keeps_shape_and_dtype, layer, inputs)


def leaves_its_arguments_alone(layer: Layer, *inputs: Any) -> None:
    """Check that a layer writes into no input, cotangent, cache or parameter."""
    _probe(leaves_its_arguments_alone, layer, inputs, probes.parameters_only, probes.inference)


def keeps_what_it_handed_out(layer: Layer, *inputs: Any) -> None:
    """Check that outputs, gradients and caches survive later calls: no hidden scratch array."""
    _probe(keeps_what_it_handed_out, layer, inputs, probes.inference, probes.reentrancy)


def keeps_no_state(layer: Layer, *inputs: Any) -> None:
    """Check that nothing but generators, buffers and gradients changes on a layer."""
    _probe(keeps_no_state, layer, inputs, probes.parameters_only, probes.inference)


def is_reentrant(layer: Layer, *inputs: Any) -> None:
    """Check that forward and inference may run before backward, and backward in either order."""
    _probe(is_reentrant, layer, inputs, probes.reentrancy, probes.inference)


def adds_to_gradients(layer: Layer, *inputs: Any) -> None:
    """Check that backward adds to gradients that are there, and the same again with one cache."""
    _probe(adds_to_gradients, layer, inputs, probes.accumulation)


def is_linear_in_the_cotangent(layer: Layer, *inputs: Any) -> None:
    """Check that backward(−3 v + 200 w) is −3 backward(v) + 200 backward(w)."""
    _probe(is_linear_in_the_cotangent, layer, inputs, probes.linearity)


def leaves_the_same_gradients_without_dx(layer: Layer, *inputs: Any) -> None:
    """Check that backward_parameters adds what backward adds, and returns nothing."""
    _probe(leaves_the_same_gradients_without_dx, layer, inputs, probes.parameters_only)


def repeats_itself_at_inference(layer: Layer, *inputs: Any) -> None:
    """Check that ``layer(x)`` twice gives the same bits and moves no generator and no buffer."""
    _probe(repeats_itself_at_inference, layer, inputs, probes.inference)


def takes_any_memory_layout(layer: Layer, *inputs: Any) -> None:
    """Check that Fortran-ordered, strided, reversed and read-only arrays give the same result."""
    _probe(takes_any_memory_layout, layer, inputs, probes.layout)


def takes_a_batch_of_one(layer: Layer, *inputs: Any) -> None:
    """Check that a batch of 1 keeps its axis and gives finite results."""
    batches.check_one(layer, inputs)


def takes_an_empty_batch(layer: Layer, *inputs: Any) -> None:
    """Check that a batch of 0 gives empty results of the right shape, and changes no statistics.

    A layer whose output is one number, a loss, has no answer: it must raise ValueError.
    """
    batches.check_none(layer, inputs)


def treats_samples_independently(layer: Layer, *inputs: Any) -> None:
    """Check that what a sample gives does not depend on the other samples of the batch.

    Leave this law out for a layer whose docstring says otherwise, such as batch normalisation.
    A layer whose output is one number has no samples to compare.
    """
    batches.check_independence(layer, inputs)


def agrees_in_both_precisions(layer: Layer, *inputs: Any) -> None:
    """Check that float32 gives what float64 gives, within what float32 can hold.

    A layer with a generator of its own may draw other numbers in the other dtype; of such a
    layer only the inference is compared.
    """
    batches.check_precision(layer, inputs)


def can_be_copied(layer: Layer, *inputs: Any) -> None:
    """Check that a deep copy gives the same bits, and shares no array with the original."""
    survives(layer, inputs, "copied", copy.deepcopy)


def can_be_pickled(layer: Layer, *inputs: Any) -> None:
    """Check that a pickled layer comes back with the same bits, and shares nothing.

    It does not if an attribute is a lambda, say, or if its class stands inside a function.
    """
    survives(layer, inputs, "pickled", lambda original: pickle.loads(pickle.dumps(original)))


def has_proven_gradients(layer: Layer, *inputs: Any) -> None:
    """Check every gradient against a numerical derivative with an error bound.

    The error of a layer that does not pass is the report of `minidl.gradcheck.check_gradients`,
    without what breaks another law.
    """
    report = check_gradients(layer, *inputs)
    own = tuple(finding for finding in report.findings if finding.check not in PROBED)
    replace(report, findings=own).assert_ok()


LAWS: tuple[Law, ...] = (
    keeps_shape_and_dtype,
    leaves_its_arguments_alone,
    keeps_what_it_handed_out,
    keeps_no_state,
    is_reentrant,
    adds_to_gradients,
    is_linear_in_the_cotangent,
    leaves_the_same_gradients_without_dx,
    repeats_itself_at_inference,
    takes_any_memory_layout,
    takes_a_batch_of_one,
    takes_an_empty_batch,
    treats_samples_independently,
    agrees_in_both_precisions,
    can_be_copied,
    can_be_pickled,
    has_proven_gradients,
)
"""Every law, in the order in which `check_layer` tells of them."""

__all__ = ["LAWS", "Law", *sorted(law.__name__ for law in LAWS)]
