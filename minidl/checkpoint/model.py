"""The model file: a network with its arrays and generators, saved and loaded bit for bit."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from minidl.checkpoint.architecture import VOCABULARY, build, check_nodes, encode, reserve
from minidl.checkpoint.container import dumps, read, serialize
from minidl.checkpoint.files import atomic_write, opened
from minidl.checkpoint.generators import generator_with, state_of
from minidl.layer import Layer
from minidl.parameters import Array, Buffer, Parameter, walk

__all__ = ["ModelFileError", "contents", "load", "network_from", "save"]


class ModelFileError(ValueError):
    """A file is no model that can be loaded, or a model cannot be saved; the message says why."""


def save(network: Layer, path: str | os.PathLike[str]) -> None:
    """Save a network: what it is made of, its parameters, buffers and random generators.

    The file is a safetensors file; the names of its tensors are the paths of the parameters. A
    file that is there is replaced in one step, and stays as it is if saving fails.

    Parameters
    ----------
    network : Layer
        Layers of minidl, and layers of your own that say with one line what they are made of:
        ``config = ("features",)``, the names of the constructor's arguments, which have to be
        attributes too.
    path : str or path-like
        The file.

    Raises
    ------
    ModelFileError
        If a weight is not finite, or the network cannot be written as data.
    BusyError
        If the file is just being written by someone else.
    OSError
        If there is no such directory, no permission, no space.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> import numpy as np
    >>> from minidl import Dense, ReLU, Sequential, load
    >>> network = Sequential(Dense(2, 16, rng=0), ReLU(), Dense(16, 2, rng=1))
    >>> path = pathlib.Path(tempfile.mkdtemp(), "network.safetensors")
    >>> save(network, path)
    >>> x = np.ones((1, 2), np.float32)
    >>> bool((load(path)(x) == network(x)).all())
    True
    """
    if not isinstance(network, Layer):
        raise TypeError(f"save needs a layer or network, got {network!r}")
    try:
        architecture, state, arrays, classes = contents(network)
        _checked(architecture, arrays, VOCABULARY | classes)
        buffers = serialize("model", architecture, state, arrays)
    except ValueError as error:
        raise ModelFileError(f"{os.fspath(path)}: {error}") from error
    atomic_write(path, buffers)


def load(path: str | os.PathLike[str], layers: Mapping[str, type[Layer]] | None = None) -> Any:
    """Load a network that `save` has saved.

    Whatever the file, nothing in it is run, imported or looked up, and nothing is allocated but
    what the file itself holds. Its digest is checked, which shows damage, not who wrote it.

    Parameters
    ----------
    path : str or path-like
        The file.
    layers : dict of str to class, optional
        The classes of your own layers by name, ``{"Scale": Scale}``; their constructors are
        called with what the file says.

    Returns
    -------
    Layer
        The network, which gives the same bits as the one that was saved.

    Raises
    ------
    ModelFileError
        If the file is not, to the last bit, one that `save` has written.
    """
    own = dict(layers or {})
    for name, kind in own.items():
        if name in VOCABULARY:
            raise ValueError(f"layers: {name!r} is a layer of minidl")
        if not (isinstance(kind, type) and issubclass(kind, Layer)) or kind.config is None:
            raise TypeError(f"layers[{name!r}] must be a layer's class with a config, got {kind!r}")
    try:
        with opened(path) as (file, size):
            architecture, state, arrays = read(file, size, "model")
        if not isinstance(state, dict) or list(state) != ["generators"]:
            raise ValueError("the state must be that of the generators")
        return network_from(architecture, state["generators"], arrays, VOCABULARY | own)
    except (ValueError, OSError, RecursionError) as error:
        raise ModelFileError(f"{os.fspath(path)}: {error}") from error


def contents(network: Layer) -> tuple[Any, dict[str, Any], dict[str, Array], dict[str, Any]]:
    """Return (architecture, state, arrays) of a network, and the classes that are not minidl's."""
    nodes, classes = encode(network)
    items, shared = _inventory(network)
    arrays, generators = {}, {}
    for path, item in items.items():
        if isinstance(item, (Parameter, Buffer)):
            arrays[path] = item.value
        else:
            generators[path] = state_of(item)
    return {"nodes": nodes, "shared": shared}, {"generators": generators}, arrays, classes


def network_from(
    architecture: Any, generators: Any, arrays: Mapping[str, Array], classes: Mapping[str, Any]
) -> Layer:
    """Return the network that has these `contents`, or raise a ValueError if none has."""
    nodes, shared = _checked(architecture, arrays, classes)
    if not isinstance(generators, dict):
        raise ValueError("the states of generators must be named by their paths")
    network = build(nodes, classes)
    found = dict(walk(network))
    for path, first in shared.items():
        if not _same_kind(found.get(path), found.get(first)):
            raise ValueError(f"{path} cannot be shared with {first}")
        if found[path] is not found[first]:
            _attach(network, path, found[first])
    for path, state in generators.items():
        fresh = generator_with(state)
        if not isinstance(found.get(path), np.random.Generator):
            raise ValueError(f"{path} is no generator of one of the layers")
        if type(fresh.bit_generator) is type(found[path].bit_generator):
            found[path].bit_generator.state = fresh.bit_generator.state
            continue
        for alias in [path, *(other for other, first in shared.items() if first == path)]:
            _attach(network, alias, fresh)
    items, _ = _inventory(network)
    for path, array in arrays.items():
        item = items.get(path)
        if not isinstance(item, (Parameter, Buffer)) or item.value.shape != array.shape:
            raise ValueError(f"{path} of shape {array.shape} fits no array of the layers")
        if item.value.dtype != array.dtype:
            item.cast(array.dtype.newbyteorder("="))
        item.value[...] = array
    again = contents(network)
    same = {path: (array.dtype, array.shape) for path, array in arrays.items()}
    if (
        dumps(again[0]) != dumps(architecture)
        or dumps(again[1]) != dumps({"generators": generators})
        or list(again[2]) != list(arrays)
        or {path: (array.dtype, array.shape) for path, array in again[2].items()} != same
    ):
        raise ValueError("the network that comes out would be saved as another file")
    return network


def _checked(
    architecture: Any, arrays: Mapping[str, Array], classes: Mapping[str, Any]
) -> tuple[Any, dict[str, str]]:
    """Return nodes and shared paths, once all is known to fit: no constructor has run by then."""
    if not isinstance(architecture, dict) or list(architecture) != ["nodes", "shared"]:
        raise ValueError("the architecture must be nodes and what they share")
    nodes, shared = architecture["nodes"], architecture["shared"]
    if not isinstance(shared, dict) or not all(isinstance(one, str) for one in shared.values()):
        raise ValueError("shared must be a dict of paths")
    sizes = {path: array.shape for path, array in arrays.items()}
    sizes |= {path: sizes[first] for path, first in shared.items() if first in sizes}
    reserve(nodes, check_nodes(nodes, classes), sizes)
    return nodes, shared


def _inventory(network: Layer) -> tuple[dict[str, Any], dict[str, str]]:
    """Return arrays and generators under their first paths, and from every other path the first."""
    items: dict[str, Any] = {}
    shared: dict[str, str] = {}
    first: dict[int, str] = {}
    for path, item in walk(network):
        if not isinstance(item, (Parameter, Buffer, np.random.Generator, np.random.RandomState)):
            continue
        if path in items or path in shared:
            raise ValueError(f"two things have the path {path}")
        if id(item) in first:
            shared[path] = first[id(item)]
        else:
            first[id(item)] = path
            items[path] = item
    return items, shared


def _same_kind(one: Any, other: Any) -> bool:
    return type(one) is type(other) and isinstance(one, (Parameter, Buffer, np.random.Generator))


def _attach(network: Layer, path: str, item: Any) -> None:
    """Put a parameter, buffer or generator in the place of another one."""
    *owners, name = path.split(".")
    place: Any = network
    try:
        for owner in owners:
            inside = vars(place) if isinstance(place, Layer) else place
            place = inside[owner] if isinstance(inside, dict) else inside[int(owner)]
        if isinstance(place, Layer):
            setattr(place, name, item)
        else:
            place[name if isinstance(place, dict) else int(name)] = item
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} cannot be replaced in {type(place).__name__}") from error
