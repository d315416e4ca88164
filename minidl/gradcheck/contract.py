"""The contract of a layer, probe by probe: what calls may touch, keep and depend on.

Each probe tries one thing that minidl does with layers (calls forward twice, runs two forwards
before two backwards, accumulates, passes strided arrays …) and compares with the plain call. The
first probe that a layer fails usually explains the others, so the order is by consequence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minidl.gradcheck.form import check_form, shape_finding, wrong_addition
from minidl.gradcheck.noise import is_single
from minidl.gradcheck.point import DOUBLE, SINGLE
from minidl.gradcheck.report import Finding
from minidl.gradcheck.subject import Subject, probe
from minidl.parameters import Parameter, walk

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
        before = _bits(inputs)
        drawn = np.random.get_state()  # noqa: NPY002 - a layer may draw from it
        self.y, self.cache = subject.run(inputs)
        subject.replays_global = not _same_state(drawn, np.random.get_state())  # noqa: NPY002
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
        self.eps = float(np.finfo(output.dtype).eps)
        self.eps = max(self.eps, DOUBLE)
        self._untouched(inputs, before, "forward")
        v = self.rng.normal(size=output.size) if output.size != 1 else np.array([-1.7])
        self.cotangent = v.astype(output.dtype).astype(np.float64)
        self.first = output.copy()

    def _second_forward(self) -> None:
        subject = self.subject
        again, _ = subject.forward(subject.values)
        if not _close(again, self.first, 1e-12 if self.eps == DOUBLE else 1e-5):
            self.usable = False
            self.found(
                "history-dependent-forward",
                "",
                "forward gives another output when it is called again with the same input",
                f"largest difference {_distance(again, self.first):.3g}; buffers and random "
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
        before, upstream, kept = _bits(inputs), np.array(dy), _bits(_arrays(cache))
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
        if _bits(_arrays(cache)) != kept:
            self.found(
                "mutates-cache",
                "",
                "backward writes into the cache, so that it cannot be called twice with it",
            )
        now = subject.state(), np.random.get_state()  # noqa: NPY002
        if state[0] != now[0] or not _same_state(state[1], now[1]):
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
        for place, (now, then) in enumerate(zip(_bits(inputs), before, strict=True)):
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
        arrays = [(n, a) for n, a in zip(names, returned, strict=False) if _is_array(a)]
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
            if tensor.name in self.malformed or not old.size or _close(new, old, 1e-5):
                continue
            if self.eps > DOUBLE and _close(new, old, 1e-3):
                continue
            # exactly cancelling sums are nothing but rounding, and that may change
            if _distance(new, old) <= 1e3 * self._trembling(tensor.name):
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

    def _trembling(self, name: str) -> float:
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
                    self._noise[tensor.name] = max(self._noise[tensor.name], _distance(a, b))
        return self._noise[name]

    def run(self) -> None:
        """Run the probes that need a sound plain call."""
        for name, attempt in PROBES:
            with probe(name):
                attempt(self)


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
        if not _close(parameter.grad - start, added, 1e-5 if trial.eps == DOUBLE else 1e-3):
            lost = _close(parameter.grad, added, 1e-6)
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
            if not _close(y, trial.first, 1e-12 if trial.eps == DOUBLE else 1e-5):
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
    if not _close(subject.output(values), expected, 1e-7 if trial.eps == DOUBLE else 1e-3):
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
    before, attributes = subject.state(), _attributes(subject.layer)
    subject.forwards += 1
    try:
        with np.errstate(all="ignore"):
            y = subject.layer(*inputs)
    except NotImplementedError:  # a composite that is not meant for inference
        return
    if subject.state() != before or _attributes(subject.layer) != attributes:
        trial.found(
            "call-writes",
            "",
            "calling the layer, as at inference, changes its buffers, generators or attributes",
        )
    if subject.stochastic:
        return
    if np.shape(y) != np.shape(trial.y) or not _close(
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
    for change in (np.asfortranarray, _strided):
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


def _strided(array: Array) -> Array:
    wide = np.empty((*array.shape[:-1], 2 * array.shape[-1]), array.dtype)
    wide[..., ::2] = array
    return wide[..., ::2]


def _is_array(item: Any) -> bool:
    return isinstance(item, np.ndarray)


def _close(new: Any, old: Array, relative: float) -> bool:
    """Tell whether arrays agree, relative to the largest element, and are finite together."""
    new, old = np.asarray(new, np.float64), np.asarray(old, np.float64)
    if new.shape != old.shape:
        return False
    both = np.isfinite(new)
    if not np.array_equal(both, np.isfinite(old)):
        return False
    largest = np.abs(old[both]).max(initial=0)
    return bool((np.abs(new[both] - old[both]) <= relative * largest).all())


def _distance(new: Any, old: Any) -> float:
    if np.shape(new) != np.shape(old):
        return float("inf")
    with np.errstate(invalid="ignore"):
        difference = np.abs(np.asarray(new, np.float64) - np.asarray(old, np.float64))
    return float(np.nan_to_num(difference, nan=np.inf).max(initial=0))


def _same_state(a: Any, b: Any) -> bool:
    return bool(np.array_equal(a[1], b[1]) and a[2:] == b[2:])


def _bits(arrays: Sequence[Any]) -> list[bytes]:
    return [a.tobytes() if isinstance(a, np.ndarray) else b"" for a in arrays]


def _arrays(item: Any, depth: int = 6) -> list[Array]:
    """Return the arrays in a cache of tuples, lists, dicts and plain objects."""
    if isinstance(item, np.ndarray):
        return [item]
    if depth == 0 or isinstance(item, Parameter):
        return []
    children: Iterator[Any] | Sequence[Any] = ()
    if isinstance(item, (list, tuple)):
        children = item
    elif isinstance(item, dict):
        children = list(item.values())
    elif hasattr(item, "__dict__") and not isinstance(item, type) and not callable(item):
        children = list(vars(item).values())
    return [array for child in children for array in _arrays(child, depth - 1)]


def _attributes(layer: Any) -> dict[str, bytes]:
    """Return a print of the plain attributes of a layer and the layers in it."""
    seen = {}
    for path, item in walk(layer):
        for name, value in getattr(item, "__dict__", {}).items():
            if isinstance(value, np.ndarray):
                seen[f"{path}.{name}"] = value.tobytes()
            elif value is None or isinstance(value, (bool, int, float, str, complex)):
                seen[f"{path}.{name}"] = repr(value).encode()
            else:
                seen[f"{path}.{name}"] = str(id(value)).encode()
    return seen
