"""What is kept on a layer and in its caches: found, and compared with what it was."""

from __future__ import annotations

from collections.abc import Iterator
from types import CellType, FunctionType, ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minidl.layer import Layer
from minidl.parameters import Buffer, Parameter, unique, walk
from minidl.testing._runs import Results, fail

GENERATORS = (np.random.Generator, np.random.RandomState)


def arrays_in(item: Any, path: str, seen: set[int] | None = None) -> Iterator[tuple[str, Any]]:
    """Find the arrays of a cache: in lists, tuples, dicts, objects and closures."""
    seen = set() if seen is None else seen
    if id(item) in seen or isinstance(item, (Layer, Parameter, Buffer, type, ModuleType)):
        return
    seen.add(id(item))
    children: list[tuple[str, Any]] = []
    if isinstance(item, np.ndarray):
        yield path, item
    elif isinstance(item, dict):
        children = [(f"{path}[{name!r}]", child) for name, child in item.items()]
    elif isinstance(item, (list, tuple)):
        children = [(f"{path}[{number}]", child) for number, child in enumerate(item)]
    elif callable(item) and getattr(item, "__closure__", None):
        filled = (cell for cell in item.__closure__ if cell != CellType())
        children = [(path, cell.cell_contents) for cell in filled]
    elif hasattr(item, "__dict__"):
        children = [(f"{path}.{name}", child) for name, child in vars(item).items()]
    for place, child in children:
        yield from arrays_in(child, place, seen)


class Watch:
    """Arrays, and what was in them when the watch began."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        self.items: list[tuple[str, NDArray[Any], bytes]] = []

    def add(self, name: str, item: Any) -> None:
        """Watch every array in something."""
        grads = [p.grad for p in unique(self.layer, Parameter).values()]
        for path, array in arrays_in(item, name):
            if not any(np.may_share_memory(array, grad) for grad in grads):
                self.items.append((path, array, array.tobytes()))

    def add_parameters(self) -> None:
        """Watch the value of every parameter."""
        for path, item in unique(self.layer, Parameter).items():
            self.items.append((path, item.value, item.value.tobytes()))

    def check(self, culprit: str) -> None:
        """Raise if an array has changed."""
        for name, array, before in self.items:
            if array.tobytes() != before:
                fail(self.layer, f"{culprit} writes into {name}, which it did not allocate")


def attributes(layer: Layer) -> dict[str, Any]:
    """Return all that is kept on a layer and its class, by path, in a form that can be compared.

    Gradients, and what is in buffers and generators, are left out: they may change.
    """
    found: dict[str, Any] = {}
    inside: set[int] = set()

    def visit(item: Any, path: str) -> None:
        found[path] = _comparable(item)
        if id(item) in inside:
            return
        inside.add(id(item))
        for name, child in _children(item):
            visit(child, f"{path}.{name}")

    visit(layer, "self")
    return found


def _comparable(item: Any) -> Any:
    if isinstance(item, Parameter):
        return id(item), item.value.tobytes()
    if isinstance(item, np.ndarray):
        return item.shape, item.dtype.str, item.tobytes()
    if isinstance(item, (bool, int, float, complex, str, bytes, type(None))):
        return repr(item)
    if isinstance(item, (list, tuple, dict, set, frozenset)):
        return type(item).__name__, len(item)
    return id(item)


def _children(item: Any) -> list[tuple[Any, Any]]:
    if isinstance(item, (Parameter, Buffer, type, ModuleType, FunctionType, *GENERATORS)):
        return []
    if isinstance(item, dict):
        return list(item.items())
    if isinstance(item, (list, tuple)):
        return list(enumerate(item))
    children = list(getattr(item, "__dict__", {}).items())
    if isinstance(item, Layer):
        shared = vars(type(item)).items()
        children += [
            (f"{name} (of the class)", child)
            for name, child in shared
            if not name.startswith("__") and not callable(child)
        ]
    return children


def generator_states(layer: Layer) -> dict[str, str]:
    """Return the state of every generator of a layer as text."""
    states = {}
    for path, item in unique(layer, GENERATORS).items():
        bits = item.bit_generator if isinstance(item, np.random.Generator) else item._bit_generator
        states[path] = repr(bits.state)
    return states


def buffers(layer: Layer) -> Results:
    """Return a copy of every buffer of a layer."""
    return {path: item.value.copy() for path, item in unique(layer, Buffer).items()}


def state_arrays(layer: Layer) -> Results:
    """Return the arrays of all parameters and buffers themselves, not copies."""
    found = unique(layer, (Parameter, Buffer)).items()
    values = {path: item.value for path, item in found}
    grads = {f"{path}.grad": item.grad for path, item in found if isinstance(item, Parameter)}
    return values | grads


def is_stateful(layer: Layer) -> bool:
    """Tell whether training may differ from inference: a layer has generators or buffers."""
    return any(isinstance(item, (Buffer, *GENERATORS)) for _, item in walk(layer))
