"""Running a layer on copies of everything."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from typing import Any, NoReturn, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from minidl.layer import Layer
from minidl.parameters import Parameter, unique

Inputs: TypeAlias = tuple[Any, ...]
Results: TypeAlias = dict[str, NDArray[Any]]

PRECISIONS = (np.float32, np.float64)
CALL = "the output of a call"
OUTPUT = "the output"
SCALAR_COTANGENTS = (-1.7, 0.6, 2.3)


def title(layer: Layer) -> str:
    """Name a layer in one line."""
    text = repr(layer)
    return type(layer).__name__ if "\n" in text else text


def fail(layer: Layer, sentence: str) -> NoReturn:
    """Raise the AssertionError that says what a layer does wrong."""
    raise AssertionError(f"{title(layer)}: {sentence}")


@contextlib.contextmanager
def explained(layer: Layer, circumstance: str) -> Iterator[None]:
    """Turn an error that a layer raises into an AssertionError that says when it did."""
    try:
        yield
    except AssertionError:
        raise
    except Exception as error:
        kind = type(error).__name__
        raise AssertionError(f"{title(layer)}: {kind} {circumstance}: {error}") from error


def cast(inputs: Inputs, dtype: DTypeLike) -> Inputs:
    """Copy inputs, with the floating ones in a dtype."""
    arrays = [np.asarray(x) for x in inputs]
    return tuple(x.astype(dtype if x.dtype.kind == "f" else x.dtype, order="C") for x in arrays)


def fresh(layer: Layer) -> Layer:
    """Copy a layer, generators in the same state, with all gradients at zero."""
    twin = copy.deepcopy(layer)
    clear(twin)
    return twin


def clear(layer: Layer) -> None:
    """Set all gradients to zero."""
    for parameter in unique(layer, Parameter).values():
        parameter.grad.fill(0)


def precisions(layer: Layer, inputs: Inputs) -> Iterator[tuple[Layer, Inputs]]:
    """Yield copies of a layer and its inputs in float32 and in float64."""
    for dtype in PRECISIONS:
        yield fresh(layer.astype(dtype)), cast(inputs, dtype)


def differentiated(layer: Layer, inputs: Inputs) -> list[int]:
    """Return the places of the inputs that carry a gradient."""
    count = len(inputs) if layer.differentiable is None else layer.differentiable
    return [k for k, x in enumerate(inputs[:count]) if np.asarray(x).dtype.kind == "f"]


def gradients(layer: Layer, inputs: Inputs, returned: Any) -> list[NDArray[Any]]:
    """Return what backward returned as a list, one gradient for each differentiated input."""
    parts = returned if isinstance(returned, tuple) else (returned,)
    found = [part for part in parts if part is not None]
    wanted = differentiated(layer, inputs)
    if len(found) != len(wanted):
        fail(
            layer,
            f"backward returned {len(found)} gradients, but {len(wanted)} of its inputs "
            "carry one (one is returned bare, several as a tuple)",
        )
    return found


def cotangent(y: Any, seed: int = 0) -> Any:
    """Return random numbers of the shape and dtype of an output; a plain float for a number."""
    if np.ndim(y) == 0:
        return SCALAR_COTANGENTS[seed]
    return np.random.default_rng(seed).normal(size=y.shape).astype(y.dtype)


def gradient_of(place: int) -> str:
    """Name the gradient of an input."""
    return f"the gradient of input {place}"


def parameter_gradients(layer: Layer) -> Results:
    """Return a copy of the gradient of every parameter."""
    found = unique(layer, Parameter)
    return {f"the gradient of {path}": item.grad.copy() for path, item in found.items()}


def backward(layer: Layer, inputs: Inputs, dy: Any, cache: Any) -> Results:
    """Call backward; return the gradients of the inputs."""
    found = gradients(layer, inputs, layer.backward(dy, cache))
    places = differentiated(layer, inputs)
    return {gradient_of(k): np.asarray(dx) for k, dx in zip(places, found, strict=True)}


def run(layer: Layer, inputs: Inputs, dy: Any = None) -> Results:
    """Call forward and backward on a copy of the layer; return the output and all gradients."""
    twin = fresh(layer)
    y, cache = twin.forward(*inputs)
    dxs = backward(twin, inputs, cotangent(y) if dy is None else dy, cache)
    return {OUTPUT: np.asarray(y), **dxs, **parameter_gradients(twin)}


def same_bits(one: Any, other: Any) -> bool:
    """Tell whether two arrays agree in shape, dtype and every bit, NaN included."""
    one, other = np.asarray(one), np.asarray(other)
    same_kind = one.shape == other.shape and one.dtype == other.dtype
    return bool(same_kind and one.tobytes() == other.tobytes())


def same_results(layer: Layer, got: Results, expected: Results, circumstance: str) -> None:
    """Raise unless two runs agree in every bit."""
    for name, array in expected.items():
        if not same_bits(got[name], array):
            fail(layer, f"{name} is not the same, bit by bit, {circumstance}")


def batch_size(inputs: Inputs) -> int | None:
    """Return the length of the first axis of the first input, None if it has no axis."""
    return len(inputs[0]) if inputs and np.ndim(inputs[0]) else None


def take(inputs: Inputs, index: Any) -> Inputs:
    """Index the batch axis of every input that has it."""
    size = batch_size(inputs)
    return tuple(x[index].copy() if np.ndim(x) and len(x) == size else x for x in inputs)


def elsewhere(layer: Layer, inputs: Inputs) -> Inputs:
    """Return other inputs of the same shapes, within any domain that a layer may have."""
    reverse = take(inputs, slice(None, None, -1))
    places = differentiated(layer, inputs)
    return tuple(
        (0.75 * x).astype(x.dtype) if k in places else x.copy() for k, x in enumerate(reverse)
    )
