"""A run as callbacks see it: hooks in order, and how they end it."""

import numpy as np
import pytest

from minidl import (
    Sequential,
)
from tests.support.fits import Act, train
from tests.support.networks import Noise, blobs, perceptron, state_of


def test_a_callback_that_returns_true_ends_the_run_after_the_step():
    history = train(perceptron(), *blobs(), callbacks=[Act(5, lambda: True)])
    assert len(history.step_loss) == 5
    assert history.stopped_by == "Act"
    assert not history.interrupted


def test_the_hooks_are_called_in_order_with_the_batch():
    calls = []

    class Log:
        def on_begin(self, run):
            calls.append("begin")

        def on_gradients(self, run):
            x, y, weight = run.batch
            assert len(x) == len(y) == len(weight) == 30
            assert run.optimizer.vector.grad.any()
            calls.append(f"gradients {run.step}")

        def on_step(self, run):
            assert not run.optimizer.vector.grad.any()
            calls.append(f"step {run.step}")

        def on_epoch(self, run):
            calls.append(f"epoch {run.epoch}")

        def on_end(self, run):
            calls.append("end")

    x, y = blobs()
    train(perceptron(), x, y, batch_size=30, epochs=1, callbacks=[Log()], sample_weight=[1] * 60)
    expected = "begin, gradients 0, step 1, gradients 1, step 2, epoch 1, end"
    assert ", ".join(calls) == expected


def test_a_run_that_stops_on_the_last_step_of_an_epoch_has_completed_the_epoch():
    seen = []

    class Log(Act):
        def on_epoch(self, run):
            seen.append(run.epoch)

        def on_end(self, run):
            seen.append(f"end {run.epoch}")

    train(perceptron(), *blobs(), epochs=5, callbacks=[Log(8, lambda: np.bool(True))])
    assert seen == [1, 2, "end 2"]


def test_a_callback_may_have_methods_of_its_own_and_answer_with_numbers():
    class Log:
        def on_step(self, run):
            return run.history.step_loss[-1]

        def close(self):
            raise AssertionError("the loop has no business with it")

    assert len(train(perceptron(), *blobs(), callbacks=[Log()]).step_loss) == 12


def test_an_error_in_a_callback_leaves_the_state_after_the_last_complete_step():
    x, y = blobs()

    def fail():
        raise RuntimeError("the user's own")

    class FailBeforeUpdate:
        def on_gradients(self, run):
            if run.step == 5:
                fail()

    def network():
        return Sequential(*perceptron(), Noise())

    expected = network()
    train(expected, x, y, seed=0, callbacks=[Act(5, lambda: True)])
    for callback in (Act(5, fail), FailBeforeUpdate()):
        failed = network()
        with pytest.raises(RuntimeError, match="the user's own"):
            train(failed, x, y, seed=0, callbacks=[callback])
        assert state_of(failed) == state_of(expected)
