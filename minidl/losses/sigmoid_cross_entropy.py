"""Sigmoid and cross-entropy in one: two classes, or several labels a sample."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from minidl.arrays import Array
from minidl.checks.arguments import number, refuse
from minidl.losses.elementwise import ElementwiseLoss


class SigmoidCrossEntropy(ElementwiseLoss):
    """Sigmoid and cross-entropy in one: the loss of a network whose outputs are logits of yes.

    For a logit z, p = σ(z) = 1/(1 + exp(−z)), a target t (1 is yes, 0 is no, and probabilities
    between are allowed) and the weight c of a yes::

        ℓ = −c t log p − (1 − t) log(1 − p) = c t softplus(−z) + (1 − t) softplus(z)

    where softplus(z) = log(1 + exp z) = max(z, 0) + log1p(exp(−|z|)) neither overflows nor
    rounds to 0. Backward, with softplus' = σ::

        ∂ℓ/∂z = (1 − t) σ(z) − c t σ(−z)                     for c = 1 this is p − t

    and both σ(z) and σ(−z) are computed from exp(−|z|) without a difference. For targets 0 and 1
    loss and gradient thus keep their relative precision however small they are. The loss is the
    mean over all logits (see `Loss`): shape (N,) or (N, 1) for two classes, (N, C) for C labels
    that a sample may have or not, each with a target of the same shape.

    Parameters
    ----------
    pos_weight : float or array_like of shape (C,), default 1
        c, above 0: how much more a yes counts than a no, for each label of the last axis if it is
        an array. The number of noes divided by that of yeses balances the two.

    Raises
    ------
    ValueError
        In `forward`: for an empty batch; for a target or weight of the wrong shape, (N,) for
        (N, 1) included; for a target outside [0, 1], with its place.
    TypeError
        In `forward`: for a target that does not hold real numbers.

    References
    ----------
    C. Bishop, "Pattern Recognition and Machine Learning", 2006, section 4.3.2.

    Examples
    --------
    >>> import numpy as np
    >>> loss = SigmoidCrossEntropy()
    >>> value, cache = loss.forward(np.array([[0.0], [2.0]]), np.array([[1], [0]]))
    >>> float(value.round(4)), loss.backward(1.0, cache).round(4).tolist()
    (1.41, [[-0.25], [0.4404]])
    """

    config = ("pos_weight",)
    classification = True

    def __init__(self, pos_weight: ArrayLike = 1.0) -> None:
        self.pos_weight: Any
        if np.ndim(pos_weight) == 0:
            self.pos_weight = number("pos_weight", pos_weight, above=0)
        elif np.ndim(pos_weight) == 1 and np.size(pos_weight):
            each = [number("pos_weight", weight, above=0) for weight in np.asarray(pos_weight)]
            self.pos_weight = np.array(each)
        else:
            shape = np.shape(pos_weight)
            raise ValueError(f"pos_weight must be a number or one a label, got shape {shape}")

    def terms(self, z: Array, t: Array) -> tuple[Array, Array]:
        """Return (c t softplus(−z) + (1 − t) softplus(z), (1 − t) σ(z) − c t σ(−z))."""
        _check_range(t, self, "target")
        yes, no = self._weight_of_yes(z) * t, 1 - t
        small = np.exp(-np.abs(z))
        tail = np.log1p(small)
        losses = yes * (np.maximum(-z, 0) + tail)
        losses += no * (np.maximum(z, 0) + tail)
        # σ(|z|) = 1/(1 + small) and σ(−|z|) = small/(1 + small): a maximum chooses the numerator
        no *= np.maximum(small, z > 0)
        yes *= np.maximum(small, z <= 0)
        no -= yes
        no /= 1 + small
        return losses, no

    def accuracy(self, prediction: Array, target: Array) -> float:
        """Return the fraction of logits that are on the side of 0 where their target is of 1/2."""
        return float(np.mean((prediction > 0) == (target > 0.5)))

    def prepare_target(self, target: Array, prediction: Array) -> Array:
        """Return the targets, booleans or numbers from 0 to 1, in the dtype of the prediction."""
        prepared = super().prepare_target(target, prediction)
        _check_range(prepared, "y", "label")
        return prepared

    def _weight_of_yes(self, z: Array) -> Any:
        if isinstance(self.pos_weight, float):
            return self.pos_weight
        if z.ndim < 2 or z.shape[-1:] != self.pos_weight.shape:
            raise ValueError(
                f"{self}: pos_weight has shape {self.pos_weight.shape}, which does not fit the "
                f"last axis of logits of shape {z.shape}"
            )
        return self.pos_weight.astype(z.dtype)


def _check_range(target: Array, where: Any, what: str) -> None:
    if not (target.min() >= 0 and target.max() <= 1):
        outside = ~((target >= 0) & (target <= 1))
        need = "1 stands for yes, 0 for no, probabilities between are allowed"
        refuse(outside, target, f"{where}: {what} {{value}} at {{at}} is out of range: {need}")
