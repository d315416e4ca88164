"""Comparing what two runs of a layer gave, to rounding."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minidl.layer import Layer
from minidl.parameters import Buffer, Parameter, unique
from minidl.testing._runs import CALL, Inputs, Results, differentiated, fail, fresh, run


@dataclass(frozen=True)
class Rounding:
    """What rounding may do to a run of a layer.

    ``size`` is the largest number that goes in, ``eps`` the machine epsilon, and ``changes`` yields
    by how much the results move when inputs and parameters do in their last digits.
    """

    size: float
    eps: float
    changes: Callable[[], Iterator[Results]]


def close(
    layer: Layer,
    got: Mapping[str, Any],
    expected: Mapping[str, Any],
    circumstance: str,
    rounding: Rounding,
) -> None:
    """Raise unless two runs agree to rounding.

    What rounding can do is first taken from the largest number in the array. Where that is not
    enough, the run is repeated at inputs and parameters that differ in their last digits: a layer
    that is discontinuous here, or ill-conditioned, is not called wrong.
    """
    for name, exact in expected.items():
        array = np.asarray(got[name])
        if array.shape != exact.shape:
            fail(layer, f"{name} has shape {array.shape}, not {exact.shape}, {circumstance}")
        finite = np.isfinite(exact)
        if not np.isfinite(array[finite]).all():
            fail(layer, f"{name} is not finite {circumstance}")
        if not finite.any():
            continue
        difference = np.where(finite, array, 0.0) - np.where(finite, exact, 0.0)
        worst = float(abs(difference).max())
        allowed = (
            max(1e-9, 2e3 * rounding.eps) * float(abs(exact[finite]).max())
            + 64 * rounding.eps * rounding.size
        )
        if worst <= allowed:
            continue
        largest = 0.0
        for change in rounding.changes():
            largest = max(largest, float(change[name].max()))
            if worst <= allowed + 30 * largest:
                break
        else:
            index = np.unravel_index(int(abs(difference).argmax()), exact.shape)
            place = f" at {[int(i) for i in index]}" if index else ""
            fail(
                layer,
                f"{name} differs {circumstance}: {array[index]:.9g} instead of "
                f"{exact[index]:.9g}{place}",
            )


def rounding(
    layer: Layer, inputs: Inputs, dy: Any = None, *, eps: float = 0.0, times: float = 1.0
) -> Rounding:
    """Return what rounding may do to a run of a layer, times a number."""
    return _rounding(lambda twin, x: run(twin, x, dy), layer, inputs, eps, times)


def rounding_of_a_call(layer: Layer, inputs: Inputs, *, eps: float = 0.0) -> Rounding:
    """Return what rounding may do to the output of a call."""
    return _rounding(lambda twin, x: {CALL: np.asarray(twin(*x))}, layer, inputs, eps, 1.0)


def _rounding(
    repeat: Callable[[Layer, Inputs], Results],
    layer: Layer,
    inputs: Inputs,
    eps: float,
    times: float,
) -> Rounding:
    eps = eps or _eps(layer, inputs)

    def changes() -> Iterator[Results]:
        with np.errstate(all="ignore"):
            here = repeat(layer, inputs)
            for twin, x in _moved(layer, inputs, eps):
                there = repeat(twin, x)
                yield {
                    name: times * np.nan_to_num(abs(there[name] - array), nan=0.0)
                    for name, array in here.items()
                }

    return Rounding(times * _size(layer, inputs), eps, changes)


def _moved(
    layer: Layer, inputs: Inputs, eps: float, draws: int = 64
) -> Iterator[tuple[Layer, Inputs]]:
    """Yield copies of layer and inputs whose numbers differ by two roundings."""
    rng = np.random.default_rng(0)

    def nudged(array: NDArray[Any]) -> NDArray[Any]:
        step = 2 * eps * rng.choice([-1.0, 1.0], array.shape)
        return np.asarray(array * (1 + step)).astype(array.dtype)

    places = differentiated(layer, inputs)
    for _ in range(draws):
        twin = fresh(layer)
        for parameter in unique(twin, Parameter).values():
            parameter.value = nudged(parameter.value)
        yield twin, tuple(nudged(x) if k in places else x for k, x in enumerate(inputs))


def _size(layer: Layer, inputs: Inputs) -> float:
    """Return the largest number that goes into a layer, at least 1."""
    arrays = [np.asarray(x) for x in inputs]
    arrays += [item.value for item in unique(layer, (Parameter, Buffer)).values()]
    floating = [x for x in arrays if x.dtype.kind == "f" and x.size]
    return max(
        [1.0, *(float(np.max(np.abs(x), initial=0, where=np.isfinite(x))) for x in floating)]
    )


def _eps(layer: Layer, inputs: Inputs) -> float:
    """Return the machine epsilon of a computation."""
    arrays = [*inputs, *(item.value for item in unique(layer, Parameter).values())]
    kinds = [x.dtype for x in arrays if x.dtype.kind == "f"]
    return max([float(np.finfo(kind).eps) for kind in kinds], default=float(np.finfo("f8").eps))
