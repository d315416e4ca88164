"""The whole check: contract, numbers, precision, variants, and the diagnosis of what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from minidl.gradcheck.contract import Trial
from minidl.gradcheck.directions import check_tensor
from minidl.gradcheck.point import DOUBLE, Point
from minidl.gradcheck.precision import check_precision
from minidl.gradcheck.probes import PROBES, explore
from minidl.gradcheck.report import Finding, Report, TensorReport
from minidl.gradcheck.subject import Subject, as_inputs, global_bits, probe
from minidl.gradcheck.variants import check_variants

__all__ = ["check_gradients"]

# what a wrong gradient entails: it differs from a second, right way to compute it
CONSEQUENCES = ("backward-parameters-differs", "call-differs")


def check_gradients(
    layer: Any, *inputs: Any, seed: int = 0, variants: bool = True, dtype: DTypeLike | None = None
) -> Report:
    """Prove the gradients of a layer, a network or a loss, or say what is wrong with them.

    With a random cotangent v, backward claims to give the gradients of v · y with respect to the
    differentiable inputs and the parameters. Each is compared with a numerical derivative whose
    error is bounded, so that only a proved mistake is called one. Before that, the contract of a
    layer is probed (`minidl.gradcheck.contract`); after it, variants of the input, such as a batch
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
    dtype : floating dtype, optional
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
    title = str(getattr(layer, "name", None) or type(layer).__name__)
    return Report(title, tuple(findings), tuple(tensors), seed, forwards)


def _numbers(trial: Trial, variants: bool) -> tuple[list[Finding], list[TensorReport], int]:
    """Compare numbers, once the contract has been probed: (findings, tensors, forwards)."""
    own = exact = trial.subject
    eps, narrow = trial.eps, max(own.eps, float(np.finfo(trial.first.dtype).eps))
    if narrow > DOUBLE:
        exact, eps = own.fresh(np.float64), DOUBLE
    with probe("forward and backward in float64"):
        point = Point(exact, own.values, trial.cotangent, trial.rng, eps)
    with probe("small changes of inputs and parameters"):
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
        with probe("its own precision"):
            findings += check_precision(trial, point, narrow)
    if variants and not findings:
        with probe("other points"):
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
