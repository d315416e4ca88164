"""Networks as data: a list of nodes, each a class that is known and its configuration.

A node names its class, a key of the dictionary that stands here or of one that the caller gives,
and holds the values of the class's ``config``. A layer among them is a reference to an earlier
node, ``{"node": 0}``; a layer that stands twice is one node. The last node is the network.
"""

import inspect
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from minidl import containers, layers, losses
from minidl.arrays import Array
from minidl.initializers import Initializer
from minidl.layer import Layer

VOCABULARY: dict[str, Any] = {
    name: kind
    for room in (containers, layers, losses)
    for name in room.__all__
    if not inspect.isabstract(kind := getattr(room, name))
}
"""What a file may name: every layer, container and loss that minidl makes public."""
_DEEPEST, _MOST_PATHS, _ROOM = 32, 100_000, 2**22
_TOO_LARGE = "the layers need much more memory than the file has numbers"


def encode(thing: Any) -> tuple[list[Any], dict[str, Any]]:
    """Return the nodes of a network, and the classes that there are, by name.

    Optimizers, schedules and callbacks say their ``config`` as layers do, and give nodes too.

    Raises
    ------
    ValueError
        If a class does not say its configuration, or this cannot be written.
    """
    nodes: list[Any] = []
    indices: dict[int, int] = {}
    classes = dict(VOCABULARY)

    def value_of(value: Any, where: str, depth: int) -> Any:
        if hasattr(type(value), "config"):
            if id(value) not in indices:
                indices[id(value)] = node_of(value, depth + 1)
            return {"node": indices[id(value)]}
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
            own = tuple(key for key in known if key not in ("rng", "weight_initializer", "dtype"))
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


def build(nodes: list[Any], classes: Mapping[str, Any], numbers: int) -> Layer:
    """Check nodes, call their constructors one after the other, and return what the last one gives.

    Parameters
    ----------
    nodes : list
        What a file says that the nodes are.
    classes : dict of str to class
        Those that a node may name.
    numbers : int
        How many numbers the arrays of the file hold: the layers get room for a few times as many.

    Raises
    ------
    ValueError
        If these are no nodes, a constructor raises, or the layers need more room.
    """
    room = 16 * numbers + _ROOM
    _check(nodes, classes, room)
    drawn = {"rng": 0, "weight_initializer": _zeros_within(room)}
    built: list[Layer] = []

    def argument(value: Any) -> Any:
        if isinstance(value, list):
            items = [argument(item) for item in value]
            return items if any(isinstance(item, Layer) for item in items) else tuple(items)
        return built[value["node"]] if isinstance(value, dict) else value

    for index, node in enumerate(nodes):
        kind = classes[node["class"]]
        config = {key: argument(value) for key, value in node["config"].items()}
        try:
            known = inspect.signature(kind).parameters.values()
            options = {each.name: drawn[each.name] for each in known if each.name in drawn}
            several = [each.name for each in known if each.kind is each.VAR_POSITIONAL]
            children = [layer for name in several for layer in config.pop(name, ())]
            built.append(kind(*children, **{**options, **config}))
        except Exception as error:
            raise ValueError(f"node {index}: {node['class']}: {error!s:.500}") from error
    return built[-1]


def _check(nodes: list[Any], classes: Mapping[str, Any], room: int) -> None:
    """Raise unless these are nodes, nested within bounds, whose sizes fit into the room.

    A layer of minidl either draws its arrays, and `_zeros_within` counts them, or has as many
    numbers in each as the sizes in its configuration give when they are multiplied.
    """
    if not nodes:
        raise ValueError("there are no nodes")
    depths: list[int] = []
    paths: list[int] = []
    for index, node in enumerate(nodes):
        children = [*_children(index, node, classes)]
        depths.append(1 + max((depths[child] for child in children), default=0))
        paths.append(1 + sum(paths[child] for child in children))
        if depths[-1] > _DEEPEST + 1 or paths[-1] > _MOST_PATHS:
            raise ValueError(f"node {index}: layers are nested too deep, or stand too often")
        if node["class"] in VOCABULARY:
            values = node["config"].values()
            room -= math.prod(value for value in values if type(value) is int and value > 0)
        if room < 0:
            raise ValueError(_TOO_LARGE)


def _zeros_within(room: int) -> Initializer:
    """Return an initializer that gives so many zeros in all, and then raises."""

    def initializer(rng: Any, shape: tuple[int, ...], dtype: Any) -> Array:
        nonlocal room
        room -= math.prod(shape)
        if room < 0:
            raise ValueError(_TOO_LARGE)
        return np.zeros(shape, dtype)

    return initializer


def _children(index: int, node: Any, classes: Mapping[str, Any]) -> Iterator[int]:
    """Yield the nodes that a node refers to; raise if it is no node."""
    match node:
        case {"class": str(name), "config": dict(config)} if len(node) == 2:
            kind = classes.get(name)
        case _:
            raise ValueError(f"node {index}: a node has a class and a config")
    if kind is None:
        raise ValueError(
            f"node {index}: {name!r:.80} is no layer of minidl: if it is one of your own, give "
            "its class, load(path, layers={name: class})"
        )
    if list(config) != list(config_of(kind) or ()):
        raise ValueError(f"node {index}: the config of {name} is {config_of(kind)}")
    for key, value in config.items():
        if isinstance(value, list) and len(value) > _MOST_PATHS:
            raise ValueError(f"node {index}: {key} is a list of {len(value)}")
        for item in value if isinstance(value, list) else [value]:
            match item:
                case {"node": child} if (
                    len(item) == 1 and type(child) is int and 0 <= child < index
                ):
                    yield child
                case _ if not _is_plain(item):
                    raise ValueError(f"node {index}: {key} is neither plain nor an earlier node")


def _is_plain(value: Any) -> bool:
    """Tell whether a value is one that a configuration can hold, within bounds."""
    if type(value) is int or type(value) is float:
        return -(2**63) <= value < 2**63
    return value is None or type(value) is bool or (type(value) is str and len(value) <= 1000)
