"""Deep copies and pickles."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.layer import Layer
from minidl.parameters import Parameter, unique
from minidl.testing import _runs as runs
from minidl.testing._state import state_arrays

__all__ = ["can_be_copied", "can_be_pickled"]


def can_be_copied(layer: Layer, *inputs: Any) -> None:
    """Check that a deep copy gives the same bits, and shares no array with the original.

    Raises
    ------
    AssertionError
        If it cannot be copied, or the copy is another layer or not independent.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import Dense
    >>> can_be_copied(Dense(3, 2), np.ones((4, 3)))
    """
    _survives(layer, inputs, "copied", copy.deepcopy)


def can_be_pickled(layer: Layer, *inputs: Any) -> None:
    """Check that a pickled layer comes back with the same bits, and shares nothing.

    Raises
    ------
    AssertionError
        If it cannot be pickled (an attribute is a lambda, say, or its class stands inside a
        function), or another layer comes back.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import Dense
    >>> can_be_pickled(Dense(3, 2), np.ones((4, 3)))
    """
    _survives(layer, inputs, "pickled", lambda original: pickle.loads(pickle.dumps(original)))


def _survives(
    layer: Layer, inputs: runs.Inputs, done: str, duplicate: Callable[[Layer], Layer]
) -> None:
    with runs.explained(layer, f"when it is {done}"):
        first = duplicate(layer)
    if type(first) is not type(layer):
        runs.fail(layer, f"when it is {done}, it comes back as {type(first).__name__}")
    lost = sorted(state_arrays(layer).keys() ^ state_arrays(first).keys())
    if lost:
        runs.fail(layer, f"when it is {done}, {lost[0]} is lost or gained")
    for original, x in runs.precisions(layer, inputs):
        twin = duplicate(original)
        mine, other = state_arrays(original), state_arrays(twin)
        for name, array in mine.items():
            if array.size and np.may_share_memory(array, other[name]):
                runs.fail(layer, f"when it is {done}, {name} is not: both share one array")
        inferred = np.array(original(*x))
        if not runs.same_bits(twin(*x), inferred):
            runs.fail(layer, f"when it is {done}, calling it gives another output")
        runs.same_results(
            layer, runs.run(twin, x), runs.run(original, x), f"when the layer is {done}"
        )
        _disturb(twin, x)
        if not runs.same_bits(original(*x), inferred):
            runs.fail(layer, f"when it is {done}, training the copy changes the original")


def _disturb(layer: Layer, x: runs.Inputs) -> None:
    layer.forward(*x)
    for parameter in unique(layer, Parameter).values():
        parameter.value += 1
