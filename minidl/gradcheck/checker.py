"""The whole check: contract, numbers, precision, variants, and the diagnosis of what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from minidl.gradcheck.coordinates import check_coordinates
from minidl.gradcheck.directions import check_directions
from minidl.gradcheck.point import DOUBLE, Point
from minidl.gradcheck.report import Finding, Report
from minidl.gradcheck.subject import Subject, as_inputs

__all__ = ["check_gradients"]

Array = NDArray[Any]
SMALL = 300


def check_gradients(
    layer: Any, *inputs: Any, seed: int = 0, variants: bool = True, dtype: DTypeLike | None = None
) -> Report:
    with _global_state_kept():
        arrays = as_inputs(layer, inputs, dtype)
        own = Subject(layer, arrays, dtype)
        rng = np.random.default_rng(seed)
        exact = Subject(layer, arrays, np.float64)
        y = exact.output(exact.values)
        cotangent = rng.normal(size=y.size) if y.size > 1 else np.array([-1.7])
        point = Point(exact, exact.values, cotangent, rng)
        tensors = []
        findings = []
        for k, value in enumerate(point.values):
            check = check_coordinates if value.size <= SMALL else check_directions
            tensor, jacobian = check(point, k)
            tensors.append(tensor)
            if tensor.wrong:
                findings.append(Finding("gradient", tensor.name, "unclassified", "wrong"))
        return Report(type(layer).__name__, tuple(findings), tuple(tensors), seed, exact.forwards)


@contextmanager
def _global_state_kept() -> Iterator[None]:
    state = np.random.get_state()  # noqa: NPY002 - layers under test may use it
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
