"""Layers of layers: what all of them share, and the chain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, overload

from minidl.layer import Layer, annotate
from minidl.parameters import leading

if TYPE_CHECKING:
    from minidl.summary import Summary

__all__ = ["Chain", "Container", "Sequential"]


class Container(Layer, Sequence[Layer]):
    """A layer that holds layers, and is a read-only sequence of them.

    It refuses what is not a layer, names the place of a layer in the errors that it raises, and
    shows the tree of layers in its repr.

    Attributes
    ----------
    layers : tuple of Layer
    """

    config: ClassVar[tuple[str, ...]] = ("layers",)

    def __init__(self, *layers: Layer) -> None:
        name = type(self).__name__
        for place, layer in enumerate(layers):
            if not isinstance(layer, Layer):
                hint = ""
                if isinstance(layer, (list, tuple)):
                    hint = f"; pass the layers one by one, {name}(*layers)"
                elif isinstance(layer, type) and issubclass(layer, Layer):
                    hint = f"; make an instance, {layer.__name__}(…)"
                raise TypeError(f"{name}[{place}] is not a layer: {layer!r}{hint}")
        self.layers = layers

    def _name_place(self, error: Exception, place: int) -> None:
        annotate(error, f"{type(self).__name__}[{place}]", self.layers[place])

    def _settings(self) -> str:
        """Return what the repr says beside the layers."""
        return ""

    def __len__(self) -> int:
        return len(self.layers)

    @overload
    def __getitem__(self, place: int) -> Layer: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Layer]: ...
    def __getitem__(self, place: int | slice) -> Layer | Sequence[Layer]:
        return self.layers[place]

    def __repr__(self) -> str:
        from minidl.summary import tree  # it knows containers

        return tree(self, self._settings())


class Chain(Container):
    """A container whose layers follow one another: it can run them forwards and backwards."""

    def backward_parameters(self, dy: Any, caches: list[Any], /) -> None:
        """Do what `backward` does, down to the first layer that has parameters."""
        for place, layer in enumerate(self.layers):
            if leading(layer) is not None:
                dy = self._backward(dy, caches, place + 1)
                try:
                    if dy is not None:
                        layer.backward_parameters(dy, caches[place])
                except Exception as error:
                    self._name_place(error, place)
                    raise
                return

    def forward(self, x: Any) -> tuple[Any, list[Any]]:
        """Return (output of the last layer, the caches of all)."""
        caches: list[Any] = []
        try:
            for layer in self.layers:
                x, cache = layer.forward(x)
                caches.append(cache)
        except Exception as error:
            self._name_place(error, len(caches))
            raise
        return x, caches

    def _backward(self, dy: Any, caches: list[Any], first: int = 0) -> Any:
        """Return the gradient of the input of the layer at place `first`."""
        try:
            for place in reversed(range(first, len(self.layers))):
                if dy is None:  # below integers: no gradient there
                    break
                dy = self.layers[place].backward(dy, caches[place])
        except Exception as error:
            self._name_place(error, place)
            raise
        return dy

    def __call__(self, x: Any) -> Any:
        """Return the output of the last layer as at inference."""
        place = -1
        try:
            for layer in self.layers:
                place += 1
                x = layer(x)
        except Exception as error:
            self._name_place(error, place)
            raise
        return x


class Sequential(Chain):
    """A chain of layers: the output of each is the input of the next.

    Forward: y = fₖ(… f₂(f₁(x))). Backward is the chain rule, read from the end::

        dxₖ = backwardₖ(dy),  dxₖ₋₁ = backwardₖ₋₁(dxₖ),  …

    It is a layer itself, so it nests, and a read-only sequence: ``network[0]`` is a layer,
    ``network[:2]`` a Sequential that shares its layers with this one.

    Parameters
    ----------
    *layers : Layer
        The layers, first to last. The same instance may stand twice: its parameters are shared.

    Raises
    ------
    TypeError
        If something is not a layer.

    Notes
    -----
    An error raised by a layer is annotated with its place: ``Sequential[2] Dense(64 → 10): …``.

    Examples
    --------
    >>> from minidl import Dense, ReLU
    >>> Sequential(Dense(2, 16), ReLU(), Dense(16, 2))
    Sequential(
      [0] Dense(2 → 16)    48
      [1] ReLU()
      [2] Dense(16 → 2)    34
    )  82 parameters, float32
    """

    # A chain's own, even where a subclass derives from Residual too: they belong to this backward.
    forward, __call__ = Chain.forward, Chain.__call__

    def backward(self, dy: Any, caches: list[Any], /) -> Any:
        """Return the gradient of the first layer's input."""
        return self._backward(dy, caches)

    def summary(self, input_shape: int | Sequence[int]) -> Summary:
        """Return a table of the layers: output shapes, parameters, bytes.

        Zeros are sent through the network, as at inference; nothing is written.

        Parameters
        ----------
        input_shape : int or sequence of int
            The shape of one sample, without the axis of samples.

        Returns
        -------
        Summary
            Its repr is the table; ``parameters`` is the number of learnt numbers. The bytes are
            those of a layer's output for one sample: times the size of a batch, about what
            training keeps in memory.

        Raises
        ------
        ValueError, TypeError
            What a layer raises to which the shape does not fit, with its place and the table down
            to there.

        Examples
        --------
        >>> from minidl import Dense, Flatten, ReLU, Sequential
        >>> Sequential(Flatten(), Dense(784, 32), ReLU(), Dense(32, 10)).summary((28, 28))
        layer                  output shape  parameters  bytes
        Sequential             (N, 10)                      40
          [0] Flatten()        (N, 784)               0  3,136
          [1] Dense(784 → 32)  (N, 32)           25,120    128
          [2] ReLU()           (N, 32)                0    128
          [3] Dense(32 → 10)   (N, 10)              330     40
        25,450 parameters, float32, 101,800 bytes
        """
        from minidl.summary import summarize

        return summarize(self, input_shape)

    @overload
    def __getitem__(self, place: int) -> Layer: ...
    @overload
    def __getitem__(self, place: slice) -> Sequential: ...
    def __getitem__(self, place: int | slice) -> Layer:
        if isinstance(place, slice):
            return Sequential(*self.layers[place])
        return self.layers[place]
