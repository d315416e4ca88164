"""Gradients written outside minidl: functions dressed as a layer, so that the one check serves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minidl.gradcheck.checker import check_gradients
from minidl.gradcheck.report import Report
from minidl.layer import Layer

__all__ = ["check_forward_backward", "check_scalar", "check_vjp"]


def check_vjp(
    function: Callable[..., Any],
    vjp: Callable[..., Any],
    *inputs: Any,
    differentiable: int | None = None,
    **options: Any,
) -> Report:
    """Prove a vector-Jacobian product: dx = Jᵀ dy, for y = f(x) and J = ∂y/∂x.

    Parameters
    ----------
    function : function (*inputs) -> y
        The function; y is an array or a number.
    vjp : function (*inputs, dy) -> dx
        The gradient of dy · y with respect to each differentiable input: bare for one of them,
        a tuple for several.
    *inputs : array_like
        Where to check. Integer inputs are held fixed.
    differentiable : int, optional
        How many of the leading inputs carry a gradient; by default every floating one.
    **options
        `seed`, `variants` and `dtype`, as in `check_gradients`.

    Returns
    -------
    Report
        As of `check_gradients`; the inputs are named ``input 0``, ``input 1``, …

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([0.3, -1.2, 2.0])
    >>> check_vjp(np.tanh, lambda x, dy: dy * (1 - np.tanh(x) ** 2), x).ok
    True
    >>> print(check_vjp(np.tanh, lambda x, dy: dy * (1 - x**2), x).findings[0].sentence)
    backward computes dy · (1 - x**2); the numerical derivative is 1 - y**2

    Several inputs:

    >>> w = np.array([[1.0, 2.0, 0.5], [0.0, -1.0, 1.0]])
    >>> check_vjp(
    ...     lambda w, x: w @ x, lambda w, x, dy: (np.outer(dy, x), w.T @ dy), w, x
    ... ).assert_ok()
    """

    def forward(*arguments: Any) -> tuple[Any, Any]:
        return function(*arguments), arguments

    def backward(dy: Any, arguments: Any) -> Any:
        return vjp(*arguments, dy)

    layer = _Functions(function, forward, backward, differentiable)
    return check_gradients(layer, *inputs, **options)


def check_forward_backward(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    *inputs: Any,
    differentiable: int | None = None,
    **options: Any,
) -> Report:
    """Prove a pair in the manner of Stanford's CS231n: ``(out, cache)`` and ``(dout, cache)``.

    Parameters
    ----------
    forward : function (*inputs) -> (out, cache)
    backward : function (dout, cache) -> gradients
        One bare, or a tuple of one for each differentiable input.
    *inputs, differentiable, **options
        As in `check_vjp`.

    Returns
    -------
    Report

    Examples
    --------
    >>> import numpy as np
    >>> def affine_forward(x, w, b):
    ...     return x @ w + b, (x, w)
    >>> def affine_backward(dout, cache):
    ...     x, w = cache
    ...     return dout @ w.T, x.T @ dout, dout.sum(axis=0)
    >>> rng = np.random.default_rng(0)
    >>> x, w, b = rng.normal(size=(5, 3)), rng.normal(size=(3, 2)), rng.normal(size=2)
    >>> check_forward_backward(affine_forward, affine_backward, x, w, b).assert_ok()
    """
    layer = _Functions(forward, forward, backward, differentiable)
    return check_gradients(layer, *inputs, **options)


def check_scalar(
    function: Callable[[Any], Any], gradient: Callable[[Any], Any], x: Any, **options: Any
) -> Report:
    """Prove the gradient of a function that gives one number, as `scipy.optimize` takes them.

    Parameters
    ----------
    function : function (ndarray) -> float
    gradient : function (ndarray) -> ndarray
        Of the shape of x.
    x : array_like
        Where to check.
    **options
        `seed`, `variants` and `dtype`, as in `check_gradients`.

    Returns
    -------
    Report

    Examples
    --------
    >>> import numpy as np
    >>> def rosenbrock(x):
    ...     return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2
    >>> def gradient(x):
    ...     slope = 200 * (x[1] - x[0] ** 2)
    ...     return np.array([-2 * (1 - x[0]) - 2 * x[0] * slope, slope])
    >>> check_scalar(rosenbrock, gradient, [-1.2, 1.0]).assert_ok()
    """

    def vjp(point: Any, dy: Any) -> Any:
        return dy * np.asarray(gradient(point))

    return check_vjp(function, vjp, x, **options)


class _Functions(Layer):
    """A pair of functions in the form of a layer."""

    def __init__(
        self,
        named: Callable[..., Any],
        forward: Callable[..., Any],
        backward: Callable[..., Any],
        differentiable: int | None,
    ) -> None:
        self.name = getattr(named, "__name__", type(named).__name__)
        self.functions = forward, backward
        self.__dict__["differentiable"] = differentiable

    def forward(self, *inputs: Any) -> tuple[Any, Any]:
        pair: tuple[Any, Any] = self.functions[0](*inputs)
        return pair

    def backward(self, dy: Any, cache: Any, /) -> Any:
        return self.functions[1](dy, cache)
