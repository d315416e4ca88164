"""The door for data: what a user passes becomes a finite array of real numbers, or an error."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from minidl.arrays import Array
from minidl.checks.arguments import real, refuse


def as_array(name: str, data: Any, samples: int | None = None) -> Array:
    """Return an array of samples, of which there must be as many as of x; no number is read."""
    if hasattr(data, "toarray"):
        raise TypeError(f"{name} is a sparse {type(data).__name__}: pass {name}.toarray()")
    if isinstance(data, np.ma.MaskedArray) and np.ma.is_masked(data):
        raise ValueError(f"{name} has masked values: fill or drop them first")
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise ValueError(f"{name} is not a regular array: {error}") from None
    if array.ndim == 0:
        raise ValueError(f"{name} must be an array of samples, got {data!r}")
    if array.size == 0:
        raise ValueError(f"{name} is empty: its shape is {array.shape}")
    if array.dtype.kind == "c":
        raise TypeError(f"{name} is complex ({array.dtype}): real numbers are needed")
    if samples is not None and len(array) != samples:
        raise ValueError(f"{name} has {len(array)} samples, but x has {samples}")
    return array


def _require_finite(name: str, array: Array, original: Array) -> None:
    finite = np.isfinite(array)
    if not finite.all():
        need = f"all values must be finite in {array.dtype}"
        refuse(~finite, original, f"{name}{{index}} is {{value}}: {need}")


def _as_real(name: str, data: Any, dtype: DTypeLike | None) -> Array:
    """Return finite real numbers in a dtype (None: float32 for narrow floats, else float64).

    Native byte order and C order, so that the same numbers always give the same bits.
    """
    array = real(name, as_array(name, data))
    if dtype is None:
        dtype = np.float32 if array.dtype.kind == "f" and array.dtype.itemsize <= 4 else np.float64
    with np.errstate(over="ignore"):
        cast = np.ascontiguousarray(array, dtype)
    _require_finite(name, cast, array)
    return cast


def _as_integers(name: str, data: Any) -> Array:
    array = as_array(name, data)
    if array.dtype.kind in "iu":
        return np.ascontiguousarray(array, array.dtype.newbyteorder("="))
    array = _as_real(name, array, None)
    need = "the first layer of this network takes integers"
    refuse(array != np.trunc(array), array, f"{name}{{index}} is {{value}}: {need}")
    refuse(np.abs(array) >= 2**53, array, f"{name}{{index}} is {{value}}, too large for an index")
    return array.astype(np.intp)


def as_inputs(name: str, x: Any, dtype: DTypeLike | None) -> Array:
    """Return the inputs of a network in the dtype that `minidl.layer.input_dtype` tells.

    Integers stay as they are where integers are wanted; whole floating numbers become integers.

    Raises
    ------
    TypeError
        For what is not real numbers: complex, object, strings, dates, sparse matrices.
    ValueError
        For what is empty, 0-dimensional, ragged, masked, or not finite, with its place; for
        fractions where integers are wanted.
    """
    if dtype is not None and np.dtype(dtype).kind == "i":
        return _as_integers(name, x)
    return _as_real(name, x, dtype)


def as_targets(name: str, y: Any, samples: int, loss: Any, prediction: Array) -> Array:
    """Return targets in the form that a loss takes; `prediction` tells shape and dtype."""
    array = as_array(name, y, samples)
    if array.dtype.kind == "f":
        _require_finite(name, array, array)
        array = array.astype(np.float32) if array.dtype == np.float16 else array
    if not hasattr(loss, "prepare_target"):  # a loss of the user's own
        return array
    try:
        prepared: Array = loss.prepare_target(array, prediction)
        return prepared
    except (ValueError, TypeError) as error:  # it speaks of y
        raise type(error)(re.sub("^y\\b", name, str(error))) from None


def require_some(name: str, y: Array, loss: Any) -> None:
    """Raise if all labels of a data set are those that the loss is to ignore."""
    ignored = getattr(loss, "ignore_index", None)
    if ignored is not None and (y == ignored).all():  # the loss would be 0, as with weights of 0
        raise ValueError(f"{name}: all labels are {ignored}, the ignore_index: none is left")


def tried_by_row(name: str, rows: Array, part: Array, trial: Callable[[Array], Any]) -> Any:
    """Call `trial(part)`; if it raises, find the first bad row and name it in the error.

    Parameters
    ----------
    name : str
        What the data set is called.
    rows : ndarray
        Where the rows of the part stand in the data set.
    """
    try:
        return trial(part)
    except Exception:
        for index, row in enumerate(rows):
            try:
                trial(part[index : index + 1])
            except (ValueError, TypeError) as error:
                raise type(error)(f"{name}[{row}:{row + 1}]: {error}") from None
        raise


def as_weights(name: str, weight: Any, samples: int, dtype: DTypeLike | None) -> Array:
    """Return sample weights: finite, not negative, not all zero, one for each sample."""
    array = _as_real(name, weight, np.float64)
    if len(array) != samples:
        raise ValueError(f"{name} has {len(array)} weights, but x has {samples} samples")
    refuse(array < 0, array, f"{name}{{index}} is negative: {{value}}")
    if not array.any():
        raise ValueError(f"{name} is zero for all samples")
    if not 1e-10 < array.max() < 1e10:  # only ratios count, and these survive any dtype
        array = array / array.max()
    return array if dtype is None else array.astype(dtype)
