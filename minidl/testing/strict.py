"""Probes that minidl's own contract adds to those of the checker, which forgives what works."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from minidl.gradcheck.compare import attributes
from minidl.gradcheck.contract import Trial
from minidl.gradcheck.probes import PROBES, Probe, layout
from minidl.gradcheck.subject import Subject


def form(trial: Trial) -> None:
    """Find an output, or a gradient of an input, of another dtype than everything else."""
    subject = trial.subject
    inferred = subject.layer(*subject.restore(subject.values))
    kinds = {subject.inputs[place].dtype for place in subject.wanted}
    kinds |= {parameter.value.dtype for parameter in subject.parameters.values()}
    outputs = {"forward gives": trial.y, "the layer called gives": inferred}
    y, cache = subject.forward(subject.values)
    returned, _ = subject.backward(subject.upstream(trial.cotangent, y), cache)
    for tensor, dx in zip(subject.tensors, returned or (), strict=False):
        outputs[f"the gradient of {tensor.name} is"] = dx
    for what, array in outputs.items():
        if type(array) is float:
            continue  # it takes on the dtype of whatever it meets
        got = getattr(array, "dtype", type(array).__name__)
        if {got} != kinds:
            sentence = f"{what} {got} where everything else is {', '.join(map(str, kinds))}"
            trial.found("wrong-dtype", sentence, what)
    if np.shape(inferred) != np.shape(trial.y):
        sentence = f"the layer called gives shape {np.shape(inferred)}, forward {np.shape(y)}"
        trial.found("wrong-shape", sentence)


def state(trial: Trial) -> None:
    """Find what changes on a layer, apart from generators, buffers and gradients."""
    subject = trial.subject.fresh()
    before = attributes(subject.layer)
    for step in _steps(subject, trial):
        after = attributes(subject.layer)
        for path in sorted(before.keys() | after.keys()):
            if before.get(path) != after.get(path):
                sentence = (
                    f"{step} changes {path}: what backward needs travels in the cache, and "
                    "running statistics are a Buffer"
                )
                trial.found("state", sentence)
    if subject.global_generator:
        sentence = "it draws from NumPy's global generator: own one instead"
        trial.found("global-generator", sentence)


def _steps(subject: Subject, trial: Trial) -> Iterator[str]:
    """Do one thing with a layer after another, naming each."""
    y, cache = subject.forward(subject.values)
    dy: Any = subject.upstream(trial.cotangent, y)
    yield "forward"
    subject.layer.backward(dy, cache)
    yield "backward"
    subject.layer.backward_parameters(dy, cache)
    yield "backward_parameters"
    subject.layer(*subject.restore(subject.values))
    yield "calling the layer"


def more_layouts(trial: Trial) -> None:
    """Pass reversed and read-only arrays, which functions of other libraries may refuse."""
    layout(trial, (2, 3))


def silence(trial: Trial) -> None:
    """Find a backward_parameters that returns something."""
    y, cache = trial.forward(trial.subject.values)
    dy = trial.subject.upstream(trial.cotangent, y)
    if trial.subject.layer.backward_parameters(dy, cache) is not None:
        sentence = "backward_parameters returns something: it is there to save that"
        trial.found("returns-something", sentence)


STRICT: tuple[Probe, ...] = (form, state, silence, more_layouts)
PROBED = (*PROBES, *STRICT)
