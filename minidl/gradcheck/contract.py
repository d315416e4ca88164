"""The contract of a layer: forward and then backward, and what no call may touch.

`minidl.gradcheck.probes` then deviates from this plain call in every way that minidl relies on.
A finding is filed under the law that is broken, by its name in `minidl.testing.laws`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minidl.gradcheck.compare import arrays_in, close, distance, same_state
from minidl.gradcheck.form import check_form, shape_finding, wrong_addition
from minidl.gradcheck.noise import is_single
from minidl.gradcheck.point import DOUBLE, SINGLE
from minidl.gradcheck.report import Finding
from minidl.gradcheck.subject import Subject, probe

__all__ = ["Trial"]

Array = NDArray[Any]


class Trial:
    """The plain call, forward and then backward, and what it and all later calls are watched for.

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
    y, first : array_like
        The first output as the layer gave it, and a copy.
    gradients : list of ndarray
        What the plain backward said; NaN where it gave no usable array.
    malformed : set of str
        The tensors whose gradient has no usable form.
    usable : bool
        Whether forward is a function and backward runs, so that numbers can be compared at all.
    """

    def __init__(self, subject: Subject, rng: np.random.Generator) -> None:
        self.subject, self.rng = subject, rng
        self.findings: list[Finding] = []
        self.gradients: list[Array] = []
        self.malformed: set[str] = set()
        self.usable = True
        self._held: list[tuple[str, Array, bytes]] = []
        self._noise: dict[str, float] = {}
        with probe("forward, as the check begins"):
            self._first_forward()
        with probe("forward a second time"):
            self._second_forward()
        if self.usable:
            with probe("backward, after one forward"):
                self._first_backward()

    def found(self, law: str, mistake: str, tensor: str, sentence: str, evidence: str = "") -> None:
        """Note a finding, one of each kind for each tensor."""
        if not any((f.mistake, f.tensor) == (mistake, tensor) for f in self.findings):
            self.findings.append(Finding(law, tensor, mistake, sentence, evidence))

    @contextmanager
    def watched(
        self, call: str, inputs: Sequence[Any] = (), dy: Any = None, cache: Any = None
    ) -> Iterator[None]:
        """Note every array that a call changes and must not: its own, and what was handed out."""
        names = [tensor.name for tensor in self.subject.tensors[len(self.subject.wanted) :]]
        parameters = list(zip(names, self.subject.parameters, strict=True))
        watched = [("input", f"input {k}", "the input", array) for k, array in enumerate(inputs)]
        watched += [("upstream", "", "the upstream gradient that it is given", dy)]
        watched += [
            ("cache", "", "the cache, so that it cannot be called twice with it", array)
            for array in arrays_in(cache)
        ]
        watched += [("parameter", n, "the value of the parameter", p.value) for n, p in parameters]
        if not call.startswith("backward"):
            watched += [
                ("gradient", n, "the gradient of the parameter", p.grad) for n, p in parameters
            ]
        before = [np.ravel(array).tobytes() for *_, array in watched]
        yield
        for (kind, tensor, what, array), then in zip(watched, before, strict=True):
            if np.ravel(array).tobytes() != then:
                sentence = f"{call} writes into {what}"
                self.found("leaves_its_arguments_alone", f"mutates-{kind}", tensor, sentence)
                self._held.clear()  # what follows would be a consequence
        for what, array, then in self._held:
            if array.tobytes() != then:
                self.overwritten(what, call)

    def hold(self, what: str, item: Any) -> None:
        """Watch arrays that the layer has handed out: no later call may change them."""
        own = [a for p in self.subject.parameters for a in (p.value, p.grad)]
        own += [buffer.value for buffer, _ in self.subject._buffers]
        for array in arrays_in(item):
            if not any(np.may_share_memory(array, other) for other in own):
                self._held.append((what, array, array.tobytes()))

    def overwritten(self, what: str, call: str) -> None:
        """Note that something handed out earlier has changed."""
        sentence = f"{what}, returned by one call, is overwritten by a later call of {call}: "
        self.found(
            "keeps_what_it_handed_out",
            "overwritten-result",
            "",
            f"{sentence}the layer hands out an array that it keeps",
        )

    def forward(self, values: Sequence[Array], inputs: list[Any] | None = None) -> tuple[Any, Any]:
        """Return (output, cache) at a point, or for inputs given as they are."""
        inputs = self.subject.restore(values) if inputs is None else inputs
        with self.watched("forward", inputs):
            return self.subject.run(inputs)

    def backward(self, y: Any, cache: Any, dy: Any = None) -> tuple[list[Any] | None, list[Array]]:
        """Return (what backward returned, all gradients in usable form)."""
        subject = self.subject
        dy = subject.upstream(self.cotangent, y) if dy is None else dy
        state = subject.state(), np.random.get_state()  # noqa: NPY002 - a layer may draw from it
        with self.watched("backward", dy=dy, cache=cache):
            returned, added = subject.backward(dy, cache)
        if subject.state() != state[0] or not same_state(state[1], np.random.get_state()):  # noqa: NPY002
            self.found(
                "keeps_no_state",
                "random-backward",
                "",
                "backward moves a random generator or a buffer; what forward drew must travel in "
                "the cache",
            )
        return returned, subject.usable(returned, added)

    def _first_forward(self) -> None:
        subject = self.subject
        drawn = np.random.get_state()  # noqa: NPY002 - a layer may draw from it
        self.y, cache = self.forward(subject.values)
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
        v = self.rng.normal(size=output.size) if output.size != 1 else np.array([-1.7])
        self.cotangent = v.astype(output.dtype).astype(np.float64)
        self.first = output.copy()
        self.hold("the output of forward", self.y)
        self.hold("a cache that is still held", cache)

    def _second_forward(self) -> None:
        subject = self.subject
        again, _ = self.forward(subject.values)
        if not close(again, self.first, self.tolerance(1e-12)):
            self.usable = False
            self.found(
                "is_reentrant",
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

    def tolerance(self, double: float) -> float:
        """Return a relative tolerance; float32, seen or hidden, has a thousandfold one at least."""
        return double if self.eps == DOUBLE else max(1e3 * double, 1e-5)

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
        shape = np.shape(subject.inputs[0]) if subject.inputs else ()
        batch = shape[0] if shape else 1
        y, cache = self.forward(subject.values, inputs)
        try:
            returned, self.gradients = self.backward(y, cache)
        except ValueError as error:
            misfit = wrong_addition(subject, self.cotangent)
            if misfit is None:
                raise
            self.usable = False
            self.findings.append(shape_finding(*misfit, batch, str(error)))
            return
        for finding in check_form(subject, returned, self.y, batch):
            self.findings.append(finding)
            if finding.mistake != "wrong-dtype":
                self.malformed.add(finding.tensor)
        self._shared(returned or [], inputs)
        self.hold("the gradient of an input", returned)
        self._again(y, cache)

    def _again(self, y: Any, cache: Any) -> None:
        """Call backward with the same cache again: twice the same, and nothing overwritten."""
        try:
            self.backward(y, cache, self.subject.upstream(-0.5 * self.cotangent, y))
            second = self.backward(y, cache)[1]
        except Exception as error:
            self.found(
                "adds_to_gradients",
                "stale-cache",
                "",
                "backward cannot be called a second time with the same cache",
                f"it raised {type(error).__name__}: {error}",
            )
            return
        if not {"random-backward", "mutates-cache"} & {f.mistake for f in self.findings}:
            again = "changes when backward is called again with the same cache"
            self.same(second, "adds_to_gradients", "accumulates", again)

    def _shared(self, returned: list[Any], inputs: list[Any]) -> None:
        subject = self.subject
        names = [tensor.name for tensor in subject.tensors]
        owned = [(f"input {k}", array) for k, array in enumerate(inputs)]
        for name, parameter in zip(names[len(subject.wanted) :], subject.parameters, strict=True):
            owned += [(name, parameter.value), (f"the gradient of {name}", parameter.grad)]
        for name, array in zip(names, returned, strict=False):
            if not isinstance(array, np.ndarray):
                continue
            for other, taken in owned:
                if isinstance(taken, np.ndarray) and np.shares_memory(array, taken):
                    sentence = f"the gradient shares its memory with {other}: "
                    self.found(
                        "keeps_what_it_handed_out",
                        "shared-memory",
                        name,
                        f"{sentence}writing to one changes both",
                    )
            owned.append((f"the gradient of {name}", array))

    def same(
        self,
        gradients: list[Array],
        law: str,
        mistake: str,
        sentence: str,
        reference: list[Array] | None = None,
    ) -> bool:
        """Compare gradients with the plain ones, or note a finding."""
        agreed = True
        plain = reference or self.gradients
        steepest = max((np.abs(g[np.isfinite(g)]).max(initial=0) for g in plain), default=0)
        for tensor, new, old in zip(self.subject.tensors, gradients, plain, strict=True):
            if tensor.name in self.malformed or close(new, old, self.tolerance(1e-6)):
                continue
            # exactly cancelling sums are nothing but rounding, and that may change
            if distance(new, old) <= 1e3 * self.eps * steepest:
                continue
            if distance(new, old) <= 1e3 * self.trembling(tensor.name):
                continue
            agreed = False
            with np.errstate(all="ignore"):
                worst = int(np.nanargmax(np.append(np.abs(new - old).reshape(-1), -1)[:-1]))
            self.found(
                law,
                mistake,
                tensor.name,
                f"the gradient {sentence}",
                f"{tensor.at(worst)}: {new.reshape(-1)[worst]:.6g} instead of "
                f"{old.reshape(-1)[worst]:.6g}",
            )
        return agreed

    def same_output(self, y: Any, relative: float) -> bool:
        """Tell whether an output is the first one, up to rounding."""
        return close(y, self.first, self.tolerance(relative)) or (
            distance(y, self.first) <= 1e3 * self.trembling("")
        )

    def trembling(self, name: str) -> float:
        """Return how much a gradient, or the output, changes when the point moves by roundings."""
        names = ["", *(tensor.name for tensor in self.subject.tensors)]

        def fresh(values: list[Array]) -> list[Array]:
            # layers that were never used: what earlier calls left behind is not noise
            twin = self.subject.fresh()
            return [twin.output(values), *twin.gradients(values, self.cotangent)]

        if not self._noise:
            plain = fresh(self.subject.values)
            for _ in range(3):
                moved = [
                    v + 4 * self.eps * np.abs(v).max(initial=0) * self.rng.choice([-1, 1], v.shape)
                    for v in self.subject.values
                ]
                for key, a, b in zip(names, fresh(moved), plain, strict=True):
                    self._noise[key] = max(self._noise.get(key, 0.0), distance(a, b))
        return self._noise[name]
