"""What a run leaves behind."""

import copy
import pickle

import numpy as np
import pytest

from minidl import History, Steps
from tests.support.fits import train
from tests.support.networks import blobs, perceptron


def test_the_repr_of_a_history_says_what_was_reached():
    x, y = blobs()
    history = train(perceptron(), x, y, validation=(x, y), seed=0)
    assert repr(history).startswith("History(12 steps, 3 epochs; training loss")
    assert "held-out loss" in repr(history)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "0 steps, 0 epochs"),
        ({"step_loss": [1.0] * 6}, "6 steps, 1.5 epochs"),
        ({"step_loss": [1.0], "training": {"loss": []}}, "1 steps, 0.25 epochs"),
        (
            {"steps": [1, 2], "training": {"loss": [0.5, 0.25], "accuracy": [0.5, 1.0]}},
            "0 steps, 0 epochs; training loss 0.25, accuracy 1",
        ),
        ({"interrupted": True}, "0 steps, 0 epochs; interrupted"),
        ({"stopped_by": "EarlyStopping"}, "0 steps, 0 epochs; stopped by EarlyStopping"),
    ],
)
def test_the_repr_has_what_there_is_and_nothing_else(fields, words):
    assert repr(History(seed=0, steps_per_epoch=4, **fields)) == f"History({words})"


def test_epochs_are_steps_in_units_of_an_epoch():
    assert History(seed=0, steps_per_epoch=4, steps=[2, 4, 6]).epochs == [0.5, 1.0, 1.5]
    assert History(seed=0, steps_per_epoch=0, steps=[]).epochs == []


def test_histories_share_no_curves():
    one, other = (History(seed=0, steps_per_epoch=4) for _ in range(2))
    one.step_loss.append(1.0)
    one.training["loss"] = [1.0]
    assert other == History(seed=0, steps_per_epoch=4)


@pytest.mark.parametrize("copier", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_steps_are_an_integer_that_says_what_it_counts(copier):
    steps = copier(Steps(np.int64(50)))
    assert (steps, repr(steps), type(steps)) == (50, "Steps(50)", Steps)


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "3", None, True, np.nan])
def test_steps_that_are_no_positive_integer_are_refused_by_name(wrong):
    with pytest.raises((ValueError, TypeError), match=r"^Steps must be"):
        Steps(wrong)
