"""Layers that follow one another: the network of the course, and the chain with a way around."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from minidl.containers.container import Container
from minidl.layer import Layer
from minidl.parameters import leading

if TYPE_CHECKING:
    from minidl.containers.summary import Summary


class Chain(Container):
    """A container whose layers follow one another: it can run them forwards and backwards."""

    def backward_parameters(self, dy: Any, caches: list[Any], /) -> None:
        """Do what `backward` does, down to the first layer that has parameters."""
        for index, layer in enumerate(self.layers):
            if leading(layer) is not None:
                dy = self._backward(dy, caches, index + 1)
                try:
                    if dy is not None:
                        layer.backward_parameters(dy, caches[index])
                except Exception as error:
                    self._annotate(error, index)
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
            self._annotate(error, len(caches))
            raise
        return x, caches

    def _backward(self, dy: Any, caches: list[Any], first: int = 0) -> Any:
        """Return the gradient with respect to the input of layer number `first`."""
        try:
            for index in reversed(range(first, len(self.layers))):
                if dy is None:  # below integers: no gradient there
                    break
                dy = self.layers[index].backward(dy, caches[index])
        except Exception as error:
            self._annotate(error, index)
            raise
        return dy

    def __call__(self, x: Any) -> Any:
        """Return the output of the last layer as at inference."""
        try:
            for index, layer in enumerate(self.layers):  # noqa: B007
                x = layer(x)
        except Exception as error:
            self._annotate(error, index)
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

    def backward(self, dy: Any, caches: list[Any], /) -> Any:
        """Return the gradient of the first layer's input."""
        return self._backward(dy, caches)

    def summary(self, input_shape: int | Sequence[int]) -> "Summary":
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
        from minidl.containers.summary import summarize

        return summarize(self, input_shape)

    @overload
    def __getitem__(self, index: int) -> Layer: ...
    @overload
    def __getitem__(self, index: slice) -> "Sequential": ...
    def __getitem__(self, index: int | slice) -> Layer:
        if isinstance(index, slice):
            return Sequential(*self.layers[index])
        return self.layers[index]


class Residual(Chain):
    """A chain of layers and a way around it: y = x + f(x), where f is the chain.

    Backward. x reaches the loss directly and through f, and the two gradients add up::

        dx = dy + backward_f(dy)

    Whatever f does, the first term comes through undiminished: that is why networks of hundreds
    of such blocks can be trained.

    Parameters
    ----------
    *layers : Layer
        The chain, first to last; its output has the shape of its input.

    Raises
    ------
    TypeError
        If something is not a layer.
    ValueError
        In `forward`, if the chain changes the shape.

    References
    ----------
    K. He et al., "Deep residual learning for image recognition", CVPR 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import ReLU, Residual
    >>> block = Residual(ReLU())
    >>> y, cache = block.forward(np.array([[-1.0, 2.0]]))
    >>> y, block.backward(np.ones((1, 2)), cache)
    (array([[-1.,  4.]]), array([[1., 2.]]))
    """

    def forward(self, x: Any) -> tuple[Any, list[Any]]:
        """Return (x + f(x), the caches of the chain)."""
        y, caches = super().forward(x)
        return self._sum(x, y), caches

    def backward(self, dy: Any, caches: list[Any], /) -> Any:
        """Return dy plus the gradient that comes through the chain."""
        dx = self._backward(dy, caches)
        return None if dx is None else dy + dx

    def __call__(self, x: Any) -> Any:
        """Return x + f(x) as at inference."""
        return self._sum(x, super().__call__(x))

    def _sum(self, x: Any, y: Any) -> Any:
        if np.shape(x) != np.shape(y):
            raise ValueError(
                f"Residual: x + f(x) needs one shape, but f turns {np.shape(x)} into {np.shape(y)}"
            )
        return x + y  # never in place: x and y may stand in a cache
