"""Correct layers at points where the derivative does not exist, or is not differentiable itself.

At a kink any slope between the one-sided ones is a right answer.
"""

import numpy as np

from minidl import Layer, Sequential
from tests.corpus import reference as ref
from tests.corpus.awkward.catalogue import awkward


def with_zeros(rng, *shape, share=0.4):
    x = rng.normal(size=shape)
    x[rng.random(shape) < share] = 0
    return x


def whole(rng, *shape, low=-2, high=3):
    return rng.integers(low, high, size=shape).astype(float)


class Elementwise(Layer):
    """A function of one number and its derivative."""

    def __init__(self, function, derivative):
        self.function, self.derivative = function, derivative

    def forward(self, x):
        return self.function(x), x

    def backward(self, dy, x):
        return dy * self.derivative(x)


@awkward
def relu_at_many_exact_zeros(rng):
    return ref.ReLU(), (with_zeros(rng, 5, 4),)


@awkward
def relu_with_the_right_slope_at_zero(rng):
    return Elementwise(lambda x: np.maximum(x, 0), lambda x: x >= 0), (with_zeros(rng, 5, 4),)


@awkward
def relu_with_half_a_slope_at_zero(rng):
    return Elementwise(lambda x: np.maximum(x, 0), lambda x: np.heaviside(x, 0.5)), (
        with_zeros(rng, 5, 4),
    )


@awkward
def relu_of_zeros_only(rng):
    return ref.ReLU(), (np.zeros((4, 3)),)


@awkward
def relu_closer_to_zero_than_any_step(rng):
    x = rng.normal(size=(5, 4))
    x[0] = [1e-7, -1e-7, 1e-9, -1e-12]
    x[1] = [1e-5, -1e-5, 1e-3, -1e-15]
    return ref.ReLU(), (x,)


@awkward
def leaky_relu_at_zeros(rng):
    return ref.LeakyReLU(), (with_zeros(rng, 5, 4),)


@awkward
def prelu_at_zeros(rng):
    return ref.PReLU(4), (with_zeros(rng, 5, 4),)


@awkward
def absolute_value_at_zeros(rng):
    return ref.Abs(), (with_zeros(rng, 5, 4),)


@awkward
def absolute_value_with_slope_one_at_zero(rng):
    return Elementwise(np.abs, lambda x: np.where(x >= 0, 1.0, -1.0)), (with_zeros(rng, 5, 4),)


@awkward
def hard_tanh_at_its_corners(rng):
    return ref.HardTanh(), (whole(rng, 5, 4),)


@awkward
def clip_with_slope_one_at_its_corners(rng):
    return Elementwise(lambda x: np.clip(x, -1, 1), lambda x: (np.abs(x) <= 1).astype(float)), (
        whole(rng, 5, 4),
    )


@awkward
def relu6_at_its_corners(rng):
    x = rng.choice([-1.0, 0.0, 3.0, 6.0, 7.5], size=(5, 4))
    return Elementwise(lambda x: np.clip(x, 0, 6), lambda x: ((x > 0) & (x < 6)).astype(float)), (
        x,
    )


@awkward
def sign_away_from_zero(rng):
    return Elementwise(np.sign, np.zeros_like), (rng.normal(size=(5, 4)),)


@awkward
def floor_between_the_integers(rng):
    return Elementwise(np.floor, np.zeros_like), (rng.uniform(0.2, 0.8, size=(5, 4)),)


@awkward
def rounding_of_ordinary_numbers(rng):
    return Elementwise(np.round, np.zeros_like), (rng.integers(-3, 3, size=(5, 4)) + 0.25,)


@awkward
def saw_tooth_between_its_jumps(rng):
    return Elementwise(lambda x: x - np.floor(x), np.ones_like), (
        rng.uniform(0.1, 0.9, size=(5, 4)) + rng.integers(-2, 3, size=(5, 4)),
    )


@awkward
def elu_with_alpha_one_is_not_twice_differentiable(rng):
    return ref.ELU(1.0), (with_zeros(rng, 5, 4),)


@awkward
def elu_with_another_alpha_has_a_kink(rng):
    return ref.ELU(2.5), (with_zeros(rng, 5, 4),)


@awkward
def x_times_its_absolute_value(rng):
    return Elementwise(lambda x: x * np.abs(x), lambda x: 2 * np.abs(x)), (with_zeros(rng, 5, 4),)


@awkward
def square_of_relu(rng):
    return Elementwise(lambda x: np.maximum(x, 0) ** 2, lambda x: 2 * np.maximum(x, 0)), (
        with_zeros(rng, 5, 4),
    )


@awkward
def power_of_three_halves_of_relu(rng):
    return Elementwise(
        lambda x: np.maximum(x, 0) ** 1.5, lambda x: 1.5 * np.sqrt(np.maximum(x, 0))
    ), (with_zeros(rng, 5, 4),)


@awkward
def huber_at_delta_and_at_zero(rng):
    target = rng.normal(size=(5, 4))
    return ref.Huber(), (target + rng.choice([-1.0, 0.0, 1.0, 0.3, 2.0], size=(5, 4)), target)


@awkward
def huber_at_delta_exactly(rng):
    return ref.Huber(0.5), (rng.choice([-0.5, 0.5, 0.0, 0.25], size=(5, 4)), np.zeros((5, 4)))


@awkward
def hinge_at_the_margin(rng):
    return ref.Hinge(), (whole(rng, 5, 4), rng.integers(4, size=5))


@awkward
def absolute_error_that_is_partly_zero(rng):
    target = rng.normal(size=(5, 4))
    return ref.L1(), (target + whole(rng, 5, 4), target)


@awkward
def max_pool_of_a_constant_image(rng):
    return ref.MaxPool2D(), (np.full((2, 2, 4, 4), 0.7),)


@awkward
def max_pool_of_few_values(rng):
    return ref.MaxPool2D(), (whole(rng, 2, 2, 4, 4, low=0),)


@awkward
def max_pool_of_a_digit_on_a_black_ground(rng):
    x = np.zeros((2, 1, 6, 6))
    x[:, :, 2:4, 1:5] = rng.random(size=(2, 1, 2, 4))
    return ref.MaxPool2D(), (x,)


@awkward
def overlapping_max_pool_with_ties(rng):
    return ref.MaxPool2D(3, 1), (whole(rng, 2, 1, 5, 5, low=0),)


class SharedMax(Layer):
    """The greatest of each row; the gradient is shared among those that tie."""

    def forward(self, x):
        y = x.max(axis=1)
        winners = x == y[:, None]
        return y, winners / winners.sum(axis=1, keepdims=True)

    def backward(self, dy, share):
        return dy[:, None] * share


@awkward
def maximum_that_shares_the_gradient_among_ties(rng):
    return SharedMax(), (whole(rng, 5, 6, low=0),)


@awkward
def maximum_of_rows_with_ties(rng):
    return ref.MaxOverAxis(), (whole(rng, 5, 6, low=0),)


class Maximum(Layer):
    """max(a, b), and a where they are equal."""

    def forward(self, a, b):
        return np.maximum(a, b), a >= b

    def backward(self, dy, first):
        return dy * first, dy * ~first


@awkward
def maximum_of_two_inputs_that_are_equal_in_places(rng):
    a = whole(rng, 5, 4)
    return Maximum(), (a, np.where(rng.random((5, 4)) < 0.5, a, rng.normal(size=(5, 4))))


class Sort(Layer):
    """Each row sorted."""

    def forward(self, x):
        order = x.argsort(axis=1, kind="stable")
        return np.take_along_axis(x, order, axis=1), order

    def backward(self, dy, order):
        dx = np.empty_like(dy)
        np.put_along_axis(dx, order, dy, axis=1)
        return dx


def with_pairs(rng, rows, width):
    """Return rows in which some numbers occur twice and none more often.

    Among three equal numbers the middle one of a sorted row can move either way without changing
    any output, so that its partial derivative is 0 and every sorting layer's gradient is not.
    """
    return np.stack([rng.permutation(np.arange(width) // 2) for _ in range(rows)]).astype(float)


@awkward
def sorting_with_ties(rng):
    return Sort(), (with_pairs(rng, 4, 6),)


class Median(Layer):
    """The middle of each row of odd length."""

    def forward(self, x):
        order = x.argsort(axis=1, kind="stable")
        return np.median(x, axis=1), (order[:, x.shape[1] // 2], x.shape)

    def backward(self, dy, cache):
        middle, shape = cache
        dx = np.zeros(shape, dy.dtype)
        dx[np.arange(shape[0]), middle] = dy
        return dx


@awkward
def median_with_ties(rng):
    return Median(), (with_pairs(rng, 4, 5),)


class RowNorm(Layer):
    """|x| of each row, with gradient 0 for a row of zeros."""

    def forward(self, x):
        norm = np.sqrt((x * x).sum(axis=1, keepdims=True))
        return norm[:, 0], (x, norm)

    def backward(self, dy, cache):
        x, norm = cache
        return dy[:, None] * np.divide(x, norm, out=np.zeros_like(x), where=norm > 0)


@awkward
def norm_of_rows_of_which_one_is_zero(rng):
    x = rng.normal(size=(5, 4))
    x[2] = 0
    return RowNorm(), (x,)


@awkward
def norm_of_zeros_with_epsilon(rng):
    return ref.UnitRows(1e-6), (np.zeros((3, 4)),)


@awkward
def a_network_of_relus_fed_with_zeros(rng):
    network = Sequential(
        ref.Dense(rng, 4, 6), ref.ReLU(), ref.Dense(rng, 6, 5), ref.ReLU(), ref.Dense(rng, 5, 2)
    )
    for layer in network.layers[::2]:
        layer.bias.value[...] = 0
    return network, (with_zeros(rng, 5, 4, share=0.6),)


@awkward
def a_relu_after_a_relu(rng):
    return Sequential(ref.ReLU(), ref.ReLU(), ref.Dense(rng, 4, 3)), (with_zeros(rng, 5, 4),)


@awkward
def a_difference_of_kinks_that_cancel(rng):
    def function(x):
        return np.maximum(x, 0) - np.maximum(-x, 0)

    return Elementwise(function, np.ones_like), (with_zeros(rng, 5, 4),)


@awkward
def absolute_value_within_1e6_of_its_kink(rng):
    return ref.Abs(), (rng.normal(size=(5, 4)) * 1e-6,)


@awkward
def absolute_values_of_sums_that_are_nearly_zero(rng):
    x = rng.normal(size=(5, 4))
    x[:, 3] = -x[:, :3].sum(axis=1)  # zero up to rounding
    layer = Sequential(ref.Linear(rng, 4, 1), ref.Abs())
    layer.layers[0].matrix = np.ones((4, 1))
    return layer, (x,)
