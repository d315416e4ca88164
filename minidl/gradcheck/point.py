"""One point at which a subject is examined: output, cotangent, gradients and what limits them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minidl.gradcheck.ladder import Line, Slopes, climb
from minidl.gradcheck.noise import measure_noise, provisional_noise
from minidl.gradcheck.numerical import natural_scale
from minidl.gradcheck.subject import Subject

__all__ = ["DOUBLE", "SINGLE", "Point"]

Array = NDArray[Any]
DOUBLE, SINGLE = float(np.finfo(np.float64).eps), float(np.finfo(np.float32).eps)


class Point:
    """A subject at given values, with one cotangent.

    Parameters
    ----------
    subject : Subject
    values : list of ndarray
        One array for each tensor.
    cotangent : ndarray, shape (m,)
        v: what the outputs are weighed with.
    rng : numpy.random.Generator
        For directions and perturbations.
    eps : float
        The machine epsilon of the computation.

    Attributes
    ----------
    y : ndarray, shape (m,)
        The outputs.
    gradients : list of ndarray
        What backward says for each tensor.
    scales : list of ndarray
        The natural length of every coordinate.
    """

    def __init__(
        self,
        subject: Subject,
        values: list[Array],
        cotangent: Array,
        rng: np.random.Generator,
        eps: float = DOUBLE,
    ) -> None:
        self.subject, self.values, self.cotangent = subject, values, cotangent
        self.rng, self.eps = rng, eps
        self.y = subject.output(values)
        self.gradients = subject.gradients(values, cotangent)
        self.scales = [natural_scale(value) for value in values]

    def move(self, changes: Mapping[int, Array]) -> Array:
        """Return the outputs with some tensors replaced; NaN if the layer refuses to compute."""
        values = list(self.values)
        for k, value in changes.items():
            values[k] = value
        y = self.subject.output(values)
        if y.shape != self.y.shape:
            raise ValueError(
                f"the output has {self.y.size} elements at first and {y.size} when the inputs "
                "move a little: its shape must not depend on the values"
            )
        return y

    def coordinate(self, k: int, i: int) -> Line:
        """Return the line along one coordinate of one tensor."""
        base = self.values[k]

        def line(step: float) -> tuple[Array, float]:
            moved = base.copy()
            flat = moved.reshape(-1)
            before = flat[i]
            flat[i] += step
            return self.move({k: moved}), float(flat[i] - before)

        return line

    def along(self, direction: Mapping[int, Array]) -> Line:
        """Return the line along a joint direction of several tensors."""

        def line(step: float) -> tuple[Array, float]:
            moved = {k: self.values[k] + step * d for k, d in direction.items()}
            return self.move(moved), step

        return line

    def random_direction(self, tensors: list[int]) -> dict[int, Array]:
        """Return ± the natural scale, with random signs, for some tensors."""
        return {
            k: self.rng.choice([-1.0, 1.0], self.scales[k].shape) * self.scales[k] for k in tensors
        }

    @cached_property
    def noise(self) -> Array:
        """The measured noise of every output; may reveal a computation in float32."""
        line = self.along(self.random_direction(list(range(len(self.values)))))
        noise, single = measure_noise(lambda step: line(step)[0], self.y, self.eps)
        if single:
            self.eps = SINGLE
            noise = np.maximum(noise, 2 * SINGLE * np.abs(self.y))
        return noise

    def reveals_single(self) -> bool:
        """Measure the noise, and tell whether only that shows a computation in float32."""
        before = self.eps
        if self.noise is not None and self.eps > before:
            self.__dict__.pop("guess", None)
            return True
        return False

    @cached_property
    def guess(self) -> float:
        """The noise of v · y as it is guessed before anything is measured."""
        return float(np.linalg.norm(self.cotangent * provisional_noise(self.y, self.eps)))

    def natural(self, k: int, i: int) -> float:
        """Return how steep a function of this size may be expected to be along a coordinate."""
        size = float(np.abs(self.cotangent) @ np.abs(self.y))
        return size / float(self.scales[k].reshape(-1)[i])

    @cached_property
    def gradient_noise(self) -> list[Array]:
        """How much backward's own result changes when its inputs move by two roundings, fourfold.

        Where the outputs are noisier than float64 is, so are the numbers that backward works with.
        It is capped: a gradient that jumps is not noise.
        """
        relative = self.noise.max(initial=0) / max(np.abs(self.y).max(initial=0), 1e-300)
        changes = self.trembling(2, max(self.eps, min(relative, SINGLE)))
        return [
            np.minimum(4 * change, 1e-3 * np.abs(g[np.isfinite(g)]).max(initial=0))
            for change, g in zip(changes, self.gradients, strict=True)
        ]

    def trembling(self, draws: int, eps: float) -> list[Array]:
        """Return the largest change of each gradient under random moves of ± 2 eps |x|."""
        changes = [np.zeros_like(g) for g in self.gradients]
        for _ in range(draws):
            moved = [
                v + 2 * eps * np.abs(v) * self.rng.choice([-1, 1], v.shape) for v in self.values
            ]
            for change, new, old in zip(
                changes,
                self.subject.gradients(moved, self.cotangent),
                self.gradients,
                strict=True,
            ):
                with np.errstate(invalid="ignore"):
                    np.fmax(change, np.abs(new - old), out=change)
        return changes

    def prove(self, line: Line, reach: float, levels: int = 11) -> Slopes:
        """Climb the ladder along a line."""
        noise = self.noise
        size = max(float(np.abs(value).max(initial=0)) for value in self.values)
        return climb(line, self.y, noise, reach=reach, size=size, eps=self.eps, levels=levels)
