"""Faults in elementwise activations, softmax and dropout."""

import numpy as np
from scipy.special import erf, expit

from tests.corpus import reference as ref
from tests.corpus import samples
from tests.corpus.faults.catalogue import planted, planted_layer, with_methods


@planted("relu", samples.relu, "upstream-passed-through")
def forgets_the_mask(self, dy, x):
    return dy.copy()


@planted("relu", samples.relu, "slope-table", "wrong-region")
def takes_the_mask_the_wrong_way_round(self, dy, x):
    return dy * (x < 0)


@planted("relu", samples.relu, "nonlinear")
def masks_by_the_sign_of_the_upstream(self, dy, x):
    return dy * (dy > 0)


@planted("relu", samples.relu, "slope-table", "wrong-region")
def cuts_at_one_half_instead_of_zero(self, dy, x):
    return dy * (x > 0.5)


@planted("relu", samples.relu, "ignores-upstream")
def returns_the_mask_alone(self, dy, x):
    return (x > 0).astype(x.dtype)


@planted("relu", samples.relu, "mutates-upstream")
def sets_the_upstream_to_zero_in_place(self, dy, x):
    dy[x <= 0] = 0
    return dy


@planted("leaky relu", samples.leaky_relu, "slope-table", "wrong-region")
def has_no_slope_below_zero(self, dy, x):
    return dy * (x > 0)


@planted("leaky relu", samples.leaky_relu, "slope-table", "wrong-region")
def has_the_slope_above_zero_too(self, dy, x):
    return self.slope * dy


@planted("leaky relu", samples.leaky_relu, "slope-table", "wrong-region", "sign")
def flips_the_slope_below_zero(self, dy, x):
    return np.where(x > 0, dy, -self.slope * dy)


@planted(
    "prelu",
    samples.prelu,
    "wrong-variable",
    "wrong-region",
    "partial-samples",
    "missing-term",
    "unclassified",
)
def counts_positive_inputs_in_the_gradient_of_the_slope(self, dy, x):
    self.slope.grad += (dy * x).sum(axis=0)
    return np.where(x > 0, dy, self.slope.value * dy)


@planted("elu", samples.elu, "wrong-region", "wrong-formula")
def forgets_alpha_below_zero(self, dy, cache):
    x, _ = cache
    return np.where(x > 0, dy, dy * np.exp(x))


@planted("elu", samples.elu, "wrong-region", "wrong-formula", "missing-term")
def takes_the_output_for_the_derivative_below_zero(self, dy, cache):
    x, y = cache
    return np.where(x > 0, dy, dy * y)


@planted("gelu", samples.gelu, "missing-term", "wrong-formula")
def leaves_out_the_density(self, dy, x):
    return dy * (1 + erf(x / np.sqrt(2))) / 2


@planted("gelu", samples.gelu, "wrong-formula", "unclassified")
def differentiates_the_tanh_approximation_of_gelu(self, dy, x):
    c = np.sqrt(2 / np.pi)
    t = np.tanh(c * (x + 0.044715 * x**3))
    return dy * ((1 + t) / 2 + x * (1 - t * t) * c * (1 + 3 * 0.044715 * x * x) / 2)


@planted("silu", samples.silu, "missing-term", "wrong-formula")
def forgets_the_product_rule(self, dy, cache):
    _, s = cache
    return dy * s


@planted("silu", samples.silu, "wrong-formula", "missing-term", "unclassified")
def forgets_the_input_in_the_second_term(self, dy, cache):
    _, s = cache
    return dy * (s + s * (1 - s))


@planted("softplus", samples.softplus, "wrong-formula")
def takes_tanh_for_the_derivative_of_softplus(self, dy, x):
    return dy * np.tanh(x)


@planted("softplus", samples.softplus, "sign", "wrong-formula")
def takes_the_sigmoid_of_minus_x(self, dy, x):
    return dy * expit(-x)


@planted(
    "softplus",
    lambda rng: (ref.Softplus(), (rng.uniform(-4, 4, size=(5, 4)),)),
    "large-input",
    "wrong-region",
)
def gives_up_above_ten(self, dy, x):
    return np.where(x > 10, 0, dy * expit(x))


@planted_layer("softplus", "large-input", "not-finite")
def overflows_for_large_inputs(rng):
    def backward(self, dy, x):
        with np.errstate(all="ignore"):
            return dy * np.exp(x) / (1 + np.exp(x))

    return with_methods(ref.Softplus(), backward=backward), (100 * rng.normal(size=(5, 4)),)


@planted("sigmoid", samples.sigmoid, "missing-term", "wrong-formula")
def takes_the_sigmoid_for_its_derivative(self, dy, y):
    return dy * y


@planted("sigmoid", samples.sigmoid, "wrong-formula", "wrong-variable")
def applies_the_sigmoid_to_the_output_again(self, dy, y):
    s = expit(y)
    return dy * s * (1 - s)


@planted("sigmoid", samples.sigmoid, "sign")
def swaps_the_factors_of_the_logistic_derivative(self, dy, y):
    return dy * y * (y - 1)


@planted_layer("tanh", "wrong-formula", "wrong-variable")
def squares_the_input_instead_of_the_output(rng):
    def forward(self, x):
        return np.tanh(x), x

    layer, inputs = samples.tanh(rng)
    return with_methods(layer, forward=forward), inputs


@planted("tanh", samples.tanh, "wrong-formula", "missing-term")
def forgets_the_square(self, dy, y):
    return dy * (1 - y)


@planted("hard tanh", samples.hard_tanh, "slope-table", "wrong-region")
def stops_the_gradient_above_one_only(self, dy, x):
    return dy * (x < 1)


@planted("hard tanh", samples.hard_tanh, "slope-table", "wrong-region")
def passes_the_gradient_of_clipped_values(self, dy, x):
    return dy * (np.abs(x) < 2)


@planted("abs", samples.absolute, "upstream-passed-through", "slope-table", "wrong-region")
def forgets_the_sign(self, dy, x):
    return dy.copy()


@planted("softsign", samples.softsign, "wrong-formula")
def forgets_to_square_the_denominator(self, dy, x):
    return dy / (1 + np.abs(x))


@planted("softsign", samples.softsign, "wrong-region", "wrong-formula")
def forgets_the_absolute_value(self, dy, x):
    return dy / (1 + x) ** 2


@planted("square", samples.square, "constant-factor")
def forgets_the_two(self, dy, x):
    return x * dy


@planted("exp", samples.exp, "wrong-variable", "wrong-formula", "missing-term")
def multiplies_by_the_exponent(self, dy, y):
    return dy * np.log(y)


@planted("log", samples.log, "wrong-formula", "missing-term", "unclassified")
def forgets_the_epsilon(self, dy, x):
    return dy * 2 / x


def with_a_zero(rng):
    x = rng.normal(size=(5, 4))
    x[1, 2] = 0
    return ref.SiLU(), (x,)


@planted("silu", with_a_zero, "not-finite")
def divides_the_output_by_the_input(self, dy, cache):
    x, s = cache
    with np.errstate(all="ignore"):
        y = x * s
        return dy * (y / x + y * (1 - s))


@planted_layer("square", "not-finite")
def divides_by_the_absolute_value_at_zero(rng):
    def forward(self, x):
        return x * np.abs(x), x

    def backward(self, dy, x):
        with np.errstate(all="ignore"):
            return dy * 2 * x * x / np.abs(x)

    x = rng.normal(size=(5, 4))
    x[3, 1] = 0
    return with_methods(ref.Square(), forward=forward, backward=backward), (x,)


@planted("square", samples.square, "zero-column", "not-finite")
def divides_by_an_input_that_may_be_zero(self, dy, x):
    with np.errstate(all="ignore"):
        return 2 * dy * (x * x) / x


@planted("product", samples.product, "zero-column", "not-finite")
def divides_the_product_by_each_factor(self, dy, x):
    with np.errstate(all="ignore"):
        return dy[:, None] * x.prod(axis=1, keepdims=True) / x


@planted("softmax", samples.softmax, "cross-term-missing")
def keeps_the_diagonal_of_the_softmax_jacobian(self, dy, y):
    return dy * y * (1 - y)


@planted("softmax", samples.softmax, "missing-term", "cross-term-missing", "mean-path")
def forgets_the_sum_of_softmax(self, dy, y):
    return dy * y


@planted("softmax", samples.softmax, "wrong-axis")
def sums_softmax_over_the_batch(self, dy, y):
    return y * (dy - (dy * y).sum(axis=0, keepdims=True))


@planted("softmax", samples.softmax, "wrong-variable", "missing-term", "unclassified")
def forgets_the_probabilities_inside_the_sum(self, dy, y):
    return y * (dy - dy.sum(axis=1, keepdims=True))


@planted("softmax", samples.softmax, "mean-path", "missing-term", "constant-factor", "unclassified")
def takes_the_mean_instead_of_the_sum_in_softmax(self, dy, y):
    return y * (dy - (dy * y).mean(axis=1, keepdims=True))


@planted_layer("softmax", "wrong-variable")
def uses_the_logits_instead_of_the_probabilities(rng):
    def forward(self, x):
        return ref.Softmax.forward(self, x)[0], x

    layer, inputs = samples.softmax(rng)
    return with_methods(layer, forward=forward), inputs


@planted("log softmax", samples.log_softmax, "cross-term-missing")
def keeps_the_diagonal_of_the_log_softmax_jacobian(self, dy, y):
    return dy * (1 - np.exp(y))


@planted("log softmax", samples.log_softmax, "wrong-variable", "missing-term")
def forgets_to_exponentiate(self, dy, y):
    return dy - y * dy.sum(axis=-1, keepdims=True)


@planted("log softmax", samples.log_softmax, "upstream-passed-through", "missing-term", "mean-path")
def forgets_the_normalisation(self, dy, y):
    return dy.copy()


@planted("dropout", samples.dropout, "random-backward")
def draws_a_new_mask_in_backward(self, dy, mask):
    fresh = (self.rng.random(dy.shape) >= self.p) / (1 - self.p)
    return dy * fresh


@planted("dropout", samples.dropout, "constant-factor")
def forgets_the_scale_of_inverted_dropout(self, dy, mask):
    return dy * (mask > 0)


@planted("dropout", samples.dropout, "upstream-passed-through", "slope-table")
def forgets_the_mask_of_dropout(self, dy, mask):
    return dy.copy()


@planted("dropout", samples.dropout, "slope-table", "wrong-region", "rearranged", "unclassified")
def keeps_what_dropout_dropped(self, dy, mask):
    return dy * (mask == 0) / (1 - self.p)


@planted("dropout", samples.dropout, "mutates-cache")
def multiplies_the_mask_in_place(self, dy, mask):
    mask *= dy
    return mask


@planted("dropout", samples.dropout, "call-writes", method="__call__")
def moves_the_generator_at_inference(self, x):
    self.rng.random()
    return x.copy()
