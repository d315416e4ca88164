"""What every loss is: a layer whose first input is the prediction and whose output is a mean."""

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np

from minidl.arrays import Array, ones
from minidl.checks.arguments import floating_dtype, real
from minidl.layer import Layer
from minidl.naming import describe


class Loss(Layer):
    """A layer ``forward(prediction, target, weight=None) -> (loss, cache)``.

    The loss is a mean over elements i: over the rows of scores ``(…, C)`` of a classifier, over
    the single numbers of a regression. Only the prediction z carries a gradient::

        L = Σᵢ wᵢ ℓᵢ / Σᵢ wᵢ            ∂L/∂zᵢ = wᵢ / Σ w · ∂ℓᵢ/∂zᵢ

    The weights w have the shape of the elements, or of their leading axes: a weight a sample, of
    shape (N,), holds for all elements of the sample. Without weights every element counts alike.
    An element of weight 0 does not count, whatever its prediction and target are, be they NaN;
    if no element counts, the loss is 0, with zero gradient. Nothing is ever broadcast but the
    weights: a prediction of shape (N, 1) with a target of shape (N,) is a ValueError.

    Attributes
    ----------
    classification : bool
        Whether the predictions are scores of classes. `fit` then records the accuracy: by the
        method ``accuracy(prediction, target)`` of the loss, if it has one.
    """

    differentiable = 1
    classification: ClassVar[bool] = False

    @abstractmethod
    def prepare_target(self, target: Array, prediction: Array) -> Array:
        """Return the targets of a whole data set in the form `forward` takes, or raise.

        Parameters
        ----------
        target : ndarray
            The targets as the user gave them, finite and not complex.
        prediction : ndarray
            A prediction for some of the samples; it tells shape and dtype.
        """

    def __repr__(self) -> str:
        return describe(self)

    def _floating(self, prediction: Any, what: str, axes: int = 0) -> Array:
        """Return the predictions as an array; there must be some."""
        if not isinstance(prediction, (np.ndarray, np.floating)) or prediction.dtype.kind != "f":
            got = f"dtype {prediction.dtype}" if hasattr(prediction, "dtype") else repr(prediction)
            raise TypeError(f"{self}: {what} must be an array of floating numbers, got {got}")
        if prediction.dtype.char not in "fd":
            floating_dtype(f"{self}: {what}", prediction.dtype)
        if prediction.size == 0 or prediction.ndim < axes:
            raise ValueError(f"{self}: no {what}, their shape is {prediction.shape}")
        return np.asarray(prediction)

    def _shares(
        self, weight: Any, array: Array, what: str, axes: int, counts: Any = None
    ) -> Array | None:
        """Return wᵢ / Σ w, flattened, for the elements: the leading axes of an array of `what`.

        None if all count alike; elements where `counts` is False get 0.
        """
        weight = counts if weight is None else weight
        if weight is None:
            return None
        weight, shape = real(f"{self}: weights", np.asarray(weight)), array.shape[:axes]
        if weight.shape != shape[: weight.ndim or len(shape)]:
            allowed = " or ".join(str(shape[:n]) for n in range(len(shape), 0, -1)) or "()"
            raise ValueError(
                f"{self}: {what} of shape {array.shape} need weights of shape {allowed}, "
                f"got shape {weight.shape}"
            )
        if not (weight.min() >= 0 and weight.max() < np.inf):
            raise ValueError(f"{self}: weights must be finite and not negative")
        # only ratios count: once the largest weight is 1, no sum of them overflows or vanishes
        weight = weight.reshape(weight.shape + (1,) * (len(shape) - weight.ndim))
        shares = np.broadcast_to(weight / (weight.max() or 1), shape).astype(array.dtype)
        if counts is not None:
            shares *= counts
        flat: Array = shares.reshape(-1) / (shares.sum() or 1)
        return flat


def without(array: Array, shares: Array | None) -> Array:
    """Return the elements, with 0 in place of those whose share is 0."""
    if shares is not None and not shares.all():
        array = array.copy()
        array[shares == 0] = 0
    return array


def mean(losses: Array, shares: Array | None) -> Any:
    """Return the mean of the losses of the elements."""
    if shares is not None:
        return losses.dot(shares)
    return losses.dot(ones(losses.size, losses.dtype)) / losses.size  # quicker than their sum
