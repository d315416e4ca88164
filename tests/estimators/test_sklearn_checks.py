"""Scikit-learn's own checks of an estimator, for the default configuration and four others each."""

import numpy as np
import pytest

import minidl as m
from minidl.estimators import NeuralNetClassifier, NeuralNetRegressor

sklearn_checks = pytest.importorskip("sklearn.utils.estimator_checks")


def expected_failures(estimator):
    """A weight is a repeated sample only where nothing depends on how many samples there are."""
    drawn = [
        name for name in ("dropout", "batch_norm", "early_stopping") if getattr(estimator, name)
    ]
    if estimator.batch_size < 15:  # the check has 15 samples
        drawn.append("batch_size")
    if not drawn:
        return {}
    reason = f"repeated samples are drawn, or counted, in another way: {', '.join(drawn)}"
    kinds = ("dense", "sparse")
    return {f"check_sample_weight_equivalence_on_{kind}_data": reason for kind in kinds}


def wide(n_features, n_outputs, rng=None):
    return m.Sequential(m.Dense(n_features, 16, rng=rng), m.Tanh(), m.Dense(16, n_outputs, rng=rng))


def constant(step):
    return 0.01


def cosine(network):
    return m.Adam(network, m.CosineDecay(0.02, 200))


class Named:
    """A function whose repr, which is part of a test's name, is the same in every process."""

    def __init__(self, function):
        self.__wrapped__ = function

    def __call__(self, *arguments, **options):
        return self.__wrapped__(*arguments, **options)

    def __repr__(self):
        return self.__wrapped__.__name__


SMALL = {"hidden": 16, "max_epochs": 20, "learning_rate": 0.02}
CONFIGURATIONS = [  # every parameter away from its default once
    {},
    {**SMALL, "optimizer": "rmsprop", "schedule": Named(constant), "activation": m.GELU()},
    {
        **SMALL, "optimizer": "adamw", "weight_decay": 0.01, "dropout": 0.1, "batch_norm": True,
        "scale": False,
    },
    {
        **SMALL, "optimizer": "sgd", "activation": "tanh", "batch_size": 8,
        "early_stopping": True, "patience": 3, "validation": 0.25,
    },
    {**SMALL, "module": Named(wide), "optimizer": Named(cosine)},
]  # fmt: skip
"""Every option that an estimator may be sensitive to, once."""


@sklearn_checks.parametrize_with_checks(
    [
        kind(**options)
        for options in CONFIGURATIONS
        for kind in (NeuralNetClassifier, NeuralNetRegressor)
    ],
    expected_failed_checks=expected_failures,
)
def test_scikit_learns_check_passes(estimator, check):
    with np.errstate(all="ignore"):
        check(estimator)
