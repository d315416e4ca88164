"""One point at which a subject is examined: output, cotangent, gradients and what limits them."""

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from minidl.arrays import Array
from minidl.contract.compare import DOUBLE, SINGLE, draw_cotangent, largest, natural_scale
from minidl.contract.subject import Subject, contiguous
from minidl.gradcheck.proof.ladder import Line, Slopes, climb
from minidl.gradcheck.proof.noise import measure_noise, provisional_noise
from minidl.gradcheck.report import KINK, UNRESOLVED, VERIFIED, WRONG

Direction = Mapping[int, Array]


class Point:
    """A subject at given values, with one cotangent.

    Parameters
    ----------
    subject : Subject
    values : list of ndarray
        One array for each tensor.
    cotangent : ndarray, shape (m,)
        v: what the outputs are weighed with. Another is drawn if there are more or fewer outputs.
    rng : numpy.random.Generator
        For directions and perturbations.
    eps : float
        The machine epsilon of the computation.

    Attributes
    ----------
    y : ndarray, shape (m,)
        The outputs.
    shape : tuple of int
        The shape in which the layer gives them.
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
        self.subject, self.values, self.rng, self.eps = subject, values, rng, eps
        y, cache = subject.forward(values)
        self.shape, self.y = np.shape(y), contiguous(y).reshape(-1)
        self.cotangent = (
            cotangent if cotangent.size == self.y.size else draw_cotangent(self.y.size, rng)
        )
        self.gradients = subject.usable(
            *subject.backward(subject.upstream(self.cotangent, y), cache)
        )
        self.scales = [natural_scale(value) for value in values]

    def at(self, values: list[Array]) -> "Point":
        """Return another point of the same subject."""
        return Point(self.subject, values, self.cotangent, self.rng, self.eps)

    def along(self, direction: Direction) -> Line:
        """Return the line along a joint direction of several tensors."""
        length = sum(float(np.vdot(d, d)) for d in direction.values())

        def line(step: float) -> tuple[Array, float]:
            values, made = list(self.values), 0.0
            for k, d in direction.items():
                values[k] = self.values[k] + step * d
                made += float(np.vdot(values[k] - self.values[k], d)) / length
            y = self.subject.output(values)
            if y.shape != self.y.shape:
                raise ValueError(
                    f"the output has {self.y.size} elements at first and {y.size} when the inputs "
                    "move a little: its shape must not depend on the values"
                )
            return y, made

        return line

    def coordinate(self, k: int, i: int) -> dict[int, Array]:
        """Return the direction of one coordinate of one tensor."""
        unit = np.zeros(self.values[k].shape)
        unit.flat[i] = 1
        return {k: unit}

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
        """Measure the noise; return whether that has shown a computation in float32."""
        before = self.eps
        return self.noise is not None and self.eps > before

    @property
    def guess(self) -> float:
        """The noise of v · y, guessed from the size of y: measuring takes 16 evaluations."""
        return float(np.linalg.norm(self.cotangent * provisional_noise(self.y, self.eps)))

    @cached_property
    def gradient_noise(self) -> list[Array]:
        """The noise of each gradient: how much it changes when point and v move by roundings.

        Where the outputs are noisier than float64 is, so are the numbers that backward works with.
        """
        relative = self.noise.max(initial=0) / max(np.abs(self.y).max(initial=0), 1e-300)
        eps = max(self.eps, min(relative, SINGLE))
        changes = self.subject.trembling(self.values, self.cotangent, self.rng, eps)[1:]
        # fourfold, since four draws may miss the worst; capped, since a jump is no noise
        return [
            np.minimum(4 * change, 1e-3 * largest(g))
            for change, g in zip(changes, self.gradients, strict=True)
        ]

    def slopes_along(self, direction: Direction, reach: float, levels: int = 11) -> Slopes:
        """Climb the ladder along a line."""
        noise = self.noise
        size = max(float(np.abs(value).max(initial=0)) for value in self.values)
        line = self.along(direction)
        return climb(line, self.y, noise, reach=reach, size=size, eps=self.eps, levels=levels)

    def analytic_slope(self, direction: Direction) -> float:
        """Return what backward says of the slope of v · y along a direction."""
        return sum(float(np.vdot(self.gradients[k], d)) for k, d in direction.items())

    def judge(
        self, direction: Direction, reach: float, levels: int = 11
    ) -> tuple[int, float, float, float]:
        """Return (status, numerical slope, error, scale) of the slope of v · y along a direction.

        It is wrong only if the interval of the one-sided slopes, widened by 30 times its error and
        by the noise of backward's own value, excludes what backward says.
        """
        low, high, error, scale = self.slopes_along(direction, reach, levels).along(self.cotangent)
        kink, middle, half = high > low, (low + high) / 2, (high - low) / 2
        if not np.isfinite(error) or not np.isfinite(middle):
            return UNRESOLVED, np.nan, np.inf, scale
        analytic = self.analytic_slope(direction)
        # how steep a function of this size may be expected to be
        natural = float(np.abs(self.cotangent) @ np.abs(self.y))
        natural *= max(float((np.abs(d) / self.scales[k]).max()) for k, d in direction.items())
        extra = sum(
            float(np.vdot(np.nan_to_num(self.gradient_noise[k]), np.abs(d)))
            for k, d in direction.items()
        )
        # The ladder's error is an estimate as well, hence 30 times it. Backward adds up as many
        # terms as forward does, each of them rounded: 64 roundings of all that is added up.
        tolerance = 30 * error + extra + 64 * self.eps * scale
        if not abs(analytic - middle) <= half + tolerance:
            # what is known as badly as this proves nothing, and on a kink the chain rule may leave
            # the interval without anybody's fault: relu(x) − 2 relu(−x)
            sharp = error <= 1e-2 * max(scale, natural)
            sharp |= scale == 0 and error < 1e-3 * abs(analytic)
            status = WRONG if sharp and not kink else UNRESOLVED
        # a gradient may be zero because steep terms cancel: a bias before batch normalisation
        elif tolerance > max(0.1 * max(scale, abs(analytic)), 1e-9 * natural):
            status = UNRESOLVED
        else:
            status = KINK if kink else VERIFIED
        return status, middle, half + error, scale
