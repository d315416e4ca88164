"""What is being checked, seen uniformly: tensors in, one output vector and one gradient each out.

A subject owns a deep copy of the layer, so that whatever is tried leaves the caller's layer as it
was. Buffers and random generators are put back before every forward, which turns a stochastic
layer into a function.
"""

import copy
import pickle
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from minidl.arrays import Array
from minidl.checks.arguments import floating_dtype
from minidl.contract.compare import natural_scale
from minidl.layer import Layer
from minidl.parameters import Buffer, Parameter, network_dtype, unique, walk

Generators = (np.random.Generator, np.random.RandomState)


@dataclass(frozen=True)
class Tensor:
    """Something that is owed a gradient: an input of the layer or one of its parameters."""

    name: str
    shape: tuple[int, ...]
    input: int | None = None  # its index among the inputs; None for a parameter

    def at(self, flat: int) -> str:
        """Name one coordinate, such as ``weight[3, 2]``."""
        index = ", ".join(str(int(i)) for i in np.unravel_index(flat, self.shape))
        return f"{self.name}[{index}]" if self.shape else self.name


@contextmanager
def naming_the_probe(name: str) -> Iterator[None]:
    """Say in an exception which probe made the layer raise it."""
    try:
        yield
    except Exception as error:
        start = "raised while the gradient checker tried this"
        if not any(note.startswith(start) for note in getattr(error, "__notes__", ())):
            error.add_note(f"{start}: {name}")
        raise


def as_inputs(layer: Any, inputs: Sequence[Any], dtype: DTypeLike | None) -> list[Any]:
    """Return copies of the inputs as arrays, floating ones in the layer's dtype."""
    arrays: list[Any] = []
    for index, item in enumerate(inputs):
        if item is None or isinstance(item, (str, bool, int)):
            arrays.append(item)
            continue
        try:
            array = np.array(item, order="C")
        except ValueError as error:
            raise ValueError(f"input {index} cannot be made an array: {error}") from None
        if array.dtype.kind in "cO":
            raise TypeError(f"input {index} has dtype {array.dtype}: gradients here are real")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(f"input {index} has elements that are not finite")
        arrays.append(array)
    floating = [array for array in arrays if _floating(array)]
    if dtype is None:
        wide = not floating or max(array.itemsize for array in floating) > 4
        dtype = network_dtype(layer) or (np.float64 if wide else np.float32)
    dtype = floating_dtype("dtype", dtype)
    return [array.astype(dtype) if _floating(array) else array for array in arrays]


def contiguous(array: Any) -> Array:
    """Return a copy as float64 in C order."""
    return np.array(array, np.float64, order="C")


def pull(returned: Any, inputs: int, wanted: Sequence[int]) -> list[Any] | None:
    """Pick the gradients of the wanted inputs out of what backward returned; None: miscounted.

    One gradient is returned bare, several as a tuple, in which inputs without gradient may stand
    as None or be left out.
    """
    one = len(wanted) == 1
    if isinstance(returned, tuple) or (isinstance(returned, list) and not (one and inputs == 1)):
        if len(returned) == inputs:
            return [returned[index] for index in wanted]
        return list(returned) if len(returned) == len(wanted) else None
    if one:
        return [returned]
    return None if wanted else []


class Subject:
    """A copy of a layer with its inputs, as a function of the tensors that are owed a gradient.

    Parameters
    ----------
    layer : Layer
        It is copied.
    inputs : sequence
        What `as_inputs` returns.
    dtype : float32 or float64, optional
        What the copy is cast to; by default it stays as it is.

    Attributes
    ----------
    tensors : list of Tensor
        The differentiable inputs, then the parameters.
    values : list of ndarray
        The point given: a float64 array for each tensor, exact for narrower dtypes.
    forwards : int
        How often the layer has computed an output.
    """

    def __init__(self, layer: Any, inputs: Sequence[Any], dtype: DTypeLike | None = None) -> None:
        for method in ("forward", "backward"):
            if isinstance(layer, type) or not callable(getattr(layer, method, None)):
                raise TypeError(
                    f"check_gradients takes an object with forward and backward, got {layer!r}; "
                    "check_vjp takes functions"
                )
        self._original, self._dtype = layer, dtype
        self.layer = copy.deepcopy(layer) if dtype is None else Layer.astype(layer, dtype)
        self.inputs = [
            array.astype(dtype) if dtype and _floating(array) else array for array in inputs
        ]
        leading = self.inputs[: getattr(layer, "differentiable", None)]
        self.wanted = [index for index, array in enumerate(leading) if _floating(array)]
        self.parameters: dict[str, Parameter] = unique(self.layer, Parameter)
        self.tensors = [Tensor(f"input {i}", self.inputs[i].shape, i) for i in self.wanted]
        self.tensors += [Tensor(name, item.value.shape) for name, item in self.parameters.items()]
        if not self.tensors:
            kinds = ", ".join(str(getattr(a, "dtype", type(a).__name__)) for a in self.inputs)
            raise ValueError(
                "there is no gradient to check: the layer has no parameters and no input is "
                f"floating (inputs: {kinds or 'none'})"
            )
        self.values = [contiguous(array) for array in self.arrays(self.inputs)]
        self.forwards = 0
        self.global_generator: list[tuple[Any, Any]] = []  # NumPy's, if forward draws from it
        self._buffers = [(b, b.value.copy()) for b in unique(self.layer, Buffer).values()]
        found = unique(self.layer, Generators)
        self._generators = [(_bits(g), _bits(g).state) for g in found.values()]

    @property
    def stochastic(self) -> bool:
        """Whether the layer has training-only behaviour."""
        return bool(self._buffers or self._generators or self.global_generator)

    @property
    def eps(self) -> float:
        """The machine epsilon of the narrowest of its tensors."""
        return max(float(np.finfo(array.dtype).eps) for array in self.arrays(self.inputs))

    @property
    def composite(self) -> bool:
        """Whether the layer holds layers."""
        return any(path and hasattr(type(item), "backward") for path, item in walk(self.layer))

    def arrays(self, inputs: Sequence[Any]) -> list[Array]:
        """Return the array of each tensor: the wanted ones of these inputs, then the parameters."""
        return [inputs[i] for i in self.wanted] + [p.value for p in self.parameters.values()]

    def own_arrays(self) -> list[Array]:
        """Return the arrays that the layer keeps: values and gradients of parameters, buffers."""
        arrays = [array for p in self.parameters.values() for array in (p.value, p.grad)]
        return arrays + [buffer.value for buffer, _ in self._buffers]

    def state(self) -> list[bytes]:
        """Return the bytes of buffers and generators, the last those of NumPy's global one."""
        bits = [each for each, _ in self._generators] + [global_bits()]
        return [b.value.tobytes() for b, _ in self._buffers] + [pickle.dumps(g.state) for g in bits]

    def restore(self, values: Sequence[Array]) -> list[Any]:
        """Set buffers, generators and parameters; return fresh copies of the inputs, set too."""
        for buffer, value in self._buffers:
            np.copyto(buffer.value, value)
        for bits, state in self._generators + self.global_generator:
            bits.state = state
        inputs = [a.copy() if isinstance(a, np.ndarray) else a for a in self.inputs]
        for array, value in zip(self.arrays(inputs), values, strict=True):
            np.copyto(array, value, casting="same_kind")
        return inputs

    def forward(self, values: Sequence[Array]) -> tuple[Any, Any]:
        """Return (output as the layer gave it, cache) at a point."""
        return self.run(self.restore(values))

    def run(self, inputs: Sequence[Any]) -> tuple[Any, Any]:
        """Call forward without restoring anything first, and check that it gives a pair."""
        self.forwards += 1
        with np.errstate(all="ignore"):
            returned = self.layer.forward(*inputs)
        if not isinstance(returned, (tuple, list)) or len(returned) != 2:
            got = f"{len(returned)} of them" if isinstance(returned, (tuple, list)) else "one value"
            raise TypeError(
                f"{type(self.layer).__name__}.forward must return the pair (output, cache), "
                f"got {got} ({type(returned).__name__})"
            )
        y, cache = returned
        if not isinstance(y, (np.ndarray, np.generic, float)):
            raise TypeError(f"the output must be a floating array or number, got {y!r:.60}")
        return y, cache

    def output(self, values: Sequence[Array]) -> Array:
        """Return the output at a point as a float64 vector."""
        return contiguous(self.forward(values)[0]).reshape(-1)

    def backward(
        self, dy: Any, cache: Any, method: str = "backward", start: Sequence[Any] = ()
    ) -> tuple[list[Any] | None, list[Array]]:
        """Return (gradients of the inputs as backward gave them, those added to the parameters').

        The gradients of the parameters start from zero, or from the arrays in `start`.
        """
        parameters, start = self.parameters.values(), start or [0.0] * len(self.parameters)
        for parameter, value in zip(parameters, start, strict=True):
            parameter.grad[...] = value
        with np.errstate(all="ignore"):
            returned = getattr(self.layer, method)(dy, cache)
            added = [p.grad - value for p, value in zip(parameters, start, strict=True)]
        return pull(returned, len(self.inputs), self.wanted), added

    def gradients(self, values: Sequence[Array], cotangent: Array) -> list[Array]:
        """Return all gradients at a point as float64 arrays; NaN where one is missing."""
        return self.results(values, cotangent)[1:]

    def results(self, values: Sequence[Array], cotangent: Array) -> list[Array]:
        """Return the output and all gradients at a point."""
        y, cache = self.forward(values)
        gradients = self.usable(*self.backward(self.upstream(cotangent, y), cache))
        return [contiguous(y), *gradients]

    def trembling(
        self,
        values: Sequence[Array],
        cotangent: Array,
        rng: np.random.Generator,
        eps: float,
        draws: int = 4,
    ) -> list[Array]:
        """Return how much output and gradients change when the point and v move by roundings.

        Every run has a fresh copy of the layer, so that traces of earlier calls are not taken for
        noise.
        """
        plain = self.fresh().results(values, cotangent)
        changes = [np.zeros_like(array) for array in plain]
        for _ in range(draws):
            *moved, v = nudged([*values, cotangent], rng, eps)
            new = self.fresh().results(moved, v)
            with np.errstate(invalid="ignore"):
                for change, a, b in zip(changes, new, plain, strict=True):
                    np.fmax(change, np.abs(a - b), out=change)
        return changes

    def usable(self, returned: list[Any] | None, added: Sequence[Array]) -> list[Array]:
        """Return gradients as float64 arrays of the shapes they should have, NaN if they do not."""
        everything = [*(returned or [None] * len(self.wanted)), *added]
        return [
            contiguous(gradient)
            if np.shape(gradient) == tensor.shape and np.asarray(gradient).dtype.kind in "fiub"
            else np.full(tensor.shape, np.nan)
            for gradient, tensor in zip(everything, self.tensors, strict=True)
        ]

    def upstream(self, cotangent: Array, y: Any) -> Any:
        """Return a cotangent in the form of the output; a bare number for a loss."""
        if np.ndim(y) == 0 and getattr(y, "dtype", None) != np.float64:
            return float(cotangent.reshape(()))
        array = cotangent.astype(np.asarray(y).dtype).reshape(np.shape(y))
        return array[()] if isinstance(y, np.generic) else array

    def rows(self, index: Any) -> "Subject":
        """Return a subject with some rows of every input that has the batch axis."""
        size = np.shape(self.inputs[0])[:1]
        inputs = [a[index] if size and np.shape(a)[:1] == size else a for a in self.inputs]
        return self.fresh(inputs=inputs)

    def fresh(self, dtype: DTypeLike | None = None, inputs: list[Any] | None = None) -> "Subject":
        """Return a subject that has never been used, perhaps in another precision."""
        twin = Subject(self._original, inputs or self.inputs, dtype or self._dtype)
        twin.global_generator = self.global_generator
        return twin


def nudged(values: Sequence[Array], rng: np.random.Generator, eps: float) -> list[Array]:
    """Return values that differ by up to four roundings of their natural size."""
    sizes = [2 * eps * np.maximum(np.abs(v), natural_scale(v)) for v in values]
    return [v + s * rng.uniform(-2, 2, v.shape) for v, s in zip(values, sizes, strict=True)]


def global_bits() -> Any:
    """Return what NumPy's global generator draws from."""
    return np.random.get_bit_generator()  # type: ignore[attr-defined]


def _bits(generator: Any) -> Any:
    return getattr(generator, "bit_generator", None) or generator._bit_generator


def _floating(array: Any) -> bool:
    return isinstance(array, np.ndarray) and array.dtype.kind == "f"
