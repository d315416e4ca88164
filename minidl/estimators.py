"""A classifier and a regressor for scikit-learn: networks that fit into the pipelines of others."""

from __future__ import annotations

import copy
import inspect
import math
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

import minidl as m
from minidl.checkpoint.container import read, serialize
from minidl.checkpoint.files import atomic_write, opened
from minidl.checkpoint.model import ModelFileError, contents, fields, network_from, vocabulary
from minidl.history import History
from minidl.layer import Layer, input_dtype
from minidl.parameters import Array
from minidl.validation import floating_dtype, integer, number

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import LabelEncoder
    from sklearn.utils import check_random_state, column_or_1d
    from sklearn.utils.class_weight import compute_sample_weight
    from sklearn.utils.multiclass import check_classification_targets, type_of_target
    from sklearn.utils.validation import (
        _check_sample_weight,
        check_is_fitted,
        validate_data,
    )
except ImportError as error:
    raise ImportError(
        'minidl.estimators needs scikit-learn: python -m pip install "minidl[sklearn]"'
    ) from error

__all__ = ["HistoryDisplay", "NeuralNetClassifier", "NeuralNetRegressor"]

_ACTIVATIONS: dict[str, Callable[[], Layer] | None] = {
    "relu": m.ReLU,
    "tanh": m.Tanh,
    "logistic": m.Sigmoid,
    "gelu": m.GELU,
    "silu": m.SiLU,
    "elu": m.ELU,
    "leaky_relu": m.LeakyReLU,
    "identity": None,
}
_OPTIMIZERS: dict[str, Callable[..., m.Optimizer]] = {
    "adam": m.Adam,
    "adamw": m.AdamW,
    "rmsprop": m.RMSProp,
    "sgd": lambda *args, **options: m.SGD(*args, momentum=0.9, nesterov=True, **options),
}
_SCHEDULES: dict[str, Callable[[float, int], Any]] = {
    "cosine": m.CosineDecay,
    "linear": m.LinearDecay,
}


def _choice(name: str, value: Any, choices: Mapping[str, Any]) -> Any:
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")
    return choices[value]


def _is_plain(value: Any) -> bool:
    """Tell whether a parameter is one that a file can hold."""
    if type(value) is tuple:
        return all(map(_is_plain, value))
    return value is None or type(value) in (bool, int, float, str)


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


@contextmanager
def _all_or_nothing(estimator: Any) -> Iterator[None]:
    """Take back what was assigned to an estimator if something fails."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def _moments(x: Array, weight: Array | None) -> Array:
    """Return the mean and the standard deviation of every column, 1 where it does not vary."""
    mean = np.average(x.astype(np.float64), axis=0, weights=weight)
    spread = np.sqrt(np.average((x - mean) ** 2, axis=0, weights=weight))
    return np.stack([mean, np.where(spread > 1e-6 * np.abs(mean), spread, 1.0)])


class _NeuralNet(BaseEstimator):  # type: ignore[misc]
    """What the classifier and the regressor share."""

    network_: Layer
    _kept_optimizer: m.Optimizer

    def _keep(self, given: dict[str, Any]) -> None:
        """Assign the parameters, just as they were given, as attributes."""
        self.__dict__.update({name: given[name] for name in self._get_param_names()})

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.required = True
        tags.target_tags.multi_output = not isinstance(self, ClassifierMixin)
        return tags

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train on a data set, anew unless `warm_start` is set.

        Parameters
        ----------
        X : array_like or sparse matrix, shape (n_samples, n_features)
            The samples; sparse ones are made dense.
        y : array_like, shape (n_samples,) or (n_samples, n_outputs)
            The targets.
        sample_weight : array_like, shape (n_samples,), optional
            How much each sample counts in the mean loss of its batch.

        Returns
        -------
        self
            If it fails, the estimator is as it was before.
        """
        anew = not (self.warm_start and hasattr(self, "network_"))
        with _all_or_nothing(self):
            self._train(X, y, sample_weight, anew, integer("max_epochs", self.max_epochs, least=1))
        return self

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Self:
        if isinstance(self.schedule, str):
            raise ValueError(
                f"partial_fit cannot know how many steps the schedule {self.schedule!r} has: "
                "give a function of the number of steps taken"
            )
        with _all_or_nothing(self):
            self._train(X, y, sample_weight, not hasattr(self, "network_"), None, classes)
        return self

    def _train(
        self, X: Any, y: Any, weight: Any, anew: bool, epochs: int | None, classes: Any = None
    ) -> None:
        """Train for some epochs; for one (None), with the optimizer that there is, if there is."""
        x, y = self._checked(X, y, reset=anew)
        y = self._encoded(y, anew, classes)
        if weight is not None:
            weight = _check_sample_weight(weight, x, dtype=np.float64, ensure_non_negative=True)
        weight = self._weights(y, weight, epochs is None)
        if weight is not None:  # a sample of weight 0 counts nowhere
            counts = weight > 0
            if not counts.any():
                raise ValueError("sample_weight is zero for all samples")
            x, y, weight = x[counts], y[counts], weight[counts]
        rng = np.random.default_rng(check_random_state(self.random_state).randint(2**31, size=4))
        if not anew:
            rng = copy.deepcopy(getattr(self, "_rng", rng))

        validation = None if epochs is None else self.validation
        if validation is None and self.early_stopping and epochs:
            validation = 0.1
        if isinstance(validation, (tuple, list)):
            held_x, held_y = self._checked(*validation, reset=False)
            validation = held_x, self._encoded(held_y, False)
        elif validation is not None:
            number("validation", validation, above=0, below=1)
            labels = y if isinstance(self, ClassifierMixin) and y.ndim == 1 else None
            rows, held = train_test_split(
                np.arange(len(x)),
                test_size=validation,
                stratify=labels,
                random_state=int(rng.integers(2**31)),
            )
            validation = x[held], y[held]
            x, y, weight = x[rows], y[rows], None if weight is None else weight[rows]

        if anew:
            network = self._network(x.shape[1], self._n_outputs(), rng)
            scaled = self.scale and getattr(input_dtype(network), "kind", "f") == "f"
            self._inputs = _moments(x, weight) if scaled else None
            self._outcomes = self._moments_of_targets(y, weight)
        batch_size = min(integer("batch_size", self.batch_size, least=1), len(x))
        if anew or epochs or not hasattr(self, "_kept_optimizer"):
            network = network if anew else copy.deepcopy(self.network_)
            optimizer = self._optimizer(network, (epochs or 1) * math.ceil(len(x) / batch_size))
        else:
            network, optimizer = copy.deepcopy((self.network_, self._kept_optimizer))

        x = self._scaled(x)
        outputs = network(x[:1]).shape
        y = self._targets(y, outputs)
        if validation is not None:
            validation = self._scaled(validation[0]), self._targets(validation[1], outputs)
        stopping = (
            [m.EarlyStopping(patience=self.patience)] if self.early_stopping and epochs else []
        )
        history = m.fit(
            network,
            self._loss(outputs) if self.loss is None else self.loss,
            optimizer,
            x,
            y,
            epochs=epochs or 1,
            batch_size=batch_size,
            sample_weight=weight,
            validation=validation,
            metrics=None if validation is not None else {},
            seed=int(rng.integers(2**31)),
            callbacks=stopping,
            progress=bool(self.verbose),
            recover=False,  # a failure leaves the earlier network, not this one
        )
        self.network_, self.history_ = network, history
        self._kept_optimizer, self._rng = optimizer, rng
        done = math.ceil(len(history.step_loss) / history.steps_per_epoch)
        self.n_iter_ = done if anew or epochs else getattr(self, "n_iter_", 0) + done

    def _checked(self, X: Any, *y: Any, reset: bool) -> Any:
        """Return samples as a dense array of the dtype, and targets, by scikit-learn's rules."""
        dtype = floating_dtype("dtype", self.dtype)
        options: dict[str, Any] = {"accept_sparse": ("csr", "csc"), "dtype": dtype, "reset": reset}
        if y:
            options["multi_output"], options["y_numeric"] = True, isinstance(self, RegressorMixin)
        found = validate_data(self, X, *y, **options)
        x, *rest = (
            np.asarray(part.toarray() if hasattr(part, "toarray") else part)
            for part in (found if y else (found,))
        )
        if not rest:
            return x
        return x, column_or_1d(rest[0], warn=True) if rest[0].shape[1:] == (1,) else rest[0]

    def _weights(self, y: Array, weight: Any, partial: bool) -> Any:
        return weight

    def _network(self, n_features: int, n_outputs: int, rng: np.random.Generator) -> Layer:
        dtype = floating_dtype("dtype", self.dtype)
        if isinstance(self.module, Layer):
            return self.module.astype(dtype)
        if self.module is not None:
            options = {"rng": rng} if "rng" in inspect.signature(self.module).parameters else {}
            made = self.module(n_features, n_outputs, **options)
            if not isinstance(made, Layer):
                raise TypeError(f"module must be or return a Layer, got {made!r}")
            return made.astype(dtype)
        layers: list[Layer] = []
        for size in self.hidden if np.iterable(self.hidden) else (self.hidden,):
            layers.append(m.Dense(n_features, size, rng=rng, dtype=dtype))
            if self.batch_norm:
                layers.append(m.BatchNorm(size, dtype=dtype))
            if isinstance(self.activation, Layer):
                layers.append(self.activation.astype(dtype))
            elif kind := _choice("activation", self.activation, _ACTIVATIONS):
                layers.append(kind())
            if self.dropout:
                layers.append(m.Dropout(self.dropout, rng=rng))
            n_features = size
        return m.Sequential(*layers, m.Dense(n_features, n_outputs, rng=rng, dtype=dtype))

    def _optimizer(self, network: Layer, steps: int) -> m.Optimizer:
        if callable(self.optimizer):
            made = self.optimizer(network)
            if not isinstance(made, m.Optimizer):
                raise TypeError(f"optimizer must return an Optimizer, got {made!r}")
            return made
        rate = self.learning_rate
        if callable(self.schedule):
            rate = self.schedule
        elif self.schedule is not None:
            rate = _choice("schedule", self.schedule, _SCHEDULES)(rate, steps)
        kind = _choice("optimizer", self.optimizer, _OPTIMIZERS)
        optimizer: m.Optimizer = kind(network, rate, weight_decay=self.weight_decay)
        return optimizer

    def _scaled(self, x: Array) -> Array:
        if self._inputs is None:
            return x
        mean, spread = self._inputs.astype(x.dtype)
        scaled: Array = (x - mean) / spread
        return scaled

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save a fitted estimator: network, classes or columns, scaling and feature names.

        It is a model file like that of `minidl.save`, without pickle. Of the parameters those are
        saved that are numbers, strings or tuples; functions and objects are not.

        Parameters
        ----------
        path : str or path-like
            The file; one that is there is replaced in one step.

        Raises
        ------
        NotFittedError, ModelFileError, OSError
            If it is not fitted, if the network cannot be written as data, or the file not written.
        """
        check_is_fitted(self, "network_")
        try:
            architecture, state, arrays, classes = contents(self.network_)
            scaling = {"=inputs": self._inputs, "=outcomes": self._outcomes}
            description = {
                "class": type(self).__name__,
                "parameters": {k: v for k, v in self.get_params().items() if _is_plain(v)},
                "features": [self.n_features_in_, list(getattr(self, "feature_names_in_", []))],
                "targets": self._described(),
            }
            network_from(architecture, state, arrays, classes)  # what is saved can be loaded
            arrays |= {name: array for name, array in scaling.items() if array is not None}
            parts = {"network": architecture, "estimator": description}, state, arrays
            buffers = serialize("estimator", *parts)
        except ValueError as error:
            raise ModelFileError(f"{os.fspath(path)}: {error}") from error
        atomic_write(path, buffers)

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], layers: Mapping[str, type[Layer]] | None = None
    ) -> Self:
        """Load an estimator that `save` has saved; nothing in the file is run or imported.

        Parameters
        ----------
        path : str or path-like
            The file.
        layers : dict of str to class, optional
            The classes of your own layers by name, as for `minidl.load`.

        Returns
        -------
        estimator
            It predicts the same bits, and `partial_fit` goes on with a new optimizer. Parameters
            that were functions or objects have their defaults: give them again by `set_params`.

        Raises
        ------
        ModelFileError
            If the file is not one that this class has saved.
        """
        known = vocabulary(layers)
        try:
            with opened(path) as (file, size):
                architecture, state, arrays = read(file, size, "estimator")
            made, description = fields(architecture, network=dict, estimator=dict)
            name, parameters, features, targets = fields(
                description, **{"class": str, "parameters": dict, "features": list, "targets": dict}
            )
            if name != cls.__name__:
                raise ValueError(f"is of a {name!r:.40}, not a {cls.__name__}")
            estimator = cls()
            parameters = {key: _tuples(value) for key, value in parameters.items()}
            if not all(map(_is_plain, parameters.values())):
                raise ValueError("the parameters are not plain")
            estimator.set_params(**parameters)
            match features:
                case [int(count), list(names)] if all(type(each) is str for each in names):
                    estimator.n_features_in_ = count
                case _:
                    raise ValueError("the features must be a number and a list of names")
            if names:
                estimator.feature_names_in_ = np.array(names, dtype=object)
            estimator._inputs = arrays.pop("=inputs", None)
            estimator._outcomes = arrays.pop("=outcomes", None)
            estimator._restore(targets)
            wide = {"inputs": (2, count), "outcomes": (2, estimator._n_outputs())}
            for kind, shape in wide.items():
                array = getattr(estimator, f"_{kind}")
                if array is not None and array.shape != shape:
                    raise ValueError(f"the scaling of the {kind} must be of shape {shape}")
            if count < 1 or len(names) not in (0, count):
                raise ValueError(f"there are {count} features, but {len(names)} names")
            estimator.network_ = network_from(made, state, arrays, known)
            dtype = floating_dtype("dtype", estimator.dtype)
            sample = np.zeros((1, 1), input_dtype(estimator.network_) or dtype)
            outputs = estimator.network_(np.broadcast_to(sample, (1, count))).shape
            estimator._targets(np.zeros((1, 1)), outputs)
        except (ValueError, TypeError, OSError, RecursionError) as error:
            raise ModelFileError(f"{os.fspath(path)}: {error}") from error
        return estimator

    def _outputs(self, X: Any) -> Any:
        """Return what the network gives for samples."""
        check_is_fitted(self, "network_")
        return m.predict(self.network_, self._scaled(self._checked(X, reset=False)))

    def _moments_of_targets(self, y: Array, weight: Array | None) -> Array | None:
        """Return how to scale the targets, if at all."""
        return None

    def _refuse_outputs(self, outputs: tuple[int, ...]) -> None:
        raise ValueError(
            f"module gives outputs of shape {outputs} for one sample: (1, {self._n_outputs()}) is "
            "needed"
        )


class NeuralNetClassifier(ClassifierMixin, _NeuralNet):  # type: ignore[misc]
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
    optimizer : str or function (network) -> Optimizer, default "adam"
        "adam", "adamw", "rmsprop", or "sgd", which has a Nesterov momentum of 0.9. A function
        settles learning rate and weight decay itself.
    learning_rate : float, default 0.001
        The length of a step, at first if there is a schedule.
    schedule : str or function (step) -> float, optional
        "cosine" or "linear" goes to 0 over max_epochs; a function gives the rate itself.
    weight_decay : float, default 0
        How strongly the weights are pulled to 0.
    loss : Layer, optional
        What is made small; by default cross-entropy, of the sigmoid for two classes or for labels,
        of the softmax for more classes.
    batch_size : int, default 100
        The number of samples in a step, at most.
    max_epochs : int, default 150
        How often to go through the data.
    validation : float or (X, y), optional
        A part of the data to hold out, or held-out data.
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
        Whether `fit` goes on with the weights of an earlier one (and a new optimizer).
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
        learning_rate: float = 0.001,
        schedule: Any = None,
        weight_decay: float = 0.0,
        loss: Layer | None = None,
        batch_size: int = 100,
        max_epochs: int = 150,
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
        """Return the probability of every class, or of every label by itself."""
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
        return balanced if weight is None else balanced * weight

    def _encoded(self, y: Array, anew: bool, classes: Any = None) -> Array:
        """Return the places of the classes, or the matrix of the labels."""
        check_classification_targets(y)
        multilabel = type_of_target(y) == "multilabel-indicator"
        own = np.arange(y.shape[1]) if multilabel else np.unique(y if classes is None else classes)
        if anew:
            if len(own) < 2 and not multilabel:
                raise ValueError(f"a classifier needs 2 classes or more, got 1 class: {own[0]!r}")
            self.classes_, self._multilabel = own, multilabel
        elif multilabel != self._multilabel or (multilabel and len(own) != len(self.classes_)):
            raise ValueError("y is of another kind, or has other labels, than when it was fitted")
        elif classes is not None and not np.array_equal(own, self.classes_):
            raise ValueError(f"classes={own} is not the same as at first, {self.classes_}")
        if multilabel:
            return y
        encoder = LabelEncoder()
        encoder.classes_ = self.classes_
        places: Array = encoder.transform(y)
        return places

    def _described(self) -> dict[str, Any]:
        kind = {"U": "str", "O": "object"}.get(self.classes_.dtype.kind, self.classes_.dtype.name)
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
        single = self.loss is None or isinstance(self.loss, m.SigmoidCrossEntropy)
        labels = len(self.classes_)
        return 1 if labels == 2 and single and not self._multilabel else labels

    def _targets(self, y: Array, outputs: tuple[int, ...]) -> Array:
        two = len(self.classes_) == 2 and not self._multilabel
        if outputs != (1, self._n_outputs()) and not (two and outputs in ((1, 1), (1, 2))):
            self._refuse_outputs(outputs)
        return y[:, None] if outputs[1] == 1 and y.ndim == 1 else y

    def _loss(self, outputs: tuple[int, ...]) -> Any:
        several = outputs[1] > 1 and not self._multilabel
        return m.SoftmaxCrossEntropy() if several else m.SigmoidCrossEntropy()


class NeuralNetRegressor(RegressorMixin, _NeuralNet):  # type: ignore[misc]
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
    optimizer : str or function (network) -> Optimizer, default "adam"
        "adam", "adamw", "rmsprop", or "sgd", which has a Nesterov momentum of 0.9. A function
        settles learning rate and weight decay itself.
    learning_rate : float, default 0.001
        The length of a step, at first if there is a schedule.
    schedule : str or function (step) -> float, optional
        "cosine" or "linear" goes to 0 over max_epochs; a function gives the rate itself.
    weight_decay : float, default 0
        How strongly the weights are pulled to 0.
    loss : Layer, optional
        What is made small; by default `MeanSquaredError`. With `scale` it is taken on standardised
        targets.
    batch_size : int, default 100
        The number of samples in a step, at most.
    max_epochs : int, default 150
        How often to go through the data.
    validation : float or (X, y), optional
        A part of the data to hold out, or held-out data.
    early_stopping : bool, default False
        Whether to stop when the held-out loss has not improved, and to take the weights that were
        best. Without `validation` a tenth is held out.
    patience : int, default 10
        For how many epochs it may not improve.
    scale : bool, default True
        Whether to standardise the inputs and the targets inside the model.
    warm_start : bool, default False
        Whether `fit` goes on with the weights of an earlier one (and a new optimizer).
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
        learning_rate: float = 0.001,
        schedule: Any = None,
        weight_decay: float = 0.0,
        loss: Layer | None = None,
        batch_size: int = 100,
        max_epochs: int = 150,
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
        return _moments(y, weight) if self.scale else None

    def _n_outputs(self) -> int:
        return self._columns or 1

    def _targets(self, y: Array, outputs: tuple[int, ...]) -> Array:
        if outputs != (1, self._n_outputs()):
            self._refuse_outputs(outputs)
        return y if self._outcomes is None else (y - self._outcomes[0]) / self._outcomes[1]

    def _loss(self, outputs: tuple[int, ...]) -> Any:
        return m.MeanSquaredError()


class HistoryDisplay:
    """The learning curves of an estimator, by scikit-learn's convention of displays.

    Parameters
    ----------
    history : History
        The ``history_`` of a fitted estimator.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> model = NeuralNetClassifier(max_epochs=3).fit(*load_iris(return_X_y=True))
    >>> HistoryDisplay.from_estimator(model).ax_.get_xlabel()
    'epoch'
    """

    def __init__(self, history: History) -> None:
        self.history = history

    def plot(self, metric: str = "loss", *, ax: Any = None) -> Self:
        """Draw a figure of merit, on new axes or those given; see `minidl.plotting`."""
        from minidl.plotting import learning_curves

        self.ax_ = learning_curves(self.history, metric, ax=ax)
        self.figure_ = self.ax_.figure
        return self

    @classmethod
    def from_estimator(cls, estimator: Any, metric: str = "loss", *, ax: Any = None) -> Self:
        """Draw the curves of a fitted estimator."""
        check_is_fitted(estimator, "history_")
        return cls(estimator.history_).plot(metric, ax=ax)
