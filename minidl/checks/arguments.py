"""Checks of hyper-parameters: each takes a name and a value, and returns the value or raises."""

import math
import operator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, SupportsFloat, cast

import numpy as np

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray


_SMALLEST, _LARGEST = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)


def instance(name: str, value: Any) -> Any:
    """Return value, unless it is a class where one of its objects is meant."""
    if isinstance(value, type):
        raise TypeError(f"{name} is a class: make an instance, {value.__name__}(…)")
    return value


def integer(name: str, value: Any, *, least: int | None = None) -> int:
    """Return value as an int that is at least `least`; booleans are not integers."""
    try:
        if isinstance(value, (bool, np.bool)):
            raise TypeError
        result = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {value!r}") from None
    if least is not None and result < least:
        raise ValueError(f"{name} must be at least {least}, got {value!r}")
    return result


def number(
    name: str,
    value: Any,
    *,
    above: float | None = None,
    least: float | None = None,
    below: float | None = None,
) -> float:
    """Return value as a finite Python float within bounds; booleans and strings are not numbers.

    A Python float, unlike a NumPy scalar, never changes the dtype of the array it multiplies. It
    takes on that dtype, so it must be finite in float32, and not vanish there where 0 is refused.
    """
    wrong = (bool, np.bool, str, bytes, complex, np.complexfloating)
    if isinstance(value, wrong) or not hasattr(value, "__float__"):
        raise TypeError(f"{name} must be a number, got {value!r}")
    try:
        result = float(cast(SupportsFloat, value))
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, got {value!r}") from None
    except OverflowError:
        result = math.inf
    beyond = ", which float32 cannot hold" if math.isfinite(result) else ""
    if not abs(result) <= _LARGEST:
        raise ValueError(f"{name} must be finite, got {value!r}{beyond}")
    if above is not None and not result > above:
        raise ValueError(f"{name} must be greater than {above:g}, got {value!r}")
    if above == 0 and result < _SMALLEST:
        raise ValueError(f"{name} must be greater than 0, got {value!r}{beyond}")
    if least is not None and not result >= least:
        raise ValueError(f"{name} must be at least {least:g}, got {value!r}")
    if below is not None and not result < below:
        raise ValueError(f"{name} must be less than {below:g}, got {value!r}")
    return result


class Bounded:
    """An attribute that is a finite number within bounds, whenever it is assigned.

    Parameters
    ----------
    **bounds
        Those of `number`.

    Examples
    --------
    >>> class Rule:
    ...     momentum = Bounded(least=0, below=1)
    >>> rule = Rule()
    >>> rule.momentum = 1.5
    Traceback (most recent call last):
        ...
    ValueError: momentum must be less than 1, got 1.5
    """

    def __init__(self, **bounds: float) -> None:
        self._bounds = bounds

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    if TYPE_CHECKING:  # without it Python reads the instance's own attribute, in no call at all

        def __get__(self, instance: Any, owner: type | None = None) -> float: ...

    def __set__(self, instance: Any, value: Any) -> None:
        vars(instance)[self._name] = number(self._name, value, **self._bounds)


def real(name: str, array: "NDArray[Any]") -> "NDArray[Any]":
    """Return an array of real numbers, booleans included."""
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must be real numbers, got dtype {array.dtype}")
    return array


def refuse(bad: Any, array: "NDArray[Any]", message: str) -> None:
    """Raise a ValueError if anything is bad; fill in the {value} and index of the first that is.

    The index is 3 or (3, 1) for {at}, and [3] or [3, 1] for {index}.
    """
    if np.count_nonzero(bad):
        index = tuple(np.argwhere(bad)[0].tolist())
        at = index[0] if len(index) == 1 else index
        message = message.replace("{index}", str(list(index))).replace("{at}", str(at))
        raise ValueError(message.replace("{value}", str(array[index])))


def boolean(name: str, value: Any) -> bool:
    """Return value as a bool; nothing else is taken for one."""
    if not isinstance(value, (bool, np.bool)):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def floating_dtype(name: str, dtype: Any) -> np.dtype[Any]:
    """Return float32 or float64, which networks compute in; None is taken for neither."""
    resolved: np.dtype[Any] | None = None
    with suppress(TypeError):
        resolved = None if dtype is None else np.dtype(dtype)
    if resolved is not None and resolved.char in "fd":
        return resolved
    got = repr(dtype) if resolved is None else resolved.name
    why = ": half precision loses sums and means, take float32" if got == "float16" else ""
    raise TypeError(f"{name} must be float32 or float64, got {got}{why}")


def output_and_cache(layer: Any, result: Any) -> tuple[Any, Any]:
    """Return (output, cache) from a layer's forward; raise if it is no pair."""
    if not (isinstance(result, tuple) and len(result) == 2):
        raise TypeError(
            f"{layer}: forward must return (output, cache), got {type(result).__name__}"
        )
    return result


def as_generator(rng: Any) -> "Generator":
    """Return a generator: the given one, one seeded with an integer, or a fresh one for None."""
    if isinstance(rng, np.random.Generator):
        return rng
    if rng is not None and not isinstance(rng, (int, np.integer)):
        raise TypeError(f"rng must be a numpy.random.Generator, a seed or None, got {rng!r}")
    return np.random.default_rng(None if rng is None else integer("rng", rng, least=0))


def seed_entropy(seed: Any) -> int:
    """Return a seed as an int, drawing fresh entropy for None."""
    if seed is None:
        return cast(int, np.random.SeedSequence().entropy)
    return integer("seed", seed, least=0)
