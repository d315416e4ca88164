"""The probes: each deviates from the plain call in one way that minidl relies on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from minidl.gradcheck.compare import attributes, close, relaid, same_state
from minidl.gradcheck.contract import Trial
from minidl.gradcheck.subject import Subject

__all__ = ["PROBES"]


def accumulation(trial: Trial) -> None:
    """Start from gradients that are not zero: what was there must remain."""
    subject, count = trial.subject, len(trial.subject.wanted)
    y, cache = trial.forward(subject.values)
    before = []
    for parameter, gradient in zip(subject.parameters, trial.gradients[count:], strict=True):
        largest = float(np.abs(gradient).max(initial=0)) or 1.0
        parameter.grad[...] = (1 + np.arange(gradient.size) % 3).reshape(gradient.shape) * largest
        before.append(np.array(parameter.grad, np.float64))
    dy = subject.upstream(trial.cotangent, y)
    with np.errstate(all="ignore"), trial.watched("backward", dy=dy, cache=cache):
        subject.layer.backward(dy, cache)
    added = [p.grad - start for p, start in zip(subject.parameters, before, strict=True)]
    trial.same(
        trial.gradients[:count] + added,
        "adds_to_gradients",
        "assigns-gradient",
        "that was there before is lost or changed: backward must add to it with +=, not assign it",
    )


def reentrancy(trial: Trial) -> None:
    """Run two forwards before two backwards, in either order."""
    subject, count = trial.subject, len(trial.subject.wanted)
    # parameters stay, since backward may read their current value
    other = trial.moved()[:count] + subject.values[count:]
    try:
        with _rolled(subject):
            fresh = subject.fresh()
            y, cache = fresh.forward(other)
            if np.shape(y) != np.shape(trial.y) or not np.isfinite(y).all():
                return
            got = fresh.backward(fresh.upstream(trial.cotangent, y), cache)
            plain = fresh.usable(*got)
    except Exception:  # the layer may refuse values of our choosing
        return
    for order in (1, -1):
        try:
            y, cache = trial.forward(subject.values)
            with _rolled(subject):
                y2, cache2 = trial.forward(other)
            if not close(y, trial.first, trial.tolerance(1e-12)):
                trial.overwritten("the output of forward", "forward")
                return
            runs = [(y, cache, trial.gradients), (y2, cache2, plain)]
            for output, kept, reference in runs[::order]:
                gradients = trial.backward(output, kept)[1]
                if not trial.same(gradients, *_stale("forward"), reference):
                    return
        except Exception as error:
            trial.found(
                "is_reentrant",
                "stale-cache",
                "",
                "backward fails when another forward ran in between",
                f"it raised {type(error).__name__}: {error}",
            )
            return


def _stale(call: str) -> tuple[str, str, str]:
    return (
        "is_reentrant",
        "stale-cache",
        f"is wrong when another {call} ran in between: backward must take everything from the "
        "cache, nothing from the layer",
    )


@contextmanager
def _rolled(subject: Subject) -> Iterator[None]:
    """Roll the integer inputs of a subject that has no floating ones to move."""
    given = subject.inputs
    if not subject.wanted:
        subject.inputs = [np.roll(a, 1) if np.ndim(a) else a for a in given]
    try:
        yield
    finally:
        subject.inputs = given


def new_point(trial: Trial) -> None:
    """Compare the layer, used by now, with a fresh copy at another point."""
    subject, values = trial.subject, trial.moved()
    try:
        fresh = subject.fresh()
        expected = fresh.output(values)
        gradients = fresh.gradients(values, trial.cotangent)
    except Exception:  # the layer may refuse values of our choosing
        return
    if expected.size != trial.cotangent.size or not np.isfinite(expected).all():
        return
    used = "earlier calls: at a new point, a layer that was used gives another"
    if not close(subject.output(values), expected, trial.tolerance(1e-7)):
        sentence = f"forward depends on {used} output than a fresh copy"
        trial.found("is_reentrant", "history-dependent-forward", "", sentence)
        return
    trial.same(
        subject.gradients(values, trial.cotangent),
        "is_reentrant",
        "stale-cache",
        f"depends on {used} one than a fresh copy",
        gradients,
    )


def parameters_only(trial: Trial) -> None:
    """Compare backward_parameters with backward."""
    subject, count = trial.subject, len(trial.subject.wanted)
    method = getattr(subject.layer, "backward_parameters", None)
    if method is None or not subject.parameters:
        return
    y, cache = trial.forward(subject.values)
    subject.zero()
    dy = subject.upstream(trial.cotangent, y)
    with np.errstate(all="ignore"), trial.watched("backward_parameters", dy=dy, cache=cache):
        method(dy, cache)
    added = [np.array(parameter.grad, np.float64) for parameter in subject.parameters]
    trial.same(
        trial.gradients[:count] + added,
        "leaves_the_same_gradients_without_dx",
        "backward-parameters-differs",
        "that backward_parameters adds is not the one that backward adds",
    )


def inference(trial: Trial) -> None:
    """Call the layer between forward and backward: it writes nothing, and agrees with forward."""
    subject, law = trial.subject, "repeats_itself_at_inference"
    y, cache = trial.forward(subject.values)
    inputs = subject.restore(subject.values)
    state, owned = (subject.state(), np.random.get_state()), attributes(subject.layer)  # noqa: NPY002
    subject.forwards += 2
    call = "calling the layer, as at inference,"
    try:
        with np.errstate(all="ignore"), trial.watched(call, inputs):
            inferred = subject.layer(*inputs)
            trial.hold("the output of a call", inferred)
            first = np.array(inferred)
            again = np.asarray(subject.layer(*inputs))
    except NotImplementedError:  # a composite that is not meant for inference
        return
    if (
        subject.state() != state[0]
        or attributes(subject.layer) != owned
        or not same_state(state[1], np.random.get_state())  # noqa: NPY002
    ):
        sentence = f"{call} changes its buffers, generators or attributes"
        trial.found(law, "call-writes", "", sentence)
    elif again.shape != first.shape or again.tobytes() != first.tobytes():
        sentence = f"{call} twice with the same input gives two outputs"
        trial.found(law, "call-differs", "", sentence)
    trial.same(trial.backward(y, cache)[1], *_stale("inference"))
    if not subject.stochastic and not close(first, trial.first, trial.tolerance(1e-9)):
        trial.found(
            law,
            "call-differs",
            "",
            "layer(x) is not the output of layer.forward(x), and nothing in the layer is for "
            "training only",
        )
    inputs = subject.restore(trial.moved())
    with suppress(Exception), trial.watched(call, inputs):  # it may refuse values of our choosing
        subject.layer(*inputs)


def layout(trial: Trial) -> None:
    """Pass read-only inputs and upstream gradients that lie in memory in other ways."""
    subject, law = trial.subject, "takes_any_memory_layout"
    if not any(tensor.shape for tensor in subject.tensors):
        return
    for style in range(4):

        def changed(array: Any, style: int = style) -> Any:
            return relaid(array)[style] if isinstance(array, np.ndarray) and array.ndim else array

        inputs = [changed(array) for array in subject.restore(subject.values)]
        try:
            y, cache = trial.forward(subject.values, inputs)
            gradients = trial.backward(y, cache, changed(subject.upstream(trial.cotangent, y)))[1]
        except Exception as error:
            if "read-only" in str(error) and any(
                f.mistake.startswith("mutates") for f in trial.findings
            ):
                return
            trial.found(
                law,
                "memory-layout",
                "",
                "the layer fails for arrays that are not C-contiguous or are read-only",
                f"it raised {type(error).__name__}: {error}",
            )
            return
        sentence = "depends on how the input or upstream lies in memory"
        if not trial.same_output(y, 1e-6):
            trial.found(law, "memory-layout", "", f"the output {sentence}")
        trial.same(gradients, law, "memory-layout", sentence)


PROBES: Sequence[tuple[str, Callable[[Trial], None]]] = (
    ("backward onto gradients that are not zero", accumulation),
    ("two forwards before two backwards", reentrancy),
    ("a used layer at a new point", new_point),
    ("backward_parameters", parameters_only),
    ("calling the layer as at inference", inference),
    ("arrays in another memory layout", layout),
)
