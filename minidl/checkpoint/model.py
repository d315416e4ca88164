"""The model file: a network with its arrays and generators, saved and loaded bit for bit."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from minidl.arrays import Array
from minidl.checkpoint.architecture import VOCABULARY, build, config_of, encode
from minidl.checkpoint.atomic import atomic_write, opened
from minidl.checkpoint.format import dumps, read, serialize
from minidl.checkpoint.generators import generator_with, state_of
from minidl.layer import Layer
from minidl.parameters import Buffer, Parameter, walk


class ModelFileError(ValueError):
    """A file is no model that can be loaded, or a model cannot be saved; the message says why."""

    __module__ = "minidl"


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
        buffers = serialize("model", *loadable(network))
    except ValueError as error:
        raise ModelFileError(f"{os.fspath(path)}: {error}") from error
    atomic_write(path, buffers)


def load(path: str | os.PathLike[str], layers: Mapping[str, type[Layer]] | None = None) -> Any:
    """Load a network that `save` has saved.

    Whatever the file, nothing in it is run, imported or looked up, and what is allocated is bounded
    by what the file itself holds. Its digest is checked, which shows damage, not who wrote it.

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
    classes = vocabulary(layers)
    try:
        with opened(path) as (file, size):
            architecture, state, arrays = read(file, size, "model")
        return network_from(architecture, state, arrays, classes)
    except (ValueError, OSError, RecursionError) as error:
        raise ModelFileError(f"{os.fspath(path)}: {error}") from error


def vocabulary(layers: Mapping[str, type[Layer]] | None) -> dict[str, Any]:
    """Return the classes that a file may name: those of minidl, and those of the caller's own."""
    own = dict(layers or {})
    for name, kind in own.items():
        if name in VOCABULARY:
            raise ValueError(f"layers: {name!r} is a layer of minidl")
        if not (isinstance(kind, type) and issubclass(kind, Layer)) or config_of(kind) is None:
            raise TypeError(f"layers[{name!r}] must be a layer's class with a config, got {kind!r}")
    return VOCABULARY | own


def contents(network: Layer) -> tuple[Any, dict[str, Any], dict[str, Array], dict[str, Any]]:
    """Return (architecture, state, arrays) of a network, and the classes that it needs."""
    nodes, classes = encode(network)
    items, shared = _inventory(network)
    arrays, generators = {}, {}
    for path, item in items.items():
        if isinstance(item, (Parameter, Buffer)):
            arrays[path] = item.value
        else:
            generators[path] = state_of(item)
    return {"nodes": nodes, "shared": shared}, {"generators": generators}, arrays, classes


def loadable(network: Layer) -> tuple[Any, dict[str, Any], dict[str, Array]]:
    """Return (architecture, state, arrays) of a network that can be made of them again, or raise.

    Raises
    ------
    ValueError
        If none can: what is saved can be loaded.
    """
    architecture, state, arrays, classes = contents(network)
    network_from(architecture, state, arrays, classes)
    return architecture, state, arrays


def network_from(
    architecture: Any, state: Any, arrays: Mapping[str, Array], classes: Mapping[str, Any]
) -> Layer:
    """Return the network that has these `contents`, or raise a ValueError if none has."""
    nodes, shared = fields(architecture, nodes=list, shared=dict)
    (generators,) = fields(state, generators=dict)
    network = build(nodes, classes, sum(array.size for array in arrays.values()))
    found = dict(walk(network))
    for path, generator in generators.items():
        found[path] = _replaced(found, path, generator_with(generator))
    for path, first in shared.items():
        _replaced(found, path, found.get(first) if isinstance(first, str) else None)
    items, _ = _inventory(network)
    own = {path: item for path, item in items.items() if isinstance(item, (Parameter, Buffer))}
    for path in [*own, *arrays]:
        size = arrays[path].shape if path in arrays else "no such array"
        needed = own[path].value.shape if path in own else "none"
        if size != needed:
            raise ValueError(f"{path}: the file has {size}, its layer needs {needed}")
    for path, array in arrays.items():
        if own[path].value.dtype != array.dtype:
            own[path].cast(array.dtype)
        own[path].value[...] = array
    if _outline(contents(network)[:3]) != _outline((architecture, state, arrays)):
        raise ValueError("the layers that were made are not those that were described")
    return network


def fields(value: Any, **kinds: type) -> tuple[Any, ...]:
    """Return the values of a dict that has just these keys, with values of these types."""
    own = value.items() if isinstance(value, dict) else ()
    if [(key, type(item)) for key, item in own] != list(kinds.items()):
        raise ValueError(f"there must be {' and '.join(kinds)}, and nothing else")
    return tuple(value.values())


def _outline(parts: Any) -> str:
    """Write down what makes the contents of one network the same as those of another."""
    return dumps(parts, default=lambda array: [array.dtype.name, array.shape])


def _inventory(network: Layer) -> tuple[dict[str, Any], dict[str, str]]:
    """Return arrays and generators under their first paths, and from every other path the first."""
    items: dict[str, Any] = {}
    shared: dict[str, str] = {}
    first: dict[int, str] = {}
    for path, item in walk(network):
        if isinstance(item, (Parameter, Buffer, np.random.Generator, np.random.RandomState)):
            if path in items or path in shared:
                raise ValueError(f"two things have the path {path}")
            known = first.setdefault(id(item), path)
            if known == path:
                items[path] = item
            else:
                shared[path] = known
    return items, shared


def _replaced(found: dict[str, Any], path: str, new: Any) -> Any:
    """Put a parameter, buffer or generator where another one is, and return it."""
    old = found.get(path)
    kinds = (Parameter, Buffer, np.random.Generator)
    shapes = {np.shape(getattr(item, "value", 0)) for item in (old, new)}
    if type(old) is not type(new) or not isinstance(new, kinds) or len(shapes) > 1:
        raise ValueError(f"{path} cannot be what the file says that it is")
    if old is not new:
        owner, _, name = path.rpartition(".")
        layer = found.get(owner)
        if not isinstance(layer, Layer):
            raise ValueError(f"{path} must be an attribute of a layer, to be shared or replaced")
        setattr(layer, name, new)
    return new
