"""The whole check: contract, numbers, precision, variants, and the diagnosis of what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from minidl.gradcheck.contract import Trial
from minidl.gradcheck.coordinates import check_coordinates, recheck
from minidl.gradcheck.diagnosis import diagnose
from minidl.gradcheck.directions import check_directions
from minidl.gradcheck.linearity import check_linearity
from minidl.gradcheck.point import DOUBLE, Point
from minidl.gradcheck.precision import check_precision
from minidl.gradcheck.probes import PROBES
from minidl.gradcheck.report import Finding, Report, TensorReport, unexamined
from minidl.gradcheck.subject import Subject, as_inputs, probe
from minidl.gradcheck.variants import check_variants

__all__ = ["check_gradients"]

Array = NDArray[Any]

CONSEQUENCES = ("backward-parameters-differs", "call-differs")
"""What a wrong gradient entails: it differs from a second, right way to compute it."""

SMALL = 300
"""Up to this size a tensor is checked coordinate by coordinate."""


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
        trial = Trial(own, rng)
        if not trial.usable:
            tensors = [unexamined(t.name, v) for t, v in zip(own.tensors, own.values, strict=True)]
            return Report(_title(layer), tuple(trial.findings), tuple(tensors), seed, own.forwards)
        for name, attempt in PROBES:
            with probe(name):
                attempt(trial)
        return _Check(layer, own, trial, rng).report(seed, variants)


class _Check:
    """The numerical part, once the contract has been probed."""

    def __init__(self, layer: Any, own: Subject, trial: Trial, rng: np.random.Generator) -> None:
        self.layer, self.own, self.trial = layer, own, trial
        self.narrow = max(own.eps, float(np.finfo(trial.first.dtype).eps))
        self.exact = own if self.narrow <= DOUBLE else Subject(layer, own.inputs, np.float64)
        self.exact.replays_global, self.exact.first_global = own.replays_global, own.first_global
        eps = trial.eps if self.exact is own else DOUBLE
        with probe("the same in float64"):
            self.point = Point(self.exact, own.values, trial.cotangent, rng, eps)
        self.jacobians: dict[int, Array | None] = {}

    def report(self, seed: int, variants: bool) -> Report:
        with probe("backward for other upstream gradients"):
            linear = list(check_linearity(self.point, self.trial.malformed))
        with probe("small changes of inputs and parameters"):
            tensors = [self._tensor(k) for k in range(len(self.point.values))]
            numbers = [
                diagnose(self.point, k, tensors, self.jacobians)
                for k, tensor in enumerate(tensors)
                if tensor.wrong
            ]
        findings = _ordered([*self.trial.findings, *linear, *numbers])
        if self.narrow > DOUBLE and not findings:
            with probe("its own precision"):
                findings += check_precision(self.trial, self.point, tensors, self.narrow)
        if variants and not findings:
            with probe("other points"):
                findings += self._variants(tensors)
        forwards = self.own.forwards + (self.exact.forwards if self.exact is not self.own else 0)
        return Report(_title(self.layer), tuple(findings), tuple(tensors), seed, forwards)

    def _tensor(self, k: int) -> TensorReport:
        name, value = self.point.subject.tensors[k].name, self.point.values[k]
        if name in self.trial.malformed:
            return unexamined(name, value)
        check = check_coordinates if value.size <= SMALL else check_directions
        tensor, self.jacobians[k] = check(self.point, k)
        if tensor.wrong and not tensor.directions:
            recheck(self.point, k, tensor)
        return tensor

    def _variants(self, tensors: list[TensorReport]) -> Iterator[Finding]:
        doubtful = any(tensor.on_kink or tensor.unresolved for tensor in tensors)
        for variant in check_variants(self.point, doubtful, SMALL):
            check = f"variant: {variant.name}"
            if not variant.reports:
                name = self.point.subject.tensors[0].name
                yield Finding(
                    check, name, variant.mistake, f"the gradient is wrong {variant.where}"
                )
                continue
            everything = [variant.reports.get(k, tensor) for k, tensor in enumerate(tensors)]
            for k in variant.reports:
                found = diagnose(variant.point, k, everything, variant.jacobians)
                yield Finding(
                    check,
                    found.tensor,
                    variant.mistake or found.mistake,
                    f"the gradient is wrong {variant.where}, though right at the given point: "
                    f"{found.sentence}",
                    found.evidence,
                )
            return


def _ordered(findings: list[Finding]) -> list[Finding]:
    """Put causes before consequences."""
    blurred = {f.tensor for f in findings if f.mistake == "low-precision"}
    findings = [f for f in findings if f.mistake != "nonlinear" or f.tensor not in blurred]
    wrong = any(f.check == "gradient" for f in findings)
    return sorted(findings, key=lambda f: wrong and f.mistake in CONSEQUENCES)


def _title(layer: Any) -> str:
    return str(getattr(layer, "name", None) or type(layer).__name__)


@contextmanager
def _global_state_kept() -> Iterator[None]:
    state = np.random.get_state()  # noqa: NPY002 - layers under test may use it
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
