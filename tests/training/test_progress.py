"""The progress bar: what it shows, and when there is none."""

import sys

import pytest

from minidl import (
    SGD,
    SoftmaxCrossEntropy,
    Steps,
    fit,
)
from minidl.training.progress import progress_callbacks
from tests.support.networks import blobs, perceptron

LOSS = SoftmaxCrossEntropy()


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
