"""The form of the gradients: how many, of which shape and dtype, and whether finite."""

from __future__ import annotations

import re
from ast import literal_eval
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minidl.gradcheck.subject import Subject

Array = NDArray[Any]
Shape = tuple[int, ...]
Slip = tuple[str, str, str]  # (mistake, sentence, tensor)


def check_form(subject: Subject, returned: list[Any] | None, y: Any, batch: int) -> Iterator[Slip]:
    """Yield what is wrong with the form of the gradients that backward returned."""
    tensors = subject.tensors[: len(subject.wanted)]
    if returned is None:
        count = "backward must return one gradient for each differentiable input: "
        names = ", ".join(tensor.name for tensor in tensors)
        for tensor in tensors:
            sentence = f"{count}{len(tensors)} ({names})"
            yield "wrong-number-of-gradients", sentence, tensor.name
        return
    for place, tensor, gradient in zip(subject.wanted, tensors, returned, strict=False):
        expected = subject.inputs[place].dtype
        if gradient is None:
            sentence = "backward returns None where the gradient of a floating input is due"
            yield "missing-gradient", sentence, tensor.name
        elif np.shape(gradient) != tensor.shape:
            yield shape_finding(tensor.name, np.shape(gradient), tensor.shape, batch)
        elif isinstance(gradient, (np.ndarray, np.generic)) and gradient.dtype not in (
            expected,
            getattr(y, "dtype", expected),
        ):
            sentence = f"the gradient has dtype {gradient.dtype}, the input {expected}"
            yield "wrong-dtype", sentence, tensor.name


def shape_finding(name: str, got: Shape, want: Shape, batch: int) -> Slip:
    """Name the slip that gives an array of one shape where another is due."""
    if got[1:] == want and got[:1] == (batch,):
        mistake, why = "not-summed-over-batch", f"it is not summed over the batch ({batch})"
    elif [n for n in got if n != 1] == [n for n in want if n != 1]:
        mistake, why = "keepdims", "an axis of length 1 is left over or lost (keepdims?)"
    elif got == want[::-1]:
        mistake, why = "transposed-shape", "it is transposed"
    elif got[1:] == want:
        mistake, why = "not-summed-over-batch", "it is not summed over the first axis"
    else:
        mistake, why = "wrong-shape", "the shapes must be equal"
    sentence = f"the gradient has shape {got}, expected {want}: {why}"
    return mistake, sentence, name


class _Recorder(np.ndarray[Any, Any]):
    """A gradient that notes an addition of the wrong shape instead of raising."""

    misfit: Shape | None = None

    def __iadd__(self, other: Any) -> _Recorder:  # type: ignore[misc]
        if np.shape(other) == self.shape or np.ndim(other) == 0:
            np.add(self.view(np.ndarray), other, out=self.view(np.ndarray))
        else:
            self.misfit = np.shape(other)
        return self


def wrong_addition(subject: Subject, cotangent: Array) -> tuple[str, Shape, Shape] | None:
    """Run backward again and return (parameter, shape added, shape due), if that is its error."""
    twin = subject.fresh()
    recorders = {}
    for name, parameter in twin.parameters.items():
        recorders[name] = np.zeros(parameter.value.shape, parameter.value.dtype).view(_Recorder)
        parameter._grad = recorders[name]
    y, cache = twin.forward(twin.values)
    try:
        twin.layer.backward(twin.upstream(cotangent, y), cache)
    except ValueError as error:  # an assignment: the parameter says both shapes
        shapes = re.findall(r"gradient has shape (\(.*?\)), got .* shape (\(.*?\))", str(error))
        for due, got in shapes:
            for name, recorder in recorders.items():
                if recorder.shape == literal_eval(due):
                    return name, literal_eval(got), recorder.shape
    for name, recorder in recorders.items():
        if recorder.misfit is not None:
            return name, recorder.misfit, recorder.shape
    return None
