"""Early stopping: when a run ends, and what the network gets back."""

import numpy as np
import pytest

from minidl import (
    SGD,
    EarlyStopping,
    GradientErrors,
    SoftmaxCrossEntropy,
    fit,
    predict,
)
from tests.support.networks import blobs, perceptron, state_of

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
