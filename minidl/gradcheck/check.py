"""The whole check: contract, numbers, precision, variants, and the diagnosis of what is wrong."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from minidl.contract.compare import DOUBLE
from minidl.contract.finding import Finding
from minidl.contract.probes import PROBES, explore
from minidl.contract.subject import Subject, as_inputs, global_bits, naming_the_probe
from minidl.contract.trial import Trial
from minidl.gradcheck.proof.directions import check_tensor
from minidl.gradcheck.proof.point import Point
from minidl.gradcheck.proof.variants import check_precision, check_variants
from minidl.gradcheck.report import Report, TensorReport
from minidl.layer import Layer

# what a wrong gradient entails: it differs from a second, right way to compute it
CONSEQUENCES = ("backward-parameters-differs", "call-differs")


def check_gradients(
    layer: Any, *inputs: Any, seed: int = 0, variants: bool = True, dtype: DTypeLike | None = None
) -> Report:
    """Prove the gradients of a layer, a network or a loss, or say what is wrong with them.

    With a random cotangent v, backward claims to give the gradients of v · y with respect to the
    differentiable inputs and the parameters. Each is compared with a numerical derivative whose
    error is bounded, so that only a proved mistake is called one. Before that, the contract of a
    layer is probed (`minidl.contract.probes`); after it, variants of the input, such as a batch
    of one. A layer narrower than float64 is judged in float64 and in its own precision. The layer
    and the inputs are left as they are.

    Parameters
    ----------
    layer : Layer
        Anything with forward and backward as in `minidl.layer`. Its buffers and random generators
        are put back before each forward, so that dropout and batch normalisation can be checked.
    *inputs : array_like
        What forward takes. Integer inputs, and those beyond ``layer.differentiable``, are held
        fixed. Floating ones are cast to the layer's dtype.
    seed : int, default 0
        For the cotangent and all other random choices.
    variants : bool, default True
        Whether to check at other points too.
    dtype : float32 or float64, optional
        The precision the layer is judged in; by default its own.

    Returns
    -------
    Report

    Raises
    ------
    TypeError
        If this is not a layer, or its forward does not return a pair, or not a floating output.
    ValueError
        If there is nothing to check, or input or output is not finite.
    Exception
        What the layer raises, with a note that names the probe.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import Dense
    >>> x = np.random.default_rng(0).normal(size=(3, 4))
    >>> report = check_gradients(Dense(4, 2, rng=0), x)
    >>> report.verdict, report.coverage()
    ('pass', 'verified 22 of 22, on a kink 0, unresolved 0 (seed 0)')
    """
    with _global_state_kept():
        # a stream of its own: inputs are often drawn from the very same small seed, and an upstream
        # gradient that is parallel to the input hides mistakes
        rng = np.random.default_rng((seed, 0x67726164))
        own = Subject(layer, as_inputs(layer, inputs, dtype), dtype)
        trial = explore(own, rng, PROBES)
        if trial.usable and trial.first.size:
            findings, tensors, forwards = _numbers(trial, variants)
        else:
            tensors = [TensorReport.unknown(tensor.name, tensor.shape) for tensor in own.tensors]
            findings, forwards = trial.findings, own.forwards
    name = str(getattr(layer, "name", None) or type(layer).__name__)
    return Report(name, tuple(findings), tuple(tensors), seed, forwards)


def _numbers(trial: Trial, variants: bool) -> tuple[list[Finding], list[TensorReport], int]:
    """Prove the numbers, once the contract has been probed: (findings, tensors, forwards)."""
    own = exact = trial.subject
    eps, narrow = trial.eps, max(own.eps, float(np.finfo(trial.first.dtype).eps))
    if narrow > DOUBLE:
        exact, eps = own.fresh(np.float64), DOUBLE
    with naming_the_probe("forward and backward in float64"):
        point = Point(exact, own.values, trial.cotangent, trial.rng, eps)
    with naming_the_probe("small changes of inputs and parameters"):
        tensors = [
            TensorReport.unknown(tensor.name, tensor.shape)
            if tensor.name in trial.malformed
            else check_tensor(point, k)
            for k, tensor in enumerate(exact.tensors)
        ]
        diagnosed = []
        for k, tensor in enumerate(tensors):
            if tensor.wrong:
                from minidl.gradcheck.diagnosis import diagnose  # a right gradient needs none

                diagnosed.append(diagnose(point, k, tensors))
    findings = _ordered([*trial.findings, *diagnosed])
    if narrow > DOUBLE and not findings:
        with naming_the_probe("its own precision"):
            findings += check_precision(trial, point, narrow)
    if variants and not findings:
        with naming_the_probe("other points"):
            findings += check_variants(point, tensors)
    return findings, tensors, own.forwards + (exact.forwards if exact is not own else 0)


def _ordered(findings: list[Finding]) -> list[Finding]:
    """Put causes before consequences."""
    blurred = {f.tensor for f in findings if f.mistake == "low-precision"}
    findings = [f for f in findings if f.mistake != "nonlinear" or f.tensor not in blurred]
    wrong = any(f.check == "gradient" for f in findings)
    return sorted(findings, key=lambda f: wrong and f.mistake in CONSEQUENCES)


@contextmanager
def _global_state_kept() -> Iterator[None]:
    bits = global_bits()  # layers under test may draw from it
    state = bits.state
    try:
        yield
    finally:
        bits.state = state


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
        forward: Callable[..., tuple[Any, Any]],
        backward: Callable[..., Any],
        differentiable: int | None,
    ) -> None:
        self.name = getattr(named, "__name__", type(named).__name__)
        self.functions = forward, backward
        self.__dict__["differentiable"] = differentiable

    def forward(self, *inputs: Any) -> tuple[Any, Any]:
        return self.functions[0](*inputs)

    def backward(self, dy: Any, cache: Any, /) -> Any:
        return self.functions[1](dy, cache)
