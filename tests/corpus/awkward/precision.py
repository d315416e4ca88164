"""Correct layers whose numbers are awkward: scales, saturation, cancellation, float32, noise."""

import numpy as np

from minidl import Layer, Sequential
from tests.corpus import reference as ref
from tests.corpus import samples
from tests.corpus.awkward.catalogue import awkward
from tests.corpus.awkward.kinks import Elementwise

F32 = np.float32


def single(rng, *shape):
    return rng.normal(size=shape).astype(F32)


@awkward
def columns_of_scale_1e8_and_1e_minus_8(rng):
    scales = np.array([1e8, 1e-8, 1.0, 1e-4])
    layer = ref.Dense(rng, 4, 3)
    layer.weight.value /= scales[:, None]
    return layer, (rng.normal(size=(5, 4)) * scales,)


@awkward
def columns_of_scale_1e8_through_the_same_weights(rng):
    return ref.Dense(rng, 4, 3), (rng.normal(size=(5, 4)) * np.array([1e8, 1e-8, 1.0, 1e-4]),)


@awkward
def inputs_of_1e8_through_tanh(rng):
    return ref.Tanh(), (1e8 * rng.normal(size=(5, 4)),)


@awkward
def inputs_of_1e_minus_8_through_tanh(rng):
    return ref.Tanh(), (1e-8 * rng.normal(size=(5, 4)),)


@awkward
def weights_of_1e_minus_8(rng):
    layer = ref.Dense(rng, 4, 3)
    layer.weight.value *= 1e-8
    return Sequential(layer, ref.Tanh()), (rng.normal(size=(5, 4)),)


@awkward
def squares_of_1e10(rng):
    return ref.Square(), (1e10 * rng.normal(size=(5, 4)),)


@awkward
def a_constant_offset_of_a_million(rng):
    return Elementwise(lambda x: 1e6 + x, np.ones_like), (rng.normal(size=(5, 4)),)


@awkward
def a_constant_offset_of_a_million_on_a_tanh(rng):
    return Elementwise(lambda x: 1e6 + np.tanh(x), lambda x: 1 - np.tanh(x) ** 2), (
        rng.normal(size=(5, 4)),
    )


@awkward
def one_plus_tanh_far_out(rng):
    return Elementwise(lambda x: 1 + np.tanh(x), lambda x: 1 - np.tanh(x) ** 2), (
        rng.uniform(-18, -6, size=(5, 4)),
    )


@awkward
def saturated_sigmoids(rng):
    return ref.Sigmoid(), (20 * rng.normal(size=(5, 4)),)


@awkward
def sigmoids_of_hundreds(rng):
    return ref.Sigmoid(), (400 * rng.normal(size=(5, 4)),)


@awkward
def saturated_softmax(rng):
    return ref.Softmax(), (30 * rng.normal(size=(5, 4)),)


@awkward
def log_softmax_with_gaps_of_a_thousand(rng):
    return ref.LogSoftmax(), (1e3 * rng.normal(size=(5, 4)),)


@awkward(undecided="a loss of 1e-13 comes in steps of 1e-16, so its slope is known to a tenth only")
def cross_entropy_of_confident_and_right_logits(rng):
    label = rng.integers(4, size=5)
    z = rng.normal(size=(5, 4))
    z[np.arange(5), label] += 30  # a loss of 1e-13
    return ref.SoftmaxCE(), (z, label)


@awkward
def cross_entropy_of_confident_and_wrong_logits(rng):
    label = rng.integers(4, size=5)
    z = rng.normal(size=(5, 4))
    z[np.arange(5), label] -= 40
    return ref.SoftmaxCE(), (z, label)


@awkward
def cross_entropy_with_gaps_of_1e4(rng):
    return ref.SoftmaxCE(), (1e4 * rng.normal(size=(5, 4)), rng.integers(4, size=5))


@awkward
def cross_entropy_of_the_library_with_gaps_of_1e3(rng):
    from minidl import SoftmaxCrossEntropy

    return SoftmaxCrossEntropy(), (1e3 * rng.normal(size=(5, 4)), rng.integers(4, size=5))


@awkward
def binary_cross_entropy_of_saturated_logits(rng):
    loss, (z, target) = samples.bce(rng)
    return loss, (50 * z, target)


@awkward
def squared_error_of_almost_nothing(rng):
    target = rng.normal(size=(5, 3))
    return ref.MSE(), (target + 1e-7 * rng.normal(size=(5, 3)), target)


@awkward
def squared_error_at_its_minimum(rng):
    target = rng.normal(size=(5, 3))
    return ref.MSE(), (target.copy(), target)


@awkward
def a_bias_before_batch_norm(rng):
    return Sequential(ref.Dense(rng, 4, 3), ref.BatchNorm(rng, 3)), (rng.normal(size=(6, 4)),)


@awkward
def a_shift_before_softmax(rng):
    layer = ref.Dense(rng, 4, 1)
    repeat = ref.Linear(rng, 1, 3)
    repeat.matrix = np.ones((1, 3))
    return Sequential(layer, repeat, ref.Softmax()), (rng.normal(size=(5, 4)),)


@awkward
def an_output_that_nearly_cancels(rng):
    return Elementwise(lambda x: (1 + x) - (1 - 1e-9 * x), lambda x: 1 + 1e-9 + 0 * x), (
        1e-7 * rng.normal(size=(5, 4)),
    )


@awkward
def a_difference_of_large_squares(rng):
    return Elementwise(lambda x: (1e4 + x) ** 2 - 1e8, lambda x: 2 * (1e4 + x)), (
        rng.normal(size=(5, 4)),
    )


@awkward
def batch_norm_of_a_constant_column(rng):
    x = rng.normal(size=(6, 4))
    x[:, 1] = 3.0
    return ref.BatchNorm(rng, 4), (x,)


@awkward
def batch_norm_with_a_large_mean(rng):
    return ref.BatchNorm(rng, 4), (rng.normal(size=(6, 4)) + 1e4,)


@awkward
def batch_norm_of_two_samples(rng):
    return ref.BatchNorm(rng, 3), (rng.normal(size=(2, 3)),)


@awkward
def batch_norm_of_one_sample(rng):
    return ref.BatchNorm(rng, 3), (rng.normal(size=(1, 3)),)


@awkward
def layer_norm_of_nearly_equal_entries(rng):
    return ref.LayerNorm(rng, 5), (1 + 1e-4 * rng.normal(size=(4, 5)),)


@awkward
def layer_norm_of_two_features(rng):
    return ref.LayerNorm(rng, 2), (rng.normal(size=(4, 2)),)


@awkward
def layer_norm_of_one_feature(rng):
    return ref.LayerNorm(rng, 1), (rng.normal(size=(4, 1)),)


@awkward
def square_root_near_zero(rng):
    return Elementwise(np.sqrt, lambda x: 0.5 / np.sqrt(x)), (
        10 ** rng.uniform(-8, 0, size=(5, 4)),
    )


@awkward
def square_root_of_small_squares(rng):
    return Elementwise(lambda x: np.sqrt(x * x + 1e-8), lambda x: x / np.sqrt(x * x + 1e-8)), (
        1e-3 * rng.normal(size=(5, 4)),
    )


@awkward
def logarithm_of_small_numbers(rng):
    return Elementwise(np.log, lambda x: 1 / x), (10 ** rng.uniform(-9, 0, size=(5, 4)),)


@awkward
def reciprocal_of_small_numbers(rng):
    return Elementwise(lambda x: 1 / x, lambda x: -1 / (x * x)), (
        10 ** rng.uniform(-4, 0, size=(5, 4)),
    )


@awkward
def fast_oscillation(rng):
    return Elementwise(lambda x: np.sin(300 * x), lambda x: 300 * np.cos(300 * x)), (
        rng.normal(size=(5, 4)),
    )


@awkward
def a_steep_sigmoid(rng):
    return Elementwise(lambda x: np.tanh(1e3 * x), lambda x: 1e3 / np.cosh(1e3 * x) ** 2), (
        1e-3 * rng.normal(size=(5, 4)),
    )


@awkward
def exponentials_over_sixty_decades(rng):
    return ref.Exp(), (rng.uniform(-70, 70, size=(5, 4)),)


@awkward
def a_high_power(rng):
    return Elementwise(lambda x: x**20, lambda x: 20 * x**19), (rng.normal(size=(5, 4)),)


@awkward
def a_deep_chain_of_tanh(rng):
    layers = [layer for _ in range(8) for layer in (ref.Dense(rng, 3, 3), ref.Tanh())]
    return Sequential(*layers), (rng.normal(size=(4, 3)),)


@awkward(undecided="the first layers add 1e-12 of the output, a few hundred roundings")
def a_deep_chain_of_tanh_with_tiny_weights(rng):
    layers = [layer for _ in range(6) for layer in (ref.Dense(rng, 3, 3), ref.Tanh())]
    for layer in layers[::2]:
        layer.weight.value *= 0.02
    return Sequential(*layers), (rng.normal(size=(4, 3)),)


class Chunked(Layer):
    """tanh computed in float32 by someone who wanted speed, in a float64 layer."""

    def forward(self, x):
        y = np.tanh(x.astype(F32))
        return y.astype(x.dtype), y

    def backward(self, dy, y):
        y = y.astype(dy.dtype)
        return dy * (1 - y * y)


@awkward
def a_hidden_float32_inside_a_float64_layer(rng):
    return Chunked(), (rng.normal(size=(5, 4)),)


@awkward
def a_hidden_float32_with_one_row(rng):
    return Chunked(), (rng.normal(size=(1, 4)),)


@awkward
def a_hidden_float32_inside_a_network(rng):
    return Sequential(ref.Dense(rng, 4, 3), Chunked(), ref.Dense(rng, 3, 2)), (
        rng.normal(size=(5, 4)),
    )


@awkward
def float32_dense(rng):
    return ref.Dense(rng, 4, 3, F32), (single(rng, 5, 4),)


@awkward
def float32_dense_given_float64(rng):
    return ref.Dense(rng, 4, 3, F32), (rng.normal(size=(5, 4)),)


@awkward
def float32_dense_of_the_library(rng):
    from minidl import Dense

    return Dense(4, 3, rng=rng), (single(rng, 5, 4),)


@awkward
def float32_network_with_kinks(rng):
    network = Sequential(ref.Dense(rng, 4, 6, F32), ref.ReLU(), ref.Dense(rng, 6, 2, F32))
    x = single(rng, 5, 4)
    x[1] = 0
    network.layers[0].bias.value[...] = 0
    return network, (x,)


@awkward
def float32_batch_norm(rng):
    return ref.BatchNorm(rng, 4, dtype=F32), (single(rng, 6, 4),)


@awkward
def float32_layer_norm_with_an_offset(rng):
    return ref.LayerNorm(rng, 5, dtype=F32), (single(rng, 4, 5) + F32(10),)


@awkward
def float32_convolution(rng):
    return ref.Conv2D(rng, 2, 3, 3, padding=1, dtype=F32), (single(rng, 2, 2, 4, 5),)


@awkward
def float32_relu_near_zero(rng):
    return ref.ReLU(), (
        (10.0 ** rng.uniform(-7, 0, (5, 4)) * rng.choice([-1, 1], (5, 4))).astype(F32),
    )


@awkward
def float32_cross_entropy(rng):
    return ref.SoftmaxCE(), (10 * single(rng, 5, 4), rng.integers(4, size=5))


@awkward
def float32_lstm(rng):
    return ref.LSTM(rng, 3, 2, F32), (single(rng, 4, 3, 3),)


@awkward
def float32_sigmoid_saturated(rng):
    return ref.Sigmoid(), (15 * single(rng, 5, 4),)


@awkward
def float32_max_pool_with_ties(rng):
    return ref.MaxPool2D(), (rng.integers(0, 3, size=(2, 2, 4, 4)).astype(F32),)


class SquareRootByNewton(Layer):
    """√x by an iteration that stops at a relative change of 1e-10."""

    def forward(self, x):
        y = np.ones_like(x)
        for _ in range(100):
            new = (y + x / y) / 2
            done = np.abs(new - y).max() < 1e-10 * np.abs(new).max()
            y = new
            if done:
                break
        return y, y

    def backward(self, dy, y):
        return dy / (2 * y)


@awkward
def an_iterative_square_root(rng):
    return SquareRootByNewton(), (rng.uniform(0.5, 4, size=(5, 4)),)


class FixedPoint(Layer):
    """y = tanh(y A + x), by iteration until the change is below 1e-10; the implicit gradient."""

    def __init__(self, rng, features):
        a = rng.normal(size=(features, features))
        self.matrix = 0.6 * a / np.linalg.norm(a, 2)

    def forward(self, x):
        y = np.zeros_like(x)
        for _ in range(200):
            new = np.tanh(y @ self.matrix + x)
            change = np.abs(new - y).max()
            y = new
            if change < 1e-10:
                break
        return y, y

    def backward(self, dy, y):
        slope = 1 - y * y
        dx = np.empty_like(dy)
        for n in range(len(y)):  # dx = D (I − A D)⁻¹ dy, D the slopes of this sample
            system = np.eye(y.shape[1]) - self.matrix * slope[n]
            dx[n] = slope[n] * np.linalg.solve(system, dy[n])
        return dx


@awkward
def an_implicit_layer_solved_to_1e_minus_10(rng):
    return FixedPoint(rng, 4), (rng.normal(size=(5, 4)),)


class Noisy(Layer):
    """x² with a relative error of 1e-10 that looks random but is a function of x."""

    def forward(self, x):
        jitter = np.sin(1e12 * x + 0.3)
        return x * x * (1 + 1e-10 * jitter), x

    def backward(self, dy, x):
        return 2 * x * dy


@awkward
def a_result_with_noise_of_1e_minus_10(rng):
    return Noisy(), (rng.uniform(0.5, 2, size=(5, 4)),)


@awkward
def results_rounded_to_ten_digits(rng):
    return Elementwise(lambda x: np.round(np.sin(x), 10), np.cos), (rng.normal(size=(5, 4)),)


@awkward
def a_gradient_with_rounding_noise_of_its_own(rng):
    def derivative(x):
        return ((np.sin(x) + 1e5) - 1e5) * -1.0

    return Elementwise(np.cos, derivative), (rng.normal(size=(5, 4)),)


@awkward
def cosine_loss_of_short_vectors(rng):
    loss, (x, target) = samples.cosine(rng)
    return loss, (1e-6 * x, target)


@awkward
def unit_rows_of_lengths_over_ten_decades(rng):
    return ref.UnitRows(0.0), (rng.normal(size=(5, 4)) * 10.0 ** np.arange(-6, 4, 2)[:, None],)


@awkward
def a_row_1e_minus_9_long_among_others(rng):
    x = rng.normal(size=(5, 4))
    x[2] *= 1e-9
    return ref.UnitRows(1e-30), (x,)
