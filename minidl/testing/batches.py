"""The batch axis, empty, of length one and of samples that know nothing of one another; float32."""

import warnings
from collections.abc import Callable
from functools import partial

import numpy as np

from minidl.contract.subject import Generators, Subject, as_inputs
from minidl.layer import Layer
from minidl.parameters import Buffer, unique
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
    precisions,
    run,
)


def check_batch_of_one(layer: Layer, inputs: Inputs) -> None:
    """Raise unless a batch of 1 keeps its axis and gives finite results."""
    for subject in precisions(layer, inputs):
        if not batch_size(subject.inputs):
            return
        for name, array in _shaped(layer, subject, 1).items():
            if not np.isfinite(array).all():
                fail(layer, f"{name} is not finite for a batch of 1")


def check_empty_batch(layer: Layer, inputs: Inputs) -> None:
    """Raise unless a batch of 0 gives empty results and changes no statistics."""
    for subject in precisions(layer, inputs):
        if not batch_size(subject.inputs):
            return
        if np.ndim(subject.forward(subject.values)[0]) == 0:
            _refuses(layer, subject.rows(slice(0)))
            continue
        for name, gradient in _shaped(layer, subject, 0).items():
            if gradient.any():
                fail(layer, f"{name} is not zero for a batch of 0")


def _shaped(layer: Layer, subject: Subject, size: int) -> Results:
    """Run the first samples; raise unless everything has the shape that it should have."""
    y, _ = subject.forward(subject.values)
    part, when = subject.rows(slice(size)), f"for a batch of {size}"
    before = {path: item.value.copy() for path, item in unique(part.layer, Buffer).items()}
    with warnings.catch_warnings(), explained(layer, when):
        if not size:
            warnings.simplefilter("error")
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


def _refuses(layer: Layer, nothing: Subject) -> None:
    with explained(layer, "for a batch of 0"), warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            value, _ = nothing.run(nothing.inputs)
        except ValueError:
            return
    fail(layer, f"gives {value} for a batch of 0 instead of raising ValueError")


def check_independence(layer: Layer, inputs: Inputs) -> None:
    """Raise if the first or last sample's results change when the other samples do."""
    for subject in precisions(layer, inputs):
        size = batch_size(subject.inputs)
        y, _ = subject.forward(subject.values)
        if not size or np.ndim(y) == 0:
            return
        if len(y) != size:
            fail(layer, f"a batch of {size} gives an output of shape {y.shape}")
        v = cotangent(y)
        whole = run(subject, v)
        batched = [
            t.name for t in subject.tensors if t.input is not None and t.shape[:1] == (size,)
        ]
        names = [OUTPUT, *(f"the gradient of {name}" for name in batched)]
        for sample in {0, size - 1}:

            def part(results: Results, sample: int = sample) -> Results:
                return {name: results[name][sample] for name in names}  # noqa: B023

            rotated = np.roll(np.arange(size), 1)
            rotated[sample] = sample
            changed = cotangent(y, 1)
            changed[sample] = v[sample]
            for index in (np.full(size, sample), rotated):
                agree(
                    layer,
                    part(run(subject.rows(index), changed)),
                    part(whole),
                    f"for sample {sample} of {size} when the other samples change",
                    subject,
                    subject.eps,
                    lambda moved: part(run(subject, v, moved)),  # noqa: B023
                )


def check_precision(layer: Layer, inputs: Inputs) -> None:
    """Raise unless float32 gives what float64 gives, within what float32 can hold."""
    single = next(precisions(layer, inputs))
    double = Subject(single.layer, as_inputs(single.layer, single.inputs, np.float64), np.float64)
    ways: list[Callable[..., Results]] = [call]
    if not unique(single.layer, Generators):
        ways.append(lambda subject, values=None: run(subject, None, values))
    for way in ways:
        eps, again = float(np.finfo(np.float32).eps), partial(way, double)
        agree(layer, way(single), again(), "in float32 from float64", double, eps, again)
