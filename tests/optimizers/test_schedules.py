"""Schedules against torch's, their ends, their copies, and what they refuse."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from minidl import SGD, CosineDecay, Dense, ExponentialDecay, LinearDecay, StepDecay, WarmUp
from minidl.optimizers.schedules import Schedule

starts, factors, lengths = st.floats(1e-6, 10), st.floats(0.01, 1), st.integers(1, 30)
ALL = [
    StepDecay(0.1, every=5, factor=0.5),
    ExponentialDecay(0.1, factor=0.9),
    LinearDecay(0.1, steps=20, end=0.01),
    CosineDecay(0.1, steps=20, end=0.01),
    WarmUp(5, CosineDecay(0.1, steps=15)),
    WarmUp(5, 0.1),
    WarmUp(2, WarmUp(3, ExponentialDecay(0.1, factor=0.5))),
]


def rates_of_torch(start, make, count=40):
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=start)
    schedule = make(torch.optim.lr_scheduler, optimizer)
    rates = []
    for _ in range(count):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


def agree(schedule, start, make):
    rates = rates_of_torch(start, make)
    assert_allclose([schedule(step) for step in range(40)], rates, rtol=1e-10, atol=1e-14 * start)


@given(start=starts, every=lengths, factor=factors)
def test_step_decay_agrees_with_torch(start, every, factor):
    agree(StepDecay(start, every, factor), start, lambda t, o: t.StepLR(o, every, factor))


@given(start=starts, factor=factors)
def test_exponential_decay_agrees_with_torch(start, factor):
    agree(ExponentialDecay(start, factor), start, lambda t, o: t.ExponentialLR(o, factor))


@given(start=starts, steps=lengths, part=st.floats(0, 1))
def test_linear_decay_agrees_with_torch(start, steps, part):
    schedule = LinearDecay(start, steps, part * start)
    agree(schedule, start, lambda t, o: t.LinearLR(o, 1.0, part, total_iters=steps))


@given(start=starts, steps=st.integers(40, 90), part=st.floats(0, 1))
def test_cosine_decay_agrees_with_torch(start, steps, part):
    """torch's goes up again after the end, so the ends are compared below."""
    schedule = CosineDecay(start, steps, part * start)
    agree(schedule, start, lambda t, o: t.CosineAnnealingLR(o, steps, part * start))


@given(start=starts, steps=lengths, factor=factors)
def test_warm_up_agrees_with_torch(start, steps, factor):
    agree(
        WarmUp(steps, ExponentialDecay(start, factor)),
        start,
        lambda t, o: t.SequentialLR(
            o,
            [t.LinearLR(o, 1 / (steps + 1), 1.0, steps), t.ExponentialLR(o, factor)],
            milestones=[steps],
        ),
    )


@pytest.mark.parametrize("kind", [LinearDecay, CosineDecay])
def test_a_decay_begins_at_its_start_and_stays_at_its_end(kind):
    schedule = kind(0.5, steps=7, end=0.125)
    assert schedule(0) == 0.5
    assert [schedule(step) for step in (7, 8, 1000)] == [0.125] * 3
    rates = schedule(np.arange(8))
    assert (np.diff(rates) < 0).all()


@pytest.mark.parametrize("schedule", ALL, ids=repr)
def test_called_with_an_array_it_gives_the_rates_one_by_one(schedule):
    rates = schedule(np.arange(30))
    assert isinstance(schedule(3), float)
    assert_array_equal(rates, [schedule(step) for step in range(30)])
    assert schedule(np.arange(6).reshape(2, 3)).shape == (2, 3)
    assert (rates >= 0).all()


@pytest.mark.parametrize("schedule", ALL, ids=repr)
@pytest.mark.parametrize("copier", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_is_the_same_function_and_looks_the_same(schedule, copier):
    twin = copier(schedule)
    assert_array_equal(twin(np.arange(30)), schedule(np.arange(30)))
    assert repr(twin) == repr(schedule)


@pytest.mark.parametrize("schedule", ALL, ids=repr)
def test_its_repr_makes_it_again(schedule):
    again = eval(repr(schedule))
    assert_array_equal(again(np.arange(30)), schedule(np.arange(30)))


def test_an_optimizer_asks_with_the_number_of_steps_taken_before():
    asked = []

    def rate(step):
        asked.append(step)
        return 0.5

    optimizer = SGD(Dense(1, 1), rate)
    asked.clear()
    for _ in range(3):
        optimizer.step()
    assert asked == [0, 1, 2]


def test_a_schedule_may_be_replaced_at_any_time():
    optimizer = SGD(Dense(1, 1), CosineDecay(0.5, steps=2))
    optimizer.step()
    assert optimizer.learning_rate == 0.25
    optimizer.learning_rate = 0.125
    assert optimizer.learning_rate == 0.125
    optimizer.learning_rate = ExponentialDecay(1.0, factor=0.5)
    assert optimizer.learning_rate == 0.5


@pytest.mark.parametrize("schedule", ALL, ids=repr)
@pytest.mark.parametrize("step", [-1, np.array([3, 0, -1])], ids=["alone", "in an array"])
def test_a_step_before_the_first_is_refused(schedule, step):
    with pytest.raises(
        ValueError, match=r"no finite rate after -1 steps; they count from 0"
    ) as caught:
        schedule(step)
    assert str(caught.value).startswith(repr(schedule))


@pytest.mark.parametrize("step", [5000, np.arange(3, 5001)[::-1]], ids=["alone", "in an array"])
def test_a_rate_that_has_grown_beyond_every_float_is_refused(step):
    for schedule in (ExponentialDecay(0.1, factor=2), WarmUp(2, StepDecay(0.1, 1, factor=2))):
        with pytest.raises(ValueError, match=r"no finite rate after (5000|4998) steps"):
            schedule(step)


def test_warm_up_takes_any_function_of_the_step():
    schedule = WarmUp(2, lambda step: 1 / (1 + step))
    assert_allclose(schedule(np.arange(5)), [1 / 3, 2 / 3, 1, 1 / 2, 1 / 3])


def test_a_schedule_of_ones_own_is_one_method():
    class InverseRoot(Schedule):
        def __init__(self, start):
            self.start = start

        def _rate(self, step):
            return self.start / np.sqrt(1 + step)

    schedule = InverseRoot(0.5)
    assert schedule(3) == 0.25
    assert repr(schedule) == "InverseRoot(0.5)"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: StepDecay(0, 5), "start must be greater than 0"),
        (lambda: StepDecay(0.1, 0), "every must be at least 1"),
        (lambda: StepDecay(0.1, 2.5), "every must be an integer"),
        (lambda: ExponentialDecay(0.1, 0), "factor must be greater than 0"),
        (lambda: LinearDecay(0.1, 5, -0.1), "end must be at least 0"),
        (lambda: CosineDecay(0.1, 0), "steps must be at least 1"),
        (lambda: WarmUp(0, 0.1), "steps must be at least 1"),
        (lambda: WarmUp(5, 0), "then must be greater than 0"),
        (lambda: WarmUp(5, None), "then must be a number"),
        (lambda: WarmUp(5, CosineDecay), r"then is a class: make an instance, CosineDecay\(…\)"),
        (lambda: SGD(Dense(1, 1), CosineDecay), "learning_rate is a class: make an instance"),
        (
            lambda: SGD(Dense(1, 1), lambda step: -1.0),
            "learning_rate after 0 steps must be at least",
        ),
        (lambda: SGD(Dense(1, 1), lambda step: None), "after 0 steps must be a number"),
        (lambda: SGD(Dense(1, 1), lambda step: float("nan")), "after 0 steps must be finite"),
    ],
)
def test_what_is_no_rate_is_refused(make, words):
    with pytest.raises((ValueError, TypeError), match=words):
        make()


def test_a_schedule_that_turns_negative_is_found_at_that_step_and_changes_nothing():
    layer = Dense(1, 1, rng=0)
    optimizer = SGD(layer, lambda step: 1.0 - step)
    optimizer.step()
    optimizer.step()
    before = layer.weight.value.copy()
    layer.weight.grad += 1
    with pytest.raises(ValueError, match="learning_rate after 2 steps must be at least 0, got -1"):
        optimizer.step()
    assert_array_equal(layer.weight.value, before)
    assert optimizer.steps == 2
