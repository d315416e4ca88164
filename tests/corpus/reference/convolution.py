"""Correct convolution and pooling over (N, C, H, W)."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from minidl import Layer, Parameter

F64 = np.float64


class Conv2D(Layer):
    def __init__(self, rng, channels, filters, size, stride=1, padding=0, dtype=F64):
        self.weight = Parameter(rng.normal(size=(filters, channels, size, size)), dtype)
        self.bias = Parameter(rng.normal(size=filters), dtype)
        self.size, self.stride, self.padding = size, stride, padding

    def forward(self, x):
        p, s = self.padding, self.stride
        padded = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        windows = sliding_window_view(padded, (self.size, self.size), axis=(2, 3))
        windows = windows[:, :, ::s, ::s]
        y = np.einsum("ncijkl,ockl->noij", windows, self.weight.value)
        return y + self.bias.value[:, None, None], (windows, padded.shape)

    def backward(self, dy, cache):
        windows, shape = cache
        p, s = self.padding, self.stride
        self.weight.grad += np.einsum("noij,ncijkl->ockl", dy, windows)
        self.bias.grad += dy.sum(axis=(0, 2, 3))
        dx = np.zeros(shape, dy.dtype)
        height, width = dy.shape[2] * s, dy.shape[3] * s
        for k, l in np.ndindex(self.size, self.size):  # noqa: E741
            part = np.einsum("noij,oc->ncij", dy, self.weight.value[:, :, k, l])
            dx[:, :, k : k + height : s, l : l + width : s] += part
        return dx[:, :, p : shape[2] - p, p : shape[3] - p]


class Conv1D(Layer):
    """One channel, "valid": y[n, t] = Σₖ x[n, t + k] w[k]."""

    def __init__(self, rng, size, dtype=F64):
        self.weight = Parameter(rng.normal(size=size), dtype)

    def forward(self, x):
        return sliding_window_view(x, len(self.weight.value), axis=1) @ self.weight.value, x

    def backward(self, dy, x):
        w = self.weight.value
        dx = np.zeros_like(x)
        for k in range(len(w)):
            self.weight.grad[k] += (dy * x[:, k : k + dy.shape[1]]).sum()
            dx[:, k : k + dy.shape[1]] += dy * w[k]
        return dx


class MaxPool2D(Layer):
    def __init__(self, size=2, stride=2):
        self.size, self.stride = size, stride

    def forward(self, x):
        k, s = self.size, self.stride
        windows = sliding_window_view(x, (k, k), axis=(2, 3))[:, :, ::s, ::s]
        flat = windows.reshape(*windows.shape[:4], k * k)
        winner = flat.argmax(axis=-1)
        return np.take_along_axis(flat, winner[..., None], axis=-1)[..., 0], (winner, x.shape)

    def backward(self, dy, cache):
        winner, shape = cache
        n, c, i, j = np.indices(dy.shape)
        rows = i * self.stride + winner // self.size
        columns = j * self.stride + winner % self.size
        dx = np.zeros(shape, dy.dtype)
        np.add.at(dx, (n, c, rows, columns), dy)
        return dx


class AvgPool2D(Layer):
    def __init__(self, size=2):
        self.size = size

    def forward(self, x):
        n, c, h, w = x.shape
        k = self.size
        return x.reshape(n, c, h // k, k, w // k, k).mean(axis=(3, 5)), None

    def backward(self, dy, cache):
        k = self.size
        return dy.repeat(k, axis=2).repeat(k, axis=3) / (k * k)


class GlobalAvgPool(Layer):
    def forward(self, x):
        return x.mean(axis=(2, 3)), x.shape

    def backward(self, dy, shape):
        return np.broadcast_to(dy[:, :, None, None] / (shape[2] * shape[3]), shape).copy()


class MaxOverAxis(Layer):
    """The greatest entry of each row."""

    def forward(self, x):
        return x.max(axis=1), (x.argmax(axis=1), x.shape)

    def backward(self, dy, cache):
        winner, shape = cache
        dx = np.zeros(shape, dy.dtype)
        dx[np.arange(shape[0]), winner] = dy
        return dx


class Upsample(Layer):
    def forward(self, x):
        return x.repeat(2, axis=2).repeat(2, axis=3), None

    def backward(self, dy, cache):
        n, c, h, w = dy.shape
        return dy.reshape(n, c, h // 2, 2, w // 2, 2).sum(axis=(3, 5))
