"""The laws of a layer, each a function ``law(layer, *inputs)`` that raises AssertionError.

``layer`` is any `minidl.Layer`, and ``inputs`` are what its forward takes, the batch on the first
axis. Every law works on copies: the layer and the inputs it is given stay as they are. It runs
them in float32 and in float64; floating inputs are cast, whatever they were. An error says in one
sentence what the layer does wrong.

Examples
--------
>>> import numpy as np
>>> from minidl import Dense
>>> from minidl.testing import laws
>>> for law in laws.LAWS:
...     law(Dense(3, 2, rng=0), np.array([[1.0, -2.0, 3.0], [0.5, 0.0, -1.0]]))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from minidl.testing.laws._arrays import (
    agrees_in_both_precisions,
    keeps_shape_and_dtype,
    takes_any_memory_layout,
)
from minidl.testing.laws._batches import (
    takes_a_batch_of_one,
    takes_an_empty_batch,
    treats_samples_independently,
)
from minidl.testing.laws._copies import (
    can_be_copied,
    can_be_pickled,
)
from minidl.testing.laws._gradients import (
    adds_to_gradients,
    has_proven_gradients,
    is_linear_in_the_cotangent,
    is_reentrant,
    leaves_the_same_gradients_without_dx,
)
from minidl.testing.laws._state import (
    keeps_no_state,
    keeps_what_it_handed_out,
    leaves_its_arguments_alone,
    repeats_itself_at_inference,
)

__all__ = [
    "LAWS",
    "Law",
    "adds_to_gradients",
    "agrees_in_both_precisions",
    "can_be_copied",
    "can_be_pickled",
    "has_proven_gradients",
    "is_linear_in_the_cotangent",
    "is_reentrant",
    "keeps_no_state",
    "keeps_shape_and_dtype",
    "keeps_what_it_handed_out",
    "leaves_its_arguments_alone",
    "leaves_the_same_gradients_without_dx",
    "repeats_itself_at_inference",
    "takes_a_batch_of_one",
    "takes_an_empty_batch",
    "takes_any_memory_layout",
    "treats_samples_independently",
]

Law: TypeAlias = Callable[..., None]

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
"""Every law, in the order in which `check_layer` tries them."""
