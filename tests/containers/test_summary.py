"""The table of a network."""

import numpy as np
import pytest

from minidl import (
    BatchNorm,
    Concatenate,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Layer,
    ReLU,
    Residual,
    Sequential,
)
from tests.containers.test_branches import Scaled
from tests.containers.test_chain import Broken
from tests.support.networks import state_of


class Two(Layer):
    """A composite of a user."""

    def __init__(self):
        self.first, self.second = Dense(3, 4), Dense(4, 2)

    def forward(self, x):
        raise NotImplementedError

    def backward(self, dy, cache):
        raise NotImplementedError

    def __call__(self, x):
        return self.second(self.first(x))


def table(summary):
    return [" ".join(line.split()) for line in repr(summary).splitlines()]


def test_the_table_shows_every_layer_at_its_depth():
    net = Sequential(
        Flatten(),
        Dense(12, 6),
        Residual(Dense(6, 6), ReLU()),
        Concatenate(ReLU(), Sequential(), Dense(6, 2)),
        BatchNorm(14),
    )
    summary = net.summary((3, 4))
    assert table(summary) == [
        "layer output shape parameters bytes",
        "Sequential (N, 14) 56",
        "[0] Flatten() (N, 12) 0 48",
        "[1] Dense(12 → 6) (N, 6) 78 24",
        "[2] Residual (N, 6) 24",
        "[0] Dense(6 → 6) (N, 6) 42 24",
        "[1] ReLU() (N, 6) 0 24",
        "[3] Concatenate (N, 14) 56",
        "[0] ReLU() (N, 6) 0 24",
        "[1] Sequential (N, 6) 0 24",
        "[2] Dense(6 → 2) (N, 2) 14 8",
        "[4] BatchNorm(14) (N, 14) 28 56",
        "162 parameters, float32, 648 bytes",
    ]
    assert summary.parameters == 162
    starts = [len(row.layer) - len(row.layer.lstrip()) for row in summary.rows]
    assert starts == [0, 2, 2, 2, 4, 4, 2, 4, 4, 4, 2]
    assert len({len(line) for line in repr(summary).splitlines()[:-1]}) == 1


def test_the_columns_are_those_of_a_calculation_by_hand():
    rows = Sequential(Dense(3, 5, dtype=np.float64), ReLU()).summary(3).rows
    assert [(row.shape, row.parameters, row.bytes) for row in rows] == [
        ((1, 5), None, 40),
        ((1, 5), 3 * 5 + 5, 40),
        ((1, 5), 0, 40),
    ]


def test_a_shared_layer_counts_where_it_stands_first():
    shared = Dense(3, 3)
    summary = Sequential(shared, ReLU(), shared).summary(3)
    assert [row.parameters for row in summary.rows] == [None, 12, 0, 0]
    assert summary.parameters == 12


def test_a_users_composite_is_one_row():
    summary = Sequential(Two()).summary(3)
    assert summary.rows[1].parameters == 26
    assert summary.rows[1].shape == (1, 2)


def test_a_network_that_reads_words_is_given_words():
    summary = Sequential(Embedding(10, 4), Flatten()).summary(7)
    assert [row.shape for row in summary.rows] == [(1, 28), (1, 7, 4), (1, 28)]


def test_nothing_is_written_and_nothing_drawn():
    net = Sequential(Dense(3, 4, rng=0), BatchNorm(4), Dropout(0.5, rng=0))
    before = state_of(net)
    net.summary(3)
    assert state_of(net) == before


def test_a_network_without_parameters_and_an_empty_one_have_a_table_too():
    assert table(Sequential(ReLU()).summary((2, 2)))[-1] == "0 parameters, float32, 0 bytes"
    assert table(Sequential().summary(3))[1] == "Sequential (N, 3) 0 12"


def test_a_layer_that_divides_by_zeros_does_not_disturb():
    class Inverse(Scaled):
        def forward(self, x):
            return 1 / x, None

    assert Sequential(Inverse(1.0)).summary(3).rows[1].shape == (1, 3)


def test_a_layer_that_gives_no_array_has_no_shape():
    class Pair(Scaled):
        def forward(self, x):
            return (x, x), None

    row = Sequential(Pair(1.0)).summary(3).rows[1]
    assert (row.shape, row.cells()[1:]) == (None, ("", "0", ""))


def test_a_mismatch_is_named_with_its_place_and_the_table_down_to_it():
    net = Sequential(Dense(8, 64), ReLU(), Residual(ReLU(), Dense(32, 10)), ReLU())
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        net.summary(8)
    message, _, so_far = str(caught.value).partition("\n\n")
    assert message == (
        "Sequential[2] Residual[1] Dense(32 → 10): input has 64 features, expected 32 "
        "(input shape (1, 64))"
    )
    assert [" ".join(line.split()) for line in so_far.splitlines()] == [
        "layer output shape parameters bytes",
        "Sequential",
        "[0] Dense(8 → 64) (N, 64) 576 256",
        "[1] ReLU() (N, 64) 0 256",
        "[2] Residual",
        "[0] ReLU() (N, 64) 0 256",
        "[1] Dense(32 → 10)",
        "576 parameters so far, float32, 2,304 bytes",
    ]


def test_any_other_error_gets_the_table_as_a_note():
    error = KeyError("gain")
    with pytest.raises(KeyError) as caught:
        Sequential(Dense(3, 2), Broken(error)).summary(3)
    assert caught.value is error
    assert error.args == ("gain",)
    assert "[0] Dense(3 → 2)" in error.__notes__[-1]


@pytest.mark.parametrize(
    ("shape", "error"),
    [((0, 3), ValueError), ((2.5,), TypeError), ("ab", TypeError), (-1, ValueError)],
)
def test_a_shape_is_made_of_positive_integers(shape, error):
    with pytest.raises(error, match="input_shape must be"):
        Sequential(ReLU()).summary(shape)


@pytest.mark.parametrize("shape", [np.array([4, 3]), np.zeros((4, 3)).shape, (np.int64(4), 3)])
def test_a_shape_may_be_numpys(shape):
    assert repr(Sequential(ReLU()).summary(shape)) == repr(Sequential(ReLU()).summary((4, 3)))
    assert repr(Sequential(ReLU()).summary(np.int64(3))) == repr(Sequential(ReLU()).summary(3))
