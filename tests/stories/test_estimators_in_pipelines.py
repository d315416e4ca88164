"""The estimators in scikit-learn's pipelines and searches, with frames and tools of inspection."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

import sklearn
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.inspection import DecisionBoundaryDisplay, permutation_importance
from sklearn.model_selection import GridSearchCV, cross_val_score, learning_curve
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.support.estimators import IRIS, classifier, network


def test_grid_search_finds_networks():
    grid = {"module": [network, network(4, 3)], "dtype": ["float32", "float64"]}
    search = GridSearchCV(classifier(), grid, cv=2).fit(*IRIS)
    assert len(search.cv_results_["params"]) == 4
    assert search.best_score_ > 0.85


def test_frames_of_mixed_type():
    pandas = pytest.importorskip("pandas")
    x, y = IRIS
    frame = pandas.DataFrame(x[:, :3], columns=["a", "b", "c"])
    frame["wide"] = np.where(x[:, 3] > 1, "yes", "no")
    columns = ColumnTransformer(
        [
            ("one", OneHotEncoder(sparse_output=False), ["wide"]),
            ("number", StandardScaler(), ["a", "b", "c"]),
        ]
    )
    pipe = make_pipeline(columns, classifier())
    assert cross_val_score(pipe, frame, y, cv=3).mean() > 0.85
    pipe.set_output(transform="pandas").fit(frame, y)
    assert list(pipe[-1].feature_names_in_)[-1] == "number__c"


def test_polars_frames():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(IRIS[0], schema=["a", "b", "c", "d"])
    model = classifier().fit(frame, polars.Series(IRIS[1]))
    assert list(model.feature_names_in_) == ["a", "b", "c", "d"]
    assert model.score(frame, IRIS[1]) > 0.9


def test_the_tools_of_model_inspection():
    x, y = IRIS[0][:, 2:], IRIS[1]
    model = classifier(max_epochs=10).fit(x, y)
    assert permutation_importance(model, x, y, n_repeats=2).importances.shape == (2, 2)
    calibrated = CalibratedClassifierCV(classifier(max_epochs=10), cv=2).fit(x, y)
    assert calibrated.predict_proba(x).shape == (150, 3)
    _, scores, _ = learning_curve(model, x, y, train_sizes=[0.5, 1.0], cv=2, shuffle=True)
    assert scores.shape == (2, 2)
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    display = DecisionBoundaryDisplay.from_estimator(model, x, grid_resolution=20)
    assert display.response.shape[:2] == (20, 20)
    pyplot.close("all")


def test_weights_are_routed():
    with sklearn.config_context(enable_metadata_routing=True):
        model = classifier().set_fit_request(sample_weight=True)
        search = GridSearchCV(model.set_score_request(sample_weight=True), {"hidden": [4]}, cv=2)
        search.fit(*IRIS, sample_weight=np.ones(150))
    assert search.best_score_ > 0.8
