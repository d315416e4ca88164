"""Correct layers of an awkward form: random, integer, views, buffers, tiny batches, many inputs."""

import numpy as np

from minidl import Layer, Parameter, Sequential
from minidl.testing import laws
from tests.corpus import reference as ref
from tests.corpus import samples
from tests.corpus.awkward.catalogue import UNPROMISED, awkward

OF_BATCHES = [
    laws.takes_a_batch_of_one,
    laws.takes_an_empty_batch,
    laws.treats_samples_independently,
]


@awkward(without=[])
def dropout_with_its_own_generator(rng):
    return ref.Dropout(), (rng.normal(size=(6, 5)),)


@awkward
def dropout_that_drops_nearly_everything(rng):
    return ref.Dropout(0.95), (rng.normal(size=(6, 5)),)


@awkward
def dropout_between_dense_layers(rng):
    return Sequential(
        ref.Dense(rng, 4, 6), ref.Tanh(), ref.Dropout(), ref.Residual(ref.Dropout(0.3, 1))
    ), (rng.normal(size=(5, 4)),)


@awkward
def two_dropouts_that_share_one_generator(rng):
    first, second = ref.Dropout(), ref.Dropout()
    second.rng = first.rng
    return Sequential(first, ref.Dense(rng, 5, 4), second), (rng.normal(size=(6, 5)),)


class OldDropout(Layer):
    """Dropout from NumPy's global generator, as in older courses."""

    def forward(self, x):
        mask = (np.random.rand(*x.shape) > 0.3) / 0.7  # noqa: NPY002
        return x * mask, mask

    def backward(self, dy, mask):
        return dy * mask

    def __call__(self, x):
        return x.copy()


@awkward(without=[*UNPROMISED, laws.keeps_no_state, laws.can_be_copied])
def dropout_from_the_global_generator(rng):
    return OldDropout(), (rng.normal(size=(6, 5)),)


class RandomStateDropout(Layer):
    def __init__(self):
        self.random = {"state": np.random.RandomState(0)}

    def forward(self, x):
        mask = (self.random["state"].rand(*x.shape) > 0.3) / 0.7
        return x * mask, mask

    def backward(self, dy, mask):
        return dy * mask

    def __call__(self, x):
        return x.copy()


@awkward
def dropout_from_a_random_state_in_a_dict(rng):
    return RandomStateDropout(), (rng.normal(size=(6, 5)),)


class GaussianNoise(Layer):
    def __init__(self):
        self.rng = np.random.default_rng(3)

    def forward(self, x):
        noise = self.rng.normal(size=x.shape)
        return x * (1 + 0.1 * noise) + noise, noise

    def backward(self, dy, noise):
        return dy * (1 + 0.1 * noise)

    def __call__(self, x):
        return x.copy()


@awkward
def gaussian_noise_that_multiplies_and_adds(rng):
    return GaussianNoise(), (rng.normal(size=(5, 4)),)


@awkward(without=[])
def embedding_of_repeated_words(rng):
    return ref.Embedding(rng, 5, 3), (np.array([2, 2, 2, 0, 4, 2]),)


@awkward(without=[])
def embedding_of_sentences(rng):
    return ref.Embedding(rng, 5, 3), (rng.integers(5, size=(3, 4)),)


@awkward
def embedding_of_unsigned_bytes(rng):
    return ref.Embedding(rng, 5, 3), (rng.integers(5, size=6).astype(np.uint8),)


@awkward
def embedding_of_one_word(rng):
    return ref.Embedding(rng, 5, 3), (np.array([3]),)


@awkward(without=[])
def one_sample(rng):
    return ref.Dense(rng, 4, 3), (rng.normal(size=(1, 4)),)


@awkward
def one_sample_one_feature_one_unit(rng):
    return Sequential(ref.Dense(rng, 1, 1), ref.Tanh()), (rng.normal(size=(1, 1)),)


@awkward(without=[])
def one_number_without_axes(rng):
    return ref.Tanh(), (np.array(0.3),)


@awkward(without=OF_BATCHES)
def a_vector_without_a_batch(rng):
    return ref.Tanh(), (rng.normal(size=7),)


@awkward(
    undecided="nothing is computed that could depend on the weights",
    without=[laws.has_proven_gradients],
)
def an_empty_batch(rng):
    return ref.Dense(rng, 4, 3), (np.zeros((0, 4)),)


@awkward(undecided="there is no coordinate to verify")
def an_empty_batch_without_parameters(rng):
    return ref.Tanh(), (np.zeros((0, 4)),)


@awkward
def a_concatenation_with_nothing(rng):
    return ref.Concat(), (rng.normal(size=(5, 3)), np.zeros((5, 0)))


@awkward(without=[])
def identity_that_returns_its_input(rng):
    return ref.Identity(), (rng.normal(size=(5, 4)),)


@awkward(without=[])
def reshape_that_returns_a_view(rng):
    return ref.Flatten(), (rng.normal(size=(3, 2, 4)),)


@awkward
def transpose_that_returns_a_view(rng):
    return ref.Transpose(0, 2, 1), (rng.normal(size=(2, 3, 4)),)


class RowSum(Layer):
    """The gradient is a read-only view with strides of zero."""

    def forward(self, x):
        return x.sum(axis=1), x.shape

    def backward(self, dy, shape):
        return np.broadcast_to(dy[:, None], shape)


@awkward(without=[])
def broadcast_views_of_the_upstream(rng):
    return RowSum(), (rng.normal(size=(5, 4)),)


@awkward
def views_inside_a_network(rng):
    return Sequential(
        ref.Flatten(), ref.Dense(rng, 8, 3), ref.Identity(), ref.ReLU(), ref.Identity()
    ), (rng.normal(size=(5, 2, 4)),)


@awkward
def an_input_that_is_a_transposed_view(rng):
    return ref.Dense(rng, 4, 3), (rng.normal(size=(4, 5)).T,)


@awkward
def an_input_that_is_read_only(rng):
    x = rng.normal(size=(5, 4))
    x.flags.writeable = False
    return ref.Dense(rng, 4, 3), (x,)


@awkward
def an_input_that_is_every_second_row(rng):
    return ref.Dense(rng, 4, 3), (rng.normal(size=(10, 4))[::2],)


@awkward
def a_dense_layer_that_stands_twice(rng):
    layer = ref.Dense(rng, 4, 4)
    return Sequential(layer, ref.Tanh(), layer), (rng.normal(size=(5, 4)),)


@awkward
def a_weight_that_two_layers_share(rng):
    first, second = ref.Dense(rng, 4, 4), ref.Dense(rng, 4, 4)
    second.weight = first.weight
    return Sequential(first, ref.ReLU(), second), (rng.normal(size=(5, 4)),)


@awkward
def a_weight_in_encoder_and_decoder(rng):
    return samples.tied(rng)


class Unused(Layer):
    """A parameter and an input that the output does not depend on."""

    def __init__(self, rng):
        self.used = Parameter(rng.normal(size=4), np.float64)
        self.idle = Parameter(rng.normal(size=3), np.float64)

    def forward(self, x, other):
        return x * self.used.value, (x, other.shape)

    def backward(self, dy, cache):
        x, shape = cache
        self.used.grad += (dy * x).sum(axis=0)
        return dy * self.used.value, np.zeros(shape)


@awkward
def an_input_and_a_parameter_without_influence(rng):
    return Unused(rng), (rng.normal(size=(5, 4)), rng.normal(size=(2, 2)))


@awkward
def running_statistics_in_buffers(rng):
    return samples.batch_norm(rng)


@awkward
def running_statistics_deep_in_a_network(rng):
    inner = Sequential(ref.Dense(rng, 4, 4), ref.BatchNorm(rng, 4), ref.ReLU())
    return Sequential(ref.Residual(inner), ref.BatchNorm(rng, 4)), (rng.normal(size=(6, 4)),)


class Drifting(ref.BatchNorm):
    """Normalises with the running mean that this very forward has moved: state, but a buffer."""

    def forward(self, x):
        self.running_mean.value += 0.1 * (x.mean(axis=0) - self.running_mean.value)
        inverse = 1 / np.sqrt(self.running_variance.value + self.epsilon)
        xhat = (x - self.running_mean.value) * inverse
        return xhat * self.gain.value + self.shift.value, (xhat, inverse)

    def backward(self, dy, cache):
        xhat, inverse = cache
        self.gain.grad += (dy * xhat).sum(axis=0)
        self.shift.grad += dy.sum(axis=0)
        d = dy * self.gain.value
        return inverse * (d - 0.1 * d.mean(axis=0))


@awkward
def running_statistics_that_the_output_depends_on(rng):
    return Drifting(rng, 4), (rng.normal(size=(6, 4)),)


@awkward
def nested_networks(rng):
    inner = Sequential(ref.Dense(rng, 4, 3), ref.Tanh())
    branches = ref.Concatenate(inner, Sequential(Sequential(ref.Dense(rng, 4, 2))))
    return Sequential(branches, ref.Residual(ref.Dense(rng, 5, 5)), ref.Softmax()), (
        rng.normal(size=(5, 4)),
    )


@awkward(without=[])
def an_empty_network(rng):
    return Sequential(), (rng.normal(size=(5, 4)),)


class Energy(Layer):
    """One number: Σ tanh(x W)², from a batch."""

    def __init__(self, rng):
        self.weight = Parameter(rng.normal(size=(4, 3)), np.float64)

    def forward(self, x):
        h = np.tanh(x @ self.weight.value)
        return (h * h).sum(), (x, h)

    def backward(self, dy, cache):
        x, h = cache
        da = dy * 2 * h * (1 - h * h)
        self.weight.grad += x.T @ da
        return da @ self.weight.value.T


@awkward
def an_output_of_one_number(rng):
    return Energy(rng), (rng.normal(size=(5, 4)),)


@awkward
def an_output_of_python_float(rng):
    class Total(Layer):
        def forward(self, x):
            return float((x * x).sum()), x

        def backward(self, dy, x):
            return 2 * float(dy) * x

    return Total(), (rng.normal(size=(5, 4)),)


@awkward
def a_loss_with_weights_of_which_some_are_zero(rng):
    loss, (z, label, weight) = samples.weighted_softmax_ce(rng)
    weight[1:3] = 0
    return loss, (z, label, weight)


@awkward
def a_loss_of_one_sample(rng):
    return ref.SoftmaxCE(), (rng.normal(size=(1, 4)), np.array([2]))


@awkward
def a_loss_with_two_classes_and_equal_logits(rng):
    return ref.SoftmaxCE(), (np.zeros((4, 2)), np.array([0, 1, 1, 0]))


@awkward
def a_wide_row(rng):
    return Sequential(ref.Dense(rng, 60, 2), ref.Tanh()), (rng.normal(size=(2, 60)),)


@awkward
def a_large_dense_layer(rng):
    return ref.Dense(rng, 40, 20), (rng.normal(size=(8, 40)),)


@awkward
def a_large_relu_with_zeros(rng):
    x = rng.normal(size=(20, 40))
    x[rng.random(x.shape) < 0.3] = 0
    return ref.ReLU(), (x,)


@awkward
def a_large_max_pool_with_ties(rng):
    return ref.MaxPool2D(), (rng.integers(0, 3, size=(4, 3, 8, 8)).astype(float),)


@awkward
def a_large_convolution_followed_by_relu(rng):
    return Sequential(ref.Conv2D(rng, 2, 4, 3, padding=1), ref.ReLU()), (
        rng.normal(size=(3, 2, 8, 8)),
    )


@awkward
def bilinear_form_of_the_same_array_twice(rng):
    x = rng.normal(size=(5, 3))
    return ref.Bilinear(rng, 3, 3, 2), (x, x)


@awkward
def a_product_with_zeros_in_it(rng):
    x = rng.normal(size=(5, 4))
    x[1, 2] = x[3, 0] = x[3, 1] = 0
    return ref.Product(), (x,)


@awkward
def dead_units(rng):
    layer = ref.Dense(rng, 4, 3)
    layer.bias.value[...] = -100
    return Sequential(layer, ref.ReLU()), (rng.normal(size=(5, 4)),)


@awkward
def inputs_that_are_all_equal(rng):
    return Sequential(ref.Dense(rng, 4, 3), ref.Tanh()), (np.full((5, 4), 0.7),)


@awkward
def inputs_that_are_all_zero(rng):
    return Sequential(ref.Dense(rng, 4, 3), ref.Tanh()), (np.zeros((5, 4)),)


@awkward
def weights_that_are_all_zero(rng):
    layer = ref.Dense(rng, 4, 3)
    layer.weight.value[...] = 0
    return Sequential(layer, ref.Tanh(), ref.Dense(rng, 3, 2)), (rng.normal(size=(5, 4)),)


class Masked(Layer):
    """Softmax over the entries that a boolean mask allows; at least one in each row."""

    differentiable = 1

    def forward(self, x, mask):
        shifted = np.where(mask, x, -np.inf)
        e = np.exp(shifted - shifted.max(axis=1, keepdims=True))
        y = e / e.sum(axis=1, keepdims=True)
        return y, y

    def backward(self, dy, y):
        return y * (dy - (dy * y).sum(axis=1, keepdims=True))


@awkward
def softmax_under_a_boolean_mask(rng):
    mask = rng.random((5, 4)) < 0.6
    mask[:, 1] = True
    return Masked(), (rng.normal(size=(5, 4)), mask)


@awkward
def a_recurrent_network_of_ten_steps(rng):
    return ref.RNN(rng, 2, 3), (rng.normal(size=(2, 10, 2)), np.zeros((2, 3)))


@awkward
def attention_with_sharp_scores(rng):
    layer, (q, k, v) = samples.attention(rng)
    return layer, (30 * q, k, v)


@awkward(undecided="the shut branch adds 1e-17 of the output, less than its rounding")
def a_gate_that_is_shut(rng):
    layer, inputs = samples.gate(rng)
    layer.gate.bias.value[...] = -40
    return layer, inputs


@awkward
def a_convolution_with_stride_that_skips_pixels(rng):
    return ref.Conv2D(rng, 1, 2, 2, stride=3), (rng.normal(size=(2, 1, 8, 8)),)
