"""Faults in layers that are products: dense, affine, bilinear, tied, embedding."""

import numpy as np

from tests.corpus import reference as ref
from tests.corpus import samples
from tests.corpus.faults.catalogue import planted


@planted("dense", samples.dense, "constant-factor")
def divides_the_weight_gradient_by_the_batch_size(self, dy, x):
    self.weight.grad += x.T @ dy / len(x)
    self.bias.grad += dy.sum(axis=0)
    return dy @ self.weight.value.T


@planted("dense", samples.dense, "constant-factor")
def takes_the_mean_of_the_bias_gradient_instead_of_the_sum(self, dy, x):
    self.weight.grad += x.T @ dy
    self.bias.grad += dy.mean(axis=0)
    return dy @ self.weight.value.T


@planted("dense", samples.dense, "zero", "missing-gradient")
def forgets_the_bias(self, dy, x):
    self.weight.grad += x.T @ dy
    return dy @ self.weight.value.T


@planted("dense", samples.square_dense, "parameter-rearranged", "jacobian-transposed")
def multiplies_by_the_weight_instead_of_its_transpose(self, dy, x):
    self.weight.grad += x.T @ dy
    self.bias.grad += dy.sum(axis=0)
    return dy @ self.weight.value


@planted("dense", samples.square_dense, "rearranged")
def adds_the_transposed_weight_gradient(self, dy, x):
    self.weight.grad += dy.T @ x
    self.bias.grad += dy.sum(axis=0)
    return dy @ self.weight.value.T


@planted("dense", samples.dense, "sign")
def subtracts_the_weight_gradient(self, dy, x):
    self.weight.grad -= x.T @ dy
    self.bias.grad += dy.sum(axis=0)
    return dy @ self.weight.value.T


@planted("dense", samples.square_dense, "upstream-passed-through")
def hands_the_upstream_gradient_on_unchanged(self, dy, x):
    self.weight.grad += x.T @ dy
    self.bias.grad += dy.sum(axis=0)
    return dy.copy()


@planted("dense", samples.dense, "assigns-gradient")
def assigns_the_weight_gradient(self, dy, x):
    self.weight.grad = x.T @ dy
    self.bias.grad += dy.sum(axis=0)
    return dy @ self.weight.value.T


@planted("dense", samples.dense, "assigns-gradient")
def writes_over_the_bias_gradient_with_a_slice(self, dy, x):
    self.weight.grad += x.T @ dy
    self.bias.grad[:] = dy.sum(axis=0)
    return dy @ self.weight.value.T


@planted("dense", samples.dense, "hidden-penalty", "weight-decay")
def adds_weight_decay_inside_backward(self, dy, x):
    self.weight.grad += x.T @ dy + 0.01 * self.weight.value
    self.bias.grad += dy.sum(axis=0)
    return dy @ self.weight.value.T


@planted("dense", samples.dense, "hidden-penalty")
def adds_an_l1_penalty_inside_backward(self, dy, x):
    self.weight.grad += x.T @ dy + 0.01 * np.sign(self.weight.value)
    self.bias.grad += dy.sum(axis=0)
    return dy @ self.weight.value.T


@planted("dense", samples.dense, "partial-samples")
def takes_the_bias_gradient_of_the_first_sample_only(self, dy, x):
    self.weight.grad += x.T @ dy
    self.bias.grad += dy[0]
    return dy @ self.weight.value.T


@planted("dense", samples.dense, "partial-samples")
def leaves_out_the_last_sample_of_the_weight_gradient(self, dy, x):
    for n in range(len(x) - 1):
        self.weight.grad += np.outer(x[n], dy[n])
    self.bias.grad += dy.sum(axis=0)
    return dy @ self.weight.value.T


@planted("dense", samples.dense, "constant-factor")
def adds_the_bias_gradient_twice(self, dy, x):
    self.weight.grad += x.T @ dy
    for _ in range(2):
        self.bias.grad += dy.sum(axis=0)
    return dy @ self.weight.value.T


@planted("dense", samples.normal(lambda rng: ref.Dense(rng, 3, 5), (5, 3)), "wrong-axis")
def sums_the_bias_gradient_over_the_features(self, dy, x):
    self.weight.grad += x.T @ dy
    self.bias.grad += dy.sum(axis=1)
    return dy @ self.weight.value.T


@planted("dense", samples.dense, "backward-parameters-differs", method="backward_parameters")
def forgets_the_bias_in_backward_parameters(self, dy, x):
    self.weight.grad += x.T @ dy


@planted("dense", samples.dense, "backward-parameters-differs", method="backward_parameters")
def leaves_backward_parameters_empty(self, dy, x):
    pass


@planted("dense", samples.dense, "low-precision")
def computes_the_weight_gradient_in_half_precision(self, dy, x):
    self.weight.grad += (x.astype(np.float16).T @ dy.astype(np.float16)).astype(np.float64)
    self.bias.grad += dy.sum(axis=0)
    return dy @ self.weight.value.T


@planted("dense", samples.dense, "low-precision")
def casts_the_input_gradient_through_float32(self, dy, x):
    self.weight.grad += x.T @ dy
    self.bias.grad += dy.sum(axis=0)
    return (dy @ self.weight.value.T).astype(np.float32).astype(np.float64)


@planted("dense", samples.dense, "wrong-region", "partial-samples")
def leaves_out_the_first_column_of_the_weight_gradient(self, dy, x):
    self.weight.grad[:, 1:] += x.T @ dy[:, 1:]
    self.bias.grad += dy.sum(axis=0)
    return dy @ self.weight.value.T


@planted("dense", samples.dense, "constant-factor")
def rescales_the_input_gradient_by_the_root_of_the_fan_in(self, dy, x):
    self.weight.grad += x.T @ dy
    self.bias.grad += dy.sum(axis=0)
    return dy @ self.weight.value.T / np.sqrt(len(self.weight.value))


@planted("dense", samples.dense, "batch-of-one")
def squeezes_the_upstream_before_summing_over_the_batch(self, dy, x):
    self.weight.grad += x.T @ dy
    self.bias.grad += dy.squeeze().sum(axis=0)
    return dy @ self.weight.value.T


@planted("affine", samples.affine, "keepdims")
def keeps_the_batch_axis_of_the_bias_gradient(self, dy, cache):
    x, w = cache
    return dy @ w.T, x.T @ dy, dy.sum(axis=0, keepdims=True)


@planted("affine", samples.affine, "not-summed-over-batch")
def does_not_sum_the_bias_gradient_over_the_batch(self, dy, cache):
    x, w = cache
    return dy @ w.T, x.T @ dy, dy.copy()


@planted("affine", samples.affine, "transposed-shape")
def returns_the_transposed_weight_gradient(self, dy, cache):
    x, w = cache
    return dy @ w.T, dy.T @ x, dy.sum(axis=0)


@planted("affine", samples.affine, "wrong-shape")
def sums_the_bias_gradient_to_one_number_for_each_sample(self, dy, cache):
    x, w = cache
    return dy @ w.T, x.T @ dy, dy.sum(axis=1)


@planted("affine", samples.affine, "wrong-number-of-gradients", "missing-gradient")
def returns_two_gradients_for_three_inputs(self, dy, cache):
    x, w = cache
    return dy @ w.T, x.T @ dy


@planted("affine", samples.affine, "missing-gradient")
def returns_none_for_the_bias(self, dy, cache):
    x, w = cache
    return dy @ w.T, x.T @ dy, None


@planted("affine", samples.affine, "wrong-dtype")
def returns_a_float32_gradient_for_a_float64_input(self, dy, cache):
    x, w = cache
    return (dy @ w.T).astype(np.float32), x.T @ dy, dy.sum(axis=0)


@planted("multiply", samples.multiply, "swapped", "wrong-formula", "wrong-variable")
def multiplies_each_factor_by_itself(self, dy, cache):
    a, b = cache
    return dy * a, dy * b


@planted("matmul", samples.normal(lambda rng: ref.Matmul(), (4, 4), (4, 4)), "swapped")
def returns_the_two_gradients_in_the_wrong_order(self, dy, cache):
    a, b = cache
    return a.T @ dy, dy @ b.T


@planted("bilinear", samples.bilinear, "constant-factor")
def halves_the_gradient_of_one_argument(self, dy, cache):
    a, b = cache
    self.weight.grad += np.einsum("nk,ni,nj->kij", dy, a, b)
    da = np.einsum("nk,kij,nj->ni", dy, self.weight.value, b)
    db = np.einsum("nk,kij,ni->nj", dy, self.weight.value, a)
    return da, db / 2


square_bilinear = samples.normal(lambda rng: ref.Bilinear(rng, 3, 3, 2), (5, 3), (5, 3))


@planted("bilinear", square_bilinear, "parameter-rearranged")
def contracts_the_wrong_axis_of_the_weight(self, dy, cache):
    a, b = cache
    self.weight.grad += np.einsum("nk,ni,nj->kij", dy, a, b)
    da = np.einsum("nk,kji,nj->ni", dy, self.weight.value, b)
    db = np.einsum("nk,kij,ni->nj", dy, self.weight.value, a)
    return da, db


@planted("bilinear", square_bilinear, "rearranged")
def swaps_the_arguments_in_the_weight_gradient(self, dy, cache):
    a, b = cache
    self.weight.grad += np.einsum("nk,ni,nj->kij", dy, b, a)
    da = np.einsum("nk,kij,nj->ni", dy, self.weight.value, b)
    db = np.einsum("nk,kij,ni->nj", dy, self.weight.value, a)
    return da, db


@planted("divide", samples.divide, "sign")
def forgets_the_minus_of_the_quotient_rule(self, dy, cache):
    a, b = cache
    return dy / b, dy * a / (b * b)


@planted("quadratic", samples.quadratic, "unclassified", "missing-term", "parameter-rearranged")
def takes_the_matrix_of_a_quadratic_form_for_symmetric(self, dy, x):
    self.matrix.grad += np.einsum("n,ni,nj->ij", dy, x, x)
    return 2 * dy[:, None] * (x @ self.matrix.value.T)


@planted("quadratic", samples.quadratic, "missing-term", "unclassified")
def differentiates_one_side_of_a_quadratic_form(self, dy, x):
    self.matrix.grad += np.einsum("n,ni,nj->ij", dy, x, x)
    return dy[:, None] * (x @ self.matrix.value)


@planted("linear", samples.linear, "jacobian-transposed")
def multiplies_by_a_constant_matrix_without_transposing_it(self, dy, cache):
    return dy @ self.matrix


@planted("tied", samples.tied, "missing-term", "unclassified")
def forgets_the_decoder_of_a_tied_weight(self, dy, cache):
    x, h = cache
    da = (dy @ self.weight.value) * (1 - h * h)
    self.weight.grad += x.T @ da
    return da @ self.weight.value.T


@planted("tied", samples.tied, "assigns-gradient")
def assigns_the_second_use_of_a_tied_weight(self, dy, cache):
    x, h = cache
    da = (dy @ self.weight.value) * (1 - h * h)
    self.weight.grad += dy.T @ h
    self.weight.grad = x.T @ da
    return da @ self.weight.value.T


@planted("embedding", samples.embedding, "overwritten-contributions")
def adds_repeated_indices_once(self, dy, index):
    self.table.grad[index] += dy


@planted("embedding", samples.embedding, "assigns-gradient", "overwritten-contributions")
def assigns_the_rows_of_the_table(self, dy, index):
    for n, word in enumerate(index):
        self.table.grad[word] = dy[n]


@planted("embedding", samples.embedding, "constant-factor", "unclassified", "partial-samples")
def averages_the_rows_of_the_table(self, dy, index):
    np.add.at(self.table.grad, index, dy / len(index))


@planted("embedding", samples.embedding, "rearranged")
def shifts_the_indices_by_one(self, dy, index):
    np.add.at(self.table.grad, (index + 1) % len(self.table.grad), dy)


@planted("embedding", samples.embedding, "zero", "missing-gradient")
def adds_to_a_copy_of_the_rows(self, dy, index):
    rows = self.table.grad[index]
    rows += dy


@planted("embedding", samples.embedding, "wrong-region", "partial-samples")
def takes_word_zero_for_padding(self, dy, index):
    real = index > 0
    np.add.at(self.table.grad, index[real], dy[real])


@planted("scale", samples.scale, "swapped")
def swaps_the_gradients_of_gain_and_shift(self, dy, x):
    self.gain.grad += dy.sum(axis=0)
    self.shift.grad += (dy * x).sum(axis=0)
    return dy * self.gain.value


@planted("scale", samples.scale, "upstream-passed-through", "constant-factor")
def forgets_the_gain_in_the_input_gradient(self, dy, x):
    self.gain.grad += (dy * x).sum(axis=0)
    self.shift.grad += dy.sum(axis=0)
    return dy.copy()


@planted("scale", samples.scale, "wrong-variable", "unclassified")
def uses_the_output_in_the_gradient_of_the_gain(self, dy, x):
    self.gain.grad += (dy * (x * self.gain.value + self.shift.value)).sum(axis=0)
    self.shift.grad += dy.sum(axis=0)
    return dy * self.gain.value
