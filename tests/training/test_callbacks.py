"""The callbacks that ship with minidl."""

import sys

import numpy as np
import pytest

from minidl import (
    SGD,
    Dense,
    EarlyStopping,
    GradientErrors,
    Layer,
    Sequential,
    SoftmaxCrossEntropy,
    Steps,
    Tanh,
    fit,
    predict,
)
from minidl.training.progress import progress_callbacks
from tests.support.networks import Noise, blobs, perceptron, state_of

LOSS = SoftmaxCrossEntropy()


def test_early_stopping_ends_an_overfitting_run_with_its_best_weights():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 5)), rng.integers(0, 2, 60)  # nothing to learn
    network = perceptron(features=5, hidden=64, classes=2)
    stop = EarlyStopping(patience=5)
    history = fit(
        network, LOSS, SGD(network, 0.5), x[:30], y[:30],
        epochs=200, batch_size=10, validation=(x[30:], y[30:]), seed=0, callbacks=[stop],
    )  # fmt: skip
    curve = history.validation["loss"]
    assert history.stopped_by == "EarlyStopping"
    assert len(curve) == curve.index(min(curve)) + 1 + 5
    assert stop.best == min(curve)
    assert stop.best_step == history.steps[curve.index(min(curve))]
    assert float(LOSS(predict(network, x[30:]), y[30:])) == min(curve)


def test_early_stopping_restores_the_best_also_when_the_run_ends_by_itself():
    x, y = blobs()
    network = perceptron()
    history = fit(
        network, LOSS, SGD(network, 3.0), x, y,
        epochs=9, batch_size=20, validation=(x, y), seed=1, callbacks=[EarlyStopping()],
    )  # fmt: skip
    assert float(LOSS(predict(network, x), y)) == min(history.validation["loss"])


def test_early_stopping_can_leave_the_last_weights_and_watch_training_figures():
    x, y = blobs()
    kept, plain = perceptron(), perceptron()
    stop = EarlyStopping("accuracy", patience=3, restore_best=False)
    history = fit(
        kept, LOSS, SGD(kept, 0.5), x, y, epochs=50, batch_size=20, seed=0, callbacks=[stop]
    )
    assert stop.best == max(history.training["accuracy"])
    epochs = len(history.step_loss) // history.steps_per_epoch
    fit(plain, LOSS, SGD(plain, 0.5), x, y, epochs=epochs, batch_size=20, seed=0)
    assert state_of(kept) == state_of(plain)


def test_early_stopping_refuses_a_figure_that_is_not_recorded():
    network = perceptron()
    with pytest.raises(ValueError, match="monitors 'f1', but recorded are loss, accuracy"):
        fit(
            network, LOSS, SGD(network, 0.1), *blobs(),
            epochs=1, batch_size=8, callbacks=[EarlyStopping("f1")],
        )  # fmt: skip


def test_one_instance_may_watch_several_runs():
    x, y = blobs()
    stop, watch = EarlyStopping(patience=1), GradientErrors(every=3)
    for _ in range(2):
        network = perceptron()
        history = fit(
            network, LOSS, SGD(network, 0.1), x, y,
            epochs=2, batch_size=20, seed=0, callbacks=[stop, watch],
        )  # fmt: skip
        assert watch.steps == [0, 3]
        assert stop.best == min(history.training["loss"])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_gradient_errors_are_at_the_level_of_rounding_for_right_gradients(dtype):
    x, y = blobs()
    rng = np.random.default_rng(0)
    network = Sequential(
        Dense(2, 8, rng=rng, dtype=dtype), Tanh(), Noise(), Dense(8, 3, rng=rng, dtype=dtype)
    )
    watch = GradientErrors(every=2)
    fit(
        network, LOSS, SGD(network, 0.1), x, y,
        epochs=2, batch_size=15, seed=0, callbacks=[watch], sample_weight=np.linspace(0, 1, 60),
    )  # fmt: skip
    assert watch.steps == [0, 2, 4, 6]
    assert max(watch.errors) < (1e-7 if dtype == np.float64 else 1e-3)


def test_gradient_errors_show_a_wrong_gradient():
    class Wrong(Layer):
        def forward(self, x):
            return np.tanh(x), x

        def backward(self, dy, x):
            return dy * (1 - x * x)

    x, y = blobs()
    network = Sequential(Dense(2, 40, rng=0), Wrong(), Dense(40, 3, rng=0))
    watch = GradientErrors(coordinates=20)
    fit(network, LOSS, SGD(network, 0.01), x, y, epochs=1, batch_size=30, callbacks=[watch])
    assert min(watch.errors) > 1e-2


def test_gradient_errors_watch_without_changing_anything():
    x, y = blobs()
    networks = [Sequential(*perceptron(), Noise()) for _ in range(2)]
    for network, callbacks in zip(networks, ([], [GradientErrors()]), strict=True):
        fit(
            network, LOSS, SGD(network, 0.1, momentum=0.5), x, y,
            epochs=1, batch_size=15, seed=0, callbacks=callbacks,
        )  # fmt: skip
    assert state_of(networks[0]) == state_of(networks[1])


def test_a_gradient_that_is_zero_on_both_sides_has_no_error():
    class Dead(Layer):
        def forward(self, x):
            return 0 * x, None

        def backward(self, dy, cache):
            return 0 * dy

    network = Sequential(Dense(2, 3, rng=0), Dead())
    watch = GradientErrors()
    fit(network, LOSS, SGD(network, 0.1), *blobs(), epochs=1, batch_size=60, callbacks=[watch])
    assert watch.errors == [0.0]


def test_the_progress_bar_shows_steps_and_figures_on_one_line(capsys):
    x, y = blobs()
    network = perceptron()
    fit(
        network, LOSS, SGD(network, 0.1), x, y,
        epochs=2, batch_size=30, progress=True, validation=(x, y), validate_every=Steps(1),
    )  # fmt: skip
    output = capsys.readouterr()
    assert output.out == ""
    (line,) = output.err.strip().splitlines()
    assert "epoch 2/2" in line
    assert "4/4 steps" in line


def test_no_progress_bar_without_a_terminal():
    assert progress_callbacks(None) == []
    assert progress_callbacks(False) == []


def test_a_missing_rich_is_named_only_where_it_is_insisted_on(monkeypatch):
    monkeypatch.setitem(sys.modules, "rich", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert progress_callbacks(None) == []
    with pytest.raises(ImportError, match=r"minidl\[progress\]"):
        progress_callbacks(True)
