"""Faults in batch, layer and root-mean-square normalisation."""

import numpy as np

from tests.corpus import samples
from tests.corpus.faults.catalogue import planted, planted_layer, with_methods


def batch_norm_parameters(self, dy, xhat):
    self.gain.grad += (dy * xhat).sum(axis=0)
    self.shift.grad += dy.sum(axis=0)
    return dy * self.gain.value


layer_norm_parameters = batch_norm_parameters


@planted("batch norm", samples.batch_norm, "mean-path")
def forgets_that_the_batch_mean_depends_on_x(self, dy, cache):
    xhat, inverse = cache
    d = batch_norm_parameters(self, dy, xhat)
    return inverse * (d - xhat * (d * xhat).mean(axis=0))


@planted("batch norm", samples.batch_norm, "variance-path")
def forgets_that_the_batch_variance_depends_on_x(self, dy, cache):
    xhat, inverse = cache
    d = batch_norm_parameters(self, dy, xhat)
    return inverse * (d - d.mean(axis=0))


@planted("batch norm", samples.batch_norm, "mean-path", "variance-path", "constant-factor")
def takes_batch_statistics_for_constants(self, dy, cache):
    xhat, inverse = cache
    return inverse * batch_norm_parameters(self, dy, xhat)


@planted("batch norm", samples.batch_norm, "variance-path")
def halves_the_variance_path(self, dy, cache):
    xhat, inverse = cache
    d = batch_norm_parameters(self, dy, xhat)
    return inverse * (d - d.mean(axis=0) - xhat * (d * xhat).mean(axis=0) / 2)


@planted("batch norm", samples.batch_norm, "variance-path")
def divides_the_variance_path_by_one_sample_less(self, dy, cache):
    xhat, inverse = cache
    d = batch_norm_parameters(self, dy, xhat)
    return inverse * (d - d.mean(axis=0) - xhat * (d * xhat).sum(axis=0) / (len(d) - 1))


@planted("batch norm", samples.batch_norm, "variance-path", "sign")
def adds_the_variance_path(self, dy, cache):
    xhat, inverse = cache
    d = batch_norm_parameters(self, dy, xhat)
    return inverse * (d - d.mean(axis=0) + xhat * (d * xhat).mean(axis=0))


@planted("batch norm", samples.batch_norm, "constant-factor", "wrong-region", "unclassified")
def forgets_the_gain_in_the_input_gradient_of_batch_norm(self, dy, cache):
    xhat, inverse = cache
    batch_norm_parameters(self, dy, xhat)
    return inverse * (dy - dy.mean(axis=0) - xhat * (dy * xhat).mean(axis=0))


@planted("batch norm", samples.batch_norm, "zero", "missing-gradient")
def forgets_the_shift_of_batch_norm(self, dy, cache):
    xhat, inverse = cache
    self.gain.grad += (dy * xhat).sum(axis=0)
    d = dy * self.gain.value
    return inverse * (d - d.mean(axis=0) - xhat * (d * xhat).mean(axis=0))


@planted("batch norm", samples.batch_norm, "swapped")
def swaps_gain_and_shift_of_batch_norm(self, dy, cache):
    xhat, inverse = cache
    self.gain.grad += dy.sum(axis=0)
    self.shift.grad += (dy * xhat).sum(axis=0)
    d = dy * self.gain.value
    return inverse * (d - d.mean(axis=0) - xhat * (d * xhat).mean(axis=0))


@planted("batch norm", samples.batch_norm, "wrong-axis", "mean-path")
def takes_the_mean_over_the_features(self, dy, cache):
    xhat, inverse = cache
    d = batch_norm_parameters(self, dy, xhat)
    return inverse * (d - d.mean(axis=1, keepdims=True) - xhat * (d * xhat).mean(axis=0))


@planted_layer("batch norm", "wrong-variable", "unclassified")
def uses_x_for_xhat_in_the_gradient_of_the_gain(rng):
    layer, inputs = samples.batch_norm(rng)
    kind = type(layer)

    def forward(self, x):
        y, cache = kind.forward(self, x)
        return y, (*cache, x)

    def backward(self, dy, cache):
        xhat, inverse, x = cache
        self.gain.grad += (dy * x).sum(axis=0)
        self.shift.grad += dy.sum(axis=0)
        d = dy * self.gain.value
        return inverse * (d - d.mean(axis=0) - xhat * (d * xhat).mean(axis=0))

    return with_methods(layer, forward=forward, backward=backward), inputs


@planted("batch norm", samples.batch_norm, "call-writes", method="__call__")
def updates_the_running_mean_at_inference(self, x):
    self.running_mean.value += 0.1 * (x.mean(axis=0) - self.running_mean.value)
    inverse = 1 / np.sqrt(self.running_variance.value + self.epsilon)
    return (x - self.running_mean.value) * inverse * self.gain.value + self.shift.value


@planted("layer norm", samples.layer_norm, "mean-path")
def forgets_that_the_row_mean_depends_on_x(self, dy, cache):
    xhat, inverse = cache
    d = layer_norm_parameters(self, dy, xhat)
    return inverse * (d - xhat * (d * xhat).mean(axis=-1, keepdims=True))


@planted("layer norm", samples.layer_norm, "variance-path")
def forgets_that_the_row_variance_depends_on_x(self, dy, cache):
    xhat, inverse = cache
    d = layer_norm_parameters(self, dy, xhat)
    return inverse * (d - d.mean(axis=-1, keepdims=True))


@planted("layer norm", samples.layer_norm, "wrong-axis", "variance-path")
def averages_the_variance_path_over_the_batch(self, dy, cache):
    xhat, inverse = cache
    d = layer_norm_parameters(self, dy, xhat)
    mean_path = d.mean(axis=-1, keepdims=True)
    return inverse * (d - mean_path - xhat * (d * xhat).mean(axis=0))


@planted(
    "layer norm",
    samples.layer_norm,
    "jacobian-transposed",
    "mean-path",
    "variance-path",
    "unclassified",
)
def applies_the_gain_after_the_statistics(self, dy, cache):
    xhat, inverse = cache
    layer_norm_parameters(self, dy, xhat)
    mean_path = dy.mean(axis=-1, keepdims=True)
    variance_path = xhat * (dy * xhat).mean(axis=-1, keepdims=True)
    return self.gain.value * inverse * (dy - mean_path - variance_path)


@planted(
    "layer norm", samples.layer_norm, "swapped", "missing-term", "wrong-variable", "unclassified"
)
def forgets_xhat_in_the_gradient_of_the_gain(self, dy, cache):
    xhat, inverse = cache
    self.gain.grad += dy.sum(axis=0)
    self.shift.grad += dy.sum(axis=0)
    d = dy * self.gain.value
    variance_path = xhat * (d * xhat).mean(axis=-1, keepdims=True)
    return inverse * (d - d.mean(axis=-1, keepdims=True) - variance_path)


@planted("rms norm", samples.rms_norm, "variance-path", "missing-term", "cross-term-missing")
def takes_the_root_mean_square_for_a_constant(self, dy, cache):
    x, inverse = cache
    self.gain.grad += (dy * x * inverse).sum(axis=0)
    return dy * self.gain.value * inverse


@planted("rms norm", samples.rms_norm, "variance-path", "missing-term")
def sums_instead_of_averaging_in_rms_norm(self, dy, cache):
    x, inverse = cache
    self.gain.grad += (dy * x * inverse).sum(axis=0)
    d = dy * self.gain.value
    return inverse * d - x * inverse**3 * (d * x).sum(axis=-1, keepdims=True)


@planted("unit rows", samples.unit_rows, "missing-term", "variance-path", "cross-term-missing")
def forgets_to_project_off_the_radial_part(self, dy, cache):
    _, norm = cache
    return dy / norm


@planted("unit rows", samples.unit_rows, "cross-term-missing", "missing-term")
def keeps_the_diagonal_of_the_projection(self, dy, cache):
    y, norm = cache
    return dy * (1 - y * y) / norm


@planted("unit rows", samples.unit_rows, "constant-factor", "wrong-region", "unclassified")
def leaves_out_the_division_by_the_length(self, dy, cache):
    # it vanishes for an upstream parallel to the input, such as one drawn from the same seed
    y, _ = cache
    return dy - y * (dy * y).sum(axis=-1, keepdims=True)


@planted("standardize", samples.standardize, "mean-path", "constant-factor", "variance-path")
def sums_instead_of_averaging_the_mean_path(self, dy, cache):
    y, deviation = cache
    inner = (dy * y).mean(axis=1, keepdims=True)
    return (dy - dy.sum(axis=1, keepdims=True) - y * inner) / deviation


@planted("standardize", samples.standardize, "constant-factor", "wrong-region", "unclassified")
def forgets_to_divide_by_the_deviation(self, dy, cache):
    y, _ = cache
    return dy - dy.mean(axis=1, keepdims=True) - y * (dy * y).mean(axis=1, keepdims=True)
