"""Watching every layer of a network at work: for one step, and only when there is a reason."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.checks.arguments import output_and_cache
from minidl.layer import Layer
from minidl.parameters import Parameter, unique
from minidl.training.divergence import _finite

_METHODS = {"forward", "backward", "backward_parameters"}


@dataclass(slots=True)
class _Watched:
    """A layer's cache, with shape and dtype of each input it belongs to; None: not floating.

    The inputs themselves are not kept: that would take more memory than the step does.
    """

    cache: Any
    inputs: tuple[tuple[tuple[int, ...], np.dtype[Any]] | None, ...]


def _floating(array: Any) -> bool:
    return isinstance(array, np.ndarray) and array.dtype.kind == "f"


@contextmanager
def audited(network: Layer) -> Iterator[None]:
    """Check every layer of a network while it computes one step.

    Checked are what forward returns (a pair), the number, shape, dtype and finiteness of the
    gradients that backward returns, and the finiteness of the gradients it adds.

    Raises
    ------
    ValueError, TypeError
        From the layer's forward or backward, so that containers add its place.
    """
    layers = list(unique(network, Layer).values())
    own = [{name: vars(layer)[name] for name in _METHODS & vars(layer).keys()} for layer in layers]
    for layer in layers:
        _watch(layer)
    try:
        yield
    finally:
        for layer, methods in zip(layers, own, strict=True):
            for name in _METHODS:
                vars(layer).pop(name, None)
            vars(layer).update(methods)


def _watch(layer: Layer) -> None:
    """Shadow the methods of one instance by checking ones."""
    forward, backward, lean = layer.forward, layer.backward, layer.backward_parameters

    def checked_forward(*inputs: Any, **constants: Any) -> tuple[Any, Any]:
        output, cache = output_and_cache(layer, forward(*inputs, **constants))
        _check_dtype(layer, output, inputs)
        kinds = tuple((x.shape, x.dtype) if _floating(x) else None for x in inputs)
        return output, _Watched(cache, kinds)

    def checked_backward(dy: Any, cache: Any, /) -> Any:
        if not isinstance(cache, _Watched):
            return backward(dy, cache)
        gradients = backward(dy, cache.cache)
        _check_gradients(layer, gradients, cache.inputs)
        _check_parameters(layer)
        return gradients

    def checked_lean(dy: Any, cache: Any, /) -> None:
        lean(dy, cache.cache if isinstance(cache, _Watched) else cache)
        _check_parameters(layer)

    vars(layer).update(
        forward=checked_forward, backward=checked_backward, backward_parameters=checked_lean
    )


def _check_dtype(layer: Layer, output: Any, inputs: tuple[Any, ...]) -> None:
    dtypes = {array.dtype for array in inputs if _floating(array)}
    dtypes |= {parameter.value.dtype for parameter in unique(layer, Parameter).values()}
    if len(dtypes) == 1 and _floating(output) and output.dtype not in dtypes:
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
        if not _finite(gradient):
            raise ValueError(f"{what} a gradient that is not finite")


def _check_parameters(layer: Layer) -> None:
    for name, item in unique(layer, Parameter).items():
        if not _finite(item.grad):
            raise ValueError(f"{layer}: backward made the gradient of {name} not finite")
