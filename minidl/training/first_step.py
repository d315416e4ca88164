"""Watching every layer of a network at work: for one step, and only when there is a reason."""

import copy
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.checks.arguments import output_and_cache
from minidl.layer import Layer
from minidl.parameters import Parameter, unique

_METHODS = {"forward", "backward", "backward_parameters"}


def audit(network: Layer) -> AbstractContextManager[None]:
    """Return a context in which every layer of a network is checked while it computes one step.

    Checked are what forward returns (a pair), the number, shape, dtype and finiteness of the
    gradients that backward returns, and the finiteness of the gradients it adds.

    Raises
    ------
    ValueError, TypeError
        From the layer's forward or backward, so that containers add its place.
    """
    return _shadows(network, lambda path, layer: _checks(layer))


def first_not_finite(network: Layer, x: Any) -> str:
    """Name the first layer whose output is not finite, by running a copy of the network.

    Returns
    -------
    str
        A clause such as ``layers.2 Dense(64 → 10) turns finite input into inf``, or empty if
        every output is finite.
    """
    found: list[str] = []

    def watch(path: str, layer: Layer) -> dict[str, Callable[..., Any]]:
        forward = layer.forward

        def watched(*inputs: Any, **constants: Any) -> tuple[Any, Any]:
            output, cache = forward(*inputs, **constants)
            if not found and not _is_finite(output):
                fault = f"turns finite input into {output[~np.isfinite(output)][0]}"
                for name, item in vars(layer).items():
                    if isinstance(item, Parameter) and not _is_finite(item.value):
                        fault = f"has a {name} that is not finite"
                        break
                found.append(f"{path} {layer!r}".strip().partition("\n")[0] + f" {fault}")
            return output, cache

        return {"forward": watched}

    twin = copy.deepcopy(network)
    with _shadows(twin, watch), np.errstate(all="ignore"):
        twin.forward(x)
    return "".join(found)


@contextmanager
def _shadows(
    network: Layer, shadow: Callable[[str, Layer], dict[str, Callable[..., Any]]]
) -> Iterator[None]:
    """Give every layer other methods for a while: those of ``shadow(path, layer)``."""
    saved = []
    for path, layer in unique(network, Layer).items():
        own = vars(layer)
        saved.append((own, {name: own[name] for name in _METHODS & own.keys()}))
        own.update(shadow(path, layer))
    try:
        yield
    finally:
        for own, methods in saved:
            for name in _METHODS:
                own.pop(name, None)
            own.update(methods)


@dataclass(slots=True)
class _Watched:
    """A layer's cache, with shape and dtype of each input it belongs to; None: not floating.

    The inputs themselves are not kept: that would take more memory than the step does.
    """

    cache: Any
    inputs: tuple[tuple[tuple[int, ...], np.dtype[Any]] | None, ...]


def _checks(layer: Layer) -> dict[str, Callable[..., Any]]:
    """Return the methods of a layer, each with a check of its result."""
    forward, backward = layer.forward, layer.backward
    backward_parameters = layer.backward_parameters

    def checked_forward(*inputs: Any, **constants: Any) -> tuple[Any, Any]:
        output, cache = output_and_cache(layer, forward(*inputs, **constants))
        _check_dtype(layer, output, inputs)
        kinds = tuple((x.shape, x.dtype) if _is_floating(x) else None for x in inputs)
        return output, _Watched(cache, kinds)

    def checked_backward(dy: Any, cache: Any, /) -> Any:
        if not isinstance(cache, _Watched):
            return backward(dy, cache)
        gradients = backward(dy, cache.cache)
        _check_gradients(layer, gradients, cache.inputs)
        _check_parameters(layer)
        return gradients

    def checked_backward_parameters(dy: Any, cache: Any, /) -> None:
        backward_parameters(dy, cache.cache if isinstance(cache, _Watched) else cache)
        _check_parameters(layer)

    return {
        "forward": checked_forward,
        "backward": checked_backward,
        "backward_parameters": checked_backward_parameters,
    }


def _check_dtype(layer: Layer, output: Any, inputs: tuple[Any, ...]) -> None:
    dtypes = {array.dtype for array in inputs if _is_floating(array)}
    dtypes |= {parameter.value.dtype for parameter in unique(layer, Parameter).values()}
    if len(dtypes) == 1 and _is_floating(output) and output.dtype not in dtypes:
        raise TypeError(
            f"{layer}: forward returned {output.dtype} for inputs and parameters of {dtypes.pop()}"
        )


def _check_gradients(layer: Layer, gradients: Any, inputs: tuple[Any, ...]) -> None:
    count = len(inputs) if layer.differentiable is None else layer.differentiable
    owed = inputs[:count]
    returned = gradients if isinstance(gradients, tuple) else (gradients,)
    if len(returned) != len(owed):
        raise ValueError(
            f"{layer}: backward returned {len(returned)} gradients for {len(owed)} inputs"
        )
    for number, (gradient, kind) in enumerate(zip(returned, owed, strict=True)):
        if kind is None:
            continue
        shape, dtype = kind
        what = f"{layer}: backward returned for input {number}"
        if not isinstance(gradient, (np.ndarray, np.generic)):
            got = "None" if gradient is None else f"a {type(gradient).__name__}"
            raise ValueError(f"{what} {got}, expected an array of shape {shape}")
        if gradient.shape != shape:
            raise ValueError(f"{what} a gradient of shape {gradient.shape}, expected shape {shape}")
        if gradient.dtype != dtype:
            raise TypeError(f"{what} a gradient of {gradient.dtype}, expected {dtype}")
        if not _is_finite(gradient):
            raise ValueError(f"{what} a gradient that is not finite")


def _check_parameters(layer: Layer) -> None:
    for name, item in unique(layer, Parameter).items():
        if not _is_finite(item.grad):
            raise ValueError(f"{layer}: backward made the gradient of {name} not finite")


def _is_floating(array: Any) -> bool:
    return isinstance(array, np.ndarray) and array.dtype.kind == "f"


def _is_finite(array: Any) -> bool:
    return not isinstance(array, np.ndarray) or bool(np.isfinite(array).all())
