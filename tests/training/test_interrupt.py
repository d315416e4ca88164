"""Ctrl-C: the run ends with the step, and nothing is lost."""

import signal

import pytest

from tests.support.fits import Act, interrupt, needs_ctrl_c, train
from tests.support.networks import blobs, perceptron, state_of


@needs_ctrl_c
def test_ctrl_c_ends_the_run_at_the_boundary_of_a_step():
    x, y = blobs()
    interrupted, stopped = perceptron(), perceptron()
    history = train(interrupted, x, y, seed=0, callbacks=[Act(5, interrupt)])
    assert history.interrupted
    assert len(history.step_loss) == 5
    train(stopped, x, y, seed=0, callbacks=[Act(5, lambda: True)])
    assert state_of(interrupted) == state_of(stopped)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@needs_ctrl_c
def test_a_second_ctrl_c_raises():
    def twice():
        interrupt()
        interrupt()

    with pytest.raises(KeyboardInterrupt):
        train(perceptron(), *blobs(), callbacks=[Act(5, twice)])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_the_users_own_is_left_alone():
    seen = []
    old = signal.signal(signal.SIGINT, lambda *_: seen.append(1))
    try:
        history = train(perceptron(), *blobs(), callbacks=[Act(5, interrupt)])
    finally:
        signal.signal(signal.SIGINT, old)
    assert seen == [1]
    assert not history.interrupted


@needs_ctrl_c
def test_ctrl_c_after_the_last_step_is_not_swallowed():
    class Late:
        def on_end(self, run):
            interrupt()

    assert train(perceptron(), *blobs(), callbacks=[Late()]).interrupted
