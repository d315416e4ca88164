"""Layers side by side: all take the same input, and their outputs are joined."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.arrays import Array
from minidl.checks.arguments import integer
from minidl.containers.container import Container
from minidl.layer import Layer


class Branches(Container):
    """Several layers that take the same input, and a way to join their outputs.

    Backward: the gradient of each output goes back through its branch, and as x reaches the loss
    through all of them, dx is the sum of what comes out.
    """

    def __init__(self, *layers: Layer) -> None:
        super().__init__(*layers)
        if not layers:
            raise ValueError(f"{type(self).__name__} needs at least one branch")

    @abstractmethod
    def join(self, outputs: list[Array]) -> Array:
        """Return the output of the whole, without writing into those of the branches."""

    @abstractmethod
    def split(self, dy: Any, shapes: list[tuple[int, ...]]) -> list[Any]:
        """Return the gradient of each branch's output, given the shapes of the outputs."""

    def forward(self, x: Any) -> tuple[Any, Any]:
        """Return (the joined outputs, cache)."""
        pairs = self._each(lambda branch, index: branch.forward(x))
        outputs = [y for y, _ in pairs]
        return self.join(outputs), ([cache for _, cache in pairs], [np.shape(y) for y in outputs])

    def backward(self, dy: Any, cache: Any, /) -> Any:
        """Return the sum of the gradients that come through the branches."""
        caches, shapes = cache
        parts = self.split(dy, shapes)
        gradients = self._each(lambda branch, index: branch.backward(parts[index], caches[index]))
        total = None
        for dx in gradients:
            if dx is not None:  # never in place: a branch may hand on an array that it keeps
                total = dx if total is None else total + dx
        return total

    def backward_parameters(self, dy: Any, cache: Any, /) -> None:
        """Do what `backward` does for the parameters of every branch."""
        caches, shapes = cache
        parts = self.split(dy, shapes)
        self._each(lambda branch, index: branch.backward_parameters(parts[index], caches[index]))

    def __call__(self, x: Any) -> Any:
        """Return the joined outputs as at inference."""
        return self.join(self._each(lambda branch, index: branch(x)))

    def _each(self, work: Callable[[Layer, int], Any]) -> list[Any]:
        """Call a function with every branch and its index, and return what it gives."""
        results: list[Any] = []
        try:
            for index, branch in enumerate(self.layers):
                results.append(work(branch, index))
        except Exception as error:
            self._annotate(error, len(results))
            raise
        return results


class Add(Branches):
    """The sum of the outputs of several branches: y = f₁(x) + f₂(x) + … + fₖ(x).

    Backward: dy reaches every branch as it is, dx = backward₁(dy) + backward₂(dy) + …

    Parameters
    ----------
    *layers : Layer
        The branches, at least one; their outputs have one shape. ``Sequential()`` hands its
        input on.

    Raises
    ------
    TypeError
        If something is not a layer.
    ValueError
        If there is no branch; in `forward`, if the outputs have different shapes.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import Add, ReLU, Sequential, Tanh
    >>> Add(ReLU(), Tanh(), Sequential())(np.array([[0.0, 2.0]])).round(3)
    array([[0.   , 4.964]])
    """

    def join(self, outputs: list[Array]) -> Array:
        """Return the sum of the outputs."""
        total = outputs[0]
        for index, output in enumerate(outputs):
            if np.shape(output) != np.shape(total):
                raise ValueError(
                    f"Add: branch {index} gives shape {np.shape(output)}, "
                    f"but branch 0 {np.shape(total)}"
                )
            if index:  # never in place: a branch may keep its output
                total = total + output
        return total

    def split(self, dy: Any, shapes: list[tuple[int, ...]]) -> list[Any]:
        """Return dy once for each branch."""
        return [dy] * len(shapes)


class Concatenate(Branches):
    """The outputs of several branches side by side: y = (f₁(x), f₂(x), …) along one axis.

    Backward: dy is cut into the parts that came from each branch, and the gradients that come
    back through them add up, dx = backward₁(dy₁) + backward₂(dy₂) + …

    Parameters
    ----------
    *layers : Layer
        The branches, at least one. Their outputs have one shape, save along the axis.
    axis : int, default −1
        The axis of the features: the last one by default; 1 for images (N, C, H, W).

    Raises
    ------
    TypeError
        If something is not a layer.
    ValueError
        If there is no branch, or the axis is 0, that of the samples; in `forward`, if the shapes
        of the outputs do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import Concatenate, Dense, Sequential
    >>> layer = Concatenate(Dense(2, 3), Sequential())
    >>> layer(np.ones((5, 2), np.float32)).shape
    (5, 5)
    >>> layer
    Concatenate(
      [0] Dense(2 → 3)    9
      [1] Sequential()
    )  9 parameters, float32
    """

    config = ("layers", "axis")

    def __init__(self, *layers: Layer, axis: int = -1) -> None:
        super().__init__(*layers)
        self.axis = integer("axis", axis)
        if self.axis == 0:
            raise ValueError("axis must be one of features, got 0, the axis of the samples")

    def join(self, outputs: list[Array]) -> Array:
        """Return the outputs side by side."""
        first = np.shape(outputs[0])
        if not -len(first) <= self.axis < len(first):
            raise ValueError(
                f"Concatenate: no axis {self.axis} in the output of branch 0, of shape {first}"
            )
        axis = self.axis % len(first)
        if axis == 0:
            raise ValueError(
                f"Concatenate: axis {self.axis} of outputs of shape {first} is that of the samples"
            )
        others = first[:axis] + first[axis + 1 :]
        for index, output in enumerate(outputs):
            shape = np.shape(output)
            if len(shape) != len(first) or shape[:axis] + shape[axis + 1 :] != others:
                raise ValueError(
                    f"Concatenate: branch {index} gives shape {shape}, but branch 0 {first}: "
                    f"they may differ in axis {self.axis} only"
                )
        return np.concatenate(outputs, axis)

    def split(self, dy: Any, shapes: list[tuple[int, ...]]) -> list[Any]:
        """Return the part of dy that belongs to each branch."""
        axis = self.axis % dy.ndim
        parts, start = [], 0
        for shape in shapes:
            end = start + shape[axis]
            parts.append(dy[(slice(None),) * axis + (slice(start, end),)])
            start = end
        return parts

    def _settings(self) -> str:
        return "" if self.axis == -1 else f"  axis {self.axis}"
