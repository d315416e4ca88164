"""A generator as numbers: it goes on where it was, and no state is taken that none can have."""

import copy
import json

import numpy as np
import pytest

from minidl.checkpoint.generators import generator_with, state_of

KINDS = ["PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"]
every_kind = pytest.mark.parametrize("kind", KINDS)


def generator(kind, seed=3):
    return np.random.Generator(getattr(np.random, kind)(seed))


@every_kind
def test_a_generator_goes_on_where_it_was_after_a_way_through_json(kind):
    own = generator(kind)
    own.integers(9, size=5, dtype=np.int32)  # leaves half of a word behind
    twin = generator_with(json.loads(json.dumps(state_of(own))))
    for draw in ("random", "standard_normal"):
        np.testing.assert_array_equal(getattr(own, draw)(99), getattr(twin, draw)(99))
    assert own.integers(9, dtype=np.int32) == twin.integers(9, dtype=np.int32)


@every_kind
def test_taking_the_state_moves_nothing_and_keeps_nothing_in_common(kind):
    own = generator(kind)
    state = state_of(own)
    assert state_of(own) == state
    twin = generator_with(state)
    own.random(700)
    assert state_of(twin) == state


class Mine(np.random.Generator):
    pass


@pytest.mark.parametrize(
    "wrong",
    [np.random, np.random.RandomState(0), Mine(np.random.PCG64(0)), np.random.PCG64(0), None, 3],
)
def test_what_is_no_generator_of_numpys_own_is_refused(wrong):
    with pytest.raises(
        ValueError, match=r"cannot be saved: a generator of np\.random\.default_rng"
    ):
        state_of(wrong)


def places(value, path=()):
    """Yield the path of every part of a state, of a list those of its first three."""
    yield path
    keys = {dict: list, list: lambda items: range(min(3, len(items)))}.get(
        type(value), lambda _: ()
    )
    for key in keys(value):
        yield from places(value[key], (*path, key))


WRONG = {
    "a negative number": -1,
    "a huge number": 2**200,
    "a fraction": 0.5,
    "words": "PCG63",
    "nothing": None,
    "an empty list": [],
    "an empty dict": {},
}


@every_kind
@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_state_with_one_part_spoilt_is_refused(kind, wrong):
    state = state_of(generator(kind))
    for path in places(state):
        spoilt = copy.deepcopy({"": state})
        *outer, last = "", *path
        part = spoilt
        for key in outer:
            part = part[key]
        part[last] = wrong
        with pytest.raises(ValueError, match="is none that a generator can have"):
            generator_with(spoilt[""])


@every_kind
def test_a_state_with_a_part_too_many_or_too_few_is_refused(kind):
    state = state_of(generator(kind))
    for key in state:
        for spoilt in ({k: v for k, v in state.items() if k != key}, {**state, "more": 0}):
            with pytest.raises(ValueError, match="is none that a generator can have"):
                generator_with(spoilt)


def test_a_position_beyond_the_key_of_a_mersenne_twister_is_refused():
    state = state_of(generator("MT19937"))
    for position, right in ((624, True), (625, False)):
        state["state"]["pos"] = position
        if right:
            generator_with(state).random()
        else:
            with pytest.raises(ValueError, match="is none that a generator can have"):
                generator_with(state)
