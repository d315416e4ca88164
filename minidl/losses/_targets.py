"""Targets: numbers, classes or probabilities, and whether they fit a prediction."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from minidl.arrays import Array
from minidl.checks.arguments import real, refuse

_INDEX, _UNSIGNED = np.dtype(np.intp), np.dtype(np.uintp)  # a dtype is quicker than its type


def as_many(prediction: Array, target: Array) -> Array:
    """Repeat the first prediction, so that its shape fits a whole data set of targets."""
    return np.broadcast_to(prediction[:1], (len(target), *prediction.shape[1:]))


def are_classes(where: Any, scores: Array, target: Array, otherwise: str) -> bool:
    """Return True for class indices, an axis less than the scores; False for the scores' shape.

    Raises
    ------
    ValueError
        For another shape; where there is one class, of which the loss would always be 0.
    """
    shape = scores.shape
    classes = target.shape == shape[:-1] != shape
    if not classes and target.shape != shape:
        raise ValueError(
            f"{where}: outputs of shape {shape} need {otherwise} of that shape or class labels of "
            f"shape {shape[:-1]}, got a target of shape {target.shape}"
        )
    if shape[-1:] == (1,) and (classes or otherwise == "probabilities"):
        raise ValueError(
            f"{where}: one output, shape {shape}, cannot tell classes by their index: take an "
            f"output for each class, or SigmoidCrossEntropy with targets 0 and 1 of shape {shape} "
            "(Hinge with −1 and +1)"
        )
    return classes


def check_target(
    loss: Any, target: Array, logits: Array, ignore_index: int | None
) -> tuple[Array, NDArray[np.bool] | None]:
    """Check the target of a batch; return it as intp or in the logits' dtype, and what counts.

    What counts are the elements that are not to be ignored; None if all do.

    Raises
    ------
    ValueError, TypeError
        For another shape or dtype; for an index that is out of range; for a single class.
    """
    counts = None
    if are_classes(loss, logits, target, "probabilities"):
        if ignore_index is not None:
            counts = np.not_equal(target, ignore_index)
            target = target * counts
        return check_indices(loss, target, logits.shape[-1]), counts
    if ignore_index is not None:
        raise ValueError(f"{loss}: ignore_index needs class indices, got probabilities")
    return real(f"{loss}: probabilities", target).astype(logits.dtype, copy=False), None


def check_indices(where: Any, target: Array, classes: int) -> NDArray[np.intp]:
    """Return class indices as intp; raise if one is out of range, and say where it stands."""
    indices = target
    if target.dtype is not _INDEX:
        if target.dtype.kind not in "iu":
            raise TypeError(f"{where}: class indices must be integers, got dtype {target.dtype}")
        indices = target.astype(_INDEX)
    # one maximum finds both ends: as unsigned numbers, negative ones are huge
    unsigned = indices.view(_UNSIGNED)
    if unsigned.item(unsigned.argmax()) >= classes:
        _refuse_outside(target, classes, None, f"{where}: class index")
    return indices


def class_labels(target: Array, classes: int, ignore_index: int | None = None) -> Array:
    """Return a data set's class labels as integers; whole floating numbers are taken as such.

    Raises
    ------
    ValueError, TypeError
        For a label that is no integer, or out of range and not the one to ignore; if that is all.
    """
    if target.dtype.kind not in "iuf":
        raise TypeError(
            "y: class labels must be integers from 0 (or rows of probabilities), got dtype "
            f"{target.dtype}; np.unique(y, return_inverse=True)[1] numbers any labels"
        )
    fractional = target != np.trunc(target)
    refuse(fractional, target, "y: class labels must be integers, but label {at} is {value}")
    _refuse_outside(target, classes, ignore_index, "y: class label")
    return target.astype(np.intp) if target.dtype.kind == "f" else target


def distributions(target: Array, dtype: Any) -> Array:
    """Return a data set's rows of probabilities in a dtype; raise for rows that are none."""
    rows = real("y: probabilities", target).astype(dtype, copy=False)
    bad = (rows < 0).any(axis=-1) | (abs(rows.sum(axis=-1) - 1) > 1e-3)
    need = "y: rows of probabilities must not be negative and sum to 1"
    refuse(bad, rows, f"{need}, but row {{at}} is {{value}}")
    return rows


def _refuse_outside(target: Array, classes: int, ignore_index: int | None, what: str) -> None:
    outside = (target < 0) | (target >= classes)
    if ignore_index is not None:
        outside &= np.not_equal(target, ignore_index)
    there = f"{classes} outputs, for classes 0 to {classes - 1}"
    refuse(outside, target, f"{what} {{value}} at {{at}} is out of range: the network has {there}")
