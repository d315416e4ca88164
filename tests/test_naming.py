"""How things are called: a description has what was chosen, an error says where it arose."""

import numpy as np
import pytest

from minidl import Dense, Huber, ReLU, Residual, Sequential, SigmoidCrossEntropy
from minidl.naming import annotate, describe, title
from tests.support.scale import Scale


class Options:
    def __init__(self, network, rate=0.5, name="plain", mask=None):
        self.rate, self.name, self.mask = rate, name, mask  # the network is no attribute


def test_a_description_has_the_options_that_are_not_at_their_default():
    assert describe(Options(None)) == "Options()"
    assert describe(Options(None, 0.25, "other")) == "Options(rate=0.25, name=other)"


def test_a_number_is_at_its_default_however_it_is_written():
    assert describe(Options(None, np.float64(0.5))) == describe(Options(None, 1 / 2)) == "Options()"
    assert describe(Huber(delta=1)) == "Huber()"


def test_an_array_is_described_by_its_shape():
    assert describe(Options(None, mask=np.zeros((2, 3)))) == "Options(mask=array of shape (2, 3))"
    loss = SigmoidCrossEntropy([1.0, 2.0])
    assert describe(loss) == "SigmoidCrossEntropy(pos_weight=array of shape (2,))"


def test_a_description_shows_and_hides_what_it_is_told_to():
    options = Options(None, 0.25, "other")
    assert describe(options, rate=None, steps=3) == "Options(name=other, steps=3)"


def test_a_title_is_one_line():
    assert title(Dense(2, 3)) == "Dense(2 → 3)"
    assert title(Sequential(Dense(2, 3), Residual(ReLU()))) == "Sequential"


def test_an_annotated_message_begins_with_the_place():
    error = ValueError("too long")
    annotate(error, "Net[3]", Scale(2))
    assert str(error) == "Net[3] Scale(gain (2,)): too long"


@pytest.mark.parametrize("said", ["Dense(2 → 3)", "Dense[1]", "Dense"])
def test_an_annotated_message_names_the_layer_once(said):
    error = ValueError(f"{said}: too long")
    annotate(error, "Net[3]", Dense(2, 3))
    assert str(error) == f"Net[3] {said}: too long"


@pytest.mark.parametrize(
    "error",
    [
        KeyError("gain"),
        OSError(2, "no such file"),
        UnicodeDecodeError("utf-8", b"", 0, 1, "bad"),
        ValueError(),
        TypeError("one", "two"),
        ValueError(3),
    ],
    ids=repr,
)
def test_other_errors_keep_their_arguments_and_get_a_note(error):
    args = error.args
    annotate(error, "Net[3]", Scale(2))
    assert error.args == args
    assert error.__notes__ == ["in Net[3] Scale(gain (2,))"]
