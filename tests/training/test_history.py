"""What a run leaves behind."""

from tests.support.fits import train
from tests.support.networks import blobs, perceptron


def test_the_repr_of_a_history_says_what_was_reached():
    x, y = blobs()
    history = train(perceptron(), x, y, validation=(x, y), seed=0)
    assert repr(history).startswith("History(12 steps, 3 epochs; training loss")
    assert "held-out loss" in repr(history)
