"""`minidl.batches`: every sample once, in an order that a generator draws."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from minidl import (
    batches,
)


@pytest.mark.parametrize(("size", "lengths"), [(1, [1] * 7), (3, [3, 3, 1]), (7, [7]), (99, [7])])
def test_batches_hold_every_sample_once_with_its_target(size, lengths):
    x = np.arange(14.0).reshape(7, 2)
    drawn = list(batches(x, x[:, 0], size, rng=0))
    assert [len(part) for part, _ in drawn] == lengths
    rows = np.concatenate([part for part, _ in drawn])
    assert_array_equal(rows[rows[:, 0].argsort()], x)
    assert_array_equal(rows[:, 0], np.concatenate([target for _, target in drawn]))


def test_batches_from_one_generator_differ_between_epochs_and_repeat_with_its_seed():
    def orders(seed):
        rng = np.random.default_rng(seed)
        x = np.arange(50)
        return [np.concatenate([part for part, _ in batches(x, x, 8, rng)]) for _ in range(2)]

    first, second = orders(0)
    assert (first != second).any()
    assert_array_equal(orders(0), [first, second])


@pytest.mark.parametrize(
    ("x", "y", "size", "error"),
    [
        ([], [], 1, ValueError),
        ([1, 2], [1], 1, ValueError),
        (1, 2, 1, ValueError),
        ([1], [1], 0, ValueError),
        ([1], [1], 1.5, TypeError),
        ([1], [1], True, TypeError),
    ],
)
def test_batches_refuses_nonsense_at_the_call(x, y, size, error):
    with pytest.raises(error):
        batches(x, y, size, rng=0)
