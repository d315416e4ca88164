"""Losses in which every number of the prediction is an element with a target of its own."""

from abc import abstractmethod
from typing import Any

import numpy as np

from minidl.arrays import Array
from minidl.checks.arguments import real, refuse
from minidl.losses._targets import as_many
from minidl.losses.loss import Loss, mean, without


class ElementwiseLoss(Loss):
    """The mean of ℓ(zᵢ, tᵢ) over the numbers zᵢ of a prediction, with a target of its very shape.

    A loss of this kind is one method, `terms`, which returns ℓ and ∂ℓ/∂z for every element.

    Raises
    ------
    ValueError
        In `forward`: for an empty batch; for a target or weight of the wrong shape, (N,) for
        (N, 1) included; for a weight that is negative or not finite.
    TypeError
        In `forward`: for a target that does not hold real numbers.
    """

    @abstractmethod
    def terms(self, z: Array, t: Array) -> tuple[Array, Array]:
        """Return (ℓ, ∂ℓ/∂z).

        Parameters
        ----------
        z, t : ndarray
            Predictions and targets of one shape and dtype.
        """

    def forward(
        self, prediction: Array, target: Array, weight: Array | None = None
    ) -> tuple[Any, Any]:
        """Return (the mean of ℓ, cache).

        Parameters
        ----------
        prediction : ndarray, any shape
            Any real numbers.
        target : ndarray, the same shape
            What they should be.
        weight : ndarray, that shape or its leading axes, optional
            The weight of each element, not negative: one a sample, of shape (N,), say.
        """
        z = self._floating(prediction, "predictions")
        t = _matching(self, np.asarray(target), z)
        shares = self._shares(weight, z, "predictions", z.ndim)
        if shares is not None:
            kept = shares.reshape(z.shape)
            z, t = without(z, kept), without(t, kept)
        losses, slopes = self.terms(z, t)
        return mean(losses.reshape(-1), shares), (slopes, shares)

    def backward(self, dy: Any, cache: Any, /) -> Array:
        """Return the gradient with respect to the prediction, dy · wᵢ / Σ w · ∂ℓ/∂zᵢ."""
        slopes, shares = cache
        if shares is None:
            dz: Array = slopes * (float(dy) / slopes.size)
        else:
            dz = slopes * (float(dy) * shares).reshape(slopes.shape)
        return dz

    def prepare_target(self, target: Array, prediction: Array) -> Array:
        """Return the targets in the dtype of the prediction, after a check of the shape."""
        with np.errstate(over="ignore"):
            cast = _matching("y", target, as_many(prediction, target))
        what = f"y: target {{at}} is {{value}}, too large for {cast.dtype}"
        refuse(~np.isfinite(cast), target, what)
        return cast


def _matching(where: Any, target: Array, z: Array) -> Array:
    """Return the target in the dtype of the prediction, after a check of its shape."""
    if target.shape != z.shape:
        name, hint = "y" if where == "y" else "target", ""
        if z.shape[1:] == (*target.shape[1:], 1) and target.ndim:
            hint = f": {name}[..., np.newaxis] has it"
        elif target.shape[1:] == (*z.shape[1:], 1):
            hint = f": {name}[..., 0] has it"
        raise ValueError(
            f"{where}: outputs of shape {z.shape} need a target of the same shape, got shape "
            f"{target.shape}{hint}"
        )
    return real(f"{where}: targets", target).astype(z.dtype, copy=False)
