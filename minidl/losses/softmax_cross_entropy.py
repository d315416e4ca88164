"""Softmax and cross-entropy in one, the loss of a classifier."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.losses.loss import Loss, mean, without
from minidl.losses.targets import check_target, labels_or_probabilities
from minidl.parameters import Array
from minidl.validation import integer, number

__all__ = ["SoftmaxCrossEntropy"]


class SoftmaxCrossEntropy(Loss):
    """Softmax and cross-entropy in one: the loss of a classifier that outputs logits.

    With logits z of one element, p = softmax(z) and a target distribution t (a class index k
    stands for the distribution with tₖ = 1), the loss of that element is::

        ℓ = −Σⱼ tⱼ log pⱼ = (Σⱼ tⱼ) log Σⱼ exp zⱼ − Σⱼ tⱼ zⱼ

    computed from z − max z, so that the terms lie in (0, 1] and nothing overflows or is
    clipped. The value is the mean over the elements that count, Σ wᵢ ℓᵢ / Σ wᵢ (see `Loss`).

    Backward. ∂ log Σⱼ exp zⱼ / ∂zⱼ = pⱼ, hence for one element ∂ℓ/∂zⱼ = (Σ t) pⱼ − tⱼ, and::

        dz[i, j] = dy · wᵢ / Σ w · ((Σⱼ tᵢⱼ) pᵢⱼ − tᵢⱼ)

    that is p − 1 for the true class and p for the others, divided by the number of elements. For
    class indices both loss and gradient keep their relative precision however small they are.

    Parameters
    ----------
    label_smoothing : float, default 0
        α in [0, 1): the loss is that of the target (1 − α) t + α/C, which no finite logits reach
        by growing.
    ignore_index : int, optional
        The class index of elements that do not count: padding, say. It need not be a class.

    Raises
    ------
    ValueError
        In `forward`: for an empty batch, or a target or weight of the wrong shape; for a class
        index that is out of range, with its position; for a weight that is negative or not
        finite; for rows of probabilities where there is an ignore_index.
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
    C. Bishop, "Pattern Recognition and Machine Learning", 2006, section 4.3.4; C. Szegedy et al.,
    "Rethinking the Inception Architecture", 2016, section 7, for the smoothing.
    """

    config = ("label_smoothing", "ignore_index")
    classification = True

    def __init__(self, label_smoothing: float = 0.0, ignore_index: int | None = None) -> None:
        self.label_smoothing = number("label_smoothing", label_smoothing, least=0, below=1)
        if ignore_index is not None:
            ignore_index = integer("ignore_index", ignore_index, least=-(2**63))
        self.ignore_index = ignore_index

    def forward(self, logits: Array, target: Array, weight: Array | None = None) -> tuple[Any, Any]:
        """Return (the mean cross-entropy, cache).

        Parameters
        ----------
        logits : ndarray, shape (…, C)
            Any real numbers.
        target : ndarray, shape (…) of class indices or (…, C) of probabilities
            Which of the two is told by the number of axes.
        weight : ndarray, shape (…) or its leading axes, optional
            The weight of each element, not negative.
        """
        logits = self._floating(logits, "logits", axes=1)
        shape, classes = logits.shape, logits.shape[-1]
        target, counts = check_target(self, np.asarray(target), logits, self.ignore_index)
        shares = self._shares(weight, logits[..., 0], f"logits of shape {shape}", counts)
        rows = without(logits.reshape(-1, classes), shares)
        shifted = rows - rows.max(axis=1, keepdims=True)
        terms = np.exp(shifted)
        if target.ndim < len(shape) and not self.label_smoothing:
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
            target = without(self._distribution(target, rows), shares)
            mass = target.sum(axis=1)
            totals = terms.sum(axis=1)
            losses = mass * np.log(totals) - (target * shifted).sum(axis=1)
        return mean(losses, shares), (terms, totals, target, mass, shares, shape)

    def backward(self, dy: Any, cache: Any, /) -> Array:
        """Return the gradient with respect to the logits."""
        terms, totals, target, mass, shares, shape = cache
        scale: Any = float(dy) / len(totals) if shares is None else float(dy) * shares
        if mass is None:
            dz: Array = terms * (scale / totals)[:, np.newaxis]
        else:
            dz = terms * (mass / totals)[:, np.newaxis]
            dz -= target
            dz *= scale if shares is None else scale[:, np.newaxis]
        return dz.reshape(shape)

    def accuracy(self, prediction: Array, target: Array) -> float:
        """Return the fraction, of the elements that are not to be ignored, that are right.

        Right is where the largest logit is that of the class, or of the likeliest class; with no
        element to count the fraction is 0.
        """
        truth = target if target.ndim < prediction.ndim else target.argmax(axis=-1)
        counts = np.ones_like(truth) if self.ignore_index is None else truth != self.ignore_index
        right = (prediction.argmax(axis=-1) == truth) * counts
        return float(right.sum() / max(counts.sum(), 1))

    def prepare_target(self, target: Array, prediction: Array) -> Array:
        """Return class indices as integers and probabilities in the dtype of the prediction."""
        return labels_or_probabilities(target, prediction, self.ignore_index)

    def _distribution(self, target: Array, rows: Array) -> Array:
        """Return the smoothed target, as a row of probabilities for each element."""
        if target.size < rows.size:
            target = np.equal.outer(target.reshape(-1), np.arange(rows.shape[1]))
        target = target.reshape(rows.shape).astype(rows.dtype, copy=False)
        smoothing = self.label_smoothing
        return (1 - smoothing) * target + smoothing / rows.shape[1] if smoothing else target
