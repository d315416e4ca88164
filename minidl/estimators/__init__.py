"""A classifier and a regressor for scikit-learn: networks that fit into the pipelines of others."""

try:
    import sklearn as _  # noqa: F401
except ImportError as error:
    raise ImportError(
        'minidl.estimators needs scikit-learn: python -m pip install "minidl[sklearn]"'
    ) from error

from minidl.estimators.base import HistoryDisplay
from minidl.estimators.classifier import NeuralNetClassifier
from minidl.estimators.regressor import NeuralNetRegressor

__all__ = ["HistoryDisplay", "NeuralNetClassifier", "NeuralNetRegressor"]
