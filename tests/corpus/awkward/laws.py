"""Correct layers that a hasty test of a law would call wrong."""

from dataclasses import dataclass

import numpy as np

from minidl import Buffer, Dense, Layer, Parameter, ReLU, Sequential, SoftmaxCrossEntropy, Tanh
from minidl.testing import laws
from tests.corpus import samples
from tests.corpus.awkward.catalogue import awkward


class Standardise(Layer):
    """Batch normalisation: every sample depends on every other, statistics are buffers."""

    def __init__(self, features):
        self.gain = Parameter(np.ones(features))
        self.mean = Buffer(np.zeros(features))

    def forward(self, x):
        if not len(x):
            return x.copy(), (x, np.ones_like(self.gain.value))
        mean = x.mean(axis=0)
        self.mean.value *= 0.9
        self.mean.value += 0.1 * mean
        spread = np.sqrt(((x - mean) ** 2).mean(axis=0) + x.dtype.type(1e-3))
        normalised = (x - mean) / spread
        return normalised * self.gain.value, (normalised, spread)

    def backward(self, dy, cache):
        normalised, spread = cache
        if not len(dy):
            return dy.copy()
        self.gain.grad += (dy * normalised).sum(axis=0)
        dy = dy * self.gain.value
        return (dy - dy.mean(axis=0) - normalised * (dy * normalised).mean(axis=0)) / spread

    def __call__(self, x):
        return (x - self.mean.value) * self.gain.value


class Masked(Layer):
    """The second input is floating, but a constant."""

    differentiable = 1

    def forward(self, x, mask):
        return x * mask, mask

    def backward(self, dy, mask):
        return dy * mask


class Tied(Layer):
    """One parameter used twice, once transposed; a composite with a call of its own."""

    def __init__(self):
        self.weight = Parameter(np.random.default_rng(0).normal(size=(3, 2)))
        self.inner = [{"activation": Tanh()}]

    def forward(self, x):
        hidden, cache = self.inner[0]["activation"].forward(x @ self.weight.value)
        return hidden @ self.weight.value.T, (x, hidden, cache)

    def backward(self, dy, caches):
        x, hidden, cache = caches
        self.weight.grad += dy.T @ hidden
        d_hidden = self.inner[0]["activation"].backward(dy @ self.weight.value, cache)
        self.weight.grad += x.T @ d_hidden
        return d_hidden @ self.weight.value.T

    def __call__(self, x):
        return self.inner[0]["activation"](x @ self.weight.value) @ self.weight.value.T


class SoftmaxShiftedByTheWholeBatch(Layer):
    """Samples meet in the shift, which cancels up to rounding."""

    def forward(self, x):
        powers = np.exp(x - np.max(x, initial=-np.inf))
        p = powers / powers.sum(axis=1, keepdims=True)
        return p, p

    def backward(self, dy, p):
        return p * (dy - (dy * p).sum(axis=1, keepdims=True))


class WithClosure(Layer):
    """The cache is a function."""

    def forward(self, x):
        y = np.sin(x)
        return y, lambda dy: dy * np.cos(x)

    def backward(self, dy, pull_back):
        return pull_back(dy)


@dataclass
class Kept:
    places: np.ndarray
    shape: tuple


class MaxOfFeatures(Layer):
    """The cache is an object; where two are equal the first is taken."""

    def forward(self, x):
        places = x.argmax(axis=1)
        return x[np.arange(len(x)), places], Kept(places, x.shape)

    def backward(self, dy, cache):
        dx = np.zeros(cache.shape, dy.dtype)
        dx[np.arange(len(dx)), cache.places] = dy
        return dx


class Recurrence(Layer):
    """One weight used at every step of a loop."""

    def __init__(self):
        self.cell = Dense(3, 3, rng=0)

    def forward(self, x):
        h, caches = np.zeros_like(x[:, 0]), []
        for step in range(x.shape[1]):
            z, cache = self.cell.forward(h + x[:, step])
            h = np.tanh(z)
            caches.append((h, cache))
        return h, caches

    def backward(self, dy, caches):
        columns = []
        for h, cache in reversed(caches):
            dy = self.cell.backward(dy * (1 - h * h), cache)
            columns.append(dy)
        return np.stack(columns[::-1], axis=1)

    def __call__(self, x):
        h = np.zeros_like(x[:, 0])
        for step in range(x.shape[1]):
            h = np.tanh(self.cell(h + x[:, step]))
        return h


class Shift(Layer):
    """Parameters without axes and without elements, and an attribute that knows its owner."""

    def __init__(self):
        self.bias, self.nothing = Parameter(0.5), Parameter(np.zeros((0, 2)))
        self.me, self.numpy, self.options = self, None, {"names": ("a", {"b"})}

    def forward(self, x):
        return x + self.bias.value, None

    def backward(self, dy, cache):
        self.bias.grad += dy.sum()
        return dy


class SquaredError(Layer):
    """A loss of someone's own, that gives a Python float."""

    differentiable = 1

    def forward(self, prediction, target):
        if not prediction.size:
            raise ValueError("no predictions")
        difference = prediction - target
        return float((difference**2).mean()), difference

    def backward(self, dy, difference):
        return 2 * dy / difference.size * difference


class Sign(Layer):
    """A step: the gradient is zero wherever there is one."""

    def forward(self, x):
        return np.sign(x), None

    def backward(self, dy, cache):
        return np.zeros_like(dy)


def batch(rng):
    return rng.normal(size=(5, 3))


LABELS = np.array([0, 2, 1, 1, 0])
SATURATED = np.array([[1e4, 0, -1e4], [0, 0, 0], [30, -30, 0], [0, 1e3, 1e3], [1e-7, 0, -1e-7]])
CANCELLING = np.array([[1, 1, 1], [-3, -3, -3], [0, 0, 0], [1, 1, 1], [7, 7, 7]]) / 10


@awkward(without=[laws.treats_samples_independently])
def statistics_of_a_batch_in_buffers(rng):
    return Standardise(3), (batch(rng),)


@awkward(without=[laws.treats_samples_independently])
def statistics_of_a_batch_far_off(rng):
    return Standardise(3), (1e3 + batch(rng),)


@awkward(without=[])
def two_inputs_of_different_widths(rng):
    return samples.bilinear(rng)


@awkward(without=[])
def a_floating_mask_that_is_a_constant(rng):
    x = batch(rng)
    return Masked(), (x, (x > 0).astype(float))


@awkward(without=[])
def a_weight_used_twice_around_a_layer_in_a_dict(rng):
    return Tied(), (batch(rng),)


@awkward(without=[])
def a_softmax_shifted_by_the_whole_batch(rng):
    return SoftmaxShiftedByTheWholeBatch(), (batch(rng),)


@awkward(without=[])
def a_cache_that_is_a_function(rng):
    return WithClosure(), (batch(rng),)


@awkward(without=[])
def a_cache_that_is_an_object_and_ties(rng):
    return MaxOfFeatures(), (np.round(batch(rng)),)


@awkward(without=[])
def one_weight_at_every_step_of_a_loop(rng):
    return Recurrence(), (rng.normal(size=(4, 6, 3)),)


@awkward(without=[])
def parameters_without_axes_and_without_elements(rng):
    return Shift(), (batch(rng),)


@awkward(without=[])
def a_step_whose_slope_is_zero(rng):
    return Sign(), (batch(rng),)


@awkward(without=[])
def a_loss_that_gives_a_python_float(rng):
    x = batch(rng)
    return SquaredError(), (x, x[::-1])


@awkward(without=[])
def a_saturated_cross_entropy(rng):
    return SoftmaxCrossEntropy(), (SATURATED, LABELS)


@awkward(without=[])
def a_cross_entropy_most_of_whose_weights_are_zero(rng):
    return SoftmaxCrossEntropy(), (batch(rng), LABELS, np.array([0, 1, 0, 2.0, 0]))


@awkward(without=[])
def relu_of_whole_numbers(rng):
    return ReLU(), (np.round(2 * batch(rng)),)


@awkward(without=[laws.can_be_pickled])
def relu_where_a_sum_is_zero_but_for_rounding(rng):
    weight = np.array([[0.1, -1], [0.2, 1], [-0.3, 0]])
    dense = Dense(3, 2, weight_initializer=lambda rng, shape, dtype: weight)
    return Sequential(dense, ReLU()), (CANCELLING,)


@awkward(without=[])
def a_saturated_tanh(rng):
    return Tanh(), (30 * batch(rng),)


@awkward(without=[])
def an_input_that_is_a_list(rng):
    return Dense(3, 2, rng=rng), (batch(rng).tolist(),)


@awkward(without=[])
def float64_parameters_and_a_float32_input(rng):
    return Dense(3, 2, rng=rng, dtype=np.float64), (batch(rng).astype(np.float32),)
