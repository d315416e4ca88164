"""The contract of a layer: the plain call, forward and then backward, and what it may touch.

`minidl.gradcheck.probes` then deviates from the plain call in every way that minidl relies on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minidl.gradcheck.compare import arrays_in, bits, close, distance, same_state
from minidl.gradcheck.form import check_form, shape_finding, wrong_addition
from minidl.gradcheck.noise import is_single
from minidl.gradcheck.point import DOUBLE, SINGLE
from minidl.gradcheck.report import Finding
from minidl.gradcheck.subject import Subject, probe

__all__ = ["Trial"]

Array = NDArray[Any]


class Trial:
    """The plain call, forward and then backward, and the probes that deviate from it.

    Parameters
    ----------
    subject : Subject
        In its own precision.
    rng : numpy.random.Generator
        For the cotangent and the moved inputs.

    Attributes
    ----------
    findings : list of Finding
        What was found so far.
    cotangent : ndarray, shape (m,)
        v, a number of the subject's precision in float64.
    gradients : list of ndarray
        What the plain backward said; NaN where it gave no usable array.
    usable : bool
        Whether forward is a function and backward runs, so that numbers can be compared at all.
    """

    def __init__(self, subject: Subject, rng: np.random.Generator) -> None:
        self.subject, self.rng = subject, rng
        self.findings: list[Finding] = []
        self.gradients: list[Array] = []
        self.malformed: set[str] = set()
        self.usable = True
        with probe("forward, as the check begins"):
            self._first_forward()
        with probe("forward a second time"):
            self._second_forward()
        if self.usable:
            with probe("backward, after one forward"):
                self._first_backward()

    def found(self, mistake: str, tensor: str, sentence: str, evidence: str = "") -> None:
        """Note a finding, one of each kind for each tensor."""
        if not any((f.mistake, f.tensor) == (mistake, tensor) for f in self.findings):
            self.findings.append(Finding("contract", tensor, mistake, sentence, evidence))

    def _first_forward(self) -> None:
        subject = self.subject
        inputs = subject.restore(subject.values)
        before = bits(inputs)
        drawn = np.random.get_state()  # noqa: NPY002 - a layer may draw from it
        self.y, self.cache = subject.run(inputs)
        subject.replays_global = not same_state(drawn, np.random.get_state())  # noqa: NPY002
        subject.first_global = drawn
        output = np.asarray(self.y)
        if output.dtype.kind != "f":
            raise TypeError(f"the output must be floating, got dtype {output.dtype}")
        if not np.isfinite(output).all():
            place = tuple(np.argwhere(~np.isfinite(output))[0].tolist())
            raise ValueError(
                f"the output is not finite at {place}: gradients can be checked only where the "
                "layer has a value"
            )
        self.eps = max(float(np.finfo(output.dtype).eps), subject.eps, DOUBLE)
        self._untouched(inputs, before, "forward")
        v = self.rng.normal(size=output.size) if output.size != 1 else np.array([-1.7])
        self.cotangent = v.astype(output.dtype).astype(np.float64)
        self.first = output.copy()

    def _second_forward(self) -> None:
        subject = self.subject
        again, _ = subject.forward(subject.values)
        if not close(again, self.first, 1e-12 if self.eps == DOUBLE else 1e-5):
            self.usable = False
            self.found(
                "history-dependent-forward",
                "",
                "forward gives another output when it is called again with the same input",
                f"largest difference {distance(again, self.first):.3g}; buffers and random "
                "generators of the layer and NumPy's global one were put back in between",
            )
        if self.eps == DOUBLE and self.usable:
            moved = subject.output(self.moved()).reshape(-1)
            if moved.size == self.first.size and is_single(
                np.stack([self.first.reshape(-1), moved])
            ):
                self.eps = SINGLE

    def moved(self) -> list[Array]:
        """Return the point with other values in the range of the given ones."""
        values = []
        for value in self.subject.values:
            swapped = value.reshape(-1)[::-1].reshape(value.shape)
            factor = self.rng.uniform(0.7, 0.95, value.shape)
            values.append(swapped * factor if value.any() else value + 0.37 * factor)
        return values

    def _first_backward(self) -> None:
        subject = self.subject
        inputs = subject.restore(subject.values)
        y, cache = subject.run(inputs)
        dy = subject.upstream(self.cotangent, y)
        before, upstream, kept = bits(inputs), np.array(dy), bits(arrays_in(cache))
        state = subject.state(), np.random.get_state()  # noqa: NPY002
        try:
            returned, added = subject.backward(dy, cache)
        except ValueError as error:
            misfit = wrong_addition(subject, self.cotangent)
            if misfit is None:
                raise
            self.usable = False
            self.findings.append(shape_finding(*misfit, self._batch(), str(error)))
            return
        self._untouched(inputs, before, "backward")
        if not np.array_equal(upstream, dy):
            self.found(
                "mutates-upstream",
                "",
                "backward writes into the upstream gradient that it is given",
            )
        if bits(arrays_in(cache)) != kept:
            self.found(
                "mutates-cache",
                "",
                "backward writes into the cache, so that it cannot be called twice with it",
            )
        now = subject.state(), np.random.get_state()  # noqa: NPY002
        if state[0] != now[0] or not same_state(state[1], now[1]):
            self.found(
                "random-backward",
                "",
                "backward moves a random generator or a buffer; what forward drew must travel "
                "in the cache",
            )
        self.returned, self.added = returned, added
        self.gradients = subject.usable(returned, added)
        for finding in check_form(subject, returned, self.y, self._batch()):
            self.findings.append(finding)
            if finding.mistake != "wrong-dtype":
                self.malformed.add(finding.tensor)
        self._shared(returned or [], inputs)
        self._again(cache, returned)

    def _batch(self) -> int:
        shape = np.shape(self.subject.inputs[0]) if self.subject.inputs else ()
        return shape[0] if shape else 1

    def _again(self, cache: Any, returned: list[Any] | None) -> None:
        """Call backward with the same cache again: twice the same, and nothing overwritten."""
        subject = self.subject
        held = [(array, np.array(array)) for array in returned or [] if array is not None]
        try:
            subject.backward(subject.upstream(-0.5 * self.cotangent, self.y), cache)
            kept = all(np.array_equal(array, copy, equal_nan=True) for array, copy in held)
            second = subject.usable(
                *subject.backward(subject.upstream(self.cotangent, self.y), cache)
            )
        except Exception as error:
            self.found(
                "stale-cache",
                "",
                "backward cannot be called a second time with the same cache",
                f"it raised {type(error).__name__}: {error}",
            )
            return
        if {"random-backward", "mutates-cache"} & {f.mistake for f in self.findings}:
            return
        again = "changes when backward is called again with the same cache"
        if self.same(second, "accumulates", again) and not kept:
            self.overwritten("the gradient of an input", "backward")

    def overwritten(self, what: str, by: str) -> None:
        """Note that a result handed out earlier has changed."""
        self.found(
            "overwritten-result",
            "",
            f"{what}, returned by one call, is overwritten by a later call of {by}: "
            "the layer hands out an array that it keeps",
        )

    def _untouched(self, inputs: Sequence[Any], before: list[bytes], during: str) -> None:
        for place, (now, then) in enumerate(zip(bits(inputs), before, strict=True)):
            if now != then:
                self.found("mutates-input", f"input {place}", f"{during} writes into the input")
        subject = self.subject
        values = subject.values[len(subject.wanted) :]
        names = subject.tensors[len(subject.wanted) :]
        for tensor, parameter, value in zip(names, subject.parameters, values, strict=True):
            if not np.array_equal(parameter.value, value):
                self.found(
                    "mutates-parameter", tensor.name, f"{during} changes the value of the parameter"
                )

    def _shared(self, returned: list[Any], inputs: list[Any]) -> None:
        subject = self.subject
        names = [tensor.name for tensor in subject.tensors]
        owners = [(f"input {i}", a) for i, a in enumerate(inputs) if isinstance(a, np.ndarray)]
        for name, parameter in zip(names[len(subject.wanted) :], subject.parameters, strict=True):
            owners += [(name, parameter.value), (f"the gradient of {name}", parameter.grad)]
        arrays = [
            (n, a) for n, a in zip(names, returned, strict=False) if isinstance(a, np.ndarray)
        ]
        for place, (name, array) in enumerate(arrays):
            others = [(f"the gradient of {n}", a) for n, a in arrays[:place]]
            for other, owned in owners + others:
                if np.may_share_memory(array, owned) and np.shares_memory(array, owned):
                    self.found(
                        "shared-memory",
                        name,
                        f"the gradient shares its memory with {other}: writing to one changes both",
                    )

    def same(
        self,
        gradients: list[Array],
        mistake: str,
        sentence: str,
        reference: list[Array] | None = None,
    ) -> bool:
        """Compare gradients with the plain ones, or note a finding."""
        agreed = True
        for tensor, new, old in zip(
            self.subject.tensors, gradients, reference or self.gradients, strict=True
        ):
            if tensor.name in self.malformed or not old.size or close(new, old, 1e-5):
                continue
            if self.eps > DOUBLE and close(new, old, 1e-3):
                continue
            # exactly cancelling sums are nothing but rounding, and that may change
            if distance(new, old) <= 1e3 * self.trembling(tensor.name):
                continue
            agreed = False
            with np.errstate(all="ignore"):
                worst = int(np.nanargmax(np.append(np.abs(new - old).reshape(-1), -1)[:-1]))
            self.found(
                mistake,
                tensor.name,
                f"the gradient {sentence}",
                f"{tensor.at(worst)}: {new.reshape(-1)[worst]:.6g} instead of "
                f"{old.reshape(-1)[worst]:.6g}",
            )
        return agreed

    def trembling(self, name: str) -> float:
        """Return how much a gradient of fresh layers changes when the point moves by roundings."""
        if not hasattr(self, "_noise"):
            # layers that were never used: what earlier calls left behind is not noise
            plain = self.subject.fresh().gradients(self.subject.values, self.cotangent)
            self._noise = {tensor.name: 0.0 for tensor in self.subject.tensors}
            for _ in range(3):
                moved = [
                    v + 4 * self.eps * np.abs(v).max(initial=0) * self.rng.choice([-1, 1], v.shape)
                    for v in self.subject.values
                ]
                new = self.subject.fresh().gradients(moved, self.cotangent)
                for tensor, a, b in zip(self.subject.tensors, new, plain, strict=True):
                    self._noise[tensor.name] = max(self._noise[tensor.name], distance(a, b))
        return self._noise[name]
