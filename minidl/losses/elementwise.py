"""Losses in which every number of the prediction is an element with a target of its own."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from minidl.losses.loss import Loss, mean, without
from minidl.losses.targets import spell
from minidl.parameters import Array

__all__ = ["ElementwiseLoss"]


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
        z, t = self._matching(prediction, np.asarray(target))
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
        if target.dtype.kind not in "iufb":
            raise TypeError(f"y: targets must be real numbers, got dtype {target.dtype}")
        if target.shape[1:] != prediction.shape[1:]:
            raise ValueError(
                f"y: a network with outputs of shape {('N', *prediction.shape[1:])} needs targets "
                f"of that shape, got shape {target.shape}".replace("'N'", "N")
                + _hint("y", target.shape, prediction.shape)
            )
        with np.errstate(over="ignore"):
            cast = target.astype(prediction.dtype, copy=False)
        bad = np.argwhere(~np.isfinite(cast))
        if bad.size:
            place = tuple(bad[0].tolist())
            raise ValueError(
                f"y: target {spell(place)} is {target[place]}, too large for {cast.dtype}"
            )
        return cast

    def _matching(self, prediction: Any, target: Array) -> tuple[Array, Array]:
        """Return both as floating arrays of one dtype and shape."""
        z = self._floating(prediction, "predictions")
        if target.shape != z.shape:
            raise ValueError(
                f"{self}: predictions of shape {z.shape} need a target of the same shape, got "
                f"shape {target.shape}{_hint('target', target.shape, z.shape)}"
            )
        if target.dtype.kind not in "iufb":
            raise TypeError(f"{self}: the target must hold real numbers, got dtype {target.dtype}")
        return z, target.astype(z.dtype, copy=False)


def _hint(name: str, target: tuple[int, ...], prediction: tuple[int, ...]) -> str:
    if prediction[1:] == (*target[1:], 1) and target:
        return f": {name}[..., np.newaxis] has it"
    if target[1:] == (*prediction[1:], 1):
        return f": {name}[..., 0] has it"
    return ""
