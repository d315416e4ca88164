"""The laws of a layer, each a function ``law(layer, *inputs)`` that raises AssertionError.

``layer`` is any `minidl.Layer`, and ``inputs`` are what its forward takes, the batch on the first
axis. Every law works on copies: the layer and the inputs it is given stay as they are. It runs
them in float32 and in float64; floating inputs are cast, whatever they were. An error says in one
sentence what the layer does wrong. Those that need no numerical derivative
stand in `minidl.contract.laws`, with every mistake that breaks them; this module adds the rest.

Examples
--------
>>> import numpy as np
>>> from minidl import Dense
>>> from minidl.testing import laws
>>> for law in laws.LAWS:
...     law(Dense(3, 2, rng=0), np.array([[1.0, -2.0, 3.0], [0.5, 0.0, -1.0]]))
"""

import copy
import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias

from minidl.contract import laws
from minidl.contract.probes import PROBES_FOR
from minidl.gradcheck import check_gradients
from minidl.layer import Layer
from minidl.testing.batches import (
    check_batch_of_one,
    check_empty_batch,
    check_independence,
    check_precision,
)
from minidl.testing.copies import check_copies
from minidl.testing.runs import explained, fail, findings_by_law

Law: TypeAlias = Callable[..., None]


def _probed(law: laws.Law) -> Law:
    """Make the function that holds a layer to a law that probes can find broken."""

    def check(layer: Layer, *inputs: Any) -> None:
        with explained(layer, ""):
            found = findings_by_law(layer, inputs, PROBES_FOR[law])
        if law.name in found:
            fail(layer, found[law.name])

    check.__name__ = check.__qualname__ = law.name
    check.__doc__ = law.sentence
    return check


keeps_shape_and_dtype = _probed(laws.SHAPE_AND_DTYPE)
leaves_its_arguments_alone = _probed(laws.ARGUMENTS)
keeps_what_it_handed_out = _probed(laws.HANDED_OUT)
keeps_no_state = _probed(laws.NO_STATE)
is_reentrant = _probed(laws.REENTRANT)
adds_to_gradients = _probed(laws.ADDS)
is_linear_in_the_cotangent = _probed(laws.LINEAR)
leaves_the_same_gradients_without_dx = _probed(laws.WITHOUT_DX)
repeats_itself_at_inference = _probed(laws.INFERENCE)
takes_any_memory_layout = _probed(laws.LAYOUT)


def takes_a_batch_of_one(layer: Layer, *inputs: Any) -> None:
    """Check that a batch of 1 keeps its axis and gives finite results."""
    check_batch_of_one(layer, inputs)


def takes_an_empty_batch(layer: Layer, *inputs: Any) -> None:
    """Check that a batch of 0 gives empty results of the right shape, and changes no statistics.

    A layer whose output is one number, a loss, has no answer: it must raise ValueError.
    """
    check_empty_batch(layer, inputs)


def treats_samples_independently(layer: Layer, *inputs: Any) -> None:
    """Check that what a sample gives does not depend on the other samples of the batch.

    Leave this law out for a layer whose docstring says otherwise, such as batch normalisation.
    A layer whose output is one number has no samples to compare.
    """
    check_independence(layer, inputs)


def agrees_in_both_precisions(layer: Layer, *inputs: Any) -> None:
    """Check that float32 gives what float64 gives, within what float32 can hold.

    A layer with a generator of its own may draw other numbers in the other dtype; of such a
    layer only the inference is compared.
    """
    check_precision(layer, inputs)


def can_be_copied(layer: Layer, *inputs: Any) -> None:
    """Check that a deep copy gives the same bits, and shares no array with the original."""
    check_copies(layer, inputs, "copied", copy.deepcopy)


def can_be_pickled(layer: Layer, *inputs: Any) -> None:
    """Check that a pickled layer comes back with the same bits, and shares nothing.

    It does not if an attribute is a lambda, say, or if its class stands inside a function.
    """
    check_copies(layer, inputs, "pickled", lambda original: pickle.loads(pickle.dumps(original)))


def has_proven_gradients(layer: Layer, *inputs: Any) -> None:
    """Check every gradient against a numerical derivative with an error bound.

    The error of a layer that does not pass is the report of `minidl.gradcheck.check_gradients`,
    without what breaks another law.
    """
    report = check_gradients(layer, *inputs)
    probed = {law.name for law in laws.PROBED}
    own = tuple(finding for finding in report.findings if finding.check not in probed)
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
