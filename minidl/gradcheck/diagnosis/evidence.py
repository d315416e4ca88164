"""What a diagnosis may look at: the gradients, the point, the Jacobian, and the test of a guess."""

import itertools
from collections.abc import Iterator
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from minidl.arrays import Array
from minidl.contract.compare import largest
from minidl.gradcheck.proof.point import Point
from minidl.gradcheck.report import KINK, UNRESOLVED, WRONG, TensorReport

# (the class of the mistake, a sentence), or None if the guess does not fit.
Answer = tuple[str, str] | None


class Evidence:
    """The two gradients of one tensor and everything they could have been made of.

    Attributes
    ----------
    a, n : ndarray
        What backward says, and the numerical gradient, of the tensor's shape.
    known : ndarray of bool
        Where n is known.
    wrong : ndarray of bool
        Where a is not n, proved or not.
    value : ndarray
        The tensor itself.
    v, y : ndarray
        Cotangent and output, of the output's shape.
    inputs : list of ndarray
        The floating inputs.
    jacobian : ndarray or None
        ∂y/∂value, shape (m, n), if it is small.
    """

    def __init__(self, point: Point, k: int, reports: list[TensorReport]) -> None:
        self.point, self.k, self.reports = point, k, reports
        report = self.report = reports[k]
        subject = point.subject
        self.tensor = subject.tensors[k]
        self.is_input = self.tensor.input is not None
        self.a, self.n, self.scale = report.analytic, report.numerical, report.scale
        self.value = point.values[k]
        self.shape = self.value.shape
        self.v, self.y = point.cotangent.reshape(point.shape), point.y.reshape(point.shape)
        self.inputs = point.values[: len(subject.wanted)]
        self.jacobian = report.jacobian
        self.known = np.isfinite(self.n) & (report.status != KINK) & (report.status != UNRESOLVED)
        sure = np.where(np.isfinite(report.error), report.error, 0)
        self.precision = np.maximum(1e-6 * largest(self.scale), 3 * sure)
        with np.errstate(invalid="ignore"):
            difference = np.abs(self.a - self.n)
            self.wrong = self.known & ~(
                difference <= np.maximum(1e-7 * np.maximum(self.scale, 0), 10 * sure)
            )
        self.wrong |= report.status == WRONG
        self.discrepancy = largest(difference[self.known])

    @property
    def complete(self) -> bool:
        """Whether the numerical gradient is known everywhere."""
        return bool(self.known.all())

    def fits(self, guess: ArrayLike, target: Array | None = None) -> bool:
        """Tell whether a guess predicts backward's gradient (or another target) where n is known.

        The residual must be within 1e-6 of the scale and 2 % of the discrepancy.
        """
        array = np.asarray(guess, np.float64)
        if array.shape != self.shape:
            return False
        with np.errstate(all="ignore"):
            residual = np.abs(array - (self.a if target is None else target))[self.known]
            allowed = np.minimum(self.precision[self.known], 0.02 * self.discrepancy)
        return bool(residual.size and (residual <= allowed).all())

    @cached_property
    def terms(self) -> Array | None:
        """The contributions vⱼ ∂yⱼ/∂xᵢ, shape (m, n); they sum to n."""
        if self.jacobian is None or not np.isfinite(self.jacobian).all():
            return None
        return np.multiply(self.v.reshape(-1, 1), self.jacobian)

    @cached_property
    def elementwise(self) -> bool:
        """Whether every output depends on one input only, the one at its own place."""
        d = self.jacobian
        if d is None or not self.is_input or self.y.shape != self.shape or self.y.size < 2:
            return False
        off = np.abs(d - np.diag(np.diag(d))).max()
        return bool(off <= 1e-8 * np.abs(d).max())


def subsets(axes: int) -> Iterator[tuple[int, ...]]:
    """Yield every choice of one or more axes."""
    for count in range(1, axes + 1):
        yield from itertools.combinations(range(axes), count)


def listed(axes: tuple[int, ...]) -> str:
    """Name axes in a sentence."""
    return " and ".join(map(str, axes))
