"""The flat vector: all parameters of a network in one piece of memory, in one order."""

from typing import Any

import numpy as np

from minidl.arrays import Array
from minidl.parameters import Parameter, _Copied, _Steady, unique


class _Storage:
    """The two arrays behind a vector. Its parameters know it; it does not know them."""

    __slots__ = ("count", "grad", "retired", "value")

    def __init__(self, value: Array, count: int) -> None:
        self.value = value
        self.grad = np.zeros_like(value)
        self.count = count
        self.retired = False


class ParameterVector(_Steady):
    """All parameters of a network in one contiguous vector, and all gradients in another.

    Building it turns every ``parameter.value`` and ``parameter.grad`` into a view of these two
    vectors, so that an optimizer updates a whole network in a few calls. The parameters stand in
    the order of `walk`, each once. Packing the same network again gives the same storage; packing
    a network that shares some of the parameters moves those to new storage and *retires* this
    vector (`require_current` raises).

    Parameters
    ----------
    network : Layer
        Whose parameters to pack; all of one floating dtype.

    Attributes
    ----------
    value, grad : ndarray
        One-dimensional; ``value[i]`` belongs to ``grad[i]``. Assigning copies into them.
    names : tuple of str
        The paths of the parameters, in order.
    parameters : tuple of Parameter
        The parameters, in order.

    Raises
    ------
    TypeError
        If two parameters have different dtypes; both are named.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import Dense
    >>> layer = Dense(2, 3, rng=0)
    >>> vector = ParameterVector(layer)
    >>> vector.value[:] = np.arange(9)
    >>> layer.weight.value
    array([[0., 1., 2.],
           [3., 4., 5.]], dtype=float32)
    """

    value: _Copied
    grad: _Copied

    def __init__(self, network: Any) -> None:
        found = unique(network, Parameter)
        self.network = network
        self.names = tuple(found)
        self.parameters: tuple[Parameter, ...] = tuple(found.values())
        self._storage = storage = self._packed() or self._pack()
        self._hold("value", storage.value)
        self._hold("grad", storage.grad)

    def require_current(self) -> None:
        """Raise a RuntimeError if some of the parameters have moved to another vector."""
        if self._storage.retired:
            raise RuntimeError(
                "some of these parameters have since been packed into the vector of another "
                "network: build a new optimizer for the network that is to be trained"
            )

    def _packed(self) -> _Storage | None:
        """Return the storage that holds exactly these parameters in this order, if there is one."""
        storage: _Storage | None = self.parameters[0]._storage if self.parameters else None
        if storage is None or storage.retired or storage.count != len(self.parameters):
            return None
        offset = 0
        for parameter in self.parameters:
            if parameter._storage is not storage or parameter._offset != offset:
                return None
            offset += parameter.value.size
        return storage

    def _pack(self) -> _Storage:
        dtype = self.parameters[0].value.dtype if self.parameters else np.dtype(np.float32)
        for name, parameter in zip(self.names, self.parameters, strict=True):
            if parameter.value.dtype != dtype:
                raise TypeError(
                    f"a network has one floating dtype, but {self.names[0]} is {dtype} "
                    f"and {name} is {parameter.value.dtype}"
                )
        size = sum(parameter.value.size for parameter in self.parameters)
        storage = _Storage(np.empty(size, dtype), len(self.parameters))
        offset = 0
        for parameter in self.parameters:
            if parameter._storage is not None:
                parameter._storage.retired = True
            end = offset + parameter.value.size
            for name in ("value", "grad"):
                old = getattr(parameter, name)
                view = getattr(storage, name)[offset:end].reshape(old.shape)
                view[...] = old
                parameter._hold(name, view)
            parameter._storage, parameter._offset = storage, offset
            offset = end
        return storage

    def __len__(self) -> int:
        return len(self.value)

    def __reduce__(self) -> tuple[Any, ...]:
        return ParameterVector, (self.network,)

    def __repr__(self) -> str:
        return (
            f"ParameterVector({len(self)} numbers of {len(self.parameters)} parameters, "
            f"{self.value.dtype})"
        )
