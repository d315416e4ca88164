"""Losses: layers whose first input is the prediction and whose output is one number."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from minidl.layer import Layer

__all__ = ["Loss", "SoftmaxCrossEntropy"]


class Loss(Layer):
    """A layer ``forward(prediction, target, weight=None) -> (loss, cache)``.

    Only the prediction carries a gradient. ``backward(1.0, cache)`` is the gradient of the loss
    with respect to it. The loss is the mean over all elements, or Σ wᵢ ℓᵢ / Σ wᵢ with weights.

    Attributes
    ----------
    classification : bool
        Whether the predictions are scores of classes, so that accuracy makes sense.
    """

    differentiable = 1
    classification: ClassVar[bool] = False

    @abstractmethod
    def prepare_target(self, target: NDArray[Any], prediction: NDArray[Any]) -> NDArray[Any]:
        """Return the targets of a whole data set in the form `forward` takes, or raise.

        Parameters
        ----------
        target : ndarray
            The targets as the user gave them, finite and not complex.
        prediction : ndarray
            A prediction for some of the samples; it tells shape and dtype.
        """


class SoftmaxCrossEntropy(Loss):
    """Softmax and cross-entropy in one: the loss of a classifier that outputs logits.

    With logits z of one element, p = softmax(z) and a target distribution t (a class index k
    stands for the distribution with tₖ = 1), the loss of that element is::

        ℓ = −Σⱼ tⱼ log pⱼ = (Σⱼ tⱼ) log Σⱼ exp zⱼ − Σⱼ tⱼ zⱼ

    computed from z − max z, so that the terms lie in (0, 1] and nothing overflows or is
    clipped. The value is the mean over the elements, Σ wᵢ ℓᵢ / Σ wᵢ, and 0 if all weights are.

    Backward. ∂ log Σⱼ exp zⱼ / ∂zⱼ = pⱼ, hence for one element ∂ℓ/∂zⱼ = (Σ t) pⱼ − tⱼ, and::

        dz[i, j] = dy · wᵢ / Σ w · ((Σⱼ tᵢⱼ) pᵢⱼ − tᵢⱼ)

    that is p − 1 for the true class and p for the others, divided by the number of elements. For
    class indices both loss and gradient keep their relative precision however small they are.

    Raises
    ------
    ValueError
        In `forward`: for an empty batch, or a target or weight of the wrong shape; for a class
        index that is out of range, with its position.
    TypeError
        In `forward`: for targets of a dtype that is neither integer nor floating.

    Examples
    --------
    >>> import numpy as np
    >>> loss = SoftmaxCrossEntropy()
    >>> value, cache = loss.forward(np.array([[2.0, 0.0], [0.0, 0.0]]), np.array([0, 1]))
    >>> float(value.round(4))
    0.41
    >>> loss.backward(1.0, cache).round(4)
    array([[-0.0596,  0.0596],
           [ 0.25  , -0.25  ]])

    References
    ----------
    C. Bishop, "Pattern Recognition and Machine Learning", 2006, section 4.3.4.
    """

    classification = True

    def forward(
        self, logits: NDArray[Any], target: NDArray[Any], weight: NDArray[Any] | None = None
    ) -> tuple[Any, Any]:
        """Return (the mean cross-entropy, cache).

        Parameters
        ----------
        logits : ndarray, shape (…, C)
            Any real numbers.
        target : ndarray, shape (…) of class indices or (…, C) of probabilities
            Which of the two is told by the number of axes.
        weight : ndarray, shape (…), optional
            The weight of each element, not negative.
        """
        if np.ndim(logits) == 0 or logits.size == 0:
            raise ValueError(f"SoftmaxCrossEntropy: no logits, their shape is {np.shape(logits)}")
        if logits.dtype.kind != "f":
            logits = logits.astype(np.float64)
        classes = logits.shape[-1]
        target = self._check_target(np.asarray(target), logits)
        rows = logits.reshape(-1, classes)
        shifted = rows - rows.max(axis=1, keepdims=True)
        terms = np.exp(shifted)
        if target.ndim < logits.ndim:
            # The terms of the other classes are summed without that of the true one: where this
            # is the largest, total = 1 + others, and neither log(total) nor p - 1 loses digits.
            mass = None
            true = np.arange(len(rows)), target.reshape(-1)
            own = terms[true]
            terms[true] = 0
            others = terms.sum(axis=1)
            totals = others + own
            losses = np.log1p(others + (own - 1)) - shifted[true]
            terms[true] = -others  # total · (p − 1): what backward needs there
        else:
            target = target.reshape(rows.shape)
            mass = target.sum(axis=1)
            totals = terms.sum(axis=1)
            losses = mass * np.log(totals) - (target * shifted).sum(axis=1)
        if weight is None:
            count = len(rows)
            return losses.sum() / count, (terms, totals, target, mass, 1 / count, logits.shape)
        weight = self._check_weight(weight, logits)
        losses[weight == 0] = 0
        total = weight.sum()
        share = weight / total if total > 0 else weight
        return share.dot(losses), (terms, totals, target, mass, share, logits.shape)

    def backward(self, dy: Any, cache: Any, /) -> NDArray[Any]:
        """Return the gradient with respect to the logits."""
        terms, totals, target, mass, share, shape = cache
        scale = float(dy) * share
        if mass is None:
            dz: NDArray[Any] = terms * (scale / totals)[:, np.newaxis]
        else:
            dz = terms * (mass / totals)[:, np.newaxis]
            dz -= target
            dz *= scale if np.ndim(scale) == 0 else scale[:, np.newaxis]
        if np.ndim(share):
            dz[share == 0] = 0
        return dz.reshape(shape)

    def prepare_target(self, target: NDArray[Any], prediction: NDArray[Any]) -> NDArray[Any]:
        """Return class indices as integers and probabilities in the dtype of the prediction."""
        classes = prediction.shape[-1]
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
                    f"{_place(place)} is {rows[place]}"
                )
            return rows
        if target.shape[1:] != prediction.shape[1:-1]:
            raise ValueError(
                f"y: a network with outputs of shape {('N', *prediction.shape[1:])} needs class "
                f"labels of shape {('N', *prediction.shape[1:-1])} or probabilities of shape "
                f"{('N', *prediction.shape[1:])}, got shape {target.shape}".replace("'N'", "N")
            )
        if target.dtype.kind == "f":
            fractional = np.argwhere(target != np.trunc(target))
            if fractional.size:
                place = tuple(fractional[0].tolist())
                raise ValueError(
                    f"y: class labels must be integers, but label {_place(place)} is "
                    f"{target[place]}"
                )
            _check_classes(target, classes, "y: class label")
            target = target.astype(np.intp)
        _check_classes(target, classes, "y: class label")
        return target

    def _check_target(self, target: NDArray[Any], logits: NDArray[Any]) -> NDArray[Any]:
        if target.shape == logits.shape[:-1]:
            if target.dtype.kind not in "iu":
                raise TypeError(
                    f"SoftmaxCrossEntropy: class indices must be integers, got dtype {target.dtype}"
                )
            # one maximum finds both ends: as unsigned numbers, negative ones are huge
            if target.view(f"u{target.itemsize}").max() >= logits.shape[-1]:
                _check_classes(target, logits.shape[-1], "SoftmaxCrossEntropy: class index")
            return target
        if target.shape == logits.shape:
            if target.dtype.kind not in "iuf":
                raise TypeError(
                    f"SoftmaxCrossEntropy: probabilities must be floating, got dtype {target.dtype}"
                )
            return target.astype(logits.dtype, copy=False)
        raise ValueError(
            f"SoftmaxCrossEntropy: logits of shape {logits.shape} need class indices of shape "
            f"{logits.shape[:-1]} or probabilities of shape {logits.shape}, got a target of shape "
            f"{target.shape}"
        )

    @staticmethod
    def _check_weight(weight: NDArray[Any], logits: NDArray[Any]) -> NDArray[Any]:
        if np.shape(weight) != logits.shape[:-1]:
            raise ValueError(
                f"SoftmaxCrossEntropy: logits of shape {logits.shape} need weights of shape "
                f"{logits.shape[:-1]}, got shape {np.shape(weight)}"
            )
        return np.asarray(weight, logits.dtype).reshape(-1)


def _check_classes(target: NDArray[Any], classes: int, what: str) -> None:
    bad = np.argwhere((target < 0) | (target >= classes))
    if bad.size:
        place = tuple(bad[0].tolist())
        raise ValueError(
            f"{what} {target[place]} at {_place(place)} is out of range: the network has "
            f"{classes} outputs, for classes 0 to {classes - 1}"
        )


def _place(index: tuple[int, ...]) -> str:
    return str(index[0]) if len(index) == 1 else str(index)
