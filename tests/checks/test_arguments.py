"""Checks of hyper-parameters: what passes, and that what does not is named."""

import decimal
import fractions

import numpy as np
import pytest

from minidl.checks.arguments import as_generator, integer, number, seed_entropy


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3), np.array(3)])
def test_whatever_is_an_integer_becomes_an_int(value):
    assert type(integer("size", value, least=1)) is int
    assert integer("size", value, least=3) == 3


@pytest.mark.parametrize("value", [3.0, "3", None, True, np.True_, np.array([3]), 3j])
def test_what_is_not_an_integer_is_a_type_error_that_shows_it(value):
    with pytest.raises(TypeError, match="size must be an integer, got") as caught:
        integer("size", value, least=1)
    assert repr(value) in str(caught.value)


def test_an_integer_below_the_least_is_a_value_error_with_both():
    with pytest.raises(ValueError, match="size must be at least 1, got 0"):
        integer("size", 0, least=1)


@pytest.mark.parametrize(
    "value",
    [0.5, np.float32(0.5), np.array(0.5), fractions.Fraction(1, 2), decimal.Decimal("0.5")],
)
def test_whatever_is_a_number_becomes_a_python_float(value):
    assert type(number("rate", value)) is float
    assert number("rate", value) == 0.5


@pytest.mark.parametrize("value", ["0.5", b"1", None, True, np.False_, 1j, [0.5], np.ones(2)])
def test_what_is_not_a_number_is_a_type_error_that_shows_it(value):
    with pytest.raises(TypeError, match="rate must be a number, got") as caught:
        number("rate", value)
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, np.float32("inf")])
def test_a_number_is_finite(value):
    with pytest.raises(ValueError, match="rate must be finite, got"):
        number("rate", value)


@pytest.mark.parametrize(
    "value",
    [
        10**400,
        np.complex64(1 + 2j),
    ],
    ids=["an integer beyond every float", "a complex number of NumPy's"],
)
def test_what_no_float_can_hold_is_refused_in_our_own_words(value):
    with pytest.raises((TypeError, ValueError), match="rate must be"):
        number("rate", value)


@pytest.mark.parametrize("value", [1e300, -1e39, np.float64(3.5e38)])
def test_a_number_is_finite_in_float32_too(value):
    with pytest.raises(ValueError, match=r"rate must be finite, got .*, which float32 cannot hold"):
        number("rate", value)


@pytest.mark.parametrize("value", [1e-300, 1e-46, 1e-40])
def test_what_vanishes_in_float32_is_no_number_above_zero(value):
    with pytest.raises(ValueError, match=r"than 0, got .*, which float32 cannot hold"):
        number("rate", value, above=0)
    assert number("rate", value, least=0) == value


def test_bounds_are_open_above_and_below_and_closed_at_the_least():
    assert number("rate", 0, least=0) == 0
    for bounds, words in [
        ({"above": 0}, "greater than 0"),
        ({"below": 0}, "less than 0"),
        ({"least": 0.5}, "at least 0.5"),
    ]:
        with pytest.raises(ValueError, match=f"rate must be {words}, got 0"):
            number("rate", 0, **bounds)


def test_a_generator_is_itself_and_a_seed_gives_the_same_numbers_again():
    rng = np.random.default_rng(0)
    assert as_generator(rng) is rng
    assert as_generator(7).random() == np.random.default_rng(7).random()
    assert as_generator(None).random() != as_generator(None).random()


def test_a_seed_is_itself_and_no_seed_is_fresh_entropy():
    assert seed_entropy(5) == 5
    assert seed_entropy(None) != seed_entropy(None)
    with pytest.raises(ValueError, match="seed must be at least 0, got -1"):
        seed_entropy(-1)
