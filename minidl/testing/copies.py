"""Deep copies and pickles of a layer."""

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.arrays import Array
from minidl.contract.subject import Subject
from minidl.layer import Layer
from minidl.parameters import Buffer, Parameter, unique
from minidl.testing.runs import Inputs, Results, call, explained, fail, precisions, run


def check_copies(
    layer: Layer, inputs: Inputs, done: str, duplicate: Callable[[Layer], Layer]
) -> None:
    """Raise unless a duplicate gives the same bits and is independent of the original."""
    with explained(layer, f"when it is {done}"):
        first = duplicate(layer)
    if type(first) is not type(layer):
        fail(layer, f"when it is {done}, it comes back as {type(first).__name__}")
    lost = sorted(_arrays(layer).keys() ^ _arrays(first).keys())
    if lost:
        fail(layer, f"when it is {done}, {lost[0]} is lost or gained")
    for subject in precisions(layer, inputs):
        original = subject.layer
        twin = duplicate(original)
        copies = _arrays(twin)
        for name, array in _arrays(original).items():
            if array.size and np.may_share_memory(array, copies[name]):
                fail(layer, f"when it is {done}, {name} is not: both share one array")
        expected = _everything(original, subject.inputs)
        for name, array in _everything(twin, subject.inputs).items():
            if array.tobytes() != expected[name].tobytes():
                fail(layer, f"when it is {done}, {name} is not the same, bit by bit")
        twin.forward(*subject.inputs)
        for parameter in unique(twin, Parameter).values():
            parameter.value += 1
        for name, array in _everything(original, subject.inputs).items():
            if array.tobytes() != expected[name].tobytes():
                fail(layer, f"when it is {done}, training the copy changes the original: {name}")


def _arrays(layer: Layer) -> Results:
    """Return the arrays of all parameters and buffers themselves."""
    found = unique(layer, (Parameter, Buffer)).items()
    grads: dict[str, Array] = {
        f"{path}.grad": item.grad for path, item in found if isinstance(item, Parameter)
    }
    return grads | {path: item.value for path, item in found}


def _everything(layer: Layer, inputs: list[Any]) -> Results:
    subject = Subject(layer, inputs)
    return run(subject) | call(subject)
