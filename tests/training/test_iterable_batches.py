"""Batches of the user's own: an iterable, gone through once an epoch."""

import numpy as np
import pytest

from minidl import (
    SGD,
    EarlyStopping,
    SoftmaxCrossEntropy,
    Steps,
    fit,
)
from tests.support.seventy import X, Y, network, trained


def in_order():
    """Return the batches of a run over arrays with the seed 3, in its order."""
    epochs = []
    for epoch in range(2):
        order = np.random.default_rng([3, epoch]).permutation(len(X))
        epochs.append([(X[order[k : k + 16]], Y[order[k : k + 16]]) for k in range(0, len(X), 16)])
    return epochs


class Epochs:
    """A data source that begins a new epoch with every iter(), and may not know its length."""

    def __init__(self, epochs):
        self.epochs = list(epochs)
        self.begun = 0

    def __iter__(self):
        self.begun += 1
        return iter(self.epochs[self.begun - 1])


def test_batches_of_the_users_own_give_what_the_arrays_give():
    expected, curves = trained(X, Y, epochs=2, batch_size=16, validation=(X, Y))
    got, own_curves = trained(Epochs(in_order()), epochs=2, validation=(X, Y))
    np.testing.assert_array_equal(got, expected)
    assert own_curves == curves


def test_a_list_of_batches_serves_every_epoch():
    first = in_order()[0]
    expected, _ = trained(Epochs([first, first]), epochs=2)
    got, history = trained(first, epochs=2)
    np.testing.assert_array_equal(got, expected)
    assert history.steps_per_epoch == len(first)
    assert history.epochs == [1.0, 2.0]


def test_a_generator_serves_one_epoch():
    got, history = trained((batch for batch in in_order()[0]), epochs=1)
    expected, _ = trained(in_order()[0], epochs=1)
    np.testing.assert_array_equal(got, expected)
    assert history.steps_per_epoch == 5


def test_a_generator_is_refused_for_two_epochs_before_anything_is_taken_from_it():
    generator = (batch for batch in in_order()[0])
    with pytest.raises(ValueError, match="gone through only once"):
        trained(generator, epochs=2)
    assert len(list(generator)) == 5


def test_weights_travel_with_the_batches():
    weight = np.linspace(0.1, 1, len(X)).astype(np.float32)
    order = np.random.default_rng([3, 0]).permutation(len(X))
    own = [(X[r], Y[r], weight[r]) for r in np.split(order, range(16, len(X), 16))]
    expected, _ = trained(X, Y, sample_weight=weight, epochs=1, batch_size=16)
    got, _ = trained(own, epochs=1)
    np.testing.assert_array_equal(got, expected)


def test_validation_every_few_steps_works_where_no_length_is_known():
    _, history = trained(
        Epochs(in_order()), epochs=2, validation=(X, Y), validate_every=Steps(4),
        callbacks=[EarlyStopping(patience=99)],
    )  # fmt: skip
    assert history.steps == [4, 8, 10]


BAD = {
    "nothing": ([], ValueError, "gives no batches"),
    "no iterable": (7, TypeError, "must be an iterable of batches"),
    "no pair": ([X], TypeError, "batch 0 must be"),
    "four": ([(X, Y, Y, Y)], TypeError, "batch 0 must be .* of 4"),
    "another length": ([(X, Y[:5])], ValueError, "batch 0: y has 5 samples, but x has 70"),
    "features": ([(X[:, :3], Y)], ValueError, "batch 0: .*has 3 features"),
    "labels": ([(X, Y + 1)], ValueError, "batch 0: y: class label 2"),
    "not finite": ([(X * np.nan, Y)], ValueError, "batch 0: x.* is nan"),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_first_batch_that_does_not_fit_is_refused_at_the_door(fault):
    data, kind, message = BAD[fault]
    own = network()
    optimizer = SGD(own, 0.1)
    before = optimizer.vector.value.copy()
    with pytest.raises(kind, match=message):
        fit(own, SoftmaxCrossEntropy(), optimizer, data, epochs=1)
    np.testing.assert_array_equal(optimizer.vector.value, before)


def failing():
    yield X[:16], Y[:16]
    yield X[16:32], Y[16:32]
    raise OSError("the disk is gone")


@pytest.mark.parametrize("bad", [(X[:8, :3], Y[:8]), (X[:8] * np.inf, Y[:8]), (X[:8], Y[:8] + 5)])
def test_a_later_batch_that_does_not_fit_leaves_the_state_after_the_last_step(bad):
    good = in_order()[0][:3]
    expected, _ = trained(good, epochs=1)
    own = network()
    optimizer = SGD(own, 0.1, momentum=0.9)
    with pytest.raises(ValueError, match=r"batch 3: |has 3 features"):
        fit(own, SoftmaxCrossEntropy(), optimizer, [*good, bad], epochs=1)
    np.testing.assert_array_equal(optimizer.vector.value, expected)
    assert not optimizer.vector.grad.any()


def test_a_source_that_fails_does_not_cost_the_step_before():
    own = network()
    optimizer = SGD(own, 0.1)
    with pytest.raises(OSError, match="the disk is gone"):
        fit(own, SoftmaxCrossEntropy(), optimizer, failing(), epochs=1)
    assert optimizer.steps == 2


def test_a_source_that_runs_dry_says_in_which_epoch():
    with pytest.raises(ValueError, match="no batches in epoch 2"):
        trained(Epochs([in_order()[0], []]), epochs=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 16}, "batch_size belongs to"),
        ({"sample_weight": Y}, "sample_weight belongs"),
    ],
)
def test_what_belongs_to_arrays_is_refused_with_an_iterable(options, message):
    with pytest.raises(ValueError, match=message):
        trained(in_order()[0], epochs=1, **options)
