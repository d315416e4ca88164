"""The pictures: what stands on them, and that they ask the network once."""

import builtins
import importlib
import sys

import numpy as np
import pytest
from matplotlib import pyplot as plt

from minidl import (
    SGD,
    Dense,
    GradientErrors,
    History,
    Layer,
    ReLU,
    Sequential,
    SoftmaxCrossEntropy,
    Steps,
    fit,
    plotting,
    predict_proba,
)
from minidl.plotting import decision_regions, gradient_errors, learning_curves
from tests.support.networks import blobs


@pytest.fixture(autouse=True)
def _close_figures():
    """Every test starts and ends without figures, and needs no display."""
    plt.switch_backend("agg")
    plt.close("all")
    yield
    plt.close("all")


BLOBS = blobs()


@pytest.fixture(scope="module")
def history():
    x, y = BLOBS
    network = Dense(2, 3, rng=0)
    return fit(
        network,
        SoftmaxCrossEntropy(),
        SGD(network, 0.1),
        x[:40],
        y[:40],
        epochs=5,
        batch_size=4,
        validation=(x[40:], y[40:]),
        seed=0,
    )


def texts(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def drawings(history):
    """Return every function as one of an axes alone."""
    watch = GradientErrors()
    watch.steps, watch.errors = [0, 1], [1e-9, 1e-10]
    network = Dense(2, 3, rng=0)
    return [
        lambda ax: learning_curves(history, ax=ax),
        lambda ax: learning_curves(history, "accuracy", ax=ax),
        lambda ax: decision_regions(network, *BLOBS, ax=ax),
        lambda ax: gradient_errors(watch, ax=ax),
        lambda ax: gradient_errors({"one": watch, "other": watch}, ax=ax),
    ]


@pytest.fixture(scope="module")
def pictures(history):
    """Return every picture without axes given, and how many figures there were after each."""
    plt.switch_backend("agg")
    plt.close("all")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plt, "show", lambda *args, **kwargs: pytest.fail("show was called"))
        return [(draw(None), len(plt.get_fignums())) for draw in drawings(history)]


class TestEveryPicture:
    def test_draws_on_the_axes_it_is_given_and_makes_no_figure(self, history):
        figure, axes = plt.subplots(5)
        for draw, ax in zip(drawings(history), axes, strict=True):
            assert draw(ax) is ax
        assert plt.get_fignums() == [figure.number]

    def test_makes_one_figure_without_axes_and_never_shows_it(self, pictures):
        assert [count for _, count in pictures] == [1, 2, 3, 4, 5]

    def test_has_a_title_and_labels(self, pictures):
        for ax, _ in pictures:
            assert ax.get_title()
            assert ax.get_xlabel()
            assert ax.get_ylabel()

    def test_can_be_drawn(self, pictures, tmp_path):
        for ax, _ in pictures:
            ax.figure.savefig(tmp_path / "picture.png", dpi=40)


class TestLearningCurves:
    def test_smooths_the_steps_over_the_window_that_the_legend_names(self):
        history = History(seed=0, steps_per_epoch=2, step_loss=[5.0, 1.0, 3.0, 2.0])
        ax = learning_curves(history, window=3)
        assert texts(ax) == ["training, mean of 3 steps"]
        (line,) = ax.get_lines()
        np.testing.assert_allclose(line.get_ydata(), [3.0, 2.0])
        # the mean of the steps 1 to 3 stands at step 2, which is epoch 1
        np.testing.assert_allclose(line.get_xdata(), [1.0, 1.5])

    def test_takes_an_epoch_for_the_window_of_a_long_run(self, history):
        history = History(seed=0, steps_per_epoch=7, step_loss=[1.0] * 140)
        assert texts(learning_curves(history)) == ["training, mean of 7 steps"]

    def test_takes_a_tenth_of_a_short_run_for_the_window(self):
        history = History(seed=0, steps_per_epoch=1000, step_loss=[1.0] * 140)
        assert texts(learning_curves(history)) == ["training, mean of 14 steps"]

    def test_says_one_step(self):
        history = History(seed=0, steps_per_epoch=1, step_loss=[1.0])
        assert texts(learning_curves(history)) == ["training, mean of 1 step"]

    def test_sets_training_against_held_out(self, history):
        ax = learning_curves(history)
        assert texts(ax) == ["training, mean of 5 steps", "held-out"]
        held_out = ax.get_lines()[1]
        np.testing.assert_allclose(held_out.get_xdata(), [1, 2, 3, 4, 5])
        np.testing.assert_allclose(held_out.get_ydata(), history.validation["loss"])

    def test_draws_metrics_in_the_middle_of_the_steps_they_are_means_of(self, history):
        ax = learning_curves(history, "accuracy")
        assert texts(ax) == ["training, mean of 10 steps", "held-out"]
        training = ax.get_lines()[0]
        np.testing.assert_allclose(
            training.get_xdata(), np.array([5.5, 15.5, 25.5, 35.5, 45.5]) / 10
        )
        np.testing.assert_allclose(training.get_ydata(), history.training["accuracy"])
        assert ax.get_ylabel() == "accuracy"

    def test_takes_validations_counted_in_steps(self):
        network = Dense(2, 3, rng=0)
        history = fit(
            network,
            SoftmaxCrossEntropy(),
            SGD(network, 0.1),
            *BLOBS,
            epochs=1,
            batch_size=4,
            validation=BLOBS,
            validate_every=Steps(6),
            seed=0,
        )
        ax = learning_curves(history, "accuracy")
        assert texts(ax)[0] == "training, mean of 6 steps"
        np.testing.assert_allclose(ax.get_lines()[1].get_xdata(), np.array([6, 12, 15]) / 15)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"metric": "f1"}, "no 'f1'; recorded are accuracy, loss"),
            ({"window": 51}, "at most the 50 steps of the run, got 51"),
            ({"window": 0}, "window must be at least 1"),
            ({"metric": "accuracy", "window": 3}, "window is for the loss"),
        ],
    )
    def test_refuses_what_it_cannot_draw(self, history, arguments, message):
        with pytest.raises(ValueError, match=message):
            learning_curves(history, **arguments)
        assert not plt.get_fignums()

    def test_refuses_an_empty_history(self):
        with pytest.raises(ValueError, match="the history is empty"):
            learning_curves(History(seed=0, steps_per_epoch=1))


class Counting(Layer):
    """A layer that counts its calls from outside; class 1 lies right of the vertical axis."""

    def __init__(self, calls, classes=2):
        self.calls = calls
        self.classes = classes

    def forward(self, x):
        return self(x), None

    def backward(self, dy, cache):
        raise NotImplementedError

    def __call__(self, x):
        self.calls.append(len(x))
        logits = np.zeros((len(x), self.classes))
        logits[:, 1] = 5 * x[:, 0]
        return logits


class TestDecisionRegions:
    def test_asks_the_network_once_for_the_whole_grid(self):
        calls = []
        decision_regions(Counting(calls, classes=3), *BLOBS, resolution=50)
        assert calls == [2500]

    def test_colours_a_place_by_the_class_predicted_there(self):
        x, y = np.array([[-1.0, -1.0], [1.0, 1.0]]), np.array([0, 1])
        ax = decision_regions(Counting([]), x, y, resolution=40)
        image = ax.images[0].get_array()
        left, middle, right = image[20, 0], image[20, 20], image[20, -1]
        blue, orange = ([63, 144, 218], [255, 169, 14])
        for place, colour in ((left, blue), (right, orange)):
            # what is missing to white is missing in the proportion of the class's colour
            missing, full = 1 - np.asarray(place), 1 - np.array(colour) / 255
            np.testing.assert_allclose(missing / missing.max(), full / full.max(), atol=0.01)
        assert middle.min() > 0.85  # near the boundary: almost white

    def test_lays_the_picture_where_its_places_are(self):
        """The pixel under a point has the colour of the class predicted for the point."""
        rng = np.random.default_rng(0)
        network = Sequential(Dense(2, 8, rng=rng), ReLU(), Dense(8, 4, rng=rng))
        x = rng.normal(size=(50, 2)) * [1.0, 10.0]
        probability = predict_proba(network, x)
        ax = decision_regions(network, x, probability.argmax(axis=1))
        left, right, bottom, top = ax.images[0].get_extent()
        image = np.asarray(ax.images[0].get_array())
        column = ((x[:, 0] - left) / (right - left) * 200).astype(int)
        row = ((x[:, 1] - bottom) / (top - bottom) * 200).astype(int)
        palette = 1 - np.array([plotting.to_rgb(colour) for colour in plotting.COLOURS[:4]])
        missing = 1 - image[row, column]
        likeness = missing @ palette.T / np.linalg.norm(palette, axis=1)
        sure = np.sort(probability)[:, -1] - np.sort(probability)[:, -2] > 0.1
        assert sure.sum() > 20
        assert (likeness.argmax(axis=1) == probability.argmax(axis=1))[sure].all()

    def test_is_paler_where_the_network_is_less_certain(self):
        x, y = np.array([[-1.0, -1.0], [1.0, 1.0]]), np.array([0, 1])
        image = decision_regions(Counting([]), x, y, resolution=40).images[0].get_array()
        darkness = 1 - image[20].mean(axis=1)
        assert (np.diff(darkness[:20]) <= 0).all()
        assert (np.diff(darkness[20:]) >= 0).all()

    @pytest.mark.parametrize("classes", [2, 3, 5])
    def test_gives_each_class_a_marker_and_a_colour_of_its_own(self, classes):
        rng = np.random.default_rng(0)
        ax = decision_regions(
            Dense(2, classes, rng=rng), rng.normal(size=(20, 2)), np.arange(20) % classes
        )
        points = [item for item in ax.collections if item.get_label().startswith("class")]
        assert texts(ax) == [f"class {number}" for number in range(classes)]
        assert len({item.get_paths()[0].vertices.tobytes() for item in points}) == classes
        assert len({item.get_facecolor().tobytes() for item in points}) == classes

    def test_draws_every_point_above_the_regions(self):
        ax = decision_regions(Dense(2, 3, rng=0), *BLOBS)
        points = [item for item in ax.collections if item.get_label().startswith("class")]
        drawn = np.concatenate([item.get_offsets() for item in points])
        np.testing.assert_allclose(sorted(drawn.tolist()), sorted(BLOBS[0].tolist()), rtol=1e-6)
        assert min(item.get_zorder() for item in points) > ax.images[0].get_zorder()

    def test_draws_the_boundary_where_the_probabilities_are_equal(self):
        ax = decision_regions(Counting([]), [[-1.0, -1.0], [1.0, 1.0]], [0, 1])
        (boundary,) = [item for item in ax.collections if not item.get_label().startswith("class")]
        vertices = boundary.get_paths()[0].vertices
        assert len(vertices) > 1
        assert abs(vertices[:, 0]).max() < 1e-6

    def test_draws_a_network_that_predicts_one_class_everywhere(self):
        constant = Dense(2, 2, weight_initializer=lambda rng, shape, dtype: np.zeros(shape), rng=0)
        constant.bias.value[:] = [1, 0]
        ax = decision_regions(constant, [[0.0, 0.0], [1.0, 1.0]], [0, 1])
        assert len(ax.collections) == 2

    def test_draws_a_single_point(self):
        ax = decision_regions(Dense(2, 2, rng=0), [[3.0, 4.0]], [1])
        assert ax.get_xlim() == (2.0, 4.0)

    @pytest.mark.parametrize(
        ("network", "x", "y", "error", "message"),
        [
            (Dense(2, 2, rng=0), np.zeros((3, 4)), [0, 1, 0], ValueError, r"shape \(N, 2\), got"),
            (Dense(2, 2, rng=0), np.zeros(3), [0, 1, 0], ValueError, r"shape \(N, 2\), got"),
            (Dense(2, 2, rng=0), np.zeros((3, 2)), [0, 1], ValueError, "3 samples need labels"),
            (Dense(2, 2, rng=0), np.zeros((3, 2)), [0, 1, 2], ValueError, "label 2 is out of"),
            (Dense(2, 2, rng=0), np.zeros((3, 2)), [0, -1, 1], ValueError, "label -1 is out of"),
            (Dense(2, 2, rng=0), np.zeros((3, 2)), [0.0, 1.0, 1.0], TypeError, "must be integers"),
            (Dense(2, 2, rng=0), [[np.nan, 0.0]], [0], ValueError, "must be finite"),
            (Dense(3, 2, rng=0), np.zeros((3, 2)), [0, 1, 0], ValueError, "expected 3"),
        ],
    )
    def test_refuses_what_it_cannot_draw(self, network, x, y, error, message):
        with pytest.raises(error, match=message):
            decision_regions(network, x, y)
        assert not plt.get_fignums()


class TestGradientErrors:
    def watch(self, *errors):
        watch = GradientErrors(every=10)
        watch.errors = list(errors)
        watch.steps = [10 * number for number in range(len(errors))]
        return watch

    def test_has_a_logarithmic_axis(self):
        ax = gradient_errors(self.watch(1e-9, 1e-10))
        assert ax.get_yscale() == "log"
        assert ax.get_xscale() == "linear"
        (line,) = ax.get_lines()
        np.testing.assert_array_equal(line.get_xdata(), [0, 10])
        np.testing.assert_array_equal(line.get_ydata(), [1e-9, 1e-10])
        assert ax.get_legend() is None

    def test_names_several_runs(self):
        ax = gradient_errors({"right": self.watch(1e-9), "wrong": self.watch(1e-2)})
        assert texts(ax) == ["right", "wrong"]
        right, wrong = ax.get_lines()
        assert right.get_color() != wrong.get_color()
        assert right.get_marker() != wrong.get_marker()

    def test_leaves_out_an_error_of_zero(self):
        ax = gradient_errors(self.watch(1e-9, 0.0, 1e-9))
        np.testing.assert_array_equal(ax.get_lines()[0].get_ydata(), [1e-9, np.nan, 1e-9])

    def test_draws_what_a_run_recorded(self):
        x, y = BLOBS
        network = Dense(2, 3, rng=0, dtype=np.float64)
        watch = GradientErrors(every=10)
        fit(
            network,
            SoftmaxCrossEntropy(),
            SGD(network, 0.1),
            x,
            y,
            epochs=1,
            batch_size=2,
            seed=0,
            callbacks=[watch],
        )
        (line,) = gradient_errors(watch).get_lines()
        np.testing.assert_array_equal(line.get_xdata(), [0, 10, 20])
        assert max(line.get_ydata()) < 1e-7

    @pytest.mark.parametrize("watch", [GradientErrors(), {"a run": GradientErrors()}])
    def test_refuses_a_callback_that_has_not_run(self, watch):
        with pytest.raises(ValueError, match="no gradient errors were recorded"):
            gradient_errors(watch)


def test_a_missing_matplotlib_names_the_extra_to_install(monkeypatch):
    real = builtins.__import__

    def without_matplotlib(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ModuleNotFoundError(f"No module named {name!r}")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_matplotlib)
    monkeypatch.delitem(sys.modules, "minidl.plotting")
    with pytest.raises(ImportError, match=r'python -m pip install "minidl\[plot\]"'):
        importlib.import_module("minidl.plotting")
