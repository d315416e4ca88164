"""Parameters and buffers, and the one walk that finds them."""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from minidl.arrays import Array
from minidl.checks.arguments import floating_dtype


def input_dtype(network: Any) -> np.dtype[Any] | None:
    """Tell the dtype that a network wants its input in.

    It is that of its first parameter (None: it has none), or intp if a layer that comes before
    it says with ``takes_integers`` that it takes integers.
    """
    item = leading(network)
    if isinstance(item, Parameter):
        dtype: np.dtype[Any] = item.value.dtype
        return dtype
    return None if item is None else np.dtype(np.intp)


class _Copied(Protocol):  # an array; what is assigned may be anything that makes one
    def __get__(self, instance: Any, owner: type | None = None) -> Array: ...
    def __set__(self, instance: Any, array: ArrayLike) -> None: ...


class _Steady:
    """Assigning to ``value`` or ``grad`` copies into the array that is there.

    They are no properties: each reading of a property is a call, and a step reads some twenty.
    """

    __slots__ = ()
    _hold = object.__setattr__
    """Take another array in place of the one that is there."""

    def __setattr__(self, name: str, item: Any) -> None:
        """Copy into the array that is there, refusing to broadcast or to drop parts."""
        if name not in ("value", "grad"):
            self._hold(name, item)
        elif item is not (here := getattr(self, name)):  # `p.grad += …` assigns the very array
            new, what = np.asarray(item), f"{type(self).__name__}.{name}"
            if new.shape != here.shape:
                raise ValueError(f"{what} has shape {here.shape}, got shape {new.shape}")
            if not np.can_cast(new.dtype, here.dtype, casting="same_kind"):
                raise TypeError(f"{what} has dtype {here.dtype}, got dtype {new.dtype}")
            np.copyto(here, new, casting="same_kind")


class _Stored(_Steady):
    """An array of real numbers in a floating dtype."""

    __slots__ = {"__weakref__": None, "value": "The current value."}
    value: _Copied

    def __init__(self, value: ArrayLike, dtype: DTypeLike = np.float32) -> None:
        dtype, array = floating_dtype("dtype", dtype), np.asarray(value)
        if array.dtype.kind not in "fiub":
            name = type(self).__name__.lower()
            raise TypeError(f"a {name} holds real numbers, got dtype {array.dtype}")
        with np.errstate(over="ignore"):
            self._hold("value", np.array(array, dtype, order="C"))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.value.shape}, {self.value.dtype})"


class Parameter(_Stored):
    """An array that training changes, and the gradient of the loss with respect to it.

    Identity is sharing: the same ``Parameter`` in two layers is one parameter, and both layers
    add to its one gradient.

    Parameters
    ----------
    value : array_like
        The initial value; it is copied.
    dtype : float32 or float64, default float32
        What the value and the gradient are stored in.

    Attributes
    ----------
    value : ndarray
        The current value. Assigning copies into the existing array, after a check of the shape.
    grad : ndarray
        The gradient, of the shape and dtype of ``value``; layers add to it with ``+=``.

    Raises
    ------
    TypeError
        If the dtype is another, or an assigned array is of a kind that does not fit it.
    ValueError
        If an assigned array has another shape.

    Examples
    --------
    >>> import numpy as np
    >>> gain = Parameter(np.ones(3))
    >>> gain.grad += [1.0, 2.0, 3.0]
    >>> gain.grad
    array([1., 2., 3.], dtype=float32)
    """

    __slots__ = {"_offset": None, "_storage": None, "grad": "The gradient accumulated so far."}
    grad: _Copied

    def __init__(self, value: ArrayLike, dtype: DTypeLike = np.float32) -> None:
        super().__init__(value, dtype)
        self._hold("grad", np.zeros_like(self.value))
        self._storage: Any = None  # that of the vector which packs it
        self._offset = 0

    def cast(self, dtype: DTypeLike) -> None:
        """Change the dtype of value and gradient; the parameter leaves the vector it was in."""
        dtype = floating_dtype("dtype", dtype)
        if self._storage is not None:
            self._storage.retired = True
        self.__setstate__((self.value.astype(dtype), self.grad.astype(dtype)))

    def __getstate__(self) -> tuple[Array, Array]:
        return self.value.copy(), self.grad.copy()

    def __setstate__(self, state: tuple[Array, Array]) -> None:
        self._hold("value", state[0])
        self._hold("grad", state[1])
        self._storage, self._offset = None, 0


class Buffer(_Stored):
    """An array that is a layer's state but not trained: a running mean, say.

    Parameters
    ----------
    value : array_like
        The initial value; it is copied.
    dtype : float32 or float64, default float32
        What the value is stored in.

    Attributes
    ----------
    value : ndarray
        The current value. Assigning copies into the existing array, after a check of the shape.

    Examples
    --------
    >>> import numpy as np
    >>> mean = Buffer(np.zeros(2))
    >>> mean.value = [0.5, 1.5]
    >>> mean.value
    array([0.5, 1.5], dtype=float32)
    """

    __slots__ = ()

    def cast(self, dtype: DTypeLike) -> None:
        """Change the dtype of the value."""
        self._hold("value", self.value.astype(floating_dtype("dtype", dtype)))

    def __getstate__(self) -> Array:
        return self.value.copy()

    def __setstate__(self, state: Array) -> None:
        self._hold("value", state)


PLAIN = frozenset((bool, int, float, str, type(None), np.ndarray))
"""The types of most attributes of a layer; such an attribute holds no layer and no parameter."""


def walk(root: Any) -> Iterator[tuple[str, Any]]:
    """Find what a layer consists of: layers, parameters, buffers and random generators.

    The attributes of a layer are followed in the order in which they were set, lists, tuples and
    dicts of layers included, to any depth. Something that stands in two places is found twice.

    Parameters
    ----------
    root : Layer
        Where to begin; it is itself the first item, with the empty path.

    Yields
    ------
    (path, item)
        The path, such as ``"layers.0.weight"``, and the layer, `Parameter`, `Buffer` or
        generator that stands there.

    Examples
    --------
    >>> from minidl import Dense, ReLU, Sequential
    >>> [path for path, item in walk(Sequential(Dense(2, 3), ReLU()))]
    ['', 'layers.0', 'layers.0.weight', 'layers.0.bias', 'layers.1']
    """
    return _walk(root, "", ())


def _walk(item: Any, path: str, inside: tuple[int, ...]) -> Iterator[tuple[str, Any]]:
    children: Any
    if isinstance(item, (Parameter, Buffer)):
        yield path, item
        return
    if hasattr(type(item), "backward"):  # a layer
        if id(item) in inside:  # a layer that knows its parent
            return
        yield path, item
        inside = (*inside, id(item))
        children = getattr(item, "__dict__", {}).items()
    elif isinstance(item, dict):
        children = item.items()
    elif isinstance(item, (list, tuple)):
        children = enumerate(item)
    else:
        # np.random is loaded when it is first named: not by importing this module
        if isinstance(item, (np.random.Generator, np.random.RandomState)):
            yield path, item
        return
    for name, child in children:
        if type(child) not in PLAIN:
            yield from _walk(child, f"{path}.{name}" if path else str(name), inside)


def leading(item: Any, inside: tuple[int, ...] = ()) -> Any:
    """Find what comes first in the order of `walk`: a parameter, or a layer that takes integers.

    Training asks for it at every step, so no paths are spelled. None: there is neither.
    """
    children: Any = item  # of a list or a tuple
    if hasattr(type(item), "backward") and id(item) not in inside:
        if getattr(item, "takes_integers", False):
            return item
        children, inside = getattr(item, "__dict__", {}).values(), (*inside, id(item))
    elif isinstance(item, dict):
        children = item.values()
    elif not isinstance(item, (list, tuple)):
        return item if isinstance(item, Parameter) else None
    for child in children:
        kind = type(child)
        if kind is Parameter:
            return child
        if kind not in PLAIN:
            for part in child if kind is tuple else (child,):  # a call less for a tuple of layers
                if (found := leading(part, inside)) is not None:
                    return found
    return None


def unique(root: Any, kind: type | tuple[type, ...]) -> dict[str, Any]:
    """Find every item of a kind once, under the first of its paths.

    Parameters
    ----------
    root : Layer
        Where to begin.
    kind : type or tuple of types
        `Parameter`, `Buffer`, a generator, or a class of layers.

    Returns
    -------
    dict
        From path to item, in the order of `walk`.

    Examples
    --------
    >>> from minidl import Dense, Sequential
    >>> shared = Dense(3, 3)
    >>> list(unique(Sequential(shared, shared), Parameter))
    ['layers.0.weight', 'layers.0.bias']
    """
    found: dict[str, Any] = {}
    seen = set()
    for path, item in walk(root):
        if isinstance(item, kind) and id(item) not in seen:
            seen.add(id(item))
            while path in found:  # the keys 1 and "1" of a dict read the same
                path += "'"
            found[path] = item
    return found


def network_dtype(network: Any) -> np.dtype[Any] | None:
    """Tell the floating dtype of a network: that of its first parameter, None if it has none."""
    found = next((item for _, item in walk(network) if isinstance(item, Parameter)), None)
    return None if found is None else found.value.dtype
