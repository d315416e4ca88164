"""The estimators, by what their users do with them."""

import pickle

import numpy as np
import pytest

import minidl as m

sklearn = pytest.importorskip("sklearn")

from sklearn.base import clone  # noqa: E402
from sklearn.calibration import CalibratedClassifierCV  # noqa: E402
from sklearn.compose import ColumnTransformer  # noqa: E402
from sklearn.datasets import load_diabetes, load_digits, load_iris, make_moons  # noqa: E402
from sklearn.exceptions import NotFittedError  # noqa: E402
from sklearn.inspection import DecisionBoundaryDisplay, permutation_importance  # noqa: E402
from sklearn.metrics import log_loss  # noqa: E402
from sklearn.model_selection import (  # noqa: E402
    GridSearchCV,
    cross_val_score,
    learning_curve,
    train_test_split,
)
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler  # noqa: E402

from minidl.checkpoint.format import read, serialize  # noqa: E402
from minidl.estimators import (  # noqa: E402
    HistoryDisplay,
    NeuralNetClassifier,
    NeuralNetRegressor,
)

IRIS = load_iris(return_X_y=True)
QUICK = {"hidden": 8, "max_epochs": 30, "learning_rate": 0.04, "batch_size": 32, "random_state": 0}


def classifier(**options):
    return NeuralNetClassifier(**{**QUICK, **options})


def regressor(**options):
    return NeuralNetRegressor(**{**QUICK, **options})


def network(n_features, n_outputs, rng=0):
    rng = np.random.default_rng(rng)
    return m.Sequential(m.Dense(n_features, 8, rng=rng), m.Tanh(), m.Dense(8, n_outputs, rng=rng))


class TestTraining:
    def test_reads_digits(self):
        parts = train_test_split(*load_digits(return_X_y=True), random_state=0)
        model = NeuralNetClassifier(max_epochs=20, random_state=0).fit(parts[0], parts[2])
        assert model.score(parts[1], parts[3]) > 0.95

    def test_is_better_than_the_mean_on_diabetes(self):
        parts = train_test_split(*load_diabetes(return_X_y=True), random_state=0)
        model = NeuralNetRegressor(max_epochs=20, random_state=0).fit(parts[0], parts[2])
        assert model.score(parts[1], parts[3]) > 0.25

    @pytest.mark.parametrize(
        "options",
        [
            {"hidden": (), "optimizer": "sgd"},
            {"dropout": 0.1, "batch_norm": True, "activation": "gelu"},
            {"module": network},
            {"module": network(4, 3)},
            {"optimizer": lambda network: m.SGD(network, 0.1, momentum=0.9)},
            {"schedule": "cosine"},
            {"schedule": lambda step: 0.02},
            {"loss": m.Hinge()},
            {"early_stopping": True, "validation": 0.2},
            {"dtype": "float64", "activation": m.SiLU()},
            {"class_weight": "balanced"},
        ],
        ids=lambda options: ", ".join(options),
    )
    def test_tells_irises_apart(self, options):
        model = classifier(**options)
        assert model.fit(*IRIS).score(*IRIS) > 0.93
        assert model.predict_proba(IRIS[0]).shape == (150, 3)
        assert model.network_(np.zeros((1, 4), model.dtype)).dtype == model.dtype

    def test_one_seed_gives_one_network(self):
        first, same = (classifier().fit(*IRIS).predict_proba(IRIS[0]) for _ in range(2))
        other = classifier(random_state=1).fit(*IRIS).predict_proba(IRIS[0])
        np.testing.assert_array_equal(first, same)
        assert np.abs(first - other).max() > 1e-3

    def test_a_template_is_stored_as_it_is_and_never_trained(self):
        template = network(4, 3)
        before = template[0].weight.value.copy()
        model = classifier(module=template).fit(*IRIS)
        assert model.module is template
        assert model.network_ is not template
        np.testing.assert_array_equal(template[0].weight.value, before)

    def test_early_stopping_gives_back_the_best_weights(self):
        x, y = IRIS
        model = classifier(
            early_stopping=True, patience=2, validation=(x[::2], y[::2]), max_epochs=200
        ).fit(x[1::2], y[1::2])
        held_out = model.history_.validation["loss"]
        assert model.n_iter_ < 200
        assert log_loss(y[::2], model.predict_proba(x[::2])) == pytest.approx(min(held_out), 1e-4)

    def test_inputs_of_any_unit_are_learnt_alike(self):
        x, y = IRIS
        units = x * [1e-3, 1, 1e3, 1e6] + [0, 1e2, -1e4, 1e6]
        assert classifier().fit(units, y).score(units, y) > 0.93
        assert classifier(scale=False).fit(units, y).score(units, y) < 0.9

    def test_warm_start_goes_on_with_the_weights(self):
        model = classifier(max_epochs=5, warm_start=True).fit(*IRIS)
        first = log_loss(IRIS[1], model.predict_proba(IRIS[0]))
        for _ in range(3):
            model.fit(*IRIS)
        assert log_loss(IRIS[1], model.predict_proba(IRIS[0])) < 0.5 * first

    def test_a_class_that_counts_more_is_predicted_more(self):
        x, y = make_moons(200, noise=0.4, random_state=0)
        even = classifier().fit(x, y).predict(x).mean()
        assert classifier(class_weight={0: 1, 1: 10}).fit(x, y).predict(x).mean() > even + 0.1
        assert classifier().fit(x, y, np.where(y, 10, 1)).predict(x).mean() > even + 0.1

    @pytest.mark.parametrize(
        "loss", [m.MeanSquaredError(), m.Huber(), m.SigmoidCrossEntropy(), m.Hinge()], ids=repr
    )
    @pytest.mark.parametrize("classes", [2, 3])
    def test_classes_are_learnt_with_any_loss(self, loss, classes):
        """A loss by element gets a column for each class."""
        x, y = IRIS[0][: 50 * classes], IRIS[1][: 50 * classes]
        model = classifier(loss=loss).fit(x, np.array(["a", "b", "c"])[y])
        assert model.score(x, np.array(["a", "b", "c"])[y]) > 0.93
        np.testing.assert_allclose(model.predict_proba(x).sum(axis=1), 1)

    def test_the_pull_to_zero_is_two_over_the_number_of_samples(self):
        x, y = IRIS
        right = classifier(weight_decay=2 / 150).fit(x, y).predict_proba(x)
        np.testing.assert_array_equal(classifier().fit(x, y).predict_proba(x), right)
        for weight, counted in ((np.full(150, 3), 450), (np.full(150, 1 / 150), 150)):
            model = classifier(weight_decay=2 / counted).fit(x, y, weight)
            same = classifier().fit(x, y, weight)
            np.testing.assert_array_equal(same.predict_proba(x), model.predict_proba(x))
        parts, none = (
            classifier(weight_decay=decay).partial_fit(x, y, [0, 1, 2]) for decay in (None, 0)
        )
        np.testing.assert_array_equal(parts.predict_proba(x), none.predict_proba(x))

    def test_the_rate_goes_to_zero_in_fit_and_stays_in_partial_fit(self):
        x, y = IRIS
        for method, rest, schedule in (
            ("fit", {}, "linear"),
            ("partial_fit", {"classes": [0, 1, 2]}, "constant"),
        ):
            left, named = (
                getattr(classifier(schedule=kind), method)(x, y, **rest).predict_proba(x)
                for kind in (None, schedule)
            )
            np.testing.assert_array_equal(left, named)

    def test_partial_fit_goes_on_from_fit_with_the_whole_rate(self):
        x, y = IRIS
        model = classifier().fit(x, y)
        before = model.predict_proba(x)
        moved = abs(model.partial_fit(x, y).predict_proba(x) - before).max()
        assert moved > 1e-4

    def test_partial_fits_go_on_with_the_optimizer_that_the_first_has_made(self):
        x, y = IRIS
        same, told = (classifier().partial_fit(x, y, [0, 1, 2]) for _ in range(2))
        for _ in range(3):
            same.partial_fit(x, y)
            told.set_params(learning_rate=1.0).partial_fit(x, y)
        np.testing.assert_array_equal(told.predict_proba(x), same.predict_proba(x))

    def test_an_optimizers_class_gets_learning_rate_and_decay(self):
        named, by_class = (
            classifier(optimizer=optimizer, weight_decay=0.01).fit(*IRIS)
            for optimizer in ("adamw", m.AdamW)
        )
        right = named.predict_proba(IRIS[0])
        np.testing.assert_array_equal(by_class.predict_proba(IRIS[0]), right)


class TestHeldOutData:
    def test_weights_of_the_users_own_held_out_set_count(self):
        x, y = IRIS
        weight = np.arange(50) % 3
        half = np.r_[x[::3], x[::3]], np.r_[y[::3], y[::3]]
        curves = [
            classifier(validation=held_out).fit(x[1::3], y[1::3]).history_.validation["loss"]
            for held_out in (
                (x[::3], y[::3], weight),
                (np.repeat(x[::3], weight, axis=0), np.repeat(y[::3], weight)),
                (half[0], half[1], np.r_[weight, 0 * weight]),
                (x[::3], y[::3]),
            )
        ]
        np.testing.assert_allclose(curves[0], curves[1], rtol=1e-9)
        np.testing.assert_allclose(curves[0], curves[2], rtol=1e-9)
        assert np.abs(np.subtract(curves[0], curves[3])).max() > 1e-3

    def test_weights_are_split_with_the_samples(self):
        """Where one class alone counts in training, it alone counts among the held-out ones."""
        x, y = make_moons(100, noise=0.2, random_state=0)
        model = classifier(validation=0.3).fit(x, y, np.where(y, 1e6, 1))
        assert model.history_.validation["loss"][-1] < 0.01
        assert model.history_.validation["accuracy"][-1] < 0.9

    def test_class_weights_hold_for_the_held_out_samples_too(self):
        x, y = make_moons(100, noise=0.2, random_state=0)
        parts = (x[::2], y[::2]), (x[1::2], y[1::2])
        by_class = classifier(class_weight={0: 1, 1: 5}, validation=parts[1]).fit(*parts[0])
        weights = [np.where(part[1], 5, 1) for part in parts]
        by_sample = classifier(validation=(*parts[1], weights[1])).fit(*parts[0], weights[0])
        assert by_class.history_.validation == by_sample.history_.validation

    @pytest.mark.parametrize(
        ("validation", "message"),
        [
            ((IRIS[0],), r"must be a number, \(X, y\) or"),
            ((*IRIS, np.ones(3)), r"sample_weight.shape == \(3,\), expected \(150,\)"),
            ((*IRIS, -np.ones(150)), "[Nn]egative"),
            ((*IRIS, np.zeros(150)), "zero"),
            ((IRIS[0][:, :2], IRIS[1]), "X has 2 features"),
            ((IRIS[0], IRIS[1] + 1), "unseen labels"),
        ],
    )
    def test_what_cannot_be_held_out_is_refused(self, validation, message):
        with pytest.raises(ValueError, match=message):
            classifier(validation=validation).fit(*IRIS)


def embedded(n_features, n_outputs, rng=0):
    rng = np.random.default_rng(rng)
    return m.Sequential(
        m.Embedding(5, 4, rng=rng), m.Flatten(), m.Dense(4 * n_features, n_outputs, rng=rng)
    )


class TestIntegers:
    """A network that begins with an Embedding takes integers, as an OrdinalEncoder makes them."""

    WORDS = np.random.default_rng(0).choice(["a", "b", "c", "d", "e"], (200, 2)).astype(object)
    EQUAL = np.where(WORDS[:, 0] == WORDS[:, 1], "same", "other")

    def test_words_go_through_a_pipeline_and_a_file(self, tmp_path):
        model = classifier(module=embedded, scale=True, dtype="float32")
        pipe = make_pipeline(OrdinalEncoder(), model)
        hot = (self.WORDS[:, :1] == ["a", "b"]).any(axis=1)
        assert pipe.fit(self.WORDS, hot).score(self.WORDS, hot) > 0.95
        assert cross_val_score(pipe, self.WORDS, hot, cv=2).min() > 0.9
        codes = pipe[0].transform(self.WORDS)
        pipe[-1].save(tmp_path / "model")
        loaded = NeuralNetClassifier.load(tmp_path / "model")
        for form in (codes, codes.astype(int), codes.astype(np.uint8), codes.astype(object)):
            np.testing.assert_array_equal(
                loaded.predict_proba(form), pipe.predict_proba(self.WORDS)
            )
        loaded.partial_fit(codes, hot)

    @pytest.mark.parametrize("kind", [classifier, regressor])
    def test_a_template_takes_integers_too(self, kind):
        codes = OrdinalEncoder().fit_transform(self.WORDS).astype(int)
        hot = (codes[:, 0] < 2).astype(int)
        model = kind(module=embedded(2, 1), early_stopping=True, validation=0.2).fit(codes, hot)
        assert model.score(codes, hot) > 0.8
        assert kind(module=embedded(2, 1)).partial_fit(
            codes, hot, **({"classes": [0, 1]} if kind is classifier else {})
        )

    def test_integers_that_float32_cannot_hold_are_not_rounded(self):
        wide = m.Sequential(m.Embedding(2**24 + 2, 1, rng=0), m.Flatten())
        codes = 2**24 + np.arange(2)[:, None]
        model = classifier(module=wide, dtype="float32", max_epochs=1).fit(codes, [0, 1])
        scores = model.decision_function(codes)
        right = model.network_[0].weight.value[-2:, 0]
        np.testing.assert_array_equal(scores, right)

    def test_what_is_no_index_is_refused(self):
        codes = OrdinalEncoder().fit_transform(self.WORDS)
        model = classifier(module=embedded).fit(codes, self.EQUAL)
        for bad, message in ((codes + 0.5, "takes integers"), (codes + 3, "5"), (-codes, "-")):
            with pytest.raises(ValueError, match=message):
                model.predict(bad)
            with pytest.raises(ValueError, match=message):
                model.fit(bad, self.EQUAL)


class TestPartialFit:
    def test_learns_from_parts(self):
        x, y = IRIS
        model = classifier()
        for _ in range(20):
            for part in np.array_split(np.random.default_rng(0).permutation(150), 3):
                model.partial_fit(x[part], y[part], classes=[0, 1, 2])
        assert model.score(x, y) > 0.93
        assert model.n_iter_ == 60

    def test_the_first_part_need_not_hold_all_classes(self):
        x, y = IRIS
        model = classifier().partial_fit(x[:50], y[:50], classes=[0, 1, 2])
        assert model.predict_proba(x).shape == (150, 3)
        with pytest.raises(ValueError, match="previously unseen labels"):
            model.partial_fit(x, y + 1)
        with pytest.raises(ValueError, match="not the same as at first"):
            model.partial_fit(x, y, classes=[0, 1, 2, 3])

    def test_does_not_pretend_to_know_the_future(self):
        with pytest.raises(ValueError, match="how many steps"):
            classifier(schedule="linear").partial_fit(*IRIS, classes=[0, 1, 2])
        with pytest.raises(ValueError, match="class_weight as a dict"):
            classifier(class_weight="balanced").partial_fit(*IRIS, classes=[0, 1, 2])
        with pytest.raises(ValueError, match="first call"):
            classifier().partial_fit(*IRIS)


class TestTargets:
    def test_two_classes_have_any_names(self):
        x, y = make_moons(100, random_state=0)
        names = np.array(["no", "yes"])[y]
        model = classifier().fit(x, names)
        scores, probabilities = model.decision_function(x), model.predict_proba(x)
        assert scores.shape == (100,)
        np.testing.assert_array_equal(model.predict(x), np.where(scores > 0, "yes", "no"))
        np.testing.assert_allclose(probabilities[:, 1], 1 / (1 + np.exp(-scores)), rtol=1e-5)
        np.testing.assert_allclose(np.exp(model.predict_log_proba(x)), probabilities, rtol=1e-5)

    def test_two_outputs_serve_two_classes_too(self):
        x, y = make_moons(100, random_state=0)
        model = classifier(module=network(2, 2)).fit(x, y)
        assert model.predict_proba(x).shape == (100, 2)
        assert model.decision_function(x).shape == (100,)
        assert model.score(x, y) > 0.8

    def test_a_sample_may_have_several_labels(self):
        x, y = IRIS
        labels = np.stack([y == 0, y > 0, y == 2], axis=1).astype(int)
        model = classifier(max_epochs=60).fit(x, labels)
        assert model.score(x, labels) > 0.9
        assert model.predict_proba(x).shape == (150, 3)

    def test_several_numbers_are_predicted_at_once_in_their_units(self):
        x = np.random.default_rng(0).normal(size=(200, 3))
        y = np.stack([1000 * x[:, 0] + 5000, 0.001 * x[:, 1]], axis=1)
        model = regressor().fit(x, y)
        assert model.predict(x).shape == (200, 2)
        assert model.score(x, y) > 0.9
        assert regressor().fit(x, y[:, 0]).predict(x).shape == (200,)


class TestInPipelines:
    def test_grid_search_finds_networks(self):
        grid = {"module": [network, network(4, 3)], "dtype": ["float32", "float64"]}
        search = GridSearchCV(classifier(), grid, cv=2).fit(*IRIS)
        assert len(search.cv_results_["params"]) == 4
        assert search.best_score_ > 0.85

    def test_frames_of_mixed_type(self):
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

    def test_polars_frames(self):
        polars = pytest.importorskip("polars")
        frame = polars.DataFrame(IRIS[0], schema=["a", "b", "c", "d"])
        model = classifier().fit(frame, polars.Series(IRIS[1]))
        assert list(model.feature_names_in_) == ["a", "b", "c", "d"]
        assert model.score(frame, IRIS[1]) > 0.9

    def test_the_tools_of_model_inspection(self):
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

    def test_weights_are_routed(self):
        with sklearn.config_context(enable_metadata_routing=True):
            model = classifier().set_fit_request(sample_weight=True)
            search = GridSearchCV(
                model.set_score_request(sample_weight=True), {"hidden": [4]}, cv=2
            )
            search.fit(*IRIS, sample_weight=np.ones(150))
        assert search.best_score_ > 0.8


class TestFailures:
    def test_a_failed_fit_leaves_the_earlier_one(self):
        model = classifier().fit(*IRIS)
        before, right = set(vars(model)), model.predict_proba(IRIS[0])
        for bad in (
            lambda: model.fit(IRIS[0][:, :2], IRIS[1] + 0.5),
            lambda: model.set_params(learning_rate=1e30, optimizer="sgd").fit(*IRIS),
            lambda: model.set_params(module=network(4, 5)).fit(*IRIS),
            lambda: model.partial_fit(IRIS[0], IRIS[1] + 7),
        ):
            with pytest.raises((ValueError, ArithmeticError, m.DivergenceError)):
                bad()
            assert set(vars(model)) == before
            np.testing.assert_array_equal(model.predict_proba(IRIS[0]), right)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"activation": "swish"}, "activation must be one of relu, "),
            ({"optimizer": "lbfgs"}, "optimizer must be one of adam, "),
            ({"schedule": "step"}, "schedule must be one of constant, cosine, linear"),
            ({"module": network(4, 5)}, r"\(1, 3\) is needed"),
            ({"batch_size": 0}, "batch_size must be at least 1"),
            ({"validation": 1.5}, "validation must be less than 1"),
            ({"dropout": -1}, "dropout must be at least 0"),
            ({"hidden": (8, 0)}, "a size in hidden must be at least 1"),
        ],
    )
    def test_what_cannot_be_is_named(self, options, message):
        with pytest.raises(ValueError, match=message):
            classifier(**options).fit(*IRIS)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"hidden": "8"}, "a size in hidden must be an integer"),
            ({"module": 3}, "module must be a layer or a function"),
            ({"module": lambda n_features, n_outputs: 3}, "module must be or return a Layer"),
            ({"optimizer": lambda network: 3}, "optimizer must return an Optimizer"),
            ({"loss": m.Hinge}, "the loss is a class: make an instance"),
        ],
    )
    def test_what_is_of_the_wrong_kind_is_named(self, options, message):
        with pytest.raises(TypeError, match=message):
            classifier(**options).fit(*IRIS)

    def test_samples_without_weight_do_not_count(self):
        x, y = IRIS
        weight = np.r_[np.ones(75), np.zeros(75)]
        half = classifier(validation=0.2).fit(x[:75], y[:75]).predict_proba(x)
        noise = np.r_[x[:75], 1e6 * x[75:]]
        weighted = classifier(validation=0.2).fit(noise, np.r_[y[:75], y[:75]], weight)
        np.testing.assert_allclose(weighted.predict_proba(x), half, rtol=1e-3, atol=1e-5)
        with pytest.raises(ValueError, match="zero"):
            classifier().fit(x, y, np.zeros(150))

    def test_nothing_is_predicted_before_fit(self):
        with pytest.raises(NotFittedError):
            classifier().predict(IRIS[0])


class TestFiles:
    @pytest.mark.parametrize("names", [np.arange(3), np.array(["a", "b", "c"]), np.arange(3) / 2])
    def test_a_classifier_comes_back_the_same(self, tmp_path, names):
        pandas = pytest.importorskip("pandas")
        frame = pandas.DataFrame(IRIS[0], columns=["a", "b", "c", "d"])
        if names.dtype.kind == "f":
            names = names.astype(str).astype(object)
        model = classifier(hidden=(6, 5), batch_norm=True, dropout=0.1).fit(frame, names[IRIS[1]])
        model.save(tmp_path / "model")
        loaded = NeuralNetClassifier.load(tmp_path / "model")
        assert loaded.get_params() == model.get_params()
        assert list(loaded.feature_names_in_) == ["a", "b", "c", "d"]
        np.testing.assert_array_equal(loaded.predict(frame), model.predict(frame))
        np.testing.assert_array_equal(loaded.predict_proba(frame), model.predict_proba(frame))
        assert loaded.partial_fit(frame, names[IRIS[1]]).score(frame, names[IRIS[1]]) > 0.8

    @pytest.mark.parametrize("columns", [1, 2])
    def test_a_regressor_comes_back_the_same(self, tmp_path, columns):
        x, y = IRIS[0][:, :3], IRIS[0][:, 3] if columns == 1 else IRIS[0][:, 2:]
        model = regressor().fit(x, y)
        model.save(tmp_path / "model")
        loaded = NeuralNetRegressor.load(tmp_path / "model")
        np.testing.assert_array_equal(loaded.predict(x), model.predict(x))

    def test_parameters_come_back(self, tmp_path):
        options = {
            "hidden": [6, np.int64(5)],
            "activation": m.LeakyReLU(0.2),
            "loss": m.Hinge(),
            "learning_rate": np.float64(0.02),
            "class_weight": {0: 1.0, np.int64(1): 2.0, 2: 1},
            "dtype": np.float32,
        }
        classifier(**options).fit(*IRIS).save(tmp_path / "model")
        loaded = NeuralNetClassifier.load(tmp_path / "model")
        assert loaded.hidden == (6, 5)
        assert (repr(loaded.activation), repr(loaded.loss)) == ("LeakyReLU(0.2)", "Hinge()")
        assert (loaded.learning_rate, loaded.dtype) == (0.02, "float32")
        assert loaded.class_weight == {0: 1, 1: 2, 2: 1}
        again = loaded.fit(*IRIS).predict_proba(IRIS[0])
        np.testing.assert_array_equal(
            again, classifier(**options).fit(*IRIS).predict_proba(IRIS[0])
        )

    def test_a_template_comes_back_with_its_weights(self, tmp_path):
        model = classifier(module=network(4, 3), max_epochs=2).fit(*IRIS)
        model.save(tmp_path / "model")
        loaded = NeuralNetClassifier.load(tmp_path / "model")
        right = model.predict_proba(IRIS[0])
        np.testing.assert_array_equal(loaded.predict_proba(IRIS[0]), right)
        np.testing.assert_array_equal(loaded.fit(*IRIS).predict_proba(IRIS[0]), right)

    def test_a_loss_of_the_users_own_comes_back_if_its_class_is_given(self, tmp_path):
        class Power(m.losses.ElementwiseLoss):
            config = ("p",)

            def __init__(self, p):
                self.p = p

            def terms(self, z, t):
                d = np.abs(z - t)
                return d**self.p, self.p * np.sign(z - t) * d ** (self.p - 1)

        x, y = IRIS[0][:, :3], IRIS[0][:, 3]
        model = regressor(loss=Power(1.5), max_epochs=2).fit(x, y)
        model.save(tmp_path / "model")
        with pytest.raises(m.ModelFileError, match="'Power' is no layer of minidl"):
            NeuralNetRegressor.load(tmp_path / "model")
        loaded = NeuralNetRegressor.load(tmp_path / "model", layers={"Power": Power})
        assert loaded.loss.p == 1.5
        np.testing.assert_array_equal(loaded.fit(x, y).predict(x), model.predict(x))

    def test_what_cannot_be_saved_has_its_default(self, tmp_path):
        class Quiet(m.MeanSquaredError):
            config = None  # it does not say what it is made of

            def __init__(self, q):
                self.q = q

        x, y = IRIS[0][:, :3], IRIS[0][:, 3]
        model = regressor(module=network, loss=Quiet(0.5), validation=(x, y)).fit(x, y)
        model.save(tmp_path / "model")
        loaded = NeuralNetRegressor.load(tmp_path / "model")
        assert (loaded.module, loaded.validation, loaded.loss) == (None, None, None)
        np.testing.assert_array_equal(loaded.predict(x), model.predict(x))

    def test_other_files_are_refused(self, tmp_path):
        path = tmp_path / "model"
        m.save(network(4, 3), path)
        with pytest.raises(m.ModelFileError, match="of the format 'model'"):
            NeuralNetClassifier.load(path)
        classifier().fit(*IRIS).save(path)
        with pytest.raises(m.ModelFileError, match="NeuralNetRegressor"):
            NeuralNetRegressor.load(path)
        data = path.read_bytes()
        path.write_bytes(data[:-5] + b"\0" + data[-4:])
        with pytest.raises(m.ModelFileError):
            NeuralNetClassifier.load(path)

    @pytest.mark.parametrize(
        "change",
        [
            lambda made: made["targets"].update(classes=[0, 1]),
            lambda made: made["targets"].update(classes=[0, 2, 1]),
            lambda made: made["targets"].update(classes=["0", "1", "2"]),
            lambda made: made["targets"].update(dtype="nonsense"),
            lambda made: made["targets"].update(multilabel=1),
            lambda made: made["targets"].update(more=1),
            lambda made: made["parameters"].update(more=1),
            lambda made: made["parameters"].update(module={}),
            lambda made: made["parameters"].update(class_weight={"items": [1]}),
            lambda made: made["parameters"].update(class_weight={"items": [[{}, 1]]}),
            lambda made: made["parameters"].update(loss={"layer": {}, "state": {}}),
            lambda made: made["parameters"].update(
                loss={
                    "layer": {"nodes": [{"class": "Evil", "config": {}}], "shared": {}},
                    "state": {"generators": {}},
                }
            ),
            lambda made: made["parameters"].update(dtype="int8"),
            lambda made: made.update(features=[5, []]),
            lambda made: made.update(features=[True, []]),
            lambda made: made.update(features=[2**60, []]),
            lambda made: made.update(features=[4, ["a"]]),
            lambda made: made.update(features=[4, [1, 2, 3, 4]]),
        ],
    )
    @pytest.mark.parametrize("scale", [True, False])
    def test_what_cannot_be_is_refused(self, tmp_path, change, scale):
        """The file is whole, but what it says is wrong."""
        classifier(scale=scale, max_epochs=1).fit(*IRIS).save(tmp_path / "model")
        size = (tmp_path / "model").stat().st_size
        with open(tmp_path / "model", "rb") as file:
            architecture, state, arrays = read(file, size, "estimator")
        change(architecture["estimator"])
        buffers = serialize("estimator", architecture, state, arrays)
        (tmp_path / "model").write_bytes(b"".join(buffers))
        with pytest.raises(m.ModelFileError, match="model"):
            NeuralNetClassifier.load(tmp_path / "model")

    def test_pickle_and_clone(self):
        model = classifier(module=network(4, 3)).fit(*IRIS)
        twin = pickle.loads(pickle.dumps(model))
        np.testing.assert_array_equal(twin.predict(IRIS[0]), model.predict(IRIS[0]))
        assert not hasattr(clone(model), "network_")


def test_the_history_is_drawn():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    model = classifier(validation=0.2).fit(*IRIS)
    display = HistoryDisplay.from_estimator(model, "accuracy")
    assert display.figure_ is display.ax_.figure
    _, ax = pyplot.subplots()
    assert HistoryDisplay(model.history_).plot(ax=ax).ax_ is ax
    with pytest.raises(NotFittedError, match="has no history"):
        HistoryDisplay.from_estimator(classifier())
    pyplot.close("all")


def test_the_names_are_reached_from_the_package():
    assert m.NeuralNetClassifier is NeuralNetClassifier
    assert m.NeuralNetRegressor is NeuralNetRegressor
