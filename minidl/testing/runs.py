"""Running copies of a layer in both precisions, and comparing what two runs gave."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn, TypeAlias

import numpy as np

from minidl.arrays import Array
from minidl.contract.compare import distance, largest
from minidl.contract.finding import Finding
from minidl.contract.probes import Probe, explore
from minidl.contract.subject import Subject, as_inputs, nudged
from minidl.layer import Layer
from minidl.naming import title

Inputs: TypeAlias = tuple[Any, ...]
Results: TypeAlias = dict[str, Array]

OUTPUTS = OUTPUT, CALL = "the output", "the output of a call"


def fail(layer: Layer, sentence: str) -> NoReturn:
    """Raise the AssertionError that says what a layer does wrong."""
    raise AssertionError(f"{title(layer)}: {sentence}")


@contextmanager
def explained(layer: Layer, circumstance: str) -> Iterator[None]:
    """Turn an error that a layer raises into an AssertionError that says when it did."""
    try:
        yield
    except AssertionError:
        raise
    except Exception as error:
        kind, notes = type(error).__name__, "; ".join(getattr(error, "__notes__", ()))
        where = circumstance or f"({notes})"
        raise AssertionError(f"{title(layer)}: {kind} {where}: {error}") from error


def precisions(layer: Layer, inputs: Inputs) -> Iterator[Subject]:
    """Yield the layer with its inputs, copied, in float32 and in float64."""
    for dtype in (np.float32, np.float64):
        yield Subject(layer, as_inputs(layer, inputs, dtype), dtype)


def findings_by_law(layer: Layer, inputs: Inputs, probes: Sequence[Probe]) -> dict[str, str]:
    """Return what probes find in either precision: a sentence for each law that is broken."""
    sentences: dict[str, str] = {}
    for subject in precisions(layer, inputs):
        for finding in explore(subject, np.random.default_rng(0), probes, strict=True).findings:
            sentences.setdefault(finding.check, sentence_of(finding))
    return sentences


def sentence_of(finding: Finding) -> str:
    """Return a finding as a sentence."""
    sentence, whose = finding.sentence, finding.tensor
    if whose and sentence.startswith("the gradient "):
        sentence = sentence.replace("the gradient", f"the gradient of {whose}", 1)
    elif whose:
        sentence = f"{whose}: {sentence}"
    return sentence + (f" ({finding.evidence})" if finding.evidence else "")


def batch_size(inputs: Sequence[Any]) -> int | None:
    """Return the length of the first axis of the first input, None if it has no axis."""
    return len(inputs[0]) if inputs and np.ndim(inputs[0]) else None


def cotangent(y: Any, seed: int = 0) -> Array:
    """Return random numbers of the shape of an output, exact in float32."""
    drawn: Array = np.random.default_rng(seed).normal(size=np.shape(y)).astype(np.float32)
    return drawn.astype(np.float64)


def run(subject: Subject, v: Array | None = None, values: Sequence[Array] | None = None) -> Results:
    """Go forward and back; return a copy of the output and of every gradient, by name."""
    y, cache = subject.forward(subject.values if values is None else values)
    dy = subject.upstream(cotangent(y) if v is None else v, y)
    returned, added = subject.backward(dy, cache)
    names = [f"the gradient of {tensor.name}" for tensor in subject.tensors]
    everything = [*(returned or ()), *added]
    return {OUTPUT: np.array(y)} | {
        name: np.array(gradient) for name, gradient in zip(names, everything, strict=True)
    }


def call(subject: Subject, values: Sequence[Array] | None = None) -> Results:
    """Return the output as at inference, by name."""
    inputs = subject.restore(subject.values if values is None else values)
    with np.errstate(all="ignore"):
        return {CALL: np.array(subject.layer(*inputs))}


def agree(
    layer: Layer,
    got: Results,
    expected: Results,
    when: str,
    subject: Subject,
    eps: float,
    repeat: Callable[[list[Array]], Results],
) -> None:
    """Raise unless two runs agree to rounding.

    What rounding can do is first taken from the largest number in the array, and for a gradient
    from the steepest one: its terms may cancel. Where that is not enough, the run is repeated at
    inputs and parameters that differ in their last digits: a layer that is discontinuous here, or
    ill-conditioned, is not called wrong.
    """
    size = max([1.0, *map(largest, subject.values)])
    steepest = max([size, *(largest(e) for name, e in expected.items() if name not in OUTPUTS)])
    for name, exact in expected.items():
        new, finite = got[name], np.isfinite(exact)
        if not np.isfinite(new[finite]).all():
            fail(layer, f"{name} is not finite {when}")
        allowed = max(1e-9, 2e3 * eps) * largest(exact)
        allowed += 64 * eps * (size if name in OUTPUTS else steepest)
        worst = distance(new[finite], exact[finite])
        rng = np.random.default_rng(0)
        for _ in range(64):
            if worst <= allowed:
                break
            moved = nudged(subject.values, rng, eps)
            with np.errstate(all="ignore"):
                allowed = max(allowed, 30 * distance(repeat(moved)[name][finite], exact[finite]))
        else:
            i = int(np.abs(np.where(finite, new - exact, 0)).argmax())
            fail(
                layer,
                f"{name} differs {when}: {new.flat[i]:.9g} instead of {exact.flat[i]:.9g} "
                f"at {tuple(map(int, np.unravel_index(i, exact.shape)))}",
            )
