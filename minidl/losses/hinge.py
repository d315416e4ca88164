"""The hinge loss of a support vector machine: two classes or several."""

from typing import Any

import numpy as np

from minidl.arrays import Array
from minidl.checks.arguments import number, real, refuse
from minidl.losses._targets import are_classes, as_many, check_indices, class_labels
from minidl.losses.loss import Loss, mean, without


class Hinge(Loss):
    """The hinge loss: a score is to be on the right side by a margin; beyond it nothing is gained.

    Two classes, with one score z and the sign s = ±1 of its class, and margin Δ::

        ℓ = max(0, Δ − s z)                        ∂ℓ/∂z = −s  where Δ − s z > 0,  else 0

    Several classes, with scores z and the true class k: each wrong class pays for itself::

        ℓ = Σ_{j≠k} max(0, zⱼ − zₖ + Δ)            ∂ℓ/∂zⱼ = [zⱼ − zₖ + Δ > 0]     for j ≠ k
                                                   ∂ℓ/∂zₖ = −Σ_{j≠k} ∂ℓ/∂zⱼ

    At the kinks, where a score meets its margin exactly, the gradient is taken as 0. The loss is
    the mean over the elements (see `Loss`).

    Parameters
    ----------
    margin : float, default 1
        Δ, above 0.

    Raises
    ------
    ValueError
        In `forward`: for an empty batch; for a target or weight of the wrong shape; for a sign
        that is none, or a class index that is out of range, with its place; for class indices of
        a single class.
    TypeError
        In `forward`: for class indices that are not integers, or signs that are not real numbers.

    References
    ----------
    J. Weston and C. Watkins, "Support Vector Machines for Multi-Class Pattern Recognition", ESANN
    1999; it is the loss of the course CS231n. (That of Crammer and Singer takes the largest term
    instead of the sum, torch's MultiMarginLoss divides by the number of classes.)

    Examples
    --------
    >>> import numpy as np
    >>> loss = Hinge()
    >>> value, cache = loss.forward(np.array([[3.2, 5.1, -1.7]]), np.array([0]))
    >>> float(value.round(9)), loss.backward(1.0, cache).tolist()
    (2.9, [[-1.0, 1.0, 0.0]])
    >>> loss.forward(np.array([0.5, -2.0]), np.array([1, -1]))[0].item()
    0.25
    """

    config = ("margin",)
    classification = True

    def __init__(self, margin: float = 1.0) -> None:
        self.margin = number("margin", margin, above=0)

    def forward(self, scores: Array, target: Array, weight: Array | None = None) -> tuple[Any, Any]:
        """Return (the mean of ℓ, cache).

        Parameters
        ----------
        scores : ndarray, shape (…) for two classes, (…, C) for several
            Any real numbers.
        target : ndarray, shape (…)
            For two classes the signs −1 and +1, where 0 may stand for −1; of the shape of the
            scores. For several, class indices: with an axis less than the scores.
        weight : ndarray, shape (…) or its leading axes, optional
            The weight of each element, not negative.
        """
        scores, target = self._floating(scores, "scores"), np.asarray(target)
        several = are_classes(self, scores, target, "signs")
        if several:
            check_indices(self, target, scores.shape[-1])
        shares = self._shares(weight, scores, "scores", target.ndim)
        rows = scores.reshape(-1, scores.shape[-1]) if several else scores.reshape(-1)
        rows = without(rows, shares)
        if several:
            true = np.arange(len(rows)), target.reshape(-1)
            slack = rows - (rows[true] - self.margin)[:, np.newaxis]
            slack[true] = 0
            slopes = (slack > 0).astype(rows.dtype)
            losses = (slack * slopes).sum(axis=1)
            slopes[true] = -slopes.sum(axis=1)
        else:
            signs = _signs(without(target.reshape(-1), shares), target.shape, self, "sign")
            signs = signs.astype(rows.dtype)
            losses = np.maximum(self.margin - signs * rows, 0)
            slopes = -signs * (losses > 0)
        return mean(losses, shares), (slopes, shares, scores.shape)

    def backward(self, dy: Any, cache: Any, /) -> Array:
        """Return the gradient with respect to the scores."""
        slopes, shares, shape = cache
        scale = float(dy) / len(slopes) if shares is None else float(dy) * shares
        dz: Array = (slopes.T * scale).T.reshape(shape)
        return dz

    def accuracy(self, prediction: Array, target: Array) -> float:
        """Return the fraction of elements whose sign, or largest score, is that of the target."""
        if target.ndim < prediction.ndim:
            return float(np.mean(prediction.argmax(axis=-1) == target))
        return float(np.mean((prediction > 0) == (target > 0)))

    def prepare_target(self, target: Array, prediction: Array) -> Array:
        """Return class indices as integers, and signs as −1 and +1 in the prediction's dtype."""
        if are_classes("y", as_many(prediction, target), target, "labels −1 and +1"):
            return class_labels(target, prediction.shape[-1])
        return _signs(target, target.shape, "y", "label").astype(prediction.dtype)


def _signs(target: Array, shape: tuple[int, ...], where: Any, what: str) -> Array:
    """Return −1 and +1 for targets −1 (or 0) and +1."""
    positive = real(f"{where}: {what}s", target) > 0
    wrong = (target != positive) & (target != -1)
    need = "two classes are −1 (or 0) and +1"
    what = f"{where}: {what} {{value}} at {{at}} is none: {need}"
    refuse(wrong.reshape(shape), target.reshape(shape), what)
    return 2 * positive.astype(np.int8) - 1
