"""The regressor: numbers out, in the units of the targets."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin

from minidl.arrays import Array
from minidl.checkpoint.model import fields
from minidl.estimators.base import NeuralNet, moments
from minidl.layer import Layer
from minidl.losses import MeanSquaredError


class NeuralNetRegressor(RegressorMixin, NeuralNet):  # type: ignore[misc]
    """A network that predicts one number or several.

    Parameters
    ----------
    hidden : int or tuple of int, default (64, 32)
        The sizes of the hidden layers.
    activation : str or Layer, default "relu"
        "relu", "tanh", "logistic", "gelu", "silu", "elu", "leaky_relu", "identity", or a layer.
    dropout : float, default 0
        Which fraction of the hidden units is dropped in training.
    batch_norm : bool, default False
        Whether hidden units are normalised over the batch, before the activation.
    module : Layer or function (n_features, n_outputs) -> Layer, optional
        The network, in place of all of the above. A network is a template: it is copied in `fit`,
        with its weights. A function that has an argument ``rng`` gets a generator that depends on
        random_state; n_outputs is the number
        of columns of y.
    optimizer : str, class or function (network) -> Optimizer, default "adam"
        "adam", "adamw", "rmsprop", or "sgd", which has a Nesterov momentum of 0.9, or the class
        of an optimizer, which gets `learning_rate` and `weight_decay`. A function settles both
        itself.
    learning_rate : float, default 0.005
        The length of a step, at first if there is a schedule.
    schedule : str or function (step) -> float, optional
        "cosine" or "linear" goes to 0 over max_epochs, "constant" stays; a function gives the rate
        itself. By default "linear" in `fit`, "constant" in `partial_fit`.
    weight_decay : float, optional
        How strongly the weights are pulled to 0; by default, in `fit`, 2 / n_samples (the sum of
        their weights, if that is more), and not at all in `partial_fit`.
    loss : Layer, optional
        What is made small; by default `MeanSquaredError`. With `scale` it is taken on standardised
        targets.
    batch_size : int, default 100
        The number of samples in a step, at most.
    max_epochs : int, default 100
        How often to go through the data.
    validation : float, (X, y) or (X, y, sample_weight), optional
        A part of the data to hold out, or held-out data. The held-out loss is weighted as the
        loss is.
    early_stopping : bool, default False
        Whether to stop when the held-out loss has not improved, and to take the weights that were
        best. Without `validation` a tenth is held out.
    patience : int, default 10
        For how many epochs it may not improve.
    scale : bool, default True
        Whether to standardise the inputs and the targets inside the model.
    warm_start : bool, default False
        Whether `fit` goes on with the network and the scaling of an earlier one (and a new
        optimizer); what settles these, such as `hidden`, is then without effect.
    random_state : int, RandomState or None
        What weights, held-out part, order and dropout are drawn from.
    dtype : str or dtype, default "float64"
        Of the network and its inputs.
    verbose : bool, default False
        Whether to show a progress bar (needs Rich).

    Attributes
    ----------
    network_ : Layer
        The trained network.
    history_ : History
        The curves of the last fit or partial fit, see `HistoryDisplay`.
    n_iter_ : int
        The number of epochs, over all partial fits.
    n_features_in_, feature_names_in_
        Of the samples; the names only if they were all strings.

    Notes
    -----
    Sparse samples are made dense. The random state governs the order of all batches, so the same
    one gives the same bits, on one machine and library.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> NeuralNetRegressor(max_epochs=20, random_state=0).fit(X, y).score(X, y) > 0.4
    True
    """

    def __init__(
        self,
        hidden: Any = (64, 32),
        *,
        activation: Any = "relu",
        dropout: float = 0.0,
        batch_norm: bool = False,
        module: Any = None,
        optimizer: Any = "adam",
        learning_rate: float = 0.005,
        schedule: Any = None,
        weight_decay: float | None = None,
        loss: Layer | None = None,
        batch_size: int = 100,
        max_epochs: int = 100,
        validation: Any = None,
        early_stopping: bool = False,
        patience: int = 10,
        scale: bool = True,
        warm_start: bool = False,
        random_state: Any = None,
        dtype: Any = "float64",
        verbose: bool = False,
    ) -> None:
        self._keep(locals())

    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Go once through some samples, on from where the last fit or partial fit ended.

        One epoch, whatever `max_epochs`, `validation` and `early_stopping` say. The first call,
        unless `fit` came before, settles the network and how inputs and targets are scaled.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.

        Returns
        -------
        self
            If it fails, the estimator is as it was before.
        """
        return self._partial_fit(X, y, sample_weight)

    def predict(self, X: ArrayLike) -> Any:
        """Return the predictions, in the shape of the targets."""
        y = self._outputs(X).astype(np.float64)
        if self._outcomes is not None:
            y = y * self._outcomes[1] + self._outcomes[0]
        return y if self._columns else y[:, 0]

    def _encoded(self, y: Array, anew: bool, classes: Any = None) -> Array:
        columns = y.shape[1] if y.ndim == 2 else 0
        if anew:
            self._columns = columns
        elif columns != self._columns:
            raise ValueError(f"y has {columns or 1} columns, but had {self._columns or 1} at first")
        return y.reshape(len(y), -1).astype(np.float64)

    def _described(self) -> dict[str, Any]:
        return {"columns": self._columns}

    def _restore(self, targets: dict[str, Any]) -> None:
        (self._columns,) = fields(targets, columns=int)

    def _moments_of_targets(self, y: Array, weight: Array | None) -> Array | None:
        return moments(y, weight) if self.scale else None

    def _n_outputs(self) -> int:
        return self._columns or 1

    def _targets(self, y: Array, outputs: tuple[int, ...]) -> Array:
        if outputs != (1, self._n_outputs()):
            self._refuse_outputs(outputs)
        return y if self._outcomes is None else (y - self._outcomes[0]) / self._outcomes[1]

    def _loss(self, outputs: tuple[int, ...]) -> Any:
        return MeanSquaredError()
