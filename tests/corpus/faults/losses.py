"""Faults in losses; the upstream gradient of a loss is one number."""

import numpy as np
from scipy.special import expit

from tests.corpus import samples
from tests.corpus.faults.catalogue import planted, planted_layer, with_methods


def softmax_ce_rows(cache):
    p, label, share = cache
    dz = p.copy()
    dz[np.arange(len(dz)), label] -= 1
    return dz, share


@planted("softmax cross-entropy", samples.softmax_ce, "constant-factor")
def forgets_to_divide_by_the_batch_size(self, dy, cache):
    dz, _ = softmax_ce_rows(cache)
    return dz * dy


@planted("softmax cross-entropy", samples.softmax_ce, "constant-factor")
def divides_by_the_number_of_logits(self, dy, cache):
    dz, _ = softmax_ce_rows(cache)
    return dz * dy / dz.size


@planted("softmax cross-entropy", samples.softmax_ce, "ignores-upstream")
def forgets_the_upstream_of_the_loss(self, dy, cache):
    dz, share = softmax_ce_rows(cache)
    return dz * share[:, None]


@planted(
    "softmax cross-entropy", samples.softmax_ce, "missing-term", "wrong-region", "unclassified"
)
def forgets_to_subtract_the_target(self, dy, cache):
    p, _, share = cache
    return p * (dy * share)[:, None]


@planted("softmax cross-entropy", samples.softmax_ce, "sign")
def subtracts_the_probabilities_from_the_target(self, dy, cache):
    dz, share = softmax_ce_rows(cache)
    return -dz * (dy * share)[:, None]


@planted("softmax cross-entropy", samples.softmax_ce, "unclassified", "wrong-region", "rearranged")
def subtracts_one_at_the_next_class(self, dy, cache):
    p, label, share = cache
    dz = p.copy()
    dz[np.arange(len(dz)), (label + 1) % 4] -= 1
    return dz * (dy * share)[:, None]


@planted("softmax cross-entropy", samples.softmax_ce, "mutates-cache", "accumulates")
def subtracts_one_from_the_cached_probabilities(self, dy, cache):
    p, label, share = cache
    p[np.arange(len(p)), label] -= 1
    return p * (dy * share)[:, None]


@planted(
    "softmax cross-entropy",
    samples.weighted_softmax_ce,
    "constant-factor",
    "partial-samples",
    "unclassified",
)
def ignores_the_weights_in_backward(self, dy, cache):
    dz, _ = softmax_ce_rows(cache)
    return dy * dz / len(dz)


@planted_layer("softmax cross-entropy", "constant-factor")
def divides_by_the_number_instead_of_the_sum_of_weights(rng):
    layer, inputs = samples.weighted_softmax_ce(rng)
    kind = type(layer)

    def forward(self, z, label, weight):
        y, (p, label, _) = kind.forward(self, z, label, weight)
        return y, (p, label, weight / len(weight))

    return with_methods(layer, forward=forward), inputs


@planted("softmax cross-entropy", samples.softmax_ce, "wrong-region", "zero", "partial-samples")
def counts_the_true_class_only(self, dy, cache):
    dz, share = softmax_ce_rows(cache)
    _, label, _ = cache
    only = np.zeros_like(dz)
    only[np.arange(len(dz)), label] = dz[np.arange(len(dz)), label]
    return only * (dy * share)[:, None]


@planted("softmax cross-entropy", samples.softmax_ce, "wrong-region", "partial-samples")
def leaves_out_the_last_sample_of_the_loss(self, dy, cache):
    dz, share = softmax_ce_rows(cache)
    dz[-1] = 0
    return dz * (dy * share)[:, None]


@planted("softmax cross-entropy", samples.softmax_ce, "nonlinear")
def clips_the_gradient_of_the_loss(self, dy, cache):
    dz, share = softmax_ce_rows(cache)
    return np.clip(dz * (dy * share)[:, None], -0.05, 0.05)


@planted("bce", samples.bce, "unclassified", "wrong-formula", "missing-term")
def multiplies_by_the_derivative_of_the_sigmoid_once_more(self, dy, cache):
    z, target = cache
    s = expit(z)
    return dy * (s - target) * s * (1 - s) / z.size


@planted("bce", samples.bce, "wrong-variable", "unclassified", "missing-term")
def forgets_the_sigmoid(self, dy, cache):
    z, target = cache
    return dy * (z - target) / z.size


@planted("bce", samples.bce, "constant-factor")
def divides_by_the_samples_instead_of_the_elements(self, dy, cache):
    z, target = cache
    return dy * (expit(z) - target) / len(z)


@planted("bce", samples.bce, "wrong-region", "slope-table", "unclassified", "partial-samples")
def counts_the_positive_targets_only(self, dy, cache):
    z, target = cache
    return dy * (expit(z) - 1) * target / z.size


@planted("mse", samples.mse, "constant-factor")
def forgets_the_two_of_the_square(self, dy, difference):
    return dy * difference / difference.size


@planted("mse", samples.mse, "sign")
def takes_target_minus_prediction(self, dy, difference):
    return -dy * 2 * difference / difference.size


@planted("mse", samples.mse, "constant-factor")
def divides_the_squared_error_by_the_batch_size(self, dy, difference):
    return dy * 2 * difference / len(difference)


@planted("mse", samples.mse, "mutates-cache", "accumulates")
def scales_the_cached_difference_in_place(self, dy, difference):
    difference *= 2 * dy / difference.size
    return difference


@planted_layer("mse", "wrong-variable", "missing-term", "wrong-formula", "unclassified")
def forgets_to_subtract_the_target_of_a_regression(rng):
    layer, inputs = samples.mse(rng)
    kind = type(layer)

    def forward(self, x, target):
        return kind.forward(self, x, target)[0], x

    return with_methods(layer, forward=forward), inputs


@planted("huber", samples.huber, "wrong-region", "unclassified", "wrong-formula")
def forgets_the_linear_part(self, dy, r):
    return dy * r / r.size


@planted("huber", samples.huber, "wrong-region", "sign", "unclassified")
def forgets_the_sign_of_the_linear_part(self, dy, r):
    return dy * np.where(np.abs(r) <= self.delta, r, self.delta) / r.size


@planted("huber", samples.huber, "wrong-region", "wrong-formula", "unclassified")
def takes_the_sign_of_the_quadratic_part(self, dy, r):
    return dy * np.sign(r) / r.size


@planted("l1", samples.l1, "slope-table", "wrong-region", "unclassified")
def forgets_the_sign_of_the_absolute_error(self, dy, difference):
    return dy * np.ones_like(difference) / difference.size


@planted("hinge", samples.hinge, "wrong-region", "partial-samples", "unclassified", "zero")
def forgets_the_true_class_of_a_hinge(self, dy, cache):
    margin, _ = cache
    return dy * (margin > 0) / len(margin)


@planted("hinge", samples.hinge, "wrong-region", "unclassified")
def counts_the_true_class_of_a_hinge_once(self, dy, cache):
    margin, label = cache
    dx = (margin > 0).astype(float)
    dx[np.arange(len(dx)), label] = -1
    return dy * dx / len(dx)


def hinge_with_wide_margins(rng):
    loss, (x, label) = samples.hinge(rng)
    return loss, (3 * x, label)


@planted("hinge", hinge_with_wide_margins, "wrong-region", "unclassified", "slope-table")
def counts_margins_that_are_met(self, dy, cache):
    margin, label = cache
    dx = np.ones_like(margin)
    dx[np.arange(len(dx)), label] = 1 - margin.shape[1]
    return dy * dx / len(dx)


@planted("cosine", samples.cosine, "missing-term", "unclassified")
def takes_the_norm_of_the_prediction_for_a_constant(self, dy, cache):
    unit, norm, other, _ = cache
    return -dy * other / norm / len(unit)


@planted(
    "cosine", samples.cosine, "unclassified", "constant-factor", "wrong-region", "partial-samples"
)
def forgets_to_divide_by_the_norm(self, dy, cache):
    unit, _, other, cosine = cache
    return -dy * (other - cosine * unit) / len(unit)
