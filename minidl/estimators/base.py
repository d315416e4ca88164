"""The base of classifier and regressor: check and split data, make a network, train it."""

import copy
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from minidl.arrays import Array
from minidl.checks.arguments import boolean, floating_dtype, integer, number
from minidl.estimators import saving
from minidl.estimators.building import make_network, make_optimizer
from minidl.layer import Layer
from minidl.optimizers import Optimizer
from minidl.parameters import input_dtype
from minidl.prediction import predict
from minidl.training import EarlyStopping, fit
from minidl.training.history import History


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


def moments(x: Array, weight: Array | None) -> Array:
    """Return the mean and the standard deviation of every column, 1 where it does not vary."""
    with np.errstate(over="ignore", invalid="ignore"):
        mean = np.average(x.astype(np.float64), axis=0, weights=weight)
        spread = np.sqrt(np.average((x - mean) ** 2, axis=0, weights=weight))
    if not np.isfinite(spread).all():
        raise ValueError("the data are too large to be standardised: change their unit")
    return np.stack([mean, np.where(spread > 1e-6 * np.abs(mean), spread, 1.0)])


class NeuralNet(BaseEstimator):  # type: ignore[misc]
    """The base of the classifier and the regressor."""

    network_: Layer
    _kept_optimizer: Optimizer

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
        for name in ("batch_norm", "early_stopping", "scale", "warm_start"):
            boolean(name, getattr(self, name))
        anew = not (self.warm_start and hasattr(self, "network_"))
        with _all_or_nothing(self):
            self._train(X, y, sample_weight, anew, integer("max_epochs", self.max_epochs, least=1))
        return self

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, classes: Any = None) -> Self:
        if isinstance(self.schedule, str) and self.schedule != "constant":
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
        x, y, weight = self._samples(X, y, weight, anew, epochs is None, classes)
        rng = np.random.default_rng(check_random_state(self.random_state).randint(2**31, size=4))
        if not anew:
            rng = copy.deepcopy(getattr(self, "_rng", rng))
        held_out = None
        if epochs is not None:
            (x, y, weight), held_out = self._parted((x, y, weight), rng)

        if anew:
            network = make_network(self, x.shape[1], self._n_outputs(), rng)
            scaled = self.scale and getattr(input_dtype(network), "kind", "f") == "f"
            self._inputs = moments(x, weight) if scaled else None
            self._outcomes = self._moments_of_targets(y, weight)
        batch_size = min(integer("batch_size", self.batch_size, least=1), len(x))
        if anew or epochs or not hasattr(self, "_kept_optimizer"):
            network = network if anew else copy.deepcopy(self.network_)
            steps = epochs and epochs * math.ceil(len(x) / batch_size)
            samples = len(x) if weight is None else max(len(x), weight.sum())
            optimizer = make_optimizer(self, network, steps, samples)
        else:
            network, optimizer = copy.deepcopy((self.network_, self._kept_optimizer))

        x = self._scaled(x)
        outputs = predict(network, x[:1]).shape
        y = self._targets(y, outputs)
        if held_out is not None:
            held_x, held_y, *rest = held_out
            held_out = self._scaled(held_x), self._targets(held_y, outputs), *rest
        stopping = [EarlyStopping(patience=self.patience)] if self.early_stopping and epochs else []
        history = fit(
            network,
            self._loss(outputs) if self.loss is None else self.loss,
            optimizer,
            x,
            y,
            epochs=epochs or 1,
            batch_size=batch_size,
            sample_weight=weight,
            validation=held_out,
            metrics=None if held_out is not None else {},
            seed=int(rng.integers(2**31)),
            callbacks=stopping,
            progress=bool(self.verbose),
            recover=False,  # a failure leaves the earlier network, not this one
        )
        if epochs and self.schedule is None and isinstance(self.optimizer, (str, type)):
            optimizer.learning_rate = self.learning_rate  # it came to 0: partial_fit needs another
        self.network_, self.history_ = network, history
        self._kept_optimizer, self._rng = optimizer, rng
        done = math.ceil(len(history.step_loss) / history.steps_per_epoch)
        self.n_iter_ = done if anew or epochs else getattr(self, "n_iter_", 0) + done

    def _samples(
        self,
        X: Any,
        y: Any,
        weight: Any = None,
        anew: bool = False,
        partial: bool = False,
        classes: Any = None,
    ) -> tuple[Array, Array, Array | None]:
        """Return samples, encoded targets and weights; a sample of weight 0 is left out."""
        x, y = self._checked(X, y, reset=anew)
        y = self._encoded(y, anew, classes)
        if weight is not None:
            weight = _check_sample_weight(weight, x, dtype=np.float64, ensure_non_negative=True)
        weight = self._weights(y, weight, partial)
        if weight is None:
            return x, y, None
        counts = weight > 0
        if not counts.any():
            raise ValueError("sample_weight is zero for all samples")
        return x[counts], y[counts], weight[counts]

    def _parted(self, given: Any, rng: np.random.Generator) -> tuple[Any, Any]:
        """Split the samples into those to train on and those held out, if any are."""
        validation = self.validation
        if validation is None and self.early_stopping:
            validation = 0.1
        if validation is None:
            return given, None
        if isinstance(validation, (tuple, list)):
            if len(validation) not in (2, 3):
                raise ValueError("validation must be a number, (X, y) or (X, y, sample_weight)")
            try:
                return given, self._samples(*validation)
            except ValueError as error:
                raise ValueError(f"validation: {error}") from None
        number("validation", validation, above=0, below=1)
        x, y, _ = given
        rows, held = train_test_split(
            np.arange(len(x)),
            test_size=validation,
            stratify=y if isinstance(self, ClassifierMixin) and y.ndim == 1 else None,
            random_state=int(rng.integers(2**31)),
        )
        train, held_out = (
            [part if part is None else part[index] for part in given] for index in (rows, held)
        )
        return train, held_out

    def _checked(self, X: Any, *y: Any, reset: bool) -> Any:
        """Return samples as a dense array of the dtype, and targets, by scikit-learn's rules.

        A network of the user's own may take integers, which float32 cannot hold beyond 2²⁴.
        """
        dtype = floating_dtype("dtype", self.dtype) if self.module is None else "numeric"
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

    def _scaled(self, x: Array) -> Array:
        if self._inputs is None:
            return x
        dtype = floating_dtype("dtype", self.dtype)
        mean, spread = self._inputs.astype(dtype)
        scaled: Array = (x.astype(dtype, copy=False) - mean) / spread
        return scaled

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save a fitted estimator: network, classes or columns, scaling and feature names.

        It is a model file like that of `minidl.save`, without pickle. Parameters are saved too,
        if they are numbers, strings, tuples or dicts of these, or layers that say what they are
        made of. Functions, arrays, schedules and the random state of an object are not.

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
        saving.save(self, path)

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
            The classes of your own layers and losses by name, as for `minidl.load`.

        Returns
        -------
        estimator
            It predicts the same bits, and `partial_fit` goes on with a new optimizer. It has no
            history, and parameters that could not be saved (see `save`) have their defaults: give
            them again by `set_params` before you train it on.

        Raises
        ------
        ModelFileError
            If the file is not one that this class has saved.
        """
        estimator: Self = saving.load(cls, path, layers)
        return estimator

    def _outputs(self, X: Any) -> Any:
        """Send samples through the network; return its outputs."""
        check_is_fitted(self, "network_")
        return predict(self.network_, self._scaled(self._checked(X, reset=False)))

    def _moments_of_targets(self, y: Array, weight: Array | None) -> Array | None:
        """Return (centre, spread) of the targets, or None if they are not scaled."""
        return None

    def _refuse_outputs(self, outputs: tuple[int, ...]) -> None:
        raise ValueError(
            f"module gives outputs of shape {outputs} for one sample: (1, {self._n_outputs()}) is "
            "needed"
        )


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
    >>> from minidl import NeuralNetClassifier
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
        """Draw the curves of a fitted estimator, or of the one that a pipeline ends with."""
        model = estimator[-1] if isinstance(estimator, Pipeline) else estimator
        check_is_fitted(model, "history_", msg="%(name)s has no history: call fit first")
        return cls(model.history_).plot(metric, ax=ax)
