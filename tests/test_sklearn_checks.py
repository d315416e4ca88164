"""Scikit-learn's own checks of an estimator, for the default configuration and ten others each."""

import numpy as np
import pytest

import minidl as m
from minidl.estimators import NeuralNetClassifier, NeuralNetRegressor

sklearn_checks = pytest.importorskip("sklearn.utils.estimator_checks")

REPEATED = "in batches, a weight of 2 is another thing than a sample that comes twice"
EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": REPEATED,
    "check_sample_weight_equivalence_on_sparse_data": REPEATED,
}


def wide(n_features, n_outputs, rng=None):
    return m.Sequential(
        m.Dense(n_features, 16, rng=rng), m.Tanh(), m.Dense(16, n_outputs, rng=rng)
    )


SMALL = {"hidden": 16, "max_epochs": 20, "learning_rate": 0.01}
CONFIGURATIONS = [
    {},
    {**SMALL, "optimizer": "sgd"},
    {**SMALL, "optimizer": "rmsprop", "schedule": lambda step: 0.01},
    {**SMALL, "optimizer": "adamw", "weight_decay": 0.01, "activation": "tanh"},
    {**SMALL, "dropout": 0.1, "batch_norm": True},
    {**SMALL, "early_stopping": True, "patience": 3, "validation": 0.25},
    {**SMALL, "module": wide},
    {**SMALL, "batch_size": 8, "max_epochs": 10},
    {**SMALL, "dtype": "float64", "activation": m.GELU()},
    {**SMALL, "scale": False, "warm_start": True},
    {**SMALL, "optimizer": lambda network: m.Adam(network, m.CosineDecay(0.02, 200))},
]


@sklearn_checks.parametrize_with_checks(
    [
        kind(**options)
        for options in CONFIGURATIONS
        for kind in (NeuralNetClassifier, NeuralNetRegressor)
    ],
    expected_failed_checks=lambda estimator: EXPECTED,
)
def test_scikit_learns_check_passes(estimator, check):
    with np.errstate(all="ignore"):
        check(estimator)
