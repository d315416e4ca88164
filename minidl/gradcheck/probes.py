"""The probes: each deviates from the plain call in one way that minidl relies on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minidl.gradcheck.compare import attributes, close, distance, strided
from minidl.gradcheck.contract import Trial
from minidl.gradcheck.point import DOUBLE
from minidl.gradcheck.subject import Subject

__all__ = ["PROBES"]

Array = NDArray[Any]


def accumulation(trial: Trial) -> None:
    """Start from gradients that are not zero: what was there must remain."""
    subject = trial.subject
    y, cache = subject.forward(subject.values)
    before = []
    for parameter, gradient in zip(
        subject.parameters, trial.gradients[len(subject.wanted) :], strict=True
    ):
        largest = float(np.abs(gradient).max(initial=0)) or 1.0
        start = (1 + np.arange(gradient.size) % 3).reshape(gradient.shape) * largest
        parameter.grad[...] = start
        before.append(np.array(parameter.grad, np.float64))
    with np.errstate(all="ignore"):
        subject.layer.backward(subject.upstream(trial.cotangent, y), cache)
    for tensor, parameter, start, added in zip(
        subject.tensors[len(subject.wanted) :],
        subject.parameters,
        before,
        trial.gradients[len(subject.wanted) :],
        strict=True,
    ):
        difference = parameter.grad - start
        if not close(difference, added, 1e-5 if trial.eps == DOUBLE else 1e-3) and (
            distance(difference, added) > 1e3 * trial.trembling(tensor.name)
        ):
            lost = close(parameter.grad, added, 1e-6)
            trial.found(
                "assigns-gradient",
                tensor.name,
                "backward assigns the gradient with = where it must add to it with +="
                if lost
                else "backward changes the gradient that was there before, where it must add to it",
            )


def reentrancy(trial: Trial) -> None:
    """Run two forwards before two backwards, in either order."""
    subject = trial.subject
    # parameters stay, since backward may read their current value
    other = trial.moved()[: len(subject.wanted)] + subject.values[len(subject.wanted) :]
    swap = _rolled(subject)
    try:
        plain = _plain(subject, other, swap, trial)
    except Exception:  # the layer may refuse values of our choosing
        return
    if plain is None:
        return
    sentence = (
        "is wrong when another forward ran in between: backward must take everything from the "
        "cache, nothing from the layer"
    )
    for first_in in (True, False):
        try:
            y, cache = subject.forward(subject.values)
            with swap:
                y2, cache2 = subject.forward(other)
            if not close(y, trial.first, 1e-12 if trial.eps == DOUBLE else 1e-5):
                trial.overwritten("the output of forward", "forward")
                return
            runs = [(y, cache, trial.gradients), (y2, cache2, plain)]
            for output, kept, reference in runs if first_in else runs[::-1]:
                got = subject.backward(_fit(subject, trial, output), kept)
                if not trial.same(subject.usable(*got), "stale-cache", sentence, reference):
                    return
        except Exception as error:
            trial.found(
                "stale-cache",
                "",
                "backward fails when another forward ran in between",
                f"it raised {type(error).__name__}: {error}",
            )
            return


class _rolled:  # noqa: N801 - a context manager used like a function
    """While it is entered, the integer inputs of a subject without floating ones are rolled."""

    def __init__(self, subject: Subject) -> None:
        self.subject, self.inputs = subject, subject.inputs
        self.other = subject.inputs
        if not subject.wanted:
            self.other = [
                np.roll(a, 1) if isinstance(a, np.ndarray) and a.ndim else a for a in subject.inputs
            ]

    def __enter__(self) -> None:
        self.subject.inputs = self.other

    def __exit__(self, *_: object) -> None:
        self.subject.inputs = self.inputs


def _fit(subject: Subject, trial: Trial, y: Any) -> Any:
    return subject.upstream(trial.cotangent, y)


def _plain(
    subject: Subject, values: list[Array], swap: _rolled, trial: Trial
) -> list[Array] | None:
    with swap:
        fresh = subject.fresh()
        y, cache = fresh.forward(values)
        if np.shape(y) != np.shape(trial.y) or not np.isfinite(y).all():
            return None
        return fresh.usable(*fresh.backward(_fit(fresh, trial, y), cache))


def new_point(trial: Trial) -> None:
    """Compare the layer, used by now, with a fresh copy at another point."""
    subject = trial.subject
    values = trial.moved()
    try:
        fresh = subject.fresh()
        expected = fresh.output(values)
        gradients = fresh.gradients(values, trial.cotangent)
    except Exception:  # the layer may refuse values of our choosing
        return
    if expected.size != trial.cotangent.size or not np.isfinite(expected).all():
        return
    if not close(subject.output(values), expected, 1e-7 if trial.eps == DOUBLE else 1e-3):
        trial.found(
            "history-dependent-forward",
            "",
            "forward depends on earlier calls: at a new point, a layer that was used gives another "
            "output than a fresh copy",
        )
        return
    trial.same(
        subject.gradients(values, trial.cotangent),
        "stale-cache",
        "depends on earlier calls: at a new point, a layer that was used gives another one than "
        "a fresh copy",
        gradients,
    )


def parameters_only(trial: Trial) -> None:
    """Compare backward_parameters with backward."""
    subject = trial.subject
    method = getattr(subject.layer, "backward_parameters", None)
    if method is None or not subject.parameters:
        return
    y, cache = subject.forward(subject.values)
    subject.zero()
    with np.errstate(all="ignore"):
        method(subject.upstream(trial.cotangent, y), cache)
    count = len(subject.wanted)
    added = [np.array(parameter.grad, np.float64) for parameter in subject.parameters]
    trial.same(
        trial.gradients[:count] + added,
        "backward-parameters-differs",
        "that backward_parameters adds is not the one that backward adds",
    )


def inference(trial: Trial) -> None:
    """Call the layer itself: it writes nothing, and without training-only behaviour agrees."""
    subject = trial.subject
    inputs = subject.restore(subject.values)
    before, owned = subject.state(), attributes(subject.layer)
    subject.forwards += 1
    try:
        with np.errstate(all="ignore"):
            y = subject.layer(*inputs)
    except NotImplementedError:  # a composite that is not meant for inference
        return
    if subject.state() != before or attributes(subject.layer) != owned:
        trial.found(
            "call-writes",
            "",
            "calling the layer, as at inference, changes its buffers, generators or attributes",
        )
    if subject.stochastic:
        return
    if np.shape(y) != np.shape(trial.y) or not close(
        y, trial.first, 1e-9 if trial.eps == DOUBLE else 1e-4
    ):
        trial.found(
            "call-differs",
            "",
            "layer(x) is not the output of layer.forward(x), and nothing in the layer is for "
            "training only",
        )


def layout(trial: Trial) -> None:
    """Pass Fortran-ordered and strided inputs, and a read-only strided upstream."""
    subject = trial.subject
    if not any(tensor.shape for tensor in subject.tensors):
        return
    for change in (np.asfortranarray, strided):
        inputs = [
            change(a) if isinstance(a, np.ndarray) and a.ndim else a
            for a in subject.restore(subject.values)
        ]
        try:
            y, cache = subject.run(inputs)
            dy = subject.upstream(trial.cotangent, y)
            if isinstance(dy, np.ndarray) and dy.ndim:
                dy = change(dy)
                dy.flags.writeable = False
            got = subject.usable(*subject.backward(dy, cache))
        except Exception as error:
            if "read-only" in str(error) and any(
                f.mistake.startswith("mutates") for f in trial.findings
            ):
                return
            trial.found(
                "memory-layout",
                "",
                "the layer fails for arrays that are not C-contiguous or are read-only",
                f"it raised {type(error).__name__}: {error}",
            )
            return
        trial.same(got, "memory-layout", "depends on how the input or upstream lies in memory")


PROBES: Sequence[tuple[str, Callable[[Trial], None]]] = (
    ("backward onto gradients that are not zero", accumulation),
    ("two forwards before two backwards", reentrancy),
    ("a used layer at a new point", new_point),
    ("backward_parameters", parameters_only),
    ("calling the layer as at inference", inference),
    ("arrays in another memory layout", layout),
)
