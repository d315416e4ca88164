"""What watches a run: when each hook is called, in which order, and what its answer does."""

import inspect

import numpy as np
import pytest

import minidl
from minidl import Callback, EarlyStopping, GradientErrors, Steps
from minidl.training.callbacks import HOOKS
from tests.support.fits import LOSS, train
from tests.support.networks import blobs, perceptron, state_of


def watched(*callbacks, **options):
    x, y = blobs()
    network = perceptron()
    options = {"epochs": 2, "batch_size": 20, "seed": 0, "validation": (x, y)} | options
    return train(network, x, y, callbacks=callbacks, **options)


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


def test_the_base_class_is_public_and_has_the_hooks_and_nothing_else():
    assert Callback is minidl.training.Callback
    assert [name for name in vars(Callback) if name[0] != "_"] == list(HOOKS)
    assert all(inspect.getdoc(getattr(Callback, hook)) for hook in HOOKS)
    assert all(issubclass(own, Callback) for own in (EarlyStopping, GradientErrors))


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


def test_each_hook_finds_the_run_as_its_docstring_says():
    class Look(Callback):
        def on_begin(self, run):
            assert (run.epoch, run.step, run.done) == (0, 0, 0)
            assert run.steps_per_epoch == 3

        def on_gradients(self, run):
            x, _, weight = run.batch
            assert weight is None
            np.testing.assert_array_equal(run.prediction, run.network(x))  # before the update
            assert run.optimizer.vector.grad.any()
            assert len(run.history.step_loss) == run.step

        def on_step(self, run):
            x, y, _ = run.batch
            assert not run.optimizer.vector.grad.any()
            assert run.history.step_loss[-1] == float(LOSS(run.prediction, y))
            assert (run.prediction != run.network(x)).any()  # after the update
            assert run.epoch_ends == (run.step % 3 == 0)
            assert run.done == run.step % 3
            assert run.epoch == run.step // 3
            assert run.history.steps == [3, 6][: run.epoch]  # the history is written first
            assert run.ended == (run.step == 6)

        def on_epoch(self, run):
            assert run.step == 3 * run.epoch

        def on_end(self, run):
            assert len(run.history.step_loss) == 6

    watched(Look())


def test_callbacks_are_called_in_the_order_of_the_list():
    names = []

    class Note(Callback):
        def __init__(self, name):
            self.name = name

        def on_step(self, run):
            names.append(self.name)

    watched(Note("one"), Note("two"), epochs=1)
    assert names == ["one", "two"] * 3


@pytest.mark.parametrize(
    ("hook", "steps"),
    [("on_begin", 0), ("on_gradients", 1), ("on_step", 1), ("on_epoch", 3), ("on_end", 6)],
)
@pytest.mark.parametrize("base", [Callback, object])
def test_every_hook_can_end_the_run_after_the_current_step(hook, steps, base):
    enough = type("Enough", (base,), {hook: lambda self, run: True})
    others = []
    second = type("Second", (base,), {hook: lambda self, run: others.append(run.step)})
    history = watched(enough(), second())
    assert len(history.step_loss) == steps
    assert history.stopped_by == "Enough"
    assert len(others) == 1  # all are called, whatever one of them answers


def test_a_run_can_be_ended_before_the_update_of_the_last_step_of_an_epoch():
    class Enough(Callback):
        def on_gradients(self, run):
            return run.epoch_ends

    history = watched(Enough())
    assert len(history.step_loss) == 3
    assert history.stopped_by == "Enough"


@pytest.mark.parametrize("base", [Callback, object])
def test_a_method_may_change_during_the_run(base):
    class Twice(base):
        calls = 0

        def on_step(self, run):
            self.on_step = self.later

        def later(self, run):
            self.calls += 1

    twice = Twice()
    watched(twice)
    assert twice.calls == 5


def test_a_derived_callback_without_a_state_starts_afresh_when_a_run_is_resumed(tmp_path):
    class Count(Callback):
        def on_begin(self, run):
            self.steps, self.began = 0, run.step

        def on_step(self, run):
            self.steps += 1

    path, count = tmp_path / "run.safetensors", Count()
    watched(count, epochs=1, checkpoint=path)
    assert (count.began, count.steps) == (0, 3)
    watched(count, epochs=3, checkpoint=path, resume=path)
    assert (count.began, count.steps) == (3, 6)


def test_a_resumed_run_that_is_complete_only_begins_and_ends(tmp_path):
    calls = []

    class Note(Callback):
        def on_begin(self, run):
            calls.append("begin")

        def on_step(self, run):
            calls.append("step")

        def on_end(self, run):
            calls.append("end")

    path = tmp_path / "run.safetensors"
    watched(checkpoint=path)
    watched(Note(), checkpoint=path, resume=path)
    assert calls == ["begin", "end"]
