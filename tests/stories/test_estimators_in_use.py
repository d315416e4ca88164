"""The estimators among scikit-learn's tools, and what they say to a newcomer's mistakes."""

import numpy as np
import pytest

import minidl as m

pytest.importorskip("sklearn")

import joblib
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_iris
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_selection import SequentialFeatureSelector
from sklearn.inspection import partial_dependence
from sklearn.model_selection import (
    HalvingGridSearchCV,
    TunedThresholdClassifierCV,
    cross_val_predict,
    cross_validate,
    learning_curve,
)
from sklearn.multioutput import ClassifierChain, MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler

from minidl.checkpoint.format import read, serialize
from minidl.estimators import (
    HistoryDisplay,
    NeuralNetClassifier,
    NeuralNetRegressor,
)

X, Y = load_iris(return_X_y=True)
QUICK = {"hidden": 8, "max_epochs": 10, "learning_rate": 0.03, "batch_size": 32, "random_state": 0}


def classifier(**options):
    return NeuralNetClassifier(**{**QUICK, **options})


def regressor(**options):
    return NeuralNetRegressor(**{**QUICK, **options})


def named():
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame(X, columns=list("abcd"))


class TestTools:
    def test_scores_of_every_kind(self):
        scores = cross_validate(classifier(), X, Y, scoring=["neg_log_loss", "roc_auc_ovr"], cv=2)
        assert scores["test_roc_auc_ovr"].mean() > 0.9
        assert cross_val_predict(classifier(), X, Y, method="decision_function").shape == (150, 3)

    @pytest.mark.parametrize(
        "ensemble",
        [
            VotingClassifier([("one", classifier()), ("two", classifier())], voting="soft"),
            StackingClassifier([("one", classifier())], cv=2),
            BaggingClassifier(classifier(), 2),
            CalibratedClassifierCV(make_pipeline(StandardScaler(), classifier()), cv=2),
        ],
        ids=lambda ensemble: type(ensemble).__name__,
    )
    def test_ensembles_are_made_of_networks(self, ensemble):
        assert ensemble.fit(X, Y).score(X, Y) > 0.8

    def test_a_threshold_is_tuned(self):
        assert TunedThresholdClassifierCV(classifier(), cv=2).fit(X, Y > 0).score(X, Y > 0) > 0.9

    def test_targets_are_transformed_and_chained(self):
        logs = TransformedTargetRegressor(regressor(), func=np.log1p, inverse_func=np.expm1)
        assert logs.fit(X[:, :3], X[:, 3]).score(X[:, :3], X[:, 3]) > 0.8
        assert MultiOutputRegressor(regressor()).fit(X[:, :2], X[:, 2:]).predict(X[:, :2]).ndim == 2
        labels = np.stack([Y > 0, Y > 1], axis=1).astype(int)
        assert ClassifierChain(classifier()).fit(X, labels).score(X, labels) > 0.6

    def test_epochs_are_the_resource_of_a_search(self):
        search = HalvingGridSearchCV(
            classifier(),
            {"learning_rate": [0.01, 0.03]},
            resource="max_epochs",
            min_resources=4,
            max_resources=12,
            cv=2,
            random_state=0,
        )
        assert search.fit(X, Y).best_estimator_.max_epochs == search.n_resources_[-1]

    def test_a_learning_curve_grows_by_partial_fits(self):
        _, scores, _ = learning_curve(
            classifier(), X, Y, cv=2, shuffle=True, exploit_incremental_learning=True
        )
        assert scores.shape == (5, 2)

    def test_inspection_and_selection(self):
        model = classifier().fit(X, Y)
        assert partial_dependence(model, X, [0])["average"].shape[0] == 3
        selector = SequentialFeatureSelector(model, n_features_to_select=1, cv=2)
        assert selector.fit(X, Y).transform(X).shape == (150, 1)

    def test_frames_keep_their_dtypes_and_their_names(self):
        frame = named()
        kinds = np.array(["u", "v", "w"])[Y]
        for labels in (
            frame.index.to_series().map(lambda row: kinds[row]).astype("string"),
            frame.index.to_series().map(lambda row: kinds[row]).astype("category"),
        ):
            model = classifier().fit(frame.astype("Float64"), labels)
            assert model.predict(frame)[0] == "u"
        with pytest.raises(ValueError, match="feature names should match"):
            model.predict(frame[["b", "a", "c", "d"]])
        with pytest.warns(UserWarning, match="valid feature names"):
            model.predict(X)

    def test_held_out_frames_and_sparse_matrices(self):
        sparse = pytest.importorskip("scipy.sparse")
        frame = named()
        model = classifier(validation=(frame, Y, np.ones(150))).fit(frame, Y)
        assert len(model.history_.validation["loss"]) == 10
        model = classifier(validation=(sparse.csc_array(X), Y)).fit(sparse.csr_array(X), Y)
        assert model.score(X, Y) > 0.8

    def test_arrays_that_may_only_be_read(self, tmp_path):
        model = classifier(scale=False, dtype="float64", max_epochs=3)
        for name, array in (("x", X), ("y", Y)):
            np.save(tmp_path / name, array)
        x, y = (np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in "xy")
        right = clone(model).fit(X, Y).predict_proba(X)
        np.testing.assert_array_equal(model.fit(x, y).predict_proba(x), right)
        joblib.dump(model, tmp_path / "model")
        mapped = joblib.load(tmp_path / "model", mmap_mode="r")
        np.testing.assert_array_equal(mapped.predict_proba(X), right)
        model.partial_fit(X, Y)
        mapped.partial_fit(X, Y)
        np.testing.assert_array_equal(mapped.predict_proba(X), model.predict_proba(X))

    def test_a_category_that_training_did_not_have_is_named(self):
        def module(n_features, n_outputs, rng):
            width = 2 * n_features
            return m.Sequential(
                m.Embedding(4, 2, rng=rng), m.Flatten(), m.Dense(width, n_outputs, rng=rng)
            )

        words = np.array(["red", "green", "blue"])[Y][:, None]
        encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
        pipe = make_pipeline(encoder, classifier(module=module)).fit(words, Y)
        assert pipe.score(words, Y) == 1
        with pytest.raises(ValueError, match=r"index -1 at \[0, 0\] is outside the vocabulary"):
            pipe.predict([["black"]])

    def test_the_class_of_an_optimizer_gets_rate_schedule_and_decay(self):
        by_class = classifier(optimizer=m.AdamW, weight_decay=0.1, schedule="linear").fit(X, Y)
        by_name = classifier(optimizer="adamw", weight_decay=0.1, schedule="linear").fit(X, Y)
        np.testing.assert_array_equal(by_class.predict_proba(X), by_name.predict_proba(X))

    def test_the_history_of_a_pipeline_is_drawn(self):
        pyplot = pytest.importorskip("matplotlib.pyplot")
        pyplot.switch_backend("agg")
        pipe = make_pipeline(StandardScaler(), classifier())
        with pytest.raises(NotFittedError, match="NeuralNetClassifier"):
            HistoryDisplay.from_estimator(pipe)
        assert HistoryDisplay.from_estimator(pipe.fit(X, Y)).history is pipe[-1].history_
        pyplot.close("all")


class TestMistakes:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"module": "deep"}, "module must be a layer or a function, got 'deep'"),
            ({"module": lambda features, outputs: 3}, "module must be or return a Layer, got 3"),
            ({"activation": m.ReLU}, "identity, or a layer, got <class"),
            ({"optimizer": lambda network: 3}, "must return an Optimizer, got 3"),
            ({"optimizer": "Adam"}, "sgd, or a class, or a function of the network"),
            ({"schedule": 0.1}, "cosine, linear, or a function of the step, got 0.1"),
            ({"loss": "hinge"}, "loss must be a Layer, got 'hinge'"),
            ({"loss": m.Hinge}, "the loss is a class"),
            ({"early_stopping": 0.1}, "early_stopping must be True or False, got 0.1"),
            ({"warm_start": "yes"}, "warm_start must be True or False, got 'yes'"),
            ({"hidden": "wide"}, "must be an integer"),
            ({"learning_rate": -1}, "learning_rate must be greater than 0, got -1"),
            ({"validation": (X,)}, r"must be a number, \(X, y\) or \(X, y, sample_weight\)"),
            ({"validation": (X[:, :2], Y)}, "validation: X has 2 features"),
            ({"validation": (X, Y + 1)}, "validation: y contains previously unseen labels"),
            ({"validation": (X, Y, -np.ones(150))}, "validation: Negative values"),
            ({"class_weight": {0: -1}}, "class_weight must not be negative, got {0: -1}"),
        ],
        ids=lambda given: next(iter(given)) if isinstance(given, dict) else "",
    )
    def test_a_parameter_that_cannot_be_is_named(self, options, message):
        model = classifier(**options)
        with pytest.raises((ValueError, TypeError), match=message):
            model.fit(X, Y)
        assert not hasattr(model, "network_")
        assert not hasattr(model, "classes_")

    def test_numbers_too_large_to_be_standardised_are_refused(self):
        for model, x, y in ((classifier(), 1e300 * X, Y), (regressor(), X, 1e300 * X[:, 0])):
            with pytest.raises(ValueError, match="too large to be standardised"):
                model.fit(x, y)

    def test_a_warm_start_keeps_the_network_that_there_is(self):
        model = classifier(warm_start=True).fit(X, Y)
        assert model.set_params(hidden=32).fit(X, Y).network_[0].out_features == 8
        with pytest.raises(ValueError, match="2 features, but NeuralNetClassifier is expecting 4"):
            model.fit(X[:, :2], Y)


def test_the_kinks_of_the_first_layer_do_not_all_meet_in_the_mean_of_the_data():
    model = NeuralNetClassifier((64, 32), max_epochs=1, learning_rate=1e-12, random_state=0)
    first = model.fit(X[:, :2], Y).network_[0]
    distances = first.bias.value / np.linalg.norm(first.weight.value, axis=0)
    assert np.abs(first.bias.value).max() <= np.sqrt(6 / 66)
    assert np.std(distances) > 0.3


class TestFiles:
    def test_classes_that_no_file_can_hold_are_refused_and_the_file_stays(self, tmp_path):
        days = np.array(["2020-01-01", "2021-01-01", "2022-01-01"], "datetime64[D]")
        classifier().fit(X, Y).save(tmp_path / "model")
        before = (tmp_path / "model").read_bytes()
        with pytest.raises(m.ModelFileError, match="use numbers or strings"):
            classifier().fit(X, days[Y]).save(tmp_path / "model")
        assert (tmp_path / "model").read_bytes() == before

    @pytest.mark.parametrize(
        "parameters",
        [
            {"module__hidden": 1},
            {"__class__": 1},
            {"fit": 1},
            {"hidden": {"items": 1}},
            {"hidden": {"items": [[1]]}},
            {"hidden": {"items": [[{"items": []}, 1]]}},
            {"hidden": {"node": 0}},
            {"module": {"layer": {"nodes": [], "shared": {}}, "state": {"generators": {}}}},
            {"module": {"layer": {}, "state": {}}},
            {"module": {"layer": {}}},
            {"module": {"layer": 1, "state": 1, "more": 1}},
        ],
        ids=str,
    )
    def test_parameters_that_no_estimator_has_are_refused(self, tmp_path, parameters):
        path = tmp_path / "model"
        classifier(max_epochs=1).fit(X, Y).save(path)
        with open(path, "rb") as file:
            architecture, state, arrays = read(file, path.stat().st_size, "estimator")
        architecture["estimator"]["parameters"].update(parameters)
        path.write_bytes(b"".join(serialize("estimator", architecture, state, arrays)))
        with pytest.raises(m.ModelFileError, match=f"^{path}: "):
            NeuralNetClassifier.load(path)
