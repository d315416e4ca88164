"""What a layer must leave alone, and what may change on it."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np

from minidl.layer import Layer
from minidl.testing import _runs as runs
from minidl.testing._rounding import close, rounding_of_a_call
from minidl.testing._state import Watch, attributes, buffers, generator_states, is_stateful

__all__ = [
    "keeps_no_state",
    "keeps_what_it_handed_out",
    "leaves_its_arguments_alone",
    "repeats_itself_at_inference",
]


def leaves_its_arguments_alone(layer: Layer, *inputs: Any) -> None:
    """Check that a layer writes into no input, cotangent, cache, output or parameter.

    Raises
    ------
    AssertionError
        If one of these arrays is changed by forward, backward, backward_parameters or a call.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import ReLU
    >>> leaves_its_arguments_alone(ReLU(), np.array([[1.0, -1.0]]))
    """
    for twin, x in runs.precisions(layer, inputs):
        watch = Watch(twin)
        watch.add_parameters()
        for k, array in enumerate(x):
            watch.add(f"input {k}", array)
        gradients = runs.parameter_gradients(twin)
        y, cache = twin.forward(*x)
        watch.check("forward")
        runs.same_results(
            layer, runs.parameter_gradients(twin), gradients, "after forward, which computes none"
        )
        dy = runs.cotangent(y)
        watch.add("the output of forward", y)
        watch.add("the cotangent", dy)
        watch.add("the cache", cache)
        twin.backward(dy, cache)
        watch.check("backward")
        twin.backward_parameters(dy, cache)
        watch.check("backward_parameters")
        twin(*x)
        watch.check("calling the layer")


def keeps_what_it_handed_out(layer: Layer, *inputs: Any) -> None:
    """Check that outputs, gradients and caches survive later calls: no hidden scratch array.

    Raises
    ------
    AssertionError
        If something that an earlier call returned is changed by a later one.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import Tanh
    >>> keeps_what_it_handed_out(Tanh(), np.array([[1.0, -1.0]]))
    """
    for twin, x in runs.precisions(layer, inputs):
        y, cache = twin.forward(*x)
        dx = runs.backward(twin, x, runs.cotangent(y), cache)
        watch = Watch(twin)
        watch.add("an output of an earlier forward", y)
        watch.add("a cache that is still held", cache)
        watch.add("a gradient of an earlier backward", list(dx.values()))
        watch.add("an output of an earlier call", twin(*x))
        other = runs.elsewhere(layer, x)
        other_y, other_cache = twin.forward(*other)
        watch.check("a later forward")
        twin.backward(runs.cotangent(other_y, 1), other_cache)
        watch.check("a later backward")
        twin(*other)
        watch.check("a later call")


def keeps_no_state(layer: Layer, *inputs: Any) -> None:
    """Check that nothing but generators, buffers and gradients changes on a layer.

    Raises
    ------
    AssertionError
        If forward, backward or a call sets or changes an attribute, or draws from NumPy's
        global generator.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import ReLU
    >>> keeps_no_state(ReLU(), np.array([[1.0, -1.0]]))
    """
    for twin, x in runs.precisions(layer, inputs):
        before, global_before = attributes(twin), _global_state()
        for step in _steps(twin, x):
            after = attributes(twin)
            changed = sorted(
                path for path in before.keys() | after.keys() if before.get(path) != after.get(path)
            )
            if changed:
                runs.fail(
                    layer,
                    f"{step} changes {changed[0]}: what backward needs travels in the cache, and "
                    "running statistics are a Buffer",
                )
            if _global_state() != global_before:
                runs.fail(layer, f"{step} draws from NumPy's global generator: own one instead")


def _steps(layer: Layer, x: runs.Inputs) -> Iterator[str]:
    """Do one thing with a layer after another, naming each."""
    y, cache = layer.forward(*x)
    yield "forward"
    layer.backward(runs.cotangent(y), cache)
    yield "backward"
    layer.backward_parameters(runs.cotangent(y), cache)
    yield "backward_parameters"
    layer(*x)
    yield "calling the layer"


def _global_state() -> bytes:
    return pickle.dumps(np.random.get_state())  # noqa: NPY002


def repeats_itself_at_inference(layer: Layer, *inputs: Any) -> None:
    """Check that ``layer(x)`` twice gives the same bits and moves no generator and no buffer.

    Raises
    ------
    AssertionError
        If it does not, or if a layer without generators and buffers gives something else than
        its forward.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import Dense
    >>> repeats_itself_at_inference(Dense(3, 2), np.ones((4, 3)))
    """
    for twin, x in runs.precisions(layer, inputs):
        states, values = generator_states(twin), buffers(twin)
        gradients = runs.parameter_gradients(twin)
        first = np.array(twin(*x))
        if not runs.same_bits(twin(*x), first):
            runs.fail(layer, "called twice with the same input it gives two different outputs")
        if generator_states(twin) != states:
            runs.fail(layer, "calling it moves its random generator: only forward may draw")
        for name, array in buffers(twin).items():
            if not runs.same_bits(array, values[name]):
                runs.fail(layer, f"calling it changes the buffer {name}: only forward may")
        runs.same_results(layer, runs.parameter_gradients(twin), gradients, "after a call")
        if not is_stateful(twin):
            y, _ = runs.fresh(twin).forward(*x)
            close(
                layer,
                {runs.CALL: first},
                {runs.CALL: np.asarray(y)},
                "from the output of forward",
                rounding_of_a_call(twin, x),
            )
