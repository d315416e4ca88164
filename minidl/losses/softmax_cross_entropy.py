"""Softmax and cross-entropy in one, the loss of a classifier."""

from functools import lru_cache
from typing import Any

import numpy as np

from minidl.arrays import Array, constant, ones
from minidl.checks.arguments import integer, number
from minidl.losses._targets import are_classes, as_many, check_target, class_labels, distributions
from minidl.losses.loss import Loss, mean, without

_DEEPEST = {np.dtype(f).itemsize: 0.35 * float(np.log(np.finfo(f).tiny)) for f in "efdg"}
"""By the bytes of a number, how deep a logit may lie: between exp of that and 1 over it all terms,
their sums and their quotients are normal numbers."""


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
        The class index of elements that do not count: padding, say. It need not be a class. A
        batch in which no element counts has the loss 0; `fit` refuses data in which none does.

    Raises
    ------
    ValueError
        In `forward`: for an empty batch, or a target or weight of the wrong shape; for a class
        index that is out of range, with its position; for a single class, C = 1, of which the
        loss is always 0; for a weight that is negative or not finite; for rows of probabilities
        where there is an ignore_index.
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
            Which of the two is told by the number of axes. `fit` makes sure that probabilities
            are not negative and sum to 1; here they are taken as they are, as the tⱼ above.
        weight : ndarray, shape (…) or its leading axes, optional
            The weight of each element, not negative.
        """
        logits = self._floating(logits, "logits", axes=1)
        target, counts = check_target(self, np.asarray(target), logits, self.ignore_index)
        rows, shares = np.ascontiguousarray(logits), None
        if rows.ndim != 2:
            rows = rows.reshape(-1, rows.shape[-1])
        if weight is not None or counts is not None:
            shares = self._shares(weight, logits, "logits", logits.ndim - 1, counts)
            rows = without(rows, shares)
        if target.ndim < logits.ndim and not self.label_smoothing:
            z, terms, tiny = _exponentials(rows, shift=False)
            losses, totals = _of_true_classes(z, terms, target.ravel(), shifted=z is not rows)
            mass = None
        else:
            z, terms, tiny = _exponentials(rows)
            target = without(self._distribution(target, rows), shares)
            mass, totals = _sums(target), _sums(terms)
            losses = mass * np.log(totals) - _sums(target * z)
        return mean(losses, shares), (terms, totals, target, mass, shares, logits.shape, tiny)

    def backward(self, dy: Any, cache: Any, /) -> Array:
        """Return the gradient with respect to the logits; subnormal numbers in it are 0."""
        terms, totals, target, mass, shares, shape, tiny = cache
        dy = float(dy)
        scale = constant(dy / len(totals), totals.dtype) if shares is None else dy * shares
        if mass is None:  # the terms are Σ exp zⱼ · (p − t)
            dz = _times_column(terms, scale / totals)
        else:
            dz = _times_column(terms, mass / totals)  # (Σ t) p
            dz -= target
            dz *= scale if shares is None else scale[:, np.newaxis]
        if tiny:  # products with subnormal numbers would take many times as long
            dz *= np.abs(dz) >= np.finfo(dz.dtype).tiny
        return dz if len(shape) == 2 else dz.reshape(shape)

    def accuracy(self, prediction: Array, target: Array) -> float:
        """Return the fraction, of the elements that are not to be ignored, that are right.

        Right is where the largest logit is that of the class, or of the likeliest class; with no
        element to count the fraction is 0.
        """
        truth = target if target.ndim < prediction.ndim else target.argmax(axis=-1)
        right = prediction.argmax(axis=-1) == truth
        if self.ignore_index is None:
            return int(np.count_nonzero(right)) / int(right.size)
        counts = truth != self.ignore_index
        return int(np.count_nonzero(right & counts)) / max(int(np.count_nonzero(counts)), 1)

    def prepare_target(self, target: Array, prediction: Array) -> Array:
        """Return class indices as integers and probabilities in the dtype of the prediction."""
        if are_classes("y", as_many(prediction, target), target, "probabilities"):
            return class_labels(target, prediction.shape[-1], self.ignore_index)
        return distributions(target, prediction.dtype)

    def _distribution(self, target: Array, rows: Array) -> Array:
        """Return the smoothed target, as a row of probabilities for each element."""
        if target.size < rows.size:
            target = np.equal.outer(target.reshape(-1), np.arange(rows.shape[1]))
        target = target.reshape(rows.shape).astype(rows.dtype, copy=False)
        smoothing = self.label_smoothing
        return (1 - smoothing) * target + smoothing / rows.shape[1] if smoothing else target


def _exponentials(rows: Array, shift: bool = True) -> tuple[Array, Array, bool]:
    """Return z, exp z, and whether that may be subnormal: z are the logits less each row's largest.

    Unless they are to be shifted, logits that exp takes as they are stay so, which saves 13 % of a
    small step; argmax and argmin take a fraction of the time of max and min. benchmarks/NOTES.md
    has both, "the loss of class indices without a shift" and "maximum by `argmax` and an index".
    """
    flat, deep = rows.ravel(), _DEEPEST[rows.itemsize]
    if not shift and flat.item(flat.argmax()) < -deep and flat.item(flat.argmin()) > deep:
        return rows, np.exp(rows), False  # NaN is neither
    z = rows - flat[rows.argmax(axis=1) + _starts(*rows.shape)][:, np.newaxis]
    return z, np.exp(z), z.item(z.argmin()) < 2 * deep


def _of_true_classes(z: Array, terms: Array, classes: Array, shifted: bool) -> tuple[Array, Array]:
    """Return log Σ exp zⱼ − zₖ and Σ exp zⱼ; the true class's term becomes Σ exp zⱼ · (pₖ − 1).

    The terms of the other classes are summed without that of the true one, so that neither the
    loss nor p − 1 loses digits where the true one is by far the largest.
    """
    true, flat = _starts(*z.shape) + classes, terms.ravel()
    own = flat[true]
    flat[true] = 0
    others = _sums(terms)
    flat[true] = -others
    if shifted:  # its own term may be 0, but 1 is among them
        return np.log1p(others + (own - 1)) - z.ravel()[true], others + own
    return np.log1p(others / own), others + own


def _sums(rows: Array) -> Array:
    """Return the sum of each row: as a product with ones, much quicker than as a sum."""
    sums: Array = rows.dot(ones(rows.shape[1], rows.dtype))
    return sums


def _times_column(rows: Array, column: Array) -> Array:
    """Return each row times its factor; of few classes, a repeated column beats a broadcast.

    See benchmarks/NOTES.md, "a column repeated".
    """
    if rows.shape[1] > 1024:
        return rows * column[:, np.newaxis]
    product: Array = rows.ravel() * column.repeat(rows.shape[1])
    return product.reshape(rows.shape)


@lru_cache(maxsize=8)
def _starts(rows: int, classes: int) -> Array:
    """Return where each row starts in the flat array: indices of one are quicker than pairs."""
    starts = np.arange(0, rows * classes, classes)
    starts.flags.writeable = False
    return starts
