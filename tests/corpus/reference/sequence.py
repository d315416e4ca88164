"""Correct recurrent layers and attention over (N, T, features)."""

import numpy as np
from scipy.special import expit

from minidl import Layer, Parameter

F64 = np.float64


class RNN(Layer):
    """h[t] = tanh(x[t] W + h[t−1] U + b), h[−1] an input; the output is every h[t]."""

    def __init__(self, rng, features, units, dtype=F64):
        self.weight = Parameter(rng.normal(size=(features, units)) / 2, dtype)
        self.recurrent = Parameter(rng.normal(size=(units, units)) / 2, dtype)
        self.bias = Parameter(rng.normal(size=units), dtype)

    def forward(self, x, start):
        states = [start]
        for t in range(x.shape[1]):
            a = x[:, t] @ self.weight.value + states[-1] @ self.recurrent.value
            states.append(np.tanh(a + self.bias.value))
        return np.stack(states[1:], axis=1), (x, states)

    def backward(self, dy, cache):
        x, states = cache
        dx = np.zeros_like(x)
        dh = np.zeros_like(states[0])
        for t in reversed(range(x.shape[1])):
            da = (dy[:, t] + dh) * (1 - states[t + 1] ** 2)
            self.weight.grad += x[:, t].T @ da
            self.recurrent.grad += states[t].T @ da
            self.bias.grad += da.sum(axis=0)
            dx[:, t] = da @ self.weight.value.T
            dh = da @ self.recurrent.value.T
        return dx, dh


class LSTM(Layer):
    """Gates i, f, o and candidate g from one product; the output is every h[t]."""

    def __init__(self, rng, features, units, dtype=F64):
        self.weight = Parameter(rng.normal(size=(features + units, 4 * units)) / 2, dtype)
        self.bias = Parameter(rng.normal(size=4 * units), dtype)
        self.units = units

    def forward(self, x):
        h = np.zeros((len(x), self.units), x.dtype)
        c = np.zeros_like(h)
        steps, outputs = [], []
        for t in range(x.shape[1]):
            z = np.concatenate([x[:, t], h], axis=1)
            a = z @ self.weight.value + self.bias.value
            i, f, o = (expit(a[:, k * self.units : (k + 1) * self.units]) for k in range(3))
            g = np.tanh(a[:, 3 * self.units :])
            before, c = c, f * c + i * g
            h = o * np.tanh(c)
            steps.append((z, i, f, o, g, before, c))
            outputs.append(h)
        return np.stack(outputs, axis=1), steps

    def backward(self, dy, steps):
        dx = np.zeros((*dy.shape[:2], len(self.weight.value) - self.units), dy.dtype)
        dh = np.zeros_like(dy[:, 0])
        dc = np.zeros_like(dh)
        for t in reversed(range(len(steps))):
            z, i, f, o, g, before, c = steps[t]
            dh = dh + dy[:, t]
            tanh_c = np.tanh(c)
            dc = dc + dh * o * (1 - tanh_c * tanh_c)
            di = dc * g * i * (1 - i)
            df = dc * before * f * (1 - f)
            do = dh * tanh_c * o * (1 - o)
            dg = dc * i * (1 - g * g)
            da = np.concatenate([di, df, do, dg], axis=1)
            self.weight.grad += z.T @ da
            self.bias.grad += da.sum(axis=0)
            dz = da @ self.weight.value.T
            dx[:, t], dh = dz[:, : -self.units], dz[:, -self.units :]
            dc = dc * f
        return dx


class Attention(Layer):
    """softmax(Q Kᵀ / √d) V, of three inputs."""

    def forward(self, q, k, v):
        scores = q @ k.swapaxes(1, 2) / np.sqrt(q.shape[-1]).astype(q.dtype)
        e = np.exp(scores - scores.max(axis=-1, keepdims=True))
        p = e / e.sum(axis=-1, keepdims=True)
        return p @ v, (q, k, v, p)

    def backward(self, dy, cache):
        q, k, v, p = cache
        dv = p.swapaxes(1, 2) @ dy
        dp = dy @ v.swapaxes(1, 2)
        ds = p * (dp - (dp * p).sum(axis=-1, keepdims=True))
        ds /= np.sqrt(q.shape[-1]).astype(q.dtype)
        return ds @ k, ds.swapaxes(1, 2) @ q, dv


class SelfAttention(Layer):
    """Attention of x to itself, with projections."""

    def __init__(self, rng, features, dtype=F64):
        self.query, self.key, self.value = (
            Parameter(rng.normal(size=(features, features)) / 2, dtype) for _ in range(3)
        )
        self.attention = Attention()

    def forward(self, x):
        y, inner = self.attention.forward(
            x @ self.query.value, x @ self.key.value, x @ self.value.value
        )
        return y, (x, inner)

    def backward(self, dy, cache):
        x, inner = cache
        dq, dk, dv = self.attention.backward(dy, inner)
        self.query.grad += np.einsum("nti,ntj->ij", x, dq)
        self.key.grad += np.einsum("nti,ntj->ij", x, dk)
        self.value.grad += np.einsum("nti,ntj->ij", x, dv)
        return dq @ self.query.value.T + dk @ self.key.value.T + dv @ self.value.value.T

    def __call__(self, x):
        return self.attention(x @ self.query.value, x @ self.key.value, x @ self.value.value)
