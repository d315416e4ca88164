"""What watches a run: when each hook is called, in which order, and what its answer does."""

import pytest

from minidl import SGD, Callback, SoftmaxCrossEntropy, Steps, fit
from tests.support.fits import train
from tests.support.networks import blobs, perceptron, state_of


class Diary(Callback):
    """Write down every hook, with the counts at that moment."""

    def __init__(self, pages):
        self.pages = pages

    def write(self, hook, run):
        self.pages.append((hook, run.step, run.epoch))

    def on_begin(self, run):
        self.write("begin", run)

    def on_gradients(self, run):
        self.write("gradients", run)

    def on_step(self, run):
        self.write("step", run)

    def on_epoch(self, run):
        self.write("epoch", run)

    def on_end(self, run):
        self.write("end", run)


def test_a_callback_without_hooks_of_its_own_watches_without_a_trace():
    x, y = blobs(32)
    plain, watched = perceptron(), perceptron()
    train(plain, x, y, seed=0)
    train(watched, x, y, seed=0, callbacks=[Callback()])
    assert state_of(plain) == state_of(watched)


def test_every_hook_is_called_when_its_docstring_says():
    pages = []
    train(perceptron(), *blobs(32), epochs=2, seed=0, callbacks=[Diary(pages)])
    assert pages == [
        ("begin", 0, 0),
        *[("gradients", 0, 0), ("step", 1, 0), ("gradients", 1, 0), ("step", 2, 1)],
        ("epoch", 2, 1),
        *[("gradients", 2, 1), ("step", 3, 1), ("gradients", 3, 1), ("step", 4, 2)],
        ("epoch", 4, 2),
        ("end", 4, 2),
    ]


def test_the_history_is_written_before_the_first_callback_and_a_checkpoint_after_the_last(tmp_path):
    path = tmp_path / "run"
    seen = []

    class Looks(Callback):
        def on_step(self, run):
            seen.append((len(run.history.steps), path.exists()))

    options = {"checkpoint": path, "checkpoint_every": Steps(1), "validate_every": Steps(1)}
    train(perceptron(), *blobs(32), epochs=1, callbacks=[Looks()], **options)
    assert seen == [(1, False), (2, True)]


@pytest.mark.parametrize("hook", ["on_begin", "on_gradients", "on_step", "on_epoch"])
def test_true_from_any_hook_ends_the_run_after_the_step(hook):
    class Enough:
        pass

    setattr(Enough, hook, lambda self, run: True)
    network = perceptron()
    history = fit(
        network,
        SoftmaxCrossEntropy(),
        SGD(network, 0.1),
        *blobs(32),
        epochs=5,
        batch_size=16,
        callbacks=[Enough()],
    )
    steps = {"on_begin": 0, "on_gradients": 1, "on_step": 1, "on_epoch": 2}
    assert (len(history.step_loss), history.stopped_by) == (steps[hook], "Enough")
