"""Random correct layers and networks with random inputs, each a function of its seed.

Shapes are small, square or prime; values mix normal numbers, exact zeros, repeated values, tiny
and large ones; the precision is float64 or float32.
"""

import numpy as np

from minidl import Layer, Sequential
from tests.corpus import reference as ref

SIZES = (1, 2, 3, 4, 4, 5, 5, 7)


def random_case(seed):
    """Return (layer, inputs); the same seed gives the same."""
    rng = np.random.default_rng(seed)
    dtype = np.float32 if rng.random() < 0.3 else np.float64
    family = rng.choice(
        [features, images, sequences, several, words], p=[0.5, 0.15, 0.1, 0.2, 0.05]
    )
    layer, inputs = family(rng, dtype)
    cast = (a.astype(dtype) if np.asarray(a).dtype.kind == "f" else a for a in inputs)
    return layer, tuple(cast)


def values(rng, *shape):
    """Draw numbers of the kinds that make a checker stumble."""
    x = rng.normal(size=shape)
    if rng.random() < 0.3:
        return x
    kind = rng.random(shape)
    sign = rng.choice([-1, 1], shape)
    x = np.where(kind < 0.15, 0.0, x)
    x = np.where((kind > 0.15) & (kind < 0.25), rng.choice([0.5, -1.0, 1.0, 2.0], shape), x)
    x = np.where((kind > 0.25) & (kind < 0.35), sign * 10 ** rng.uniform(-7, -3, shape), x)
    return np.where((kind > 0.35) & (kind < 0.42), sign * rng.uniform(10, 30, shape), x)


def size(rng):
    return int(rng.choice(SIZES))


ACTIVATIONS = (
    ref.ReLU,
    ref.LeakyReLU,
    ref.ELU,
    ref.GELU,
    ref.SiLU,
    ref.Softplus,
    ref.Sigmoid,
    ref.Tanh,
    ref.HardTanh,
    ref.Abs,
    ref.Softsign,
    ref.Identity,
)


def step(rng, width, dtype, depth):
    """Return (a random layer for rows of this width, the width of its output)."""
    draw = rng.integers(16 if depth else 12)
    if draw < 3:
        out = size(rng)
        return ref.Dense(rng, width, out, dtype), out
    if draw < 6:
        return ACTIVATIONS[rng.integers(len(ACTIVATIONS))](), width
    if draw < 11:
        make = (
            lambda: ref.Scale(rng, width, dtype),
            lambda: ref.PReLU(width, dtype),
            lambda: ref.LayerNorm(rng, width, dtype=dtype),
            lambda: ref.RMSNorm(rng, width, dtype=dtype),
            lambda: ref.BatchNorm(rng, width, dtype=dtype),
            lambda: ref.Dropout(0.3, int(rng.integers(99))),
            ref.Softmax,
            ref.LogSoftmax,
            ref.CumSum,
            lambda: ref.UnitRows(1e-3),
        )
        return make[rng.integers(len(make))](), width
    if draw == 11:
        index = rng.integers(width, size=size(rng))
        return ref.Gather(index), len(index)
    if draw < 14:
        inner, out = chain(rng, width, dtype, depth - 1)
        return ref.Residual(Sequential(inner, ref.Dense(rng, out, width, dtype))), width
    if draw == 14:
        left, a = chain(rng, width, dtype, depth - 1)
        right, b = chain(rng, width, dtype, depth - 1)
        return ref.Concatenate(left, right), a + b
    out = size(rng)
    return ref.Gate(*(ref.Dense(rng, width, out, dtype) for _ in range(3))), out


def chain(rng, width, dtype, depth=1):
    layers = []
    for _ in range(rng.integers(1, 4)):
        layer, width = step(rng, width, dtype, depth)
        layers.append(layer)
    return (layers[0] if len(layers) == 1 else Sequential(*layers)), width


class Judged(Layer):
    """A network and a loss on its output."""

    differentiable = 1

    def __init__(self, network, loss):
        self.network, self.loss = network, loss

    def forward(self, x, *target):
        y, inner = self.network.forward(x)
        value, outer = self.loss.forward(y, *target)
        return value, (inner, outer)

    def backward(self, dy, cache):
        inner, outer = cache
        return self.network.backward(self.loss.backward(dy, outer), inner)

    def __call__(self, x, *target):
        return self.loss(self.network(x), *target)


def features(rng, dtype):
    samples, width = size(rng), size(rng)
    network, out = chain(rng, width, dtype)
    x = values(rng, samples, width)
    if rng.random() < 0.6:
        return network, (x,)
    kind = rng.integers(6)
    if kind == 0:
        return Judged(network, ref.SoftmaxCE()), (x, rng.integers(out, size=samples))
    if kind == 1:
        return Judged(network, ref.Hinge()), (x, rng.integers(out, size=samples))
    if kind == 2:
        return Judged(network, ref.BCE()), (x, rng.integers(2, size=(samples, out)).astype(dtype))
    loss = (ref.MSE(), ref.Huber(), ref.L1())[kind - 3]
    return Judged(network, loss), (x, values(rng, samples, out))


def images(rng, dtype):
    samples, channels = (int(n) for n in rng.integers(1, 3, size=2))
    side = int(rng.choice([4, 5, 6]))
    filters = int(rng.integers(1, 3))
    layers = []
    if rng.random() < 0.7:
        stride, padding = int(rng.integers(1, 3)), int(rng.integers(2))
        kernel = int(rng.integers(1, 4))
        layers.append(ref.Conv2D(rng, channels, filters, kernel, stride, padding, dtype))
    if rng.random() < 0.5:
        layers.append(ACTIVATIONS[rng.integers(len(ACTIVATIONS))]())
    draw = rng.integers(4)
    if draw == 0 and not layers:
        layers.append(ref.MaxPool2D(*((2, 2) if rng.random() < 0.5 else (3, 1))))
    elif draw == 1:
        layers.append(ref.GlobalAvgPool())
    elif draw == 2:
        layers.append(ref.Upsample())
    else:
        layers.append(ref.Flatten())
    return Sequential(*layers), (values(rng, samples, channels, side, side),)


def sequences(rng, dtype):
    samples, steps, width = (
        int(rng.integers(1, 4)),
        int(rng.integers(1, 5)),
        int(rng.integers(1, 4)),
    )
    units = int(rng.integers(1, 4))
    x = values(rng, samples, steps, width)
    draw = rng.integers(3)
    if draw == 0:
        return ref.RNN(rng, width, units, dtype), (x, values(rng, samples, units))
    if draw == 1:
        return ref.LSTM(rng, width, units, dtype), (x,)
    return ref.SelfAttention(rng, width, dtype), (x,)


def several(rng, dtype):
    """Layers of several inputs."""
    n, a, b, c = (size(rng) for _ in range(4))
    draw = rng.integers(8)
    if draw == 0:
        return ref.Affine(), (values(rng, n, a), values(rng, a, b), values(rng, b))
    if draw == 1:
        return ref.Multiply(), (values(rng, n, a), values(rng, n, a))
    if draw == 2:
        return ref.Divide(), (values(rng, n, a), rng.uniform(0.5, 2, size=(n, a)))
    if draw == 3:
        return ref.Matmul(), (values(rng, a, b), values(rng, b, c))
    if draw == 4:
        return ref.Bilinear(rng, a, b, c, dtype), (values(rng, n, a), values(rng, n, b))
    if draw == 5:
        return ref.Concat(), (values(rng, n, a), values(rng, n, b))
    if draw == 6:
        shapes = (2, b, a), (2, c, a), (2, c, 3)
        return ref.Attention(), tuple(values(rng, *shape) for shape in shapes)
    return ref.Add(), (values(rng, n, a), values(rng, n, a))


def words(rng, dtype):
    width = size(rng)
    rest, _ = chain(rng, width, dtype, 0)
    index = rng.integers(5, size=size(rng))
    return Sequential(ref.Embedding(rng, 5, width, dtype), rest), (index,)
