"""The laws of a layer, each a function ``law(layer, *inputs)`` that raises AssertionError.

``layer`` is any `minidl.Layer`, and ``inputs`` are what its forward takes, the batch on the first
axis. Every law works on copies: the layer and the inputs it is given stay as they are. It runs
them in float32 and in float64; floating inputs are cast, whatever they were. An error says in one
sentence what the layer does wrong. The sentence of a law that probes can find broken, and every
mistake that breaks it, stand in `minidl.contract.laws`.

Examples
--------
>>> import numpy as np
>>> from minidl import Dense
>>> from minidl.testing import laws
>>> for law in laws.LAWS:
...     law(Dense(3, 2, rng=0), np.array([[1.0, -2.0, 3.0], [0.5, 0.0, -1.0]]))
"""

import copy
import pickle
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from minidl.contract import laws
from minidl.contract.probes import PROBES
from minidl.contract.subject import Generators, Subject, as_inputs
from minidl.gradcheck import check_gradients
from minidl.layer import Layer
from minidl.parameters import Buffer, Parameter, unique
from minidl.testing.runs import (
    CALL,
    OUTPUT,
    Inputs,
    Results,
    agree,
    batch_size,
    call,
    cotangent,
    explained,
    fail,
    findings_by_law,
    precisions,
    run,
)

Law: TypeAlias = Callable[..., None]


def _probed(law: laws.Law) -> Law:
    """Make the function that holds a layer to a law that probes can find broken."""
    probes = [probe for probe in PROBES if law in probe.laws]

    def check(layer: Layer, *inputs: Any) -> None:
        with explained(layer, ""):
            findings = findings_by_law(layer, inputs, probes)
        if law.name in findings:
            fail(layer, findings[law.name])

    check.__name__ = check.__qualname__ = law.name
    check.__doc__ = law.sentence
    return check


keeps_shape_and_dtype = _probed(laws.SHAPE_AND_DTYPE)
leaves_its_arguments_alone = _probed(laws.ARGUMENTS)
keeps_what_it_handed_out = _probed(laws.HANDED_OUT)
keeps_no_state = _probed(laws.NO_STATE)
is_reentrant = _probed(laws.REENTRANT)
adds_to_gradients = _probed(laws.ADDS)
is_linear_in_the_cotangent = _probed(laws.LINEAR)
leaves_the_same_gradients_without_dx = _probed(laws.WITHOUT_DX)
repeats_itself_at_inference = _probed(laws.INFERENCE)
takes_any_memory_layout = _probed(laws.LAYOUT)


def takes_a_batch_of_one(layer: Layer, *inputs: Any) -> None:
    """Check that a batch of 1 keeps its axis and gives finite results."""
    for subject in precisions(layer, inputs):
        for name, array in _first_samples(layer, subject, 1).items():
            if not np.isfinite(array).all():
                fail(layer, f"{name} is not finite for a batch of 1")


def takes_an_empty_batch(layer: Layer, *inputs: Any) -> None:
    """Check that a batch of 0 gives empty results of the right shape, and changes no statistics.

    A layer whose output is one number, a loss, has no answer: it must raise ValueError.
    """
    for subject in precisions(layer, inputs):
        for name, array in _first_samples(layer, subject, 0).items():
            if array.any():
                fail(layer, f"{name} is not zero for a batch of 0")


def _first_samples(layer: Layer, subject: Subject, size: int) -> Results:
    """Run the first samples; raise unless everything has the shape that it should have."""
    if not batch_size(subject.inputs):
        return {}
    y, _ = subject.forward(subject.values)
    part, when = subject.rows(slice(size)), f"for a batch of {size}"
    before = {path: buffer.value.copy() for path, buffer in unique(part.layer, Buffer).items()}
    with warnings.catch_warnings(), explained(layer, when):
        if not size:
            warnings.simplefilter("error")
            if np.ndim(y) == 0:
                with suppress(ValueError):
                    value, _ = part.run(part.inputs)
                    fail(layer, f"gives {value} {when} instead of raising ValueError")
                return {}
        results = run(part)
        changed = [p for p, b in unique(part.layer, Buffer).items() if (b.value != before[p]).any()]
        results |= call(part)
    if changed and not size:
        fail(layer, f"a batch of 0 changes the buffer {changed[0]}")
    shape = (size, *np.shape(y)[1:]) if np.ndim(y) else ()
    shapes = {f"the gradient of {tensor.name}": tensor.shape for tensor in part.tensors}
    for name, expected in {OUTPUT: shape, CALL: shape, **shapes}.items():
        if results[name].shape != expected:
            fail(layer, f"{name} has shape {results[name].shape} {when}, expected {expected}")
    return results


def treats_samples_independently(layer: Layer, *inputs: Any) -> None:
    """Check that what a sample gives does not depend on the other samples of the batch.

    Leave this law out for a layer whose docstring says otherwise, such as batch normalisation.
    A layer whose output is one number has no samples to compare.
    """
    for subject in precisions(layer, inputs):
        size = batch_size(subject.inputs)
        y, _ = subject.forward(subject.values)
        if not size or np.ndim(y) == 0:
            return
        if len(y) != size:
            fail(layer, f"a batch of {size} gives an output of shape {y.shape}")
        v, names = cotangent(y), [OUTPUT]
        for tensor in subject.tensors:
            if tensor.input is not None and tensor.shape[:1] == (size,):
                names.append(f"the gradient of {tensor.name}")

        def of_sample(sample: int, results: Results, names: list[str] = names) -> Results:
            return {name: results[name][sample] for name in names}

        whole = run(subject, v)
        for sample in {0, size - 1}:
            rotated = np.roll(np.arange(size), 1)
            rotated[sample] = sample
            changed = cotangent(y, 1)
            changed[sample] = v[sample]
            for index in (np.full(size, sample), rotated):
                agree(
                    layer,
                    of_sample(sample, run(subject.rows(index), changed)),
                    of_sample(sample, whole),
                    f"for sample {sample} of {size} when the other samples change",
                    subject,
                    subject.eps,
                    lambda moved: of_sample(sample, run(subject, v, moved)),  # noqa: B023
                )


def agrees_in_both_precisions(layer: Layer, *inputs: Any) -> None:
    """Check that float32 gives what float64 gives, within what float32 can hold.

    A layer with a generator of its own may draw other numbers in the other dtype; of such a
    layer only the inference is compared.
    """
    single = next(precisions(layer, inputs))
    double = Subject(single.layer, as_inputs(single.layer, single.inputs, np.float64), np.float64)
    ways: list[Callable[..., Results]] = [call]
    if not unique(single.layer, Generators):
        ways.append(lambda subject, values=None: run(subject, None, values))
    for way in ways:
        eps, again = float(np.finfo(np.float32).eps), partial(way, double)
        agree(layer, way(single), again(), "in float32 from float64", double, eps, again)


def can_be_copied(layer: Layer, *inputs: Any) -> None:
    """Check that a deep copy gives the same bits, and shares no array with the original."""
    _check_copies(layer, inputs, "copied", copy.deepcopy)


def can_be_pickled(layer: Layer, *inputs: Any) -> None:
    """Check that a pickled layer comes back with the same bits, and shares nothing.

    It does not if an attribute is a lambda, say, or if its class stands inside a function.
    """
    _check_copies(layer, inputs, "pickled", lambda original: pickle.loads(pickle.dumps(original)))


def _check_copies(
    layer: Layer, inputs: Inputs, done: str, duplicate: Callable[[Layer], Layer]
) -> None:
    """Raise unless a duplicate gives the same bits and is independent of the original."""
    with explained(layer, f"when it is {done}"):
        first = duplicate(layer)
    if type(first) is not type(layer):
        fail(layer, f"when it is {done}, it comes back as {type(first).__name__}")
    lost = sorted(_arrays(layer).keys() ^ _arrays(first).keys())
    if lost:
        fail(layer, f"when it is {done}, {lost[0]} is lost or gained")
    for subject in precisions(layer, inputs):
        original = subject.layer
        twin = duplicate(original)
        copies = _arrays(twin)
        for name, array in _arrays(original).items():
            if array.size and np.may_share_memory(array, copies[name]):
                fail(layer, f"when it is {done}, {name} is not: both share one array")
        expected = _results(original, subject.inputs)
        for name, array in _results(twin, subject.inputs).items():
            if array.tobytes() != expected[name].tobytes():
                fail(layer, f"when it is {done}, {name} is not the same, bit by bit")
        twin.forward(*subject.inputs)
        for parameter in unique(twin, Parameter).values():
            parameter.value += 1
        for name, array in _results(original, subject.inputs).items():
            if array.tobytes() != expected[name].tobytes():
                fail(layer, f"when it is {done}, training the copy changes the original: {name}")


def _arrays(layer: Layer) -> Results:
    """Return the arrays of all parameters and buffers themselves."""
    items = unique(layer, (Parameter, Buffer)).items()
    gradients = {f"{path}.grad": item.grad for path, item in items if isinstance(item, Parameter)}
    return gradients | {path: item.value for path, item in items}


def _results(layer: Layer, inputs: list[Any]) -> Results:
    """Return what training and inference give."""
    subject = Subject(layer, inputs)
    return run(subject) | call(subject)


def has_proven_gradients(layer: Layer, *inputs: Any) -> None:
    """Check every gradient against a numerical derivative with an error bound.

    The error of a layer that does not pass is the report of `minidl.gradcheck.check_gradients`,
    without what breaks another law.
    """
    report = check_gradients(layer, *inputs)
    probed = {law.name for law in laws.PROBED}
    own = tuple(finding for finding in report.findings if finding.check not in probed)
    replace(report, findings=own).assert_ok()


LAWS: tuple[Law, ...] = (
    keeps_shape_and_dtype,
    leaves_its_arguments_alone,
    keeps_what_it_handed_out,
    keeps_no_state,
    is_reentrant,
    adds_to_gradients,
    is_linear_in_the_cotangent,
    leaves_the_same_gradients_without_dx,
    repeats_itself_at_inference,
    takes_any_memory_layout,
    takes_a_batch_of_one,
    takes_an_empty_batch,
    treats_samples_independently,
    agrees_in_both_precisions,
    can_be_copied,
    can_be_pickled,
    has_proven_gradients,
)
"""Every law, in the order in which `check_layer` tells of them."""

__all__ = ["LAWS", "Law", *sorted(law.__name__ for law in LAWS)]
