"""Faults in convolution and pooling."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tests.corpus import reference as ref
from tests.corpus import samples
from tests.corpus.faults.catalogue import planted, planted_layer, with_methods


def convolution_backward(self, dy, cache, *, weight=None, offset=0, stride=None, slots=None):
    """Do what the reference does, with places where a slip can be put in."""
    windows, shape = cache
    p = self.padding
    s = self.stride if stride is None else stride
    w = self.weight.value if weight is None else weight
    self.weight.grad += np.einsum("noij,ncijkl->ockl", dy, windows)
    self.bias.grad += dy.sum(axis=(0, 2, 3))
    dx = np.zeros((shape[0], shape[1], shape[2] + 2, shape[3] + 2), dy.dtype)
    height, width = dy.shape[2] * s, dy.shape[3] * s
    for k, m in slots or np.ndindex(self.size, self.size):
        part = np.einsum("noij,oc->ncij", dy, w[:, :, k, m])
        dx[:, :, k + offset : k + offset + height : s, m : m + width : s] += part
    return dx[:, :, p : shape[2] - p, p : shape[3] - p]


@planted("conv2d", samples.conv2d, "parameter-rearranged")
def uses_the_kernel_flipped_in_the_input_gradient(self, dy, cache):
    return convolution_backward(self, dy, cache, weight=self.weight.value[:, :, ::-1, ::-1])


@planted("conv2d", samples.conv2d, "parameter-rearranged")
def uses_the_kernel_transposed_in_the_input_gradient(self, dy, cache):
    return convolution_backward(self, dy, cache, weight=self.weight.value.swapaxes(2, 3))


@planted("conv2d", samples.conv2d, "rearranged", "wrong-region")
def is_off_by_one_row_in_the_input_gradient(self, dy, cache):
    return convolution_backward(self, dy, cache, offset=1)


@planted("conv2d", samples.conv2d, "unclassified", "partial-samples", "wrong-region")
def skips_the_last_column_of_the_kernel(self, dy, cache):
    slots = [(k, m) for k in range(3) for m in range(2)]
    return convolution_backward(self, dy, cache, slots=slots)


@planted("conv2d", samples.conv2d, "wrong-region")
def leaves_the_border_of_the_input_without_gradient(self, dy, cache):
    dx = convolution_backward(self, dy, cache)
    inner = np.zeros_like(dx)
    inner[:, :, 1:-1, 1:-1] = dx[:, :, 1:-1, 1:-1]
    return inner


@planted("conv2d", samples.conv2d, "wrong-region")
def loses_one_corner_pixel(self, dy, cache):
    dx = convolution_backward(self, dy, cache).copy()
    dx[:, :, -1, -1] = 0
    return dx


@planted("conv2d", samples.conv2d, "constant-factor", "unclassified")
def averages_the_bias_gradient_over_the_image(self, dy, cache):
    before = self.bias.grad.copy()
    dx = convolution_backward(self, dy, cache)
    self.bias.grad[...] = before + dy.mean(axis=(2, 3)).sum(axis=0)
    return dx


@planted("conv2d", samples.conv2d, "rearranged")
def adds_the_flipped_kernel_gradient(self, dy, cache):
    windows, _ = cache
    before = self.weight.grad.copy()
    dx = convolution_backward(self, dy, cache)
    gradient = np.einsum("noij,ncijkl->ockl", dy, windows)
    self.weight.grad[...] = before + gradient[:, :, ::-1, ::-1]
    return dx


@planted("conv2d", samples.conv2d_valid, "overwritten-contributions")
def assigns_overlapping_windows(self, dy, cache):
    _, shape = cache
    dx = np.zeros(shape)
    convolution_backward(self, dy, cache)
    height, width = dy.shape[2:]
    for k, m in np.ndindex(self.size, self.size):
        part = np.einsum("noij,oc->ncij", dy, self.weight.value[:, :, k, m])
        dx[:, :, k : k + height, m : m + width] = part
    return dx


@planted("conv2d", samples.conv2d, "partial-samples")
def takes_the_kernel_gradient_of_the_first_image_only(self, dy, cache):
    windows, _ = cache
    before = self.weight.grad.copy()
    dx = convolution_backward(self, dy, cache)
    self.weight.grad[...] = before + np.einsum("noij,ncijkl->ockl", dy[:1], windows[:1])
    return dx


@planted("conv2d", samples.conv2d_strided, "rearranged", "wrong-region", "unclassified")
def ignores_the_stride_in_the_input_gradient(self, dy, cache):
    return convolution_backward(self, dy, cache, stride=1)


@planted(
    "conv2d",
    samples.conv2d,
    unseen="the stride is 1 here, where the wrong path computes what the right one does",
)
def ignores_a_stride_that_is_one(self, dy, cache):
    return convolution_backward(self, dy, cache, stride=1)


@planted("conv1d", samples.conv1d, "parameter-rearranged", "jacobian-transposed")
def convolves_instead_of_correlating(self, dy, x):
    w = self.weight.value[::-1]
    dx = np.zeros_like(x)
    for k in range(len(w)):
        self.weight.grad[k] += (dy * x[:, k : k + dy.shape[1]]).sum()
        dx[:, k : k + dy.shape[1]] += dy * w[k]
    return dx


@planted("conv1d", samples.conv1d, "rearranged", "unclassified")
def shifts_the_windows_of_the_kernel_gradient(self, dy, x):
    w = self.weight.value
    dx = np.zeros_like(x)
    for k in range(len(w)):
        window = np.roll(x, -1, axis=1)[:, k : k + dy.shape[1]]
        self.weight.grad[k] += (dy * window).sum()
        dx[:, k : k + dy.shape[1]] += dy * w[k]
    return dx


@planted("conv1d", samples.conv1d, "partial-samples", "unclassified", "wrong-region")
def leaves_out_the_last_window(self, dy, x):
    w = self.weight.value
    dx = np.zeros_like(x)
    length = dy.shape[1] - 1
    for k in range(len(w)):
        self.weight.grad[k] += (dy * x[:, k : k + length + 1]).sum()
        dx[:, k : k + length] += dy[:, :length] * w[k]
    return dx


@planted_layer("max pool", "tie-double-count")
def counts_ties_of_a_max_pool_twice(rng):
    def forward(self, x):
        n, c, h, w = x.shape
        windows = x.reshape(n, c, h // 2, 2, w // 2, 2)
        y = windows.max(axis=(3, 5))
        return y, (windows, y)

    def backward(self, dy, cache):
        windows, y = cache
        dx = dy[:, :, :, None, :, None] * (windows == y[:, :, :, None, :, None])
        return dx.reshape(*dy.shape[:2], 2 * dy.shape[2], 2 * dy.shape[3])

    layer, inputs = samples.max_pool(rng)
    return with_methods(layer, forward=forward, backward=backward), inputs


@planted_layer("max", "tie-double-count")
def counts_ties_of_a_row_maximum_twice(rng):
    def forward(self, x):
        return x.max(axis=1), x

    def backward(self, dy, x):
        return dy[:, None] * (x == x.max(axis=1, keepdims=True))

    layer, inputs = samples.max_over_axis(rng)
    return with_methods(layer, forward=forward, backward=backward), inputs


@planted_layer("max", "tie-double-count")
def counts_ties_of_two_arguments_twice(rng):
    def forward(self, a, b):
        return np.maximum(a, b), (a, b)

    def backward(self, dy, cache):
        a, b = cache
        return dy * (a >= b), dy * (b >= a)

    layer, inputs = samples.add(rng)
    return with_methods(layer, forward=forward, backward=backward), inputs


@planted("max pool", samples.overlapping_max_pool, "overwritten-contributions", "partial-samples")
def assigns_the_winners_of_overlapping_windows(self, dy, cache):
    winner, shape = cache
    n, c, i, j = np.indices(dy.shape)
    dx = np.zeros(shape)
    dx[n, c, i * self.stride + winner // self.size, j * self.stride + winner % self.size] += dy
    return dx


@planted("max pool", samples.max_pool, "rearranged", "unclassified", "wrong-region")
def swaps_row_and_column_of_the_winner(self, dy, cache):
    winner, shape = cache
    n, c, i, j = np.indices(dy.shape)
    dx = np.zeros(shape)
    np.add.at(dx, (n, c, 2 * i + winner % 2, 2 * j + winner // 2), dy)
    return dx


@planted("max pool", samples.max_pool, "unclassified", "wrong-region", "rearranged")
def hands_the_gradient_to_the_whole_window(self, dy, cache):
    return dy.repeat(2, axis=2).repeat(2, axis=3)


@planted("average pool", samples.avg_pool, "constant-factor")
def forgets_to_divide_by_the_window(self, dy, cache):
    return dy.repeat(2, axis=2).repeat(2, axis=3)


@planted("average pool", samples.avg_pool, "constant-factor")
def divides_by_the_side_of_the_window(self, dy, cache):
    return dy.repeat(2, axis=2).repeat(2, axis=3) / 2


@planted("average pool", samples.avg_pool, "rearranged", "unclassified")
def tiles_instead_of_repeating(self, dy, cache):
    return np.tile(dy, (1, 1, 2, 2)) / 4


@planted("global pool", samples.global_avg_pool, "constant-factor")
def divides_by_the_height_alone(self, dy, shape):
    return np.broadcast_to(dy[:, :, None, None] / shape[2], shape).copy()


@planted("global pool", samples.global_avg_pool, "keepdims", "wrong-shape")
def leaves_the_gradient_of_a_global_pool_small(self, dy, shape):
    return dy[:, :, None, None] / (shape[2] * shape[3])


@planted("upsample", samples.upsample, "constant-factor")
def averages_instead_of_summing_in_upsample(self, dy, cache):
    n, c, h, w = dy.shape
    return dy.reshape(n, c, h // 2, 2, w // 2, 2).mean(axis=(3, 5))


@planted(
    "upsample",
    samples.upsample,
    "partial-samples",
    "overwritten-contributions",
    "wrong-region",
    "unclassified",
)
def takes_one_pixel_of_each_block(self, dy, cache):
    return dy[:, :, ::2, ::2].copy()


@planted_layer("conv1d", "memory-layout")
def reads_the_upstream_in_memory_order(rng):
    def forward(self, x):
        return sliding_window_view(x, 3, axis=1) @ self.weight.value, x

    def backward(self, dy, x):
        return ref.Conv1D.backward(self, dy.ravel(order="K").reshape(dy.shape), x)

    layer, inputs = samples.conv1d(rng)
    return with_methods(layer, forward=forward, backward=backward), inputs
