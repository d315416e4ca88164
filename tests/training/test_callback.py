"""The base class of callbacks: what every hook finds, who is called first, and who ends a run."""

import inspect

import numpy as np
import pytest

import minidl
from minidl import SGD, Callback, EarlyStopping, GradientErrors, SoftmaxCrossEntropy, Steps, fit
from minidl.training.callbacks import HOOKS
from tests.support.networks import blobs, perceptron, state_of

LOSS = SoftmaxCrossEntropy()


def train(*callbacks, **options):
    x, y = blobs()
    network = perceptron()
    options = {"epochs": 2, "batch_size": 20, "seed": 0, "validation": (x, y)} | options
    history = fit(network, LOSS, SGD(network, 0.1, 0.9), x, y, callbacks=callbacks, **options)
    return network, history


def test_the_base_class_is_public_and_has_the_hooks_and_nothing_else():
    assert Callback is minidl.training.Callback
    assert [name for name in vars(Callback) if name[0] != "_"] == list(HOOKS)
    assert all(inspect.getdoc(getattr(Callback, hook)) for hook in HOOKS)
    assert all(issubclass(own, Callback) for own in (EarlyStopping, GradientErrors))


def test_a_callback_that_defines_nothing_changes_nothing():
    assert state_of(train(Callback())[0]) == state_of(train()[0])


def test_each_hook_finds_the_run_as_its_docstring_says():
    found = []

    class Look(Callback):
        def on_begin(self, run):
            assert (run.epoch, run.step, run.done) == (0, 0, 0)
            assert run.steps_per_epoch == 3
            found.append("begin")

        def on_gradients(self, run):
            x, _, weight = run.batch
            assert weight is None
            np.testing.assert_array_equal(run.prediction, run.network(x))  # before the update
            assert run.optimizer.vector.grad.any()
            assert len(run.history.step_loss) == run.step
            found.append(f"gradients {run.step}")

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
            found.append(f"step {run.step}")

        def on_epoch(self, run):
            assert run.step == 3 * run.epoch
            found.append(f"epoch {run.epoch}")

        def on_end(self, run):
            assert len(run.history.step_loss) == 6
            found.append("end")

    train(Look())
    assert ", ".join(found) == (
        "begin, gradients 0, step 1, gradients 1, step 2, gradients 2, step 3, epoch 1, "
        "gradients 3, step 4, gradients 4, step 5, gradients 5, step 6, epoch 2, end"
    )


def test_callbacks_are_called_in_their_order_and_the_checkpoint_is_written_after_them(tmp_path):
    path, seen = tmp_path / "run.safetensors", []

    class Note(Callback):
        def __init__(self, name):
            self.name = name

        def on_step(self, run):
            seen.append((self.name, run.step, path.exists()))

    train(Note("one"), Note("two"), epochs=1, checkpoint=path, checkpoint_every=Steps(1))
    assert seen == [
        (name, step, step > 1) for step in (1, 2, 3) for name in ("one", "two")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("hook", "steps"),
    [("on_begin", 0), ("on_gradients", 1), ("on_step", 1), ("on_epoch", 3), ("on_end", 6)],
)
@pytest.mark.parametrize("base", [Callback, object])
def test_every_hook_can_end_the_run_after_the_current_step(hook, steps, base):
    enough = type("Enough", (base,), {hook: lambda self, run: True})
    others = []
    second = type("Second", (base,), {hook: lambda self, run: others.append(run.step)})
    _, history = train(enough(), second())
    assert len(history.step_loss) == steps
    assert history.stopped_by == "Enough"
    assert len(others) == 1  # all are called, whatever one of them answers


def test_a_run_can_be_ended_before_the_update_of_the_last_step_of_an_epoch():
    class Enough(Callback):
        def on_gradients(self, run):
            return run.epoch_ends

    _, history = train(Enough())
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
    train(twice)
    assert twice.calls == 5


def test_a_derived_callback_without_a_state_starts_afresh_when_a_run_is_resumed(tmp_path):
    class Count(Callback):
        def on_begin(self, run):
            self.steps, self.began = 0, run.step

        def on_step(self, run):
            self.steps += 1

    path, count = tmp_path / "run.safetensors", Count()
    train(count, epochs=1, checkpoint=path)
    assert (count.began, count.steps) == (0, 3)
    train(count, epochs=3, checkpoint=path, resume=path)
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
    train(checkpoint=path)
    train(Note(), checkpoint=path, resume=path)
    assert calls == ["begin", "end"]
