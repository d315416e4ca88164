"""Targets that are classes, or probabilities of classes: what they may be."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from minidl.parameters import Array

__all__ = [
    "check_indices",
    "check_target",
    "class_labels",
    "labels_or_probabilities",
    "refuse_one_column",
    "spell",
]


def check_target(
    loss: Any, target: Array, logits: Array, ignore_index: int | None
) -> tuple[Array, NDArray[np.bool] | None]:
    """Return a batch's class indices or probabilities, and which elements count (None: all).

    Raises
    ------
    ValueError, TypeError
        For another shape or dtype; for an index that is out of range; for a single class.
    """
    refuse_one_column(logits, loss)
    if target.shape == logits.shape[:-1]:
        if target.dtype.kind not in "iu":
            raise TypeError(f"{loss}: class indices must be integers, got dtype {target.dtype}")
        counts = None
        if ignore_index is not None:
            counts = np.not_equal(target, ignore_index)
            target = target * counts
        return check_indices(target, logits.shape[-1], loss), counts
    if target.shape == logits.shape:
        if target.dtype.kind not in "iuf":
            raise TypeError(f"{loss}: probabilities must be floating, got dtype {target.dtype}")
        if ignore_index is not None:
            raise ValueError(f"{loss}: ignore_index needs class indices, got probabilities")
        return target.astype(logits.dtype, copy=False), None
    raise ValueError(
        f"{loss}: logits of shape {logits.shape} need class indices of shape {logits.shape[:-1]} "
        f"or probabilities of shape {logits.shape}, got a target of shape {target.shape}"
    )


def check_indices(target: Array, classes: int, loss: Any) -> NDArray[np.intp]:
    """Return class indices as intp, or raise a ValueError that tells the place of a wrong one."""
    indices = target.astype(np.intp, copy=False)
    # one maximum finds both ends: as unsigned numbers, negative ones are huge
    unsigned = indices.reshape(-1).view(np.uintp)
    if unsigned[unsigned.argmax()] >= classes:
        _refuse_outside(target, classes, None, f"{loss}: class index")
    return indices


def refuse_one_column(scores: Array, where: Any) -> None:
    """Raise a ValueError for scores of shape (…, 1): of a single class the loss is always 0."""
    if scores.shape[-1] == 1:
        shape = str(("N", *scores.shape[1:])).replace("'", "") if scores.ndim > 1 else "(1,)"
        raise ValueError(
            f"{where}: one output, shape {shape}, cannot tell classes by their index: take an "
            f"output for each class, or SigmoidCrossEntropy with targets 0 and 1 of shape {shape} "
            "(Hinge with −1 and +1)"
        )


def labels_or_probabilities(target: Array, prediction: Array, ignore_index: int | None) -> Array:
    """Return a data set's class labels as integers, or its rows of probabilities.

    Raises
    ------
    ValueError, TypeError
        For targets that are neither, or do not fit the shape of a prediction.
    """
    refuse_one_column(prediction, "y")
    if target.dtype.kind not in "iuf":
        raise TypeError(
            "y: class labels must be integers from 0 (or rows of probabilities), got dtype "
            f"{target.dtype}; np.unique(y, return_inverse=True)[1] numbers any labels"
        )
    if target.shape[1:] == prediction.shape[1:]:
        rows = target.astype(prediction.dtype, copy=False)
        bad = np.argwhere((rows < 0).any(axis=-1) | (abs(rows.sum(axis=-1) - 1) > 1e-3))
        if bad.size:
            place = tuple(bad[0].tolist())
            raise ValueError(
                f"y: rows of probabilities must not be negative and sum to 1, but row "
                f"{spell(place)} is {rows[place]}"
            )
        return rows
    if target.shape[1:] != prediction.shape[1:-1]:
        raise ValueError(
            f"y: a network with outputs of shape {('N', *prediction.shape[1:])} needs class "
            f"labels of shape {('N', *prediction.shape[1:-1])} or probabilities of shape "
            f"{('N', *prediction.shape[1:])}, got shape {target.shape}".replace("'N'", "N")
        )
    if (target == ignore_index).all():  # as with weights that are all 0, the loss would be 0
        raise ValueError(f"y: all labels are {ignore_index}, the ignore_index: none is left")
    return class_labels(target, prediction.shape[-1], ignore_index)


def class_labels(target: Array, classes: int, ignore_index: int | None = None) -> Array:
    """Return a data set's class labels as integers; whole floating numbers are taken as such.

    Raises
    ------
    ValueError
        For a label that is no integer, or out of range and not the one to ignore.
    """
    if target.dtype.kind == "f":
        fractional = np.argwhere(target != np.trunc(target))
        if fractional.size:
            place = tuple(fractional[0].tolist())
            raise ValueError(
                f"y: class labels must be integers, but label {spell(place)} is {target[place]}"
            )
    _refuse_outside(target, classes, ignore_index, "y: class label")
    return target.astype(np.intp) if target.dtype.kind == "f" else target


def _refuse_outside(target: Array, classes: int, ignore_index: int | None, what: str) -> None:
    outside = (target < 0) | (target >= classes)
    if ignore_index is not None:
        outside &= np.not_equal(target, ignore_index)
    if outside.any():
        place = tuple(np.argwhere(outside)[0].tolist())
        raise ValueError(
            f"{what} {target[place]} at {spell(place)} is out of range: the network has "
            f"{classes} outputs, for classes 0 to {classes - 1}"
        )


def spell(place: tuple[int, ...]) -> str:
    """Return an index as a person writes it: 3, or (3, 1)."""
    return str(place[0]) if len(place) == 1 else str(place)
