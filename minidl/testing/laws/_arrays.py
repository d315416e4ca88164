"""What goes in and comes out: shapes, dtypes, memory layouts, precision."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minidl.layer import Layer
from minidl.testing import _runs as runs
from minidl.testing._rounding import close, rounding, rounding_of_a_call
from minidl.testing._state import generator_states

__all__ = ["agrees_in_both_precisions", "keeps_shape_and_dtype", "takes_any_memory_layout"]


def keeps_shape_and_dtype(layer: Layer, *inputs: Any) -> None:
    """Check that dx has the shape of x, and that float32 stays float32 and float64 float64.

    Raises
    ------
    AssertionError
        If an output, an input gradient or the output of a call has another dtype, or an input
        gradient another shape.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import Dense
    >>> keeps_shape_and_dtype(Dense(3, 2), np.ones((4, 3)))
    """
    for (twin, x), dtype in zip(runs.precisions(layer, inputs), runs.PRECISIONS, strict=True):
        y, cache = twin.forward(*x)
        inferred = twin(*x)
        _has_dtype(layer, "forward gives", y, dtype)
        _has_dtype(layer, "the layer called gives", inferred, dtype)
        if np.shape(inferred) != np.shape(y):
            runs.fail(
                layer,
                f"the layer called gives shape {np.shape(inferred)}, forward {np.shape(y)}",
            )
        places = runs.differentiated(layer, x)
        found = runs.gradients(layer, x, twin.backward(runs.cotangent(y), cache))
        for k, dx in zip(places, found, strict=True):
            if np.shape(dx) != x[k].shape:
                runs.fail(
                    layer,
                    f"the gradient of input {k} has shape {np.shape(dx)}, the input {x[k].shape}",
                )
            _has_dtype(layer, f"the gradient of input {k} is", dx, dtype)


def _has_dtype(layer: Layer, what: str, array: Any, dtype: Any) -> None:
    if isinstance(array, float) and not isinstance(array, np.generic):
        return  # a Python float takes on the dtype of whatever it meets
    if not isinstance(array, (np.ndarray, np.generic)):
        runs.fail(layer, f"{what} {type(array).__name__}, not an array")
    if array.dtype != dtype:
        runs.fail(layer, f"{what} {array.dtype} where everything else is {np.dtype(dtype)}")


def takes_any_memory_layout(layer: Layer, *inputs: Any) -> None:
    """Check that Fortran-ordered, strided, reversed and read-only arrays give the same result.

    Raises
    ------
    AssertionError
        If a layer raises or computes something else for inputs or a cotangent laid out so.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import Dense
    >>> takes_any_memory_layout(Dense(3, 2), np.ones((4, 3)))
    """
    for twin, x in runs.precisions(layer, inputs):
        dy = runs.cotangent(runs.fresh(twin).forward(*x)[0])
        expected, within = runs.run(twin, x, dy), rounding(twin, x, dy)
        for name, relaid in _LAYOUTS.items():
            with runs.explained(layer, f"for {name} inputs"):
                got = runs.run(twin, tuple(relaid(array) for array in x), dy)
            close(layer, got, expected, f"for {name} inputs", within)
            if np.ndim(dy):
                with runs.explained(layer, f"for a {name} cotangent"):
                    got = runs.run(twin, x, relaid(dy))
                close(layer, got, expected, f"for a {name} cotangent", within)
        if np.ndim(dy):
            ones = np.broadcast_to(dy.dtype.type(1), dy.shape)
            with runs.explained(layer, "for a broadcast cotangent"):
                got = runs.run(twin, x, ones)
            expected, within = runs.run(twin, x, ones.copy()), rounding(twin, x, ones.copy())
            close(layer, got, expected, "for a broadcast cotangent", within)


def _strided(array: NDArray[Any]) -> NDArray[Any]:
    twice = np.repeat(array, 2, axis=-1) if array.ndim else array
    return twice[..., ::2] if array.ndim else twice


def _reversed(array: NDArray[Any]) -> NDArray[Any]:
    return np.flip(np.flip(array).copy())


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    if not array.size:
        return array
    return np.frombuffer(array.tobytes(), array.dtype).reshape(array.shape)


_LAYOUTS: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "Fortran-ordered": lambda array: np.array(array, order="F"),
    "strided": _strided,
    "reversed": _reversed,
    "read-only": _read_only,
}


def agrees_in_both_precisions(layer: Layer, *inputs: Any) -> None:
    """Check that float32 gives what float64 gives, within what float32 can hold.

    A layer with a generator of its own may draw other numbers in the other dtype; of such a
    layer only the inference is compared.

    Raises
    ------
    AssertionError
        If output or gradients differ by more than the rounding of inputs and parameters explains.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import SoftmaxCrossEntropy
    >>> agrees_in_both_precisions(SoftmaxCrossEntropy(), np.array([[1e4, 0.0]]), np.array([1]))
    """
    single, x = next(runs.precisions(layer, inputs))
    double, exact = single.astype(np.float64), runs.cast(x, np.float64)
    eps = float(np.finfo(np.float32).eps)
    close(
        layer,
        {runs.CALL: single(*x)},
        {runs.CALL: np.asarray(double(*exact))},
        "in float32 from float64",
        rounding_of_a_call(double, exact, eps=eps),
    )
    if generator_states(layer):
        return
    dy = runs.cotangent(runs.fresh(single).forward(*x)[0])
    wide = dy if np.ndim(dy) == 0 else dy.astype(np.float64)
    close(
        layer,
        runs.run(single, x, dy),
        runs.run(double, exact, wide),
        "in float32 from float64",
        rounding(double, exact, wide, eps=eps),
    )
