"""numerical_gradient: the truth lies within the error that it gives, and the error is small."""

import numpy as np
import pytest
from scipy.special import erf, expit

from minidl.gradcheck import check_scalar, numerical_gradient, numerical_jacobian

SMOOTH = {
    "square": (lambda x: x * x, lambda x: 2 * x),
    "sine": (np.sin, np.cos),
    "tanh": (np.tanh, lambda x: 1 / np.cosh(x) ** 2),
    "linear": (lambda x: 3 * x, lambda x: np.full_like(x, 3.0)),
    "exponential": (np.exp, np.exp),
    "sigmoid": (expit, lambda x: expit(x) * expit(-x)),
    "error function": (erf, lambda x: 2 / np.sqrt(np.pi) * np.exp(-x * x)),
}

# how a function may lose its last digits in a number much larger than itself, and its slope factor
ABSORBED = {
    "in the terms": (lambda y, c: ((y + c) - c).sum(), lambda y: 1.0),
    "in the sum": (lambda y, c: (y + c).sum() - y.size * c, lambda y: 1.0),
    "in the mean": (lambda y, c: np.mean(0.7 * ((y + c) - c)), lambda y: 0.7 / y.size),
    "before an exponential": (
        lambda y, c: 0.7 * np.exp(0.3 * ((y + c) - c)).sum(),
        lambda y: 0.21 * np.exp(0.3 * y),
    ),
}


def points(count):
    """Random points, every other one on a coarse grid, where rounding is regular."""
    for seed in range(count):
        x = np.random.default_rng(seed).normal(size=4)
        yield x.round(1) if seed % 2 else x


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("where", ABSORBED)
def test_the_truth_lies_within_the_error_however_much_rounding_is_absorbed(name, where):
    f, slope = SMOOTH[name]
    absorb, factor = ABSORBED[where]
    for exponent in range(10):
        offset = 10.0**exponent
        for x in points(4):
            gradient, error = numerical_gradient(lambda z: absorb(f(z), offset), x)  # noqa: B023
            truth = slope(x) * factor(f(x))
            known = np.isfinite(error)
            assert known.mean() >= 0.75
            assert (np.abs(gradient - truth) <= error + 1e-15)[known].all(), (offset, x)
            # two thirds of the digits that the offset leaves: what a central difference can give
            assert np.median(error[known]) <= 500 * (2e-16 * offset) ** (2 / 3), (offset, x)


def test_a_function_shifted_by_a_million_keeps_its_slope():
    gradient, error = numerical_gradient(lambda x: (x**2 + 1e6).sum() - 3e6, [0.5, 1.0, 1.5])
    np.testing.assert_allclose(gradient, [1, 2, 3], atol=1e-6)
    assert error.max() < 1e-5


@pytest.mark.parametrize("offset", [1e6, 1e8])
def test_a_right_gradient_passes_where_an_offset_absorbs_the_function(offset):
    def function(x):
        return ((x * x + offset) - offset).sum()

    for seed in range(25):
        x = np.random.default_rng(seed).normal(size=(2, 3)).round(1)
        report = check_scalar(function, lambda x: 2 * x, x, seed=seed, variants=False)
        assert report.verdict != "fail", (seed, str(report))
    wrong = check_scalar(function, lambda x: 2.1 * x, x, variants=False)
    assert wrong.verdict == "fail"


def test_a_kink_is_reported_as_the_interval_of_its_one_sided_slopes():
    gradient, error = numerical_gradient(lambda x: np.maximum(x, 0.1 * x).sum(), [0.0, -1.0, 2.0])
    np.testing.assert_allclose(gradient, [0.55, 0.1, 1], atol=1e-9)
    np.testing.assert_allclose(error, [0.45, 0, 0], atol=1e-9)


@pytest.mark.parametrize("distance", [1e-2, 1e-4, 1e-6, 1e-8])
@pytest.mark.parametrize("side", [-1, 1])
def test_a_kink_nearby_does_not_mislead(distance, side):
    x = np.array([side * distance, 1.0, -2.0])
    gradient, error = numerical_gradient(lambda x: np.abs(x).sum(), x)
    assert (np.abs(gradient - np.sign(x)) <= error).all()
    assert error.max() < 1e-2


def test_nothing_is_claimed_at_a_jump_at_the_edge_of_the_domain_or_of_noise():
    rng = np.random.default_rng(0)
    for function, x in (
        (lambda x: float(x[0] > 0), [0.0]),
        (lambda x: np.sqrt(x[0]), [0.0]),
        (lambda x: np.log(x[0]), [0.0]),
        (lambda x: rng.normal(), [1.0]),
    ):
        gradient, error = numerical_gradient(function, x)
        assert np.isnan(gradient[0])
        assert np.isinf(error[0])


def test_the_jacobian_of_a_matrix_product_is_its_matrix():
    matrix = np.random.default_rng(0).normal(size=(3, 4))
    jacobian, error = numerical_jacobian(lambda x: matrix @ x, np.arange(4.0))
    assert (np.abs(jacobian - matrix) <= error).all()
    assert error.max() < 1e-9


def test_functions_at_extreme_scales_keep_their_relative_precision():
    for size in (1e-100, 1e-8, 1e8, 1e100):
        gradient, error = numerical_gradient(
            lambda x: (x**2).sum(),
            size * np.array([1.0, -2.0, 0.5]),
        )
        truth = 2 * size * np.array([1.0, -2.0, 0.5])
        if np.isfinite(error).all():
            assert (np.abs(gradient - truth) <= error).all()


def test_a_function_of_several_numbers_is_refused_by_name():
    with pytest.raises(ValueError, match="gives 3 numbers, expected one; numerical_jacobian"):
        numerical_gradient(lambda x: np.array([x[0], x[0] ** 2, 1.0]), [0.1])
