"""Numerical derivatives of any function, each number with a bound of its error."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from minidl.arrays import Array
from minidl.contract.compare import natural_scale
from minidl.gradcheck.proof.ladder import climb
from minidl.gradcheck.proof.noise import measure_noise

EPS = float(np.finfo(float).eps)

# The ladder's errors are estimates from a few differences: a truth beyond twice one is rare.
SAFETY = 3


def numerical_gradient(function: Callable[[Array], Any], x: ArrayLike) -> tuple[Array, Array]:
    """Return the gradient of a function that gives one number, and a bound of its error.

    Every coordinate is differenced at eleven steps, from a tenth of the spread of x down, and the
    value kept whose error is bounded best, see `minidl.gradcheck.ladder`; that takes 22
    evaluations a coordinate and 17 for all.

    Parameters
    ----------
    function : function (ndarray) -> number
        It is given copies, and may do with them what it likes.
    x : array_like
        Where; any shape.

    Returns
    -------
    gradient, error : ndarray of float64, the shape of x
        On a kink the gradient is the middle of the two one-sided slopes and the error half their
        distance. Where nothing can be bounded (a jump, the edge of the domain, pure noise) the
        gradient is NaN and the error infinite.

    Raises
    ------
    ValueError
        If the function gives more than one number.

    Examples
    --------
    >>> import numpy as np
    >>> gradient, error = numerical_gradient(lambda x: (x**3).sum(), [1.0, 2.0])
    >>> gradient.round(9), bool((error < 1e-9).all())
    (array([ 3., 12.]), True)
    >>> numerical_gradient(lambda x: np.abs(x[0]) + np.sqrt(x[1]), [0.0, 0.0])
    (array([ 0., nan]), array([ 1., inf]))
    """
    jacobian, error = numerical_jacobian(function, x)
    if jacobian.size != np.size(x):
        count = jacobian.size // max(np.size(x), 1)
        raise ValueError(
            f"numerical_gradient: the function gives {count} numbers, expected one; "
            "numerical_jacobian takes such functions"
        )
    return jacobian.reshape(np.shape(x)), error.reshape(np.shape(x))


def numerical_jacobian(function: Callable[[Array], Any], x: ArrayLike) -> tuple[Array, Array]:
    """Return all derivatives ∂y/∂x of a function that gives an array, and bounds of their errors.

    Parameters
    ----------
    function : function (ndarray) -> ndarray
        It is given copies, and may do with them what it likes.
    x : array_like
        Where; any shape.

    Returns
    -------
    jacobian, error : ndarray of float64, shape ``y.shape + x.shape``
        As those of `numerical_gradient`.

    Examples
    --------
    >>> import numpy as np
    >>> numerical_jacobian(np.cumsum, [5.0, 7.0])[0].round(9)
    array([[1., 0.],
           [1., 1.]])
    """
    point = np.array(x, np.float64)
    scale = natural_scale(point)

    def at(moved: Array) -> Array:
        with np.errstate(all="ignore"):
            return np.array(function(moved), np.float64)

    first = at(point.copy())
    y = first.reshape(-1)
    signs = np.random.default_rng(0).choice([-1.0, 1.0], point.shape)
    noise, single = measure_noise(lambda step: at(point + step * signs * scale).reshape(-1), y, EPS)
    values = np.empty((y.size, point.size))
    errors = np.empty((y.size, point.size))
    eps = float(np.finfo(np.float32).eps) if single else EPS
    size = float(np.abs(point).max(initial=0))
    for place in range(point.size):

        def line(step: float, place: int = place) -> tuple[Array, float]:
            moved = point.copy()
            moved.reshape(-1)[place] += step
            made = float(moved.reshape(-1)[place] - point.reshape(-1)[place])
            return at(moved).reshape(-1), made

        reach = 0.1 * float(scale.reshape(-1)[place])
        slopes = climb(line, y, noise, reach=reach, size=size, eps=eps)
        values[:, place] = (slopes.low + slopes.high) / 2
        errors[:, place] = SAFETY * slopes.error + (slopes.high - slopes.low) / 2
    values[~np.isfinite(errors)] = np.nan
    errors[~np.isfinite(errors)] = np.inf
    shape = first.shape + point.shape
    return values.reshape(shape), errors.reshape(shape)
