"""Estimators that train quickly, and a network for them."""

import numpy as np
import pytest

import minidl as m

pytest.importorskip("sklearn")

from sklearn.datasets import load_iris

from minidl.estimators import NeuralNetClassifier, NeuralNetRegressor

IRIS = load_iris(return_X_y=True)
QUICK = {"hidden": 8, "max_epochs": 30, "learning_rate": 0.04, "batch_size": 32, "random_state": 0}


def classifier(**options):
    return NeuralNetClassifier(**{**QUICK, **options})


def regressor(**options):
    return NeuralNetRegressor(**{**QUICK, **options})


def network(n_features, n_outputs, rng=0):
    rng = np.random.default_rng(rng)
    return m.Sequential(m.Dense(n_features, 8, rng=rng), m.Tanh(), m.Dense(8, n_outputs, rng=rng))
