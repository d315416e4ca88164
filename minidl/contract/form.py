"""The form of the gradients: how many, of which shape and dtype, and whether finite."""

import re
from ast import literal_eval
from collections.abc import Iterator
from typing import Any

import numpy as np

from minidl.contract.subject import Subject

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
    for index, tensor, gradient in zip(subject.wanted, tensors, returned, strict=False):
        expected = subject.inputs[index].dtype
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
    """Name the mistake behind a gradient of one shape where another is due."""
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


# What an assignment to a gradient says, and what NumPy says of += that does not fit.
MISFITS = (
    r"gradient has shape (\(.*?\)), got .* shape (\(.*?\))",
    r"output operand with shape (\(.*?\)) doesn't match the broadcast shape (\(.*?\))",
    r"could not be broadcast together with shapes (\(.*?\)) (\(.*?\)) \1",
)


def wrong_addition(subject: Subject, error: str) -> tuple[str, Shape, Shape] | None:
    """Return (parameter, shape added, shape due) if an error of backward is about that."""
    for match in filter(None, (re.search(misfit, error) for misfit in MISFITS)):
        due, got = map(literal_eval, match.groups())
        for name, parameter in subject.parameters.items():
            if parameter.value.shape == due:
                return name, got, due
    return None
