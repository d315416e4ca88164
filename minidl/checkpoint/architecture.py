"""Networks as data: a list of nodes, each a class that is known and its configuration.

A node names its class, a key of a dictionary that stands here or that the caller gives, and holds
the values of ``config``, the arguments of the constructor. A layer among them is a reference to an
earlier node; the last node is the network.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from minidl import composition, containers, layers, losses
from minidl.initializers import zeros
from minidl.layer import Layer
from minidl.parameters import Parameter

__all__ = ["VOCABULARY", "build", "check_nodes", "encode", "reserve"]

# fmt: off
VOCABULARY: dict[str, Any] = {
    "Add": composition.Add, "AvgPool2D": layers.AvgPool2D, "BatchNorm": layers.BatchNorm,
    "Concatenate": composition.Concatenate, "Conv2D": layers.Conv2D, "Dense": layers.Dense,
    "Dropout": layers.Dropout, "ELU": layers.ELU, "Embedding": layers.Embedding,
    "Flatten": layers.Flatten, "GELU": layers.GELU, "GRU": layers.GRU,
    "GlobalAveragePool2D": layers.GlobalAveragePool2D, "Hinge": losses.Hinge,
    "Huber": losses.Huber, "LSTM": layers.LSTM, "LayerNorm": layers.LayerNorm,
    "LeakyReLU": layers.LeakyReLU, "LogSoftmax": layers.LogSoftmax,
    "MaxPool2D": layers.MaxPool2D, "MeanAbsoluteError": losses.MeanAbsoluteError,
    "MeanSquaredError": losses.MeanSquaredError,
    "MultiHeadAttention": layers.MultiHeadAttention,
    "PositionalEncoding": layers.PositionalEncoding, "RNN": layers.RNN, "ReLU": layers.ReLU,
    "Reshape": layers.Reshape, "Residual": composition.Residual,
    "Sequential": containers.Sequential, "SiLU": layers.SiLU, "Sigmoid": layers.Sigmoid,
    "SigmoidCrossEntropy": losses.SigmoidCrossEntropy, "Softmax": layers.Softmax,
    "SoftmaxCrossEntropy": losses.SoftmaxCrossEntropy, "Softplus": layers.Softplus,
    "Tanh": layers.Tanh,
}
# fmt: on
_DEPTH, _PATHS, _TUPLES = 32, 100_000, 3
_ROOM = 2**24
_DRAWN = ("rng", "dtype", "weight_initializer", "bias_initializer")


def encode(network: Layer) -> tuple[list[Any], dict[str, Any]]:
    """Return the nodes of a network, and the classes among them that are not minidl's, by name.

    Raises
    ------
    ValueError
        If a class does not say its configuration, or the configuration cannot be written.
    """
    nodes: list[Any] = []
    places: dict[int, int] = {}
    classes: dict[str, Any] = {}

    def value_of(value: Any, where: str, depth: int, tuples: int = 0) -> Any:
        if isinstance(value, Layer):
            if id(value) not in places:
                places[id(value)] = node_of(value, where, depth + 1)
            return {"layer": places[id(value)]}
        if isinstance(value, np.ndarray) and value.ndim == 1:
            value = tuple(value.tolist())
        layers = isinstance(value, list) and all(isinstance(item, Layer) for item in value)
        if (isinstance(value, tuple) or layers) and tuples < _TUPLES:
            return [value_of(item, where, depth, tuples + 1) for item in value]
        if not _is_plain(value):
            raise ValueError(
                f"{where}: {value!r:.80} cannot be saved: numbers, booleans, strings, None, "
                "tuples of these, layers and lists of layers can"
            )
        return value

    def node_of(layer: Layer, where: str, depth: int) -> int:
        kind = type(layer)
        name, names = kind.__name__, kind.config
        if depth > _DEPTH:
            raise ValueError(f"{where}: layers are nested more than {_DEPTH} deep")
        if VOCABULARY.get(name) is not kind and (
            name in VOCABULARY or classes.setdefault(name, kind) is not kind
        ):
            raise ValueError(f"there are two classes named {name}: rename one of them")
        if names is None:
            own = tuple(one for one in inspect.signature(kind).parameters if one not in _DRAWN)
            raise ValueError(
                f"{name} does not say what it is made of: add the line `config = {own}` to the "
                "class, with the arguments of the constructor, which must be attributes too"
            )
        config = {}
        for key in names:
            if not hasattr(layer, key):
                raise ValueError(f"{name}: config names {key!r}, which is no attribute of {layer}")
            value = getattr(layer, key)
            default = getattr(inspect.signature(kind).parameters.get(key), "default", None)
            if isinstance(value, Parameter) or (value is None and isinstance(default, bool)):
                value = value is not None  # an option that the layer keeps as a parameter
            config[key] = value_of(value, f"{name}.{key}", depth)
        try:
            _call(kind, config).apply_defaults()
        except TypeError as error:
            raise ValueError(
                f"{name}: its config does not suit the constructor: {error}"
            ) from error
        nodes.append({"class": name, "config": config})
        return len(nodes) - 1

    node_of(network, "the network", 0)
    return nodes, classes


def check_nodes(nodes: Any, classes: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Raise unless these are nodes that can be built; return the path of every layer, and its node.

    Nothing is made, and what the nodes can lead to is bounded.
    """
    if not isinstance(nodes, list) or not nodes:
        raise ValueError("the architecture must be a list of nodes")
    children: list[list[tuple[str, int]]] = []
    depths: list[int] = []
    paths: list[int] = []
    for place, node in enumerate(nodes):
        if not isinstance(node, dict) or list(node) != ["class", "config"]:
            raise ValueError(f"node {place} must have a class and a config")
        name, config = node["class"], node["config"]
        kind = classes.get(name) if isinstance(name, str) else None
        if kind is None:
            raise ValueError(
                f"node {place}: {name!r:.80} is no layer of minidl: if it is one of your own, give "
                "its class, load(path, layers={name: class})"
            )
        if not isinstance(config, dict) or list(config) != list(kind.config):
            raise ValueError(f"node {place}: the config of {name} must be {kind.config}")
        own = [
            found for key, value in config.items() for found in _references(value, key, place, 0)
        ]
        children.append(own)
        depths.append(1 + max((depths[child] for _, child in own), default=0))
        paths.append(1 + sum(paths[child] for _, child in own))
        if depths[-1] > _DEPTH + 1 or paths[-1] > _PATHS:
            raise ValueError(f"node {place}: layers are nested too deep, or stand too often")

    def spread(place: int, path: str) -> Iterator[tuple[str, int]]:
        yield path, place
        for key, child in children[place]:
            yield from spread(child, f"{path}.{key}" if path else key)

    return list(spread(len(nodes) - 1, ""))


def reserve(
    nodes: list[Any], layers: list[tuple[str, int]], sizes: Mapping[str, tuple[int, ...]]
) -> None:
    """Raise unless the arrays of minidl's own layers have the shapes that their nodes need.

    Parameters
    ----------
    nodes, layers
        The nodes, and the path and node of each layer.
    sizes : dict of str to tuple of int
        The shape of each array that is there, by every path.
    """
    free, room = [], _ROOM
    shapes = {}
    for place, node in enumerate(nodes):
        kind = VOCABULARY.get(node["class"])
        shapes[place] = None if kind is None else _shapes(kind, node["config"])
        room -= sum(math.prod(shape) for shape, _ in (shapes[place] or {}).values())
    if room + 16 * sum(math.prod(shape) for shape in sizes.values()) < 0:
        raise ValueError("the layers need much more memory than the file has numbers")
    expected = {}
    for path, place in layers:
        own = shapes[place]
        if own is None:
            free.append(f"{path}." if path else "")
        for name, (shape, stored) in (own or {}).items():
            if stored:
                expected[f"{path}.{name}" if path else name] = shape
    for name, shape in expected.items():
        if sizes.get(name) != shape:
            there = f"has shape {sizes[name]}" if name in sizes else "is not there"
            raise ValueError(f"{name} {there}, but the layer needs shape {shape}")
    for name in sizes:
        if name not in expected and not name.startswith(tuple(free)):
            raise ValueError(f"{name} is no array of one of the layers")


def build(nodes: list[Any], classes: Mapping[str, Any]) -> Layer:
    """Call the constructors of nodes that have been checked; the last gives the network."""
    built: list[Layer] = []

    def given(value: Any) -> Any:
        if isinstance(value, dict):
            return built[value["layer"]]
        if isinstance(value, list):
            items = [given(item) for item in value]
            return items if any(isinstance(item, Layer) for item in items) else tuple(items)
        return value

    for place, node in enumerate(nodes):
        kind = classes[node["class"]]
        try:
            arguments = _call(kind, {key: given(item) for key, item in node["config"].items()})
            layer = kind(*arguments.args, **arguments.kwargs)
        except Exception as error:
            raise ValueError(f"node {place}: {node['class']}: {error!s:.500}") from error
        built.append(layer)
    return built[-1]


def _call(kind: Any, config: dict[str, Any]) -> inspect.BoundArguments:
    """Return the arguments of a constructor: the configuration, and nothing drawn needlessly."""
    signature = inspect.signature(kind)
    known = signature.parameters.values()
    ours = VOCABULARY.get(kind.__name__) is kind
    hands_on = ours and any(each.kind is each.VAR_KEYWORD for each in known)
    arguments = dict(config)
    for name, value in {"rng": 0, "weight_initializer": zeros}.items():
        if (name in signature.parameters and (ours or name == "rng")) or hands_on:
            arguments.setdefault(name, value)
    positional: list[Any] = []
    if any(each.kind is each.VAR_POSITIONAL for each in known):
        for each in known:
            if each.kind is each.VAR_POSITIONAL:
                positional += arguments.pop(each.name, ())
                break
            if each.name in arguments:
                positional.append(arguments.pop(each.name))
    return signature.bind(*positional, **arguments)


def _references(value: Any, path: str, place: int, depth: int) -> Iterator[tuple[str, int]]:
    """Yield the paths and nodes of the layers in a value, or raise if it is none."""
    if isinstance(value, dict):
        child = value.get("layer")
        if list(value) != ["layer"] or type(child) is not int or not 0 <= child < place:
            raise ValueError(f"node {place}: {path} refers to no earlier node")
        yield path, child
    elif isinstance(value, list) and depth < _TUPLES:
        for number, item in enumerate(value):
            yield from _references(item, f"{path}.{number}", place, depth + 1)
    elif not _is_plain(value):
        raise ValueError(f"node {place}: {path} is out of bounds")


def _is_plain(value: Any) -> bool:
    """Tell whether a value is one of those that a configuration can hold, within bounds."""
    if type(value) is int:
        return -(2**63) <= value < 2**63
    if type(value) is float:
        return math.isfinite(value)
    return value is None or type(value) is bool or (type(value) is str and len(value) <= 1000)


def _shapes(kind: Any, config: dict[str, Any]) -> dict[str, tuple[tuple[int, ...], bool]]:
    """Return the shape of each array of a layer of minidl, and whether it stands in the file."""

    def size(factors: str) -> list[int]:
        """Return what a term of a declaration stands for: ``features``, ``3*features``."""
        product = 1
        for factor in factors.split("*"):
            value = (
                int(factor) if factor.isdigit() else config.get(factor, getattr(kind, factor, None))
            )
            if isinstance(value, list):
                return value
            if type(value) is not int:
                raise ValueError(f"{kind.__name__}: {factor} must be a whole number")
            product *= value
        return [product]

    found = {}
    for declaration in kind.shapes:
        name, *axes = declaration.split()
        if name.endswith("?") and config["bias"] is not True:
            continue
        shape = tuple(item for axis in axes for item in size(axis))
        if not all(type(item) is int and 0 < item < 2**63 for item in shape):
            raise ValueError(f"{kind.__name__}: sizes must be whole numbers above 0")
        found[name.rstrip("?=")] = shape, not name.endswith("=")
    return found
