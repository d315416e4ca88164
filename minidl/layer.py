"""The contract of a layer: forward gives an output and a cache, backward takes the cache back."""

import copy
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import DTypeLike

from minidl.checks.arguments import floating_dtype, output_and_cache
from minidl.parameters import PLAIN, Buffer, Parameter, walk

_PLAIN = PLAIN | {Parameter, Buffer}
"""The types of attributes that hold no layers, so that most layers need no search for some."""


class Layer(ABC):
    """One differentiable function, with or without parameters.

    A layer of your own defines `forward` and `backward`; its parameters are attributes that are
    `Parameter` objects. Nothing is registered, and ``super().__init__()`` need not be called. The
    rules, which `minidl.gradcheck` and the laws of the test kit check:

    1. Never write into an array that this call did not allocate.
    2. ``dx`` has the shape and the dtype of ``x``.
    3. Add to ``parameter.grad`` with ``+=``, never assign it.
    4. Keep nothing on ``self`` in forward or backward. What backward needs travels in the cache.
    5. ``backward`` is linear in ``dy``.
    6. Samples (the first axis) do not influence one another, unless the docstring says so.
    7. Calling the layer, ``layer(x)``, twice gives the same bits.

    Attributes
    ----------
    differentiable : int or None
        How many of the leading inputs carry a gradient; None means every floating one.
    takes_integers : bool
        Whether the input holds integers, such as the words of a text: `fit` and `predict` then
        do not cast what they are given to the network's dtype. A network takes what its first
        layer takes.
    config : tuple of str or None
        What `minidl.save` writes down: the names of those arguments of the constructor, which
        are attributes too, that say what the layer is: not those for random numbers and initial
        values. None: the layer cannot be saved.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import Layer, Parameter
    >>> class Scale(Layer):
    ...     def __init__(self, features):
    ...         self.gain = Parameter(np.ones(features))
    ...
    ...     def forward(self, x):
    ...         return x * self.gain.value, x
    ...
    ...     def backward(self, dy, x):
    ...         self.gain.grad += (dy * x).sum(axis=0)
    ...         return dy * self.gain.value
    >>> layer = Scale(2)
    >>> y, cache = layer.forward(np.ones((3, 2), np.float32))
    >>> layer.backward(np.ones_like(y), cache).shape, layer.gain.grad
    ((3, 2), array([3., 3.], dtype=float32))
    """

    differentiable: ClassVar[int | None] = None
    takes_integers: ClassVar[bool] = False
    config: ClassVar[tuple[str, ...] | None] = None

    @abstractmethod
    def forward(self, *inputs: Any, **constants: Any) -> tuple[Any, Any]:
        """Compute the output as in training.

        Returns
        -------
        (output, cache)
            The cache is whatever `backward` needs; nobody else looks into it.
        """

    @abstractmethod
    def backward(self, dy: Any, cache: Any, /) -> Any:
        """Propagate the gradient of the loss from the output to the input and the parameters.

        Parameters
        ----------
        dy : ndarray
            The gradient with respect to the output.
        cache
            What `forward` returned with that output.

        Returns
        -------
        ndarray, tuple or None
            The gradient with respect to the input; a tuple of them for several inputs; None for
            an input that is not floating. The gradients of the parameters are added to their
            ``grad``.
        """

    def backward_parameters(self, dy: Any, cache: Any, /) -> None:
        """Do what `backward` does for the parameters, without the gradient of the input."""
        self.backward(dy, cache)

    def __call__(self, *inputs: Any, **constants: Any) -> Any:
        """Compute the output as at inference: write nothing, keep nothing."""
        if not _PLAIN.issuperset(map(type, vars(self).values())):
            self._refuse_to_hold()
        return output_and_cache(self, self.forward(*inputs, **constants))[0]

    def _refuse_to_hold(self) -> None:
        held = [path for path, item in walk(self) if path and isinstance(item, Layer)]
        if held:
            own = [path for path in held if not path.startswith(tuple(f"{one}." for one in held))]
            raise NotImplementedError(
                f"{type(self).__name__} holds layers ({', '.join(own)}): "
                "define __call__ by calling them"
            )

    def astype(self, dtype: DTypeLike) -> Self:
        """Return an independent copy whose parameters, buffers and constant arrays have a dtype.

        Parameters
        ----------
        dtype : float32 or float64
            The new dtype.

        Examples
        --------
        >>> import numpy as np
        >>> from minidl import Dense
        >>> Dense(2, 3).astype(np.float64).weight
        Parameter((2, 3), float64)
        """
        dtype = floating_dtype("dtype", dtype)
        twin = copy.deepcopy(self)
        for _, item in walk(twin):
            if isinstance(item, (Parameter, Buffer)):
                item.cast(dtype)
            elif isinstance(item, Layer):
                for name, array in vars(item).items():
                    if isinstance(array, np.ndarray) and array.dtype.kind == "f":
                        setattr(item, name, array.astype(dtype))
        return twin

    def __repr__(self) -> str:
        own = (
            f"{name} {item.value.shape}"
            for name, item in vars(self).items()
            if isinstance(item, Parameter)
        )
        return f"{type(self).__name__}({', '.join(own)})"
