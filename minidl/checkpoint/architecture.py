"""Networks as data: a list of nodes, each a class that is known and its configuration.

A node names its class, a key of the dictionary that stands here or of one that the caller gives,
and holds the values of the class's ``config``. A layer among them is a reference to an earlier
node, ``{"node": 0}``; a layer that stands twice is one node. The last node is the network.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from minidl import layers, losses
from minidl.containers import chain as containers
from minidl.initializers import zeros
from minidl.layer import Layer

VOCABULARY: dict[str, Any] = {
    name: kind
    for room in (containers, layers, losses)
    for name in room.__all__
    if not inspect.isabstract(kind := getattr(room, name))
}
"""What a file may name: every layer, container and loss that minidl makes public."""
_DEEPEST, _MOST_PATHS, _ROOM = 32, 100_000, 2**22
_DRAWN = {"rng": 0, "weight_initializer": zeros}
"""What a constructor draws numbers with: they are overwritten, so none are drawn."""


def encode(thing: Any) -> tuple[list[Any], dict[str, Any]]:
    """Return the nodes of a network, and the classes that there are, by name.

    Optimizers, schedules and callbacks say their ``config`` as layers do, and give nodes too.

    Raises
    ------
    ValueError
        If a class does not say its configuration, or this cannot be written.
    """
    nodes: list[Any] = []
    places: dict[int, int] = {}
    classes = dict(VOCABULARY)

    def value_of(value: Any, where: str, depth: int) -> Any:
        if hasattr(type(value), "config"):
            if id(value) not in places:
                places[id(value)] = node_of(value, depth + 1)
            return {"node": places[id(value)]}
        if isinstance(value, np.ndarray) and value.ndim == 1:
            value = tuple(value.tolist())
        if isinstance(value, Mapping) and not isinstance(thing, Layer):
            value = tuple(value.items())
        if isinstance(value, (tuple, list)) and (
            isinstance(value, tuple) or all(isinstance(item, Layer) for item in value)
        ):
            return [value_of(item, where, depth) for item in value]
        if not _is_plain(value):
            raise ValueError(
                f"{where} is {value!r:.80}, which cannot be saved: numbers, booleans, strings, "
                "None, tuples of these, layers and lists of layers can"
            )
        return value

    def node_of(item: Any, depth: int) -> int:
        kind, name = type(item), type(item).__name__
        if classes.setdefault(name, kind) is not kind:
            raise ValueError(f"there are two classes of the name {name}")
        keys = config_of(kind)
        if keys is None:
            known = inspect.signature(kind).parameters
            own = tuple(key for key in known if key not in _DRAWN and key != "dtype")
            raise ValueError(
                f"{name} does not say what it is made of: add the line `config = {own}` to the "
                "class, the arguments of the constructor, which must be attributes too"
            )
        if depth > _DEEPEST:
            raise ValueError(f"layers are nested more than {_DEEPEST} deep")
        config = {}
        for key in keys:
            if not hasattr(item, key):
                raise ValueError(f"{name} names {key!r} in its config, but has no such attribute")
            value = getattr(item, key)
            value = value not in (None, False) if key == "bias" else value
            config[key] = value_of(value, f"{name}.{key}", depth)
        nodes.append({"class": name, "config": config})
        return len(nodes) - 1

    node_of(thing, 0)
    return nodes, classes


def config_of(kind: Any) -> tuple[str, ...] | None:
    """Return the names of the arguments that make such an object; None if its class is silent."""
    own: tuple[str, ...] | None = kind.config
    return () if own is None and kind.__init__ is object.__init__ else own


def check(
    nodes: list[Any], classes: Mapping[str, Any], sizes: Mapping[str, tuple[int, ...]], numbers: int
) -> None:
    """Raise unless these are nodes, with the arrays of minidl's own layers in the right shapes.

    Nothing is made, and how much the nodes can stand for is bounded.

    Parameters
    ----------
    nodes : list
        What a file says that the nodes are.
    classes : dict of str to class
        Those that a node may name.
    sizes : dict of str to tuple of int
        The shape of each array that there is, under all its paths.
    numbers : int
        How many numbers the arrays hold: many times more are never made.
    """
    if not nodes:
        raise ValueError("there are no nodes")
    children: list[list[tuple[str, int]]] = []
    shapes: list[dict[str, tuple[int, ...]] | None] = []
    depths: list[int] = []
    paths: list[int] = []
    for place, node in enumerate(nodes):
        own = [*_children(place, node, classes)]
        children.append(own)
        shapes.append(_shapes(**node) if node["class"] in VOCABULARY else None)
        depths.append(1 + max((depths[child] for _, child in own), default=0))
        paths.append(1 + sum(paths[child] for _, child in own))
        if depths[-1] > _DEEPEST + 1 or paths[-1] > _MOST_PATHS:
            raise ValueError(f"node {place}: layers are nested too deep, or stand too often")
    needed = sum(math.prod(shape) for own in shapes for shape in (own or {}).values())
    if needed > 16 * numbers + _ROOM:
        raise ValueError("the layers need much more memory than the file has numbers")

    expected: dict[str, tuple[int, ...]] = {}
    foreign: list[str] = []

    def spread(place: int, path: str) -> None:
        own = shapes[place]
        if own is None:
            foreign.append(path)
        for name, shape in (own or {}).items():
            if not name.startswith("="):  # the layer works that one out by itself
                expected[path + name] = shape
        for key, child in children[place]:
            spread(child, f"{path}{key}.")

    spread(len(nodes) - 1, "")
    for name in [*expected, *sizes]:
        found, right = sizes.get(name, "no such array"), expected.get(name, "none")
        if found != right and (name in expected or not name.startswith(tuple(foreign))):
            raise ValueError(f"{name}: the file has {found}, its layer needs {right}")


def build(nodes: list[Any], classes: Mapping[str, Any]) -> Layer:
    """Call the constructors of nodes that have been checked; the last gives the network."""
    built: list[Layer] = []

    def given(value: Any) -> Any:
        if isinstance(value, list):
            items = [given(item) for item in value]
            return items if any(isinstance(item, Layer) for item in items) else tuple(items)
        return built[value["node"]] if isinstance(value, dict) else value

    for place, node in enumerate(nodes):
        kind = classes[node["class"]]
        config = {key: given(value) for key, value in node["config"].items()}
        try:
            known = inspect.signature(kind).parameters.values()
            drawn = {each.name: _DRAWN[each.name] for each in known if each.name in _DRAWN}
            several = [each.name for each in known if each.kind is each.VAR_POSITIONAL]
            layers = [layer for name in several for layer in config.pop(name, ())]
            built.append(kind(*layers, **{**drawn, **config}))
        except Exception as error:
            raise ValueError(f"node {place}: {node['class']}: {error!s:.500}") from error
    return built[-1]


def _children(place: int, node: Any, classes: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield the nodes that a node refers to, each with its key; raise if it is no node."""
    match node:
        case {"class": str(name), "config": dict(config)} if len(node) == 2:
            kind = classes.get(name)
        case _:
            raise ValueError(f"node {place}: a node has a class and a config")
    if kind is None:
        raise ValueError(
            f"node {place}: {name!r:.80} is no layer of minidl: if it is one of your own, give "
            "its class, load(path, layers={name: class})"
        )
    if list(config) != list(config_of(kind) or ()):
        raise ValueError(f"node {place}: the config of {name} is {config_of(kind)}")
    for key, value in config.items():
        for number, item in enumerate(value if isinstance(value, list) else [value]):
            match item:
                case {"node": child} if (
                    len(item) == 1 and type(child) is int and 0 <= child < place
                ):
                    yield f"{key}.{number}" if isinstance(value, list) else key, child
                case _ if not _is_plain(item):
                    raise ValueError(f"node {place}: {key} is neither plain nor an earlier node")


def _is_plain(value: Any) -> bool:
    """Tell whether a value is one that a configuration can hold, within bounds."""
    if type(value) is int or type(value) is float:
        return -(2**63) <= value < 2**63
    return value is None or type(value) is bool or (type(value) is str and len(value) <= 1000)


def _shapes(**node: Any) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the arrays that a layer of minidl makes."""
    name, config = node.values()
    try:
        shapes = {key: shape for key, shape in VOCABULARY[name].shapes(**config).items() if shape}
    except TypeError as error:
        raise ValueError(f"{name}: {error!s:.200}") from error
    if not all(type(size) is int and size > 0 for shape in shapes.values() for size in shape):
        raise ValueError(f"{name}: sizes must be whole numbers above 0")
    return shapes
