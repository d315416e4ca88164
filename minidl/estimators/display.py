"""The learning curves of an estimator, drawn."""

from __future__ import annotations

from typing import Any, Self

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from minidl.history import History

__all__ = ["HistoryDisplay"]


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
