"""The contract of a layer: forward and then backward, and what no call may touch.

`minidl.contract.probes` then deviates from this plain call in every way that minidl relies on.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np

from minidl.arrays import Array
from minidl.contract.compare import (
    DOUBLE,
    SINGLE,
    arrays_in,
    attributes,
    close,
    distance,
    draw_cotangent,
    is_single,
    largest,
    natural_scale,
)
from minidl.contract.finding import Finding
from minidl.contract.form import check_form, shape_finding, wrong_addition
from minidl.contract.laws import LAW_OF
from minidl.contract.subject import Subject, global_bits, naming_the_probe


class Trial:
    """The plain call, forward and then backward, and the watch over it and all later calls.

    Parameters
    ----------
    subject : Subject
        In its own precision.
    rng : numpy.random.Generator
        For the cotangent and the moved inputs.
    strict : bool
        Whether minidl's own contract is meant, where a checker forgives what works.

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

    def __init__(self, subject: Subject, rng: np.random.Generator, strict: bool = False) -> None:
        self.subject, self.rng, self.strict = subject, rng, strict
        self.findings: list[Finding] = []
        self.gradients: list[Array] = []
        self.malformed: set[str] = set()
        self.usable = True
        self._held: list[tuple[str, Array, bytes]] = []
        with naming_the_probe("forward, as the check begins"):
            self._first_forward()
        with naming_the_probe("forward a second time"):
            self._second_forward()
        if self.usable:
            with naming_the_probe("backward, after one forward"):
                self._first_backward()

    def found(self, mistake: str, sentence: str, tensor: str = "", evidence: str = "") -> None:
        """Note a finding, one of each kind for each tensor."""
        if not any((f.mistake, f.tensor) == (mistake, tensor) for f in self.findings):
            law = LAW_OF[mistake].name
            self.findings.append(Finding(law, tensor, mistake, sentence, evidence))

    @contextmanager
    def watched(
        self, call: str, inputs: Sequence[Any] = (), dy: Any = None, cache: Any = None
    ) -> Iterator[None]:
        """Find what a call changes and must not: its arguments, and arrays handed out earlier."""
        watched = [("input", f"input {k}", "the input", array) for k, array in enumerate(inputs)]
        watched.append(("upstream", "", "the upstream gradient that it is given", dy))
        again = "the cache, so that it cannot be called twice with it"
        watched += [("cache", "", again, array) for array in arrays_in(cache)]
        for name, parameter in self.subject.parameters.items():
            watched.append(("parameter", name, "the value of the parameter", parameter.value))
            if not call.startswith("backward"):
                watched.append(("gradient", name, "the gradient of the parameter", parameter.grad))
        before = [np.ravel(array).tobytes() for *_, array in watched]
        kept = attributes(self.subject.layer) if self.strict else {}
        yield
        now = attributes(self.subject.layer) if self.strict else {}
        for path in sorted(path for path in {*kept, *now} if kept.get(path) != now.get(path)):
            sentence = f"{call} changes {path}: what backward needs travels in the cache, and "
            self.found("state", f"{sentence}running statistics are a Buffer")
        for (kind, tensor, what, array), then in zip(watched, before, strict=True):
            if np.ravel(array).tobytes() != then:
                self.found(f"mutates-{kind}", f"{call} writes into {what}", tensor)
                self._held.clear()  # what follows would be a consequence
        for what, array, then in self._held:
            if array.tobytes() != then:
                self.overwritten(what, call)

    def hold(self, what: str, item: Any) -> None:
        """Watch arrays that the layer has handed out: no later call may change them."""
        own = self.subject.own_arrays()
        for array in arrays_in(item):
            if not any(np.may_share_memory(array, other) for other in own):
                self._held.append((what, array, array.tobytes()))

    def overwritten(self, what: str, call: str) -> None:
        """Note that something handed out earlier has changed."""
        sentence = f"{what}, returned by one call, is overwritten by a later call of {call}: "
        sentence += "the layer hands out an array that it keeps"
        self.found("overwritten-result", sentence)

    def forward(self, values: Sequence[Array], inputs: list[Any] | None = None) -> tuple[Any, Any]:
        """Return (output, cache) at a point, or for inputs given as they are."""
        inputs = self.subject.restore(values) if inputs is None else inputs
        with self.watched("forward", inputs):
            return self.subject.run(inputs)

    def backward(
        self, y: Any, cache: Any, dy: Any = None, method: str = "backward", start: Any = ()
    ) -> tuple[list[Any] | None, list[Array]]:
        """Return (what backward returned, all gradients in usable form)."""
        subject = self.subject
        dy = subject.upstream(self.cotangent, y) if dy is None else dy
        with self.watched(method, dy=dy, cache=cache):
            returned, added = subject.backward(dy, cache, method, start)
        return returned, subject.usable(returned, added)

    def _first_forward(self) -> None:
        subject, drawn = self.subject, global_bits().state
        before = subject.state()[-1]
        self.y, cache = self.forward(subject.values)
        if subject.state()[-1] != before:
            subject.global_generator = [(global_bits(), drawn)]
            if self.strict:
                sentence = "it draws from NumPy's global generator: own one instead"
                self.found("global-generator", sentence)
        output = np.asarray(self.y)
        if output.dtype.kind != "f":
            raise TypeError(f"the output must be floating, got dtype {output.dtype}")
        if not np.isfinite(output).all():
            index = tuple(np.argwhere(~np.isfinite(output))[0].tolist())
            raise ValueError(
                f"the output is not finite at {index}: gradients can be checked only where the "
                "layer has a value"
            )
        self.eps = max(float(np.finfo(output.dtype).eps), subject.eps, DOUBLE)
        v = draw_cotangent(output.size, self.rng)
        self.cotangent = v.astype(output.dtype).astype(np.float64)
        self.first = output.copy()
        self.hold("the output of forward", self.y)
        self.hold("a cache that is still held", cache)

    def _second_forward(self) -> None:
        subject = self.subject
        again, _ = self.forward(subject.values)
        # the same numbers through the same code: at most, threads add them up in another order
        if not close(again, self.first, self.tolerance(1e-12)):
            self.usable = False
            self.found(
                "history-dependent-forward",
                "forward gives another output when it is called again with the same input",
                evidence=f"largest difference {distance(again, self.first):.3g}; buffers and "
                "random generators of the layer and NumPy's global one were put back in between",
            )
        if self.eps == DOUBLE and self.usable:
            outputs = [self.first.reshape(-1), subject.output(self.moved())]
            if outputs[0].shape == outputs[1].shape and is_single(np.stack(outputs)):
                self.eps = SINGLE

    def tolerance(self, double: float) -> float:
        """Return a relative tolerance; float32, seen or hidden, has a thousandfold one at least."""
        # 1e-5 are a hundred roundings of float32: what a sum of a few thousand terms may lose
        return double if self.eps == DOUBLE else max(1e3 * double, 1e-5)

    def moved(self) -> list[Array]:
        """Return the point with other values in the range of the given ones."""
        # shrunk rather than stretched: what a layer cannot take lies far out more often than near 0
        values = []
        for value in self.subject.values:
            swapped = value.reshape(-1)[::-1].reshape(value.shape)
            factor = self.rng.uniform(0.7, 0.95, value.shape)
            values.append(swapped * factor if value.any() else value + 0.37 * factor)
        return values

    def _first_backward(self) -> None:
        subject = self.subject
        inputs = subject.restore(subject.values)
        batch = next(iter(np.shape(subject.inputs[0])), 1) if subject.inputs else 1
        y, cache = self.forward(subject.values, inputs)
        state = subject.state()
        try:
            returned, self.gradients = self.backward(y, cache)
        except ValueError as error:
            misfit = wrong_addition(subject, str(error))
            if misfit is None:
                raise
            self.usable = False
            self.found(*shape_finding(*misfit, batch), f"backward raised: {error}")
            return
        if subject.state() != state:
            sentence = "backward moves a random generator or a buffer; what forward drew must "
            self.found("random-backward", f"{sentence}travel in the cache")
        for mistake, sentence, tensor in check_form(subject, returned, self.y, batch):
            self.found(mistake, sentence, tensor)
            if mistake != "wrong-dtype":
                self.malformed.add(tensor)
        if self.strict:
            self._one_dtype(returned or [])
        self._shared(returned or [], inputs)
        self.hold("the gradient of an input", returned)
        try:
            self.backward(y, cache, subject.upstream(-0.5 * self.cotangent, y))
            second = self.backward(y, cache)[1]
        except Exception as error:
            sentence = "backward cannot be called a second time with the same cache"
            self.found("accumulates", sentence, "", f"it raised {type(error).__name__}: {error}")
            return
        if not {"random-backward", "mutates-cache"} & {f.mistake for f in self.findings}:
            again = "changes when backward is called again with the same cache"
            self.same(second, "accumulates", again)

    def _one_dtype(self, returned: list[Any]) -> None:
        """Find an output, or a gradient of an input, of another dtype than everything else."""
        subject = self.subject
        inferred = subject.layer(*subject.restore(subject.values))
        kinds = {array.dtype for array in subject.arrays(subject.inputs)}
        outputs = {"forward gives": self.y, "the layer called gives": inferred}
        for tensor, dx in zip(subject.tensors, returned, strict=False):
            outputs[f"the gradient of {tensor.name} is"] = dx
        for what, array in outputs.items():
            got = getattr(array, "dtype", type(array).__name__)
            if {got} != kinds and type(array) is not float:  # that becomes whatever it meets
                kind = ", ".join(map(str, kinds))
                self.found("wrong-dtype", f"{what} {got} where everything else is {kind}", what)
        if np.shape(inferred) != np.shape(self.y):
            shapes = f"shape {np.shape(inferred)}, forward {np.shape(self.y)}"
            self.found("wrong-shape", f"the layer called gives {shapes}")

    def _shared(self, returned: list[Any], inputs: list[Any]) -> None:
        owned = [(f"input {k}", array) for k, array in enumerate(inputs)]
        for name, parameter in self.subject.parameters.items():
            owned += [(name, parameter.value), (f"the gradient of {name}", parameter.grad)]
        for tensor, array in zip(self.subject.tensors, returned, strict=False):
            if isinstance(array, np.ndarray):
                for other, taken in owned:
                    if isinstance(taken, np.ndarray) and np.shares_memory(array, taken):
                        sentence = f"the gradient shares its memory with {other}: "
                        sentence += "writing to one changes both"
                        self.found("shared-memory", sentence, tensor.name)
                owned.append((f"the gradient of {tensor.name}", array))

    def same(
        self,
        gradients: list[Array],
        mistake: str,
        sentence: str,
        reference: list[Array] | None = None,
    ) -> bool:
        """Compare gradients with the plain ones, or note a finding."""
        plain = reference or self.gradients
        differing = self.differing(gradients, plain)
        for k in differing:
            tensor = self.subject.tensors[k]
            new, old = gradients[k].reshape(-1), plain[k].reshape(-1)
            with np.errstate(invalid="ignore"):
                worst = int(np.argmax(np.nan_to_num(np.abs(new - old), nan=np.inf)))
            evidence = f"{tensor.at(worst)}: {new[worst]:.6g} instead of {old[worst]:.6g}"
            self.found(mistake, f"the gradient {sentence}", tensor.name, evidence)
        return not differing

    def differing(
        self, gradients: list[Array], plain: list[Array], relative: float = 1e-6
    ) -> list[int]:
        """Return the indices of the gradients that differ by more than rounding."""
        size = float(np.abs(self.cotangent) @ np.abs(np.float64(self.first).reshape(-1)))
        indices = []
        for k, tensor in enumerate(self.subject.tensors):
            gap = distance(gradients[k], plain[k])
            allowed = self.tolerance(relative) * largest(plain[k])
            if gap <= allowed or tensor.name in self.malformed:
                continue
            # Exactly cancelling sums are nothing but rounding, and that may change: so a gap also
            # has to be beyond a thousand roundings of the steepest gradient that a function of this
            # size can have, and of what gradients do when the point itself moves by roundings.
            natural = size / natural_scale(self.subject.values[k]).min(initial=np.inf)
            steepest = max([natural, *map(largest, [*plain, *self.gradients])])
            if gap > 1e3 * self.eps * steepest and gap > 1e3 * self.trembling[k + 1]:
                indices.append(k)
        return indices

    @cached_property
    def trembling(self) -> list[float]:
        """How much the output and each gradient change when the point moves by roundings."""
        changes = self.subject.trembling(self.subject.values, self.cotangent, self.rng, self.eps)
        return [largest(change) for change in changes]
