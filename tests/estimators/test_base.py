"""What classifier and regressor share: fit, parts of data, held-out data, integers, failures."""

import numpy as np
import pytest

import minidl as m

pytest.importorskip("sklearn")

from sklearn.datasets import make_moons
from sklearn.exceptions import NotFittedError
from sklearn.metrics import log_loss
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

from minidl.estimators import HistoryDisplay, NeuralNetClassifier, NeuralNetRegressor
from tests.support.estimators import IRIS, classifier, network, regressor


def test_one_seed_gives_one_network():
    first, same = (classifier().fit(*IRIS).predict_proba(IRIS[0]) for _ in range(2))
    other = classifier(random_state=1).fit(*IRIS).predict_proba(IRIS[0])
    np.testing.assert_array_equal(first, same)
    assert np.abs(first - other).max() > 1e-3


def test_inputs_of_any_unit_are_learnt_alike():
    x, y = IRIS
    units = x * [1e-3, 1, 1e3, 1e6] + [0, 1e2, -1e4, 1e6]
    assert classifier().fit(units, y).score(units, y) > 0.93
    assert classifier(scale=False).fit(units, y).score(units, y) < 0.9


def test_early_stopping_gives_back_the_best_weights():
    x, y = IRIS
    model = classifier(
        early_stopping=True, patience=2, validation=(x[::2], y[::2]), max_epochs=200
    ).fit(x[1::2], y[1::2])
    held_out = model.history_.validation["loss"]
    assert model.n_iter_ < 200
    assert log_loss(y[::2], model.predict_proba(x[::2])) == pytest.approx(min(held_out), 1e-4)


def test_warm_start_goes_on_with_the_weights():
    model = classifier(max_epochs=5, warm_start=True).fit(*IRIS)
    first = log_loss(IRIS[1], model.predict_proba(IRIS[0]))
    for _ in range(3):
        model.fit(*IRIS)
    assert log_loss(IRIS[1], model.predict_proba(IRIS[0])) < 0.5 * first


def test_a_failed_fit_leaves_the_earlier_one():
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


def test_samples_without_weight_do_not_count():
    x, y = IRIS
    weight = np.r_[np.ones(75), np.zeros(75)]
    half = classifier(validation=0.2).fit(x[:75], y[:75]).predict_proba(x)
    noise = np.r_[x[:75], 1e6 * x[75:]]
    weighted = classifier(validation=0.2).fit(noise, np.r_[y[:75], y[:75]], weight)
    np.testing.assert_allclose(weighted.predict_proba(x), half, rtol=1e-3, atol=1e-5)
    with pytest.raises(ValueError, match="zero"):
        classifier().fit(x, y, np.zeros(150))


def test_nothing_is_predicted_before_fit():
    with pytest.raises(NotFittedError):
        classifier().predict(IRIS[0])


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
