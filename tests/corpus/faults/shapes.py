"""Faults in layers that move, sum or combine: residual, concatenation, gather, cumulative sums."""

import numpy as np

from minidl import Sequential
from tests.corpus import reference as ref
from tests.corpus import samples
from tests.corpus.faults.catalogue import planted, planted_layer, with_methods


@planted("residual", samples.residual, "missing-skip")
def forgets_the_skip_path(self, dy, cache):
    return self.branch.backward(dy, cache)


@planted("residual", samples.residual, "upstream-passed-through")
def forgets_the_branch(self, dy, cache):
    self.branch.backward(dy, cache)
    return dy.copy()


@planted("residual", samples.residual, "missing-skip", "missing-term", "constant-factor")
def adds_the_skip_path_twice(self, dy, cache):
    return 2 * dy + self.branch.backward(dy, cache)


@planted("residual", samples.residual, "mutates-upstream")
def adds_the_branch_to_the_upstream_in_place(self, dy, cache):
    dy += self.branch.backward(dy, cache)
    return dy


@planted_layer("residual", "mutates-input")
def adds_the_branch_to_the_input_in_place(rng):
    def forward(self, x):
        y, cache = self.branch.forward(x.copy())
        x += y
        return x, cache

    layer, inputs = samples.residual(rng)
    return with_methods(layer, forward=forward), inputs


@planted(
    "concatenate",
    samples.concatenate,
    "partial-samples",
    "missing-term",
    "missing-skip",
    "unclassified",
)
def forgets_one_branch(self, dy, cache):
    left, right, width = cache
    self.right.backward(dy[:, width:], right)
    return self.left.backward(dy[:, :width], left)


@planted("concatenate", samples.concatenate, "constant-factor", "unclassified")
def averages_the_branches(self, dy, cache):
    left, right, width = cache
    dx = self.left.backward(dy[:, :width], left) + self.right.backward(dy[:, width:], right)
    return dx / 2


@planted("concatenate", samples.concat, "swapped", "unclassified", "wrong-variable")
def swaps_the_halves_of_the_upstream(self, dy, width):
    return dy[:, width:].copy(), dy[:, :width].copy()


@planted("concatenate", samples.concat, "rearranged", "wrong-region", "unclassified")
def splits_one_column_too_late(self, dy, width):
    return np.roll(dy, -1, axis=1)[:, :width].copy(), dy[:, width:].copy()


@planted("gate", samples.gate, "unclassified", "missing-term", "zero")
def takes_the_gate_for_a_constant(self, dy, cache):
    _, left, right, s, _, _ = cache
    return self.left.backward(dy * s, left) + self.right.backward(dy * (1 - s), right)


@planted("gate", samples.gate, "unclassified", "sign", "missing-term")
def forgets_one_side_of_the_gate(self, dy, cache):
    gate, left, right, s, a, _ = cache
    dx = self.left.backward(dy * s, left) + self.right.backward(dy * (1 - s), right)
    return dx + self.gate.backward(dy * a * s * (1 - s), gate)


@planted("gather", samples.gather, "overwritten-contributions", "partial-samples")
def adds_repeated_columns_once(self, dy, shape):
    dx = np.zeros(shape)
    dx[:, self.index] += dy
    return dx


@planted("cumsum", samples.cumsum, "jacobian-transposed")
def sums_from_the_left_in_backward(self, dy, cache):
    return dy.cumsum(axis=1)


@planted("cumsum", samples.cumsum, "rearranged")
def forgets_to_turn_the_sum_back(self, dy, cache):
    return dy[:, ::-1].cumsum(axis=1)


@planted("mean", samples.mean, "constant-factor")
def forgets_to_divide_by_the_length(self, dy, shape):
    return np.broadcast_to(dy[:, None], shape).copy()


@planted("mean", samples.mean, "constant-factor")
def divides_by_the_number_of_rows(self, dy, shape):
    return np.broadcast_to(dy[:, None] / shape[0], shape).copy()


@planted(
    "flatten", samples.normal(lambda rng: ref.Flatten(), (3, 3, 4)), "rearranged", "memory-layout"
)
def unflattens_in_fortran_order(self, dy, shape):
    return dy.reshape(shape, order="F")


@planted("flatten", samples.flatten, "transposed-shape", "wrong-shape")
def swaps_the_axes_when_unflattening(self, dy, shape):
    return dy.reshape(shape[::-1])


@planted("transpose", samples.transpose, "rearranged", "upstream-passed-through")
def forgets_to_transpose_back(self, dy, cache):
    return dy.copy()


cube = samples.normal(lambda rng: ref.Transpose(1, 2, 0), (3, 3, 3))


@planted("transpose", cube, "rearranged", "upstream-passed-through")
def permutes_again_instead_of_back(self, dy, cache):
    return dy.transpose(self.axes)


@planted("product", samples.product, "missing-term", "unclassified", "wrong-region")
def leaves_out_the_factors_to_the_right(self, dy, x):
    ones = np.ones_like(x[:, :1])
    return dy[:, None] * np.concatenate([ones, x[:, :-1].cumprod(axis=1)], axis=1)


def shared_dense(rng):
    layer = ref.Dense(rng, 4, 4)
    return Sequential(layer, ref.Tanh(), layer), (rng.normal(size=(5, 4)),)


@planted_layer("shared parameter", "assigns-gradient", "overwritten-contributions")
def assigns_a_gradient_that_two_places_share(rng):
    def backward(self, dy, x):
        self.weight.grad[...] = x.T @ dy
        self.bias.grad += dy.sum(axis=0)
        return dy @ self.weight.value.T

    network, inputs = shared_dense(rng)
    with_methods(network.layers[0], backward=backward)
    return network, inputs


@planted_layer("shared parameter", "stale-cache")
def keeps_the_input_on_a_layer_that_stands_twice(rng):
    def forward(self, x):
        self.x = x
        return ref.Dense.forward(self, x)

    def backward(self, dy, x):
        return ref.Dense.backward(self, dy, self.x)

    network, inputs = shared_dense(rng)
    with_methods(network.layers[0], forward=forward, backward=backward)
    return network, inputs


@planted_layer("network", "sign")
def flips_a_sign_deep_inside_a_network(rng):
    def backward(self, dy, y):
        return dy * (y * y - 1)

    inner = Sequential(ref.Dense(rng, 4, 3), with_methods(ref.Tanh(), backward=backward))
    return Sequential(inner, ref.Dense(rng, 3, 2)), (rng.normal(size=(5, 4)),)


@planted_layer("network", "constant-factor")
def averages_a_bias_deep_inside_a_network(rng):
    def backward(self, dy, x):
        self.weight.grad += x.T @ dy
        self.bias.grad += dy.mean(axis=0)
        return dy @ self.weight.value.T

    inner = with_methods(ref.Dense(rng, 4, 3), backward=backward)
    network = Sequential(inner, ref.Tanh(), ref.Residual(ref.Dense(rng, 3, 3)))
    return network, (rng.normal(size=(5, 4)),)
