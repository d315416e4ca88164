"""Initial weights: functions ``(rng, shape, dtype) -> array``.

A layer with n inputs of variance 1 and weights of variance s² has outputs of variance n s². Too
small or too large an s therefore shrinks or blows up the signal by a constant factor a layer;
these functions choose s so that it stays.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from minidl.arrays import Array
from minidl.checks.arguments import floating_dtype
from minidl.parameters import Parameter

if TYPE_CHECKING:
    from numpy.random import Generator

__all__ = [
    "RNG",
    "Initializer",
    "draw",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "zeros",
]

RNG: TypeAlias = "Generator | int | None"
Initializer: TypeAlias = "Callable[[Generator, tuple[int, ...], Any], Array]"


def _fans(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return (fan_in, fan_out): the inputs of a unit, and the units that an input goes to."""
    if 0 in shape:
        raise ValueError(f"there is nothing to initialize in shape {shape}")
    if len(shape) == 2:
        return shape[0], shape[1]
    if len(shape) > 2:  # a convolution's: (out_channels, in_channels, *kernel)
        places = math.prod(shape[2:])
        return shape[1] * places, shape[0] * places
    raise ValueError(
        "a weight of shape (fan_in, fan_out) or (out_channels, in_channels, *kernel_size) is "
        f"needed, got shape {shape}"
    )


def _uniform(rng: "Generator", shape: tuple[int, ...], dtype: DTypeLike, variance: float) -> Array:
    limit = math.sqrt(3.0 * variance)
    return rng.uniform(-limit, limit, shape).astype(floating_dtype("dtype", dtype))


def _normal(rng: "Generator", shape: tuple[int, ...], dtype: DTypeLike, variance: float) -> Array:
    return rng.normal(0.0, math.sqrt(variance), shape).astype(floating_dtype("dtype", dtype))


def glorot_uniform(rng: "Generator", shape: tuple[int, ...], dtype: DTypeLike) -> Array:
    """Draw from U(−a, a) with a = √(6 / (fan_in + fan_out)): variance 2 / (fan_in + fan_out).

    For layers followed by tanh or softmax.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where the numbers come from.
    shape : (fan_in, fan_out) or (out_channels, in_channels, *kernel_size)
        The shape of the weight. A convolution's fans are its channels times the places in the
        kernel.
    dtype : float32 or float64
        The dtype of the result; the numbers are drawn in float64.

    References
    ----------
    X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010, equation 16.

    Examples
    --------
    >>> import numpy as np
    >>> weight = glorot_uniform(np.random.default_rng(0), (100, 200), np.float32)
    >>> bool(abs(weight).max() <= np.sqrt(6 / 300)), round(float(weight.var() * 150), 1)
    (True, 1.0)
    """
    fan_in, fan_out = _fans(shape)
    return _uniform(rng, shape, dtype, 2.0 / (fan_in + fan_out))


def glorot_normal(rng: "Generator", shape: tuple[int, ...], dtype: DTypeLike) -> Array:
    """Draw from N(0, 2 / (fan_in + fan_out)); see `glorot_uniform`."""
    fan_in, fan_out = _fans(shape)
    return _normal(rng, shape, dtype, 2.0 / (fan_in + fan_out))


def he_uniform(rng: "Generator", shape: tuple[int, ...], dtype: DTypeLike) -> Array:
    """Draw from U(−a, a) with a = √(6 / fan_in): variance 2 / fan_in.

    For layers followed by ReLU, which silences half of its inputs.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where the numbers come from.
    shape : (fan_in, fan_out) or (out_channels, in_channels, *kernel_size)
        The shape of the weight. A convolution's fans are its channels times the places in the
        kernel.
    dtype : float32 or float64
        The dtype of the result; the numbers are drawn in float64.

    References
    ----------
    K. He et al., "Delving deep into rectifiers", ICCV 2015, equation 10.

    Examples
    --------
    >>> import numpy as np
    >>> weight = he_uniform(np.random.default_rng(0), (100, 200), np.float32)
    >>> round(float(weight.var() * 50), 1)
    1.0
    """
    return _uniform(rng, shape, dtype, 2.0 / _fans(shape)[0])


def he_normal(rng: "Generator", shape: tuple[int, ...], dtype: DTypeLike) -> Array:
    """Draw from N(0, 2 / fan_in); see `he_uniform`."""
    return _normal(rng, shape, dtype, 2.0 / _fans(shape)[0])


def zeros(rng: "Generator", shape: tuple[int, ...], dtype: DTypeLike) -> Array:
    """Return zeros, and draw nothing: for biases."""
    return np.zeros(shape, floating_dtype("dtype", dtype))


def draw(
    layer: Any,
    name: str,
    initializer: Initializer,
    rng: "Generator",
    shape: tuple[int, ...],
    dtype: DTypeLike,
) -> Parameter:
    """Return a layer's parameter of a shape with the values that an initializer gives.

    Raises
    ------
    TypeError
        If the initializer is no function, or the dtype neither float32 nor float64.
    ValueError
        If the values have another shape, or are not finite.
    """
    dtype, what = floating_dtype("dtype", dtype), f"{layer}: {name}_initializer"
    if not callable(initializer):
        raise TypeError(
            f"{what} must be a function (rng, shape, dtype), such as he_normal, got {initializer!r}"
        )
    value = np.asarray(initializer(rng, shape, dtype))
    if value.shape != shape:
        raise ValueError(f"{what} returned shape {value.shape}, expected {shape}")
    parameter = Parameter(value, dtype)
    if not np.isfinite(parameter.value).all():
        raise ValueError(f"{what} returned values that are not finite in {dtype}")
    return parameter
