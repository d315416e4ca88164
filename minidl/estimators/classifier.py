"""The classifier: classes or labels in, probabilities out."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import ClassifierMixin
from sklearn.preprocessing import LabelEncoder
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from minidl.arrays import Array
from minidl.checkpoint.model import fields
from minidl.estimators.base import NeuralNet
from minidl.layer import Layer
from minidl.losses import ElementwiseLoss, SigmoidCrossEntropy, SoftmaxCrossEntropy


class NeuralNetClassifier(ClassifierMixin, NeuralNet):  # type: ignore[misc]
    """A network that tells classes apart: two, several, or labels of which a sample may have many.

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
        random_state; n_outputs is 1 for two classes and the default loss (2 serve as well), else
        the number of classes or labels.
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
        What is made small; by default cross-entropy, of the sigmoid for two classes or for labels,
        of the softmax for more classes.
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
    class_weight : dict or "balanced", optional
        How much each class counts; times the weight of the sample.
    scale : bool, default True
        Whether to standardise the inputs inside the model.
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
    classes_ : ndarray
        The classes in the order of the outputs.

    Notes
    -----
    Sparse samples are made dense. The random state governs the order of all batches, so the same
    one gives the same bits, on one machine and library.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> NeuralNetClassifier(learning_rate=0.01, random_state=0).fit(X, y).score(X, y) > 0.9
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
        class_weight: Any = None,
        scale: bool = True,
        warm_start: bool = False,
        random_state: Any = None,
        dtype: Any = "float64",
        verbose: bool = False,
    ) -> None:
        self._keep(locals())

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def partial_fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Self:
        """Go once through some samples, on from where the last fit or partial fit ended.

        One epoch, whatever `max_epochs`, `validation` and `early_stopping` say. The first call,
        unless `fit` came before, settles the network and how the inputs are scaled.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.
        classes : array_like, shape (n_classes,)
            All classes that will ever come; needed in the first call, if labels are exclusive.

        Returns
        -------
        self
            If it fails, the estimator is as it was before.
        """
        if classes is None and not hasattr(self, "network_") and np.ndim(y) < 2:
            raise ValueError("classes must be passed on the first call to partial_fit")
        return self._partial_fit(X, y, sample_weight, classes)

    def decision_function(self, X: ArrayLike) -> Any:
        """Return scores: (n_samples,), above 0 for the second class of two, or one a class."""
        scores = self._outputs(X)
        if self._multilabel or scores.shape[1] > 2:
            return scores
        return scores[:, 0] if scores.shape[1] == 1 else scores[:, 1] - scores[:, 0]

    def predict(self, X: ArrayLike) -> Any:
        """Return the classes, or, for several labels, a matrix of 0 and 1."""
        scores = self.decision_function(X)
        if self._multilabel:
            return (scores > 0).astype(int)
        chosen = (scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)
        return self.classes_[chosen]

    def predict_log_proba(self, X: ArrayLike) -> Any:
        """Return the logarithms of the probabilities."""
        scores = self.decision_function(X)
        if self._multilabel:
            return -np.logaddexp(0, -scores)
        if scores.ndim == 1:
            return -np.logaddexp(0, np.stack([scores, -scores], axis=1))
        return scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)

    def predict_proba(self, X: ArrayLike) -> Any:
        """Return the probability of every class, or of every label by itself.

        It is the softmax of the outputs, or their sigmoid, whatever they were trained with.
        """
        probabilities = np.exp(self.predict_log_proba(X))
        if not self._multilabel:
            probabilities /= probabilities.sum(axis=1, keepdims=True)
        return probabilities

    def _weights(self, y: Array, weight: Any, partial: bool) -> Any:
        if self.class_weight is None:
            return weight
        if partial and self.class_weight == "balanced":
            raise ValueError(
                "partial_fit sees a part of the data, which need not be balanced as the whole is: "
                "give class_weight as a dict"
            )
        labels = y if self._multilabel else self.classes_[y]
        balanced = compute_sample_weight(self.class_weight, labels)
        if (balanced < 0).any():
            raise ValueError(f"class_weight must not be negative, got {self.class_weight}")
        return balanced if weight is None else balanced * weight

    def _encoded(self, y: Array, anew: bool, classes: Any = None) -> Array:
        """Return the indices of the classes, or the matrix of the labels."""
        check_classification_targets(y)
        multilabel = type_of_target(y) == "multilabel-indicator"
        own = np.arange(y.shape[1]) if multilabel else np.unique(y if classes is None else classes)
        if anew:
            if len(own) < 2 and not multilabel:
                raise ValueError(f"a classifier needs 2 classes or more, got 1 class: {own[0]}")
            self.classes_, self._multilabel = own, multilabel
        elif multilabel != self._multilabel or (multilabel and len(own) != len(self.classes_)):
            raise ValueError("y is of another kind, or has other labels, than when it was fitted")
        elif classes is not None and not np.array_equal(own, self.classes_):
            raise ValueError(f"classes={own} is not the same as at first, {self.classes_}")
        if multilabel:
            return y
        encoder = LabelEncoder()
        encoder.classes_ = self.classes_
        indices: Array = encoder.transform(y)
        return indices

    def _described(self) -> dict[str, Any]:
        kind = {"U": "str", "O": "object"}.get(self.classes_.dtype.kind, self.classes_.dtype.name)
        if not all(type(each) in (bool, int, float, str) for each in self.classes_.tolist()):
            raise ValueError(f"classes of the dtype {kind} cannot be saved: use numbers or strings")
        return {
            "multilabel": self._multilabel,
            "dtype": kind,
            "classes": self.classes_.tolist(),
        }

    def _restore(self, targets: dict[str, Any]) -> None:
        self._multilabel, kind, classes = fields(targets, multilabel=bool, dtype=str, classes=list)
        kinds = {type(each) for each in classes}
        right = {"str": str, "object": str, "bool": bool}.get(kind)
        right = right or {"i": int, "u": int, "f": float}.get(np.dtype(kind).kind)
        if len(kinds) != 1 or kinds != {right}:
            raise ValueError(f"the classes must be of the dtype {kind!r:.40}, and some")
        self.classes_ = np.array(classes, dtype=kind)
        if self.classes_.tolist() != sorted(set(classes)):
            raise ValueError("the classes must be sorted, and each must be there once")

    def _n_outputs(self) -> int:
        single = self.loss is None or isinstance(self.loss, SigmoidCrossEntropy)
        labels = len(self.classes_)
        return 1 if labels == 2 and single and not self._multilabel else labels

    def _targets(self, y: Array, outputs: tuple[int, ...]) -> Array:
        two = len(self.classes_) == 2 and not self._multilabel
        if outputs != (1, self._n_outputs()) and not (two and outputs in ((1, 1), (1, 2))):
            self._refuse_outputs(outputs)
        if outputs[1] == 1 and y.ndim == 1:
            return y[:, None]
        by_element = isinstance(self.loss, (SigmoidCrossEntropy, ElementwiseLoss))
        return np.eye(outputs[1])[y] if by_element and y.ndim == 1 else y

    def _loss(self, outputs: tuple[int, ...]) -> Any:
        several = outputs[1] > 1 and not self._multilabel
        return SoftmaxCrossEntropy() if several else SigmoidCrossEntropy()
