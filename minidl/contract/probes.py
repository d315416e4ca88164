"""The probes: each deviates from the plain call in one way that minidl relies on."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.contract import laws
from minidl.contract.compare import attributes, close, distance, largest, relaid
from minidl.contract.laws import Law
from minidl.contract.subject import Subject, naming_the_probe
from minidl.contract.trial import Trial


@dataclass(frozen=True, eq=False)
class Probe:
    """One deviation from the plain call.

    Attributes
    ----------
    sentence : str
        What it does: in an error that the layer raises meanwhile.
    laws : sequence of Law
        Those that it may find broken.
    attempt : function
        What does it, and notes in a trial what it finds.
    """

    sentence: str
    laws: Sequence[Law]
    attempt: Callable[[Trial], None]


def probe(sentence: str, laws: Sequence[Law]) -> Callable[[Callable[[Trial], None]], Probe]:
    """Make a function a probe."""
    return lambda attempt: Probe(sentence, laws, attempt)


def explore(
    subject: Subject, rng: np.random.Generator, probes: Sequence[Probe], *, strict: bool = False
) -> Trial:
    """Make the plain call, and try some probes on it."""
    trial = Trial(subject, rng, strict)
    for each in probes if trial.usable else ():
        with naming_the_probe(each.sentence):
            each.attempt(trial)
    return trial


@probe("Start from gradients that are not zero: what was there must remain", [laws.ADDS])
def _accumulation(trial: Trial) -> None:
    y, cache = trial.forward(trial.subject.values)
    start = [
        (1 + np.arange(g.size) % 3).reshape(g.shape) * (np.abs(g).max(initial=0) or 1.0)
        for g in trial.gradients[len(trial.subject.wanted) :]
    ]
    sentence = "that was there before is lost or changed: backward must add to it with +=, "
    gradients = trial.backward(y, cache, start=start)[1]
    trial.same(gradients, "assigns-gradient", f"{sentence}not assign it")


STALE = (
    "is wrong when another {} ran in between: backward must take everything from the cache, "
    "nothing from the layer"
)


@probe(
    "Run two forwards at two points before two backwards, in either order",
    [laws.HANDED_OUT, laws.REENTRANT],
)
def _reentrancy(trial: Trial) -> None:
    subject, here, there = trial.subject, trial.subject.values, trial.moved()

    def rolled(inputs: list[Any]) -> list[Any]:
        """Move the constants of a layer without differentiable inputs: there is nothing else."""
        return inputs if subject.wanted else [np.roll(a, 1) if np.ndim(a) else a for a in inputs]

    try:
        fresh = subject.fresh()
        expected, cache = fresh.run(rolled(fresh.restore(there)))
        if np.shape(expected) != np.shape(trial.y) or not np.isfinite(expected).all():
            return
        dy = fresh.upstream(trial.cotangent, expected)
        gradients = fresh.usable(*fresh.backward(dy, cache))
    except Exception:  # the layer may refuse values of our choosing
        return
    for order in (1, -1):
        try:
            y, cache = trial.forward(here)
            y2, cache2 = trial.forward(there, rolled(subject.restore(there)))
            if not close(y, trial.first, trial.tolerance(1e-12)):  # nothing was computed again
                trial.overwritten("the output of forward", "forward")
                return
            # two layers that compute the same: far above rounding, far below what a state leaves
            if not close(y2, expected, trial.tolerance(1e-7)):
                sentence = (
                    "forward depends on earlier calls: at a new point, a layer that was used "
                )
                sentence += "gives another output than a fresh copy"
                trial.found("history-dependent-forward", sentence)
                return
            runs = [(here, y, cache, trial.gradients), (there, y2, cache2, gradients)]
            for values, output, kept, reference in runs[::order]:
                subject.restore(values)  # backward may read the parameters
                got = trial.backward(output, kept)[1]
                if not trial.same(got, "stale-cache", STALE.format("forward"), reference):
                    return
        except Exception as error:
            sentence = "backward fails when another forward ran in between"
            trial.found("stale-cache", sentence, "", f"it raised {type(error).__name__}: {error}")
            return


@probe(
    "Compare backward_parameters with backward", [laws.ARGUMENTS, laws.NO_STATE, laws.WITHOUT_DX]
)
def _parameters_only(trial: Trial) -> None:
    subject, count, method = trial.subject, len(trial.subject.wanted), "backward_parameters"
    if not hasattr(subject.layer, method) or not subject.parameters:
        return
    y, cache = trial.forward(subject.values)
    returned, gradients = trial.backward(y, cache, method=method)
    sentence = "that backward_parameters adds is not the one that backward adds"
    both = [*trial.gradients[:count], *gradients[count:]]
    trial.same(both, "backward-parameters-differs", sentence)
    if trial.strict and any(item is not None for item in returned or ()):
        sentence = "backward_parameters returns something: it is there to save that"
        trial.found("returns-something", sentence)


@probe(
    "Call the layer between forward and backward: it writes nothing and agrees",
    [laws.ARGUMENTS, laws.HANDED_OUT, laws.NO_STATE, laws.REENTRANT, laws.INFERENCE],
)
def _inference(trial: Trial) -> None:
    subject, call = trial.subject, "calling the layer, as at inference,"
    y, cache = trial.forward(subject.values)
    inputs = subject.restore(subject.values)
    before = subject.state(), attributes(subject.layer)
    subject.forwards += 2
    try:
        with np.errstate(all="ignore"), trial.watched(call, inputs):
            inferred = subject.layer(*inputs)
            trial.hold("the output of a call", inferred)
            first = np.array(inferred)
            again = np.asarray(subject.layer(*inputs))
    except NotImplementedError:  # a composite that is not meant for inference
        return
    if (subject.state(), attributes(subject.layer)) != before:
        trial.found("call-writes", f"{call} changes its buffers, generators or attributes")
    elif again.shape != first.shape or again.tobytes() != first.tobytes():
        trial.found("call-differs", f"{call} twice with the same input gives two outputs")
    trial.same(trial.backward(y, cache)[1], "stale-cache", STALE.format("inference"))
    # inference may take another way to the same number, such as one product instead of two
    if not subject.stochastic and not close(first, trial.first, trial.tolerance(1e-9)):
        sentence = "layer(x) is not the output of layer.forward(x), and nothing in the layer is "
        trial.found("call-differs", f"{sentence}for training only")
    inputs = subject.restore(trial.moved())
    with suppress(Exception), trial.watched(call, inputs):  # it may refuse values of our choosing
        subject.layer(*inputs)


@probe(
    "Pass inputs, and read-only upstream gradients, that lie in memory in other ways", [laws.LAYOUT]
)
def _layout(trial: Trial) -> None:
    subject, mistake = trial.subject, "memory-layout"
    if not any(tensor.shape for tensor in subject.tensors):
        return
    for style in range(4 if trial.strict else 2):  # other libraries may refuse the last two

        def changed(array: Any, style: int = style) -> Any:
            return relaid(array)[style] if isinstance(array, np.ndarray) and array.ndim else array

        try:
            inputs = [changed(array) for array in subject.restore(subject.values)]
            y, cache = trial.forward(subject.values, inputs)
            dy = changed(subject.upstream(trial.cotangent, y))
            if isinstance(dy, np.ndarray):
                dy.flags.writeable = False
            gradients = trial.backward(y, cache, dy)[1]
        except Exception as error:
            if not any(f.mistake.startswith("mutates") for f in trial.findings):
                sentence = "the layer fails for arrays that are not C-contiguous or are read-only"
                trial.found(mistake, sentence, "", f"it raised {type(error).__name__}: {error}")
            return
        sentence = "depends on how the input or upstream lies in memory"
        gap = distance(y, trial.first)
        # BLAS adds up in another order for another layout, which an ill-conditioned layer magnifies
        if not close(y, trial.first, trial.tolerance(1e-6)) and gap > 1e3 * trial.trembling[0]:
            trial.found(mistake, f"the output {sentence}")
        trial.same(gradients, mistake, sentence)


@probe("Combine two upstream gradients: g(−3v + 200w) must be −3 g(v) + 200 g(w)", [laws.LINEAR])
def _linearity(trial: Trial) -> None:
    subject, v = trial.subject, trial.cotangent
    w = trial.rng.normal(size=v.shape) if v.size != 1 else np.array([0.6])
    zero, other, mixed = (
        subject.gradients(subject.values, cotangent) for cotangent in (0 * v, w, -3 * v + 200 * w)
    )
    with np.errstate(all="ignore"):
        # divided by 203 they are as large as one gradient, and so is what rounding does to them
        combined = [(200 * b - 3 * a) / 203 for a, b in zip(trial.gradients, other, strict=True)]
        mixed = [g / 203 for g in mixed]
    offset = trial.differing(list(map(np.nan_to_num, zero)), [np.zeros_like(g) for g in zero])
    for k in sorted({*offset, *trial.differing(mixed, combined)}):
        name = subject.tensors[k].name
        if other[k].any() and close(other[k], trial.gradients[k], 1e-9):
            sentence = "backward ignores the upstream gradient: another dy gives the same gradient"
            trial.found("ignores-upstream", sentence, name)
        elif k in offset:
            sentence = "backward adds something that does not depend on the upstream gradient"
            evidence = f"for dy = 0 the gradient is up to {largest(zero[k]):.6g}"
            trial.found("hidden-penalty", sentence, name, evidence)
        else:
            sentence = "backward is not linear in the upstream gradient: it clips, normalises or "
            sentence += "depends on its sign"
            evidence = f"g(-3v + 200w) is off by up to {203 * distance(mixed[k], combined[k]):.6g}"
            trial.found("nonlinear", sentence, name, evidence)


PROBES = (_accumulation, _reentrancy, _parameters_only, _inference, _layout, _linearity)
