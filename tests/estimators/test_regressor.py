"""The regressor: its targets, and the units of what it predicts."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split

from minidl.estimators import NeuralNetRegressor
from tests.support.estimators import regressor


def test_is_better_than_the_mean_on_diabetes():
    parts = train_test_split(*load_diabetes(return_X_y=True), random_state=0)
    model = NeuralNetRegressor(max_epochs=20, random_state=0).fit(parts[0], parts[2])
    assert model.score(parts[1], parts[3]) > 0.25


def test_several_numbers_are_predicted_at_once_in_their_units():
    x = np.random.default_rng(0).normal(size=(200, 3))
    y = np.stack([1000 * x[:, 0] + 5000, 0.001 * x[:, 1]], axis=1)
    model = regressor().fit(x, y)
    assert model.predict(x).shape == (200, 2)
    assert model.score(x, y) > 0.9
    assert regressor().fit(x, y[:, 0]).predict(x).shape == (200,)
