"""Numerical derivatives of any function, each number with a bound of its error."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from minidl.arrays import Array
from minidl.contract.compare import DOUBLE
from minidl.contract.subject import Subject
from minidl.gradcheck.proof.point import Point

# The ladder's errors are estimates from a few differences: a truth beyond twice one is rare.
SAFETY = 3


def numerical_gradient(function: Callable[[Array], Any], x: ArrayLike) -> tuple[Array, Array]:
    """Return the gradient of a function that gives one number, and a bound of its error.

    Every coordinate is differenced at eleven steps, from a tenth of the spread of x down, and the
    value kept whose error is bounded best, see `minidl.gradcheck.proof.ladder`; that takes 22
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

    def forward(moved: Array) -> tuple[Array, None]:
        return np.array(function(moved), np.float64), None

    layer = SimpleNamespace(forward=forward, backward=lambda dy, cache: None)
    subject = Subject(layer, [np.array(x, np.float64)])
    point = Point(subject, subject.values, np.ones(1), np.random.default_rng(0), DOUBLE)
    point.rng = np.random.default_rng(0)  # a cotangent may have been drawn, and nobody needs it
    values = np.empty((point.y.size, subject.values[0].size))
    errors = np.empty(values.shape)
    for i, scale in enumerate(point.scales[0].flat):
        slopes = point.slopes_along(point.coordinate(0, i), 0.1 * scale)
        values[:, i] = (slopes.low + slopes.high) / 2
        errors[:, i] = SAFETY * slopes.error + (slopes.high - slopes.low) / 2
    values[~np.isfinite(errors)] = np.nan
    errors[~np.isfinite(errors)] = np.inf
    shape = point.shape + np.shape(x)
    return values.reshape(shape), errors.reshape(shape)
