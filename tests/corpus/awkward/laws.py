"""Layers that are right, each in a way that a hasty test would call wrong."""

from dataclasses import dataclass

import numpy as np

from minidl import Buffer, Dense, Layer, Parameter, ReLU, Sequential, SoftmaxCrossEntropy, Tanh
from minidl.testing import Case, laws

RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 3))


class Dropout(Layer):
    def __init__(self):
        self.rng = np.random.default_rng(0)

    def forward(self, x):
        mask = (self.rng.random(x.shape, dtype=x.dtype) < 0.5).astype(x.dtype)
        return 2 * mask * x, mask

    def backward(self, dy, mask):
        return 2 * mask * dy

    def __call__(self, x):
        return x.copy()


class Standardise(Layer):
    """Batch normalisation: every sample depends on every other, statistics are buffers."""

    def __init__(self, features):
        self.gain = Parameter(np.ones(features))
        self.mean = Buffer(np.zeros(features))

    def forward(self, x):
        if not len(x):
            return x.copy(), (x, np.ones_like(self.gain.value))
        mean = x.mean(axis=0)
        self.mean.value *= 0.9
        self.mean.value += 0.1 * mean
        spread = np.sqrt(((x - mean) ** 2).mean(axis=0) + x.dtype.type(1e-3))
        normalised = (x - mean) / spread
        return normalised * self.gain.value, (normalised, spread)

    def backward(self, dy, cache):
        normalised, spread = cache
        if not len(dy):
            return dy.copy()
        self.gain.grad += (dy * normalised).sum(axis=0)
        dy = dy * self.gain.value
        return (dy - dy.mean(axis=0) - normalised * (dy * normalised).mean(axis=0)) / spread

    def __call__(self, x):
        return (x - self.mean.value) * self.gain.value


class Embedding(Layer):
    """Integer input: no gradient; a row that is used twice gets two contributions."""

    def __init__(self):
        self.table = Parameter(RNG.normal(size=(7, 2)))

    def forward(self, places):
        return self.table.value[places], places

    def backward(self, dy, places):
        np.add.at(self.table.grad, places, dy)


class Bilinear(Layer):
    """Two inputs with different numbers of features."""

    def __init__(self):
        self.weight = Parameter(RNG.normal(size=(3, 2)))

    def forward(self, x, z):
        return ((x @ self.weight.value) * z).sum(axis=1), (x, z)

    def backward(self, dy, cache):
        x, z = cache
        column = dy[:, np.newaxis]
        self.weight.grad += x.T @ (column * z)
        return column * (z @ self.weight.value.T), column * (x @ self.weight.value)


class Masked(Layer):
    """The second input is floating, but a constant."""

    differentiable = 1

    def forward(self, x, mask):
        return x * mask, mask

    def backward(self, dy, mask):
        return dy * mask


class Tied(Layer):
    """One parameter used twice, once transposed; a composite with a call of its own."""

    def __init__(self):
        self.weight = Parameter(RNG.normal(size=(3, 2)))
        self.inner = [{"activation": Tanh()}]

    def forward(self, x):
        hidden, cache = self.inner[0]["activation"].forward(x @ self.weight.value)
        return hidden @ self.weight.value.T, (x, hidden, cache)

    def backward(self, dy, caches):
        x, hidden, cache = caches
        self.weight.grad += dy.T @ hidden
        d_hidden = self.inner[0]["activation"].backward(dy @ self.weight.value, cache)
        self.weight.grad += x.T @ d_hidden
        return d_hidden @ self.weight.value.T

    def __call__(self, x):
        return self.inner[0]["activation"](x @ self.weight.value) @ self.weight.value.T


class Identity(Layer):
    """Gives its input and its cotangent back, the very arrays."""

    def forward(self, x):
        return x, None

    def backward(self, dy, cache):
        return dy


class Flatten(Layer):
    """Output and gradient are views of what came in."""

    def forward(self, x):
        return x.reshape(len(x), int(np.prod(x.shape[1:]))), x.shape

    def backward(self, dy, shape):
        return dy.reshape(shape)


class SumOfFeatures(Layer):
    """The gradient is a read-only view with strides of zero."""

    def forward(self, x):
        return x.sum(axis=1), x.shape

    def backward(self, dy, shape):
        return np.broadcast_to(dy[:, np.newaxis], shape)


class SoftmaxShiftedByTheWholeBatch(Layer):
    """Samples meet in the shift, which cancels up to rounding."""

    def forward(self, x):
        powers = np.exp(x - np.max(x, initial=-np.inf))
        p = powers / powers.sum(axis=1, keepdims=True)
        return p, p

    def backward(self, dy, p):
        return p * (dy - (dy * p).sum(axis=1, keepdims=True))


class WithClosure(Layer):
    """The cache is a function."""

    def forward(self, x):
        y = np.sin(x)
        return y, lambda dy: dy * np.cos(x)

    def backward(self, dy, pull_back):
        return pull_back(dy)


@dataclass
class Kept:
    places: np.ndarray
    shape: tuple


class MaxOfFeatures(Layer):
    """The cache is an object; where two are equal the first is taken."""

    def forward(self, x):
        places = x.argmax(axis=1)
        return x[np.arange(len(x)), places], Kept(places, x.shape)

    def backward(self, dy, cache):
        dx = np.zeros(cache.shape, dy.dtype)
        dx[np.arange(len(dx)), cache.places] = dy
        return dx


class Recurrence(Layer):
    """One weight used at every step of a loop."""

    def __init__(self):
        self.cell = Dense(3, 3, rng=0)

    def forward(self, x):
        h, caches = np.zeros_like(x[:, 0]), []
        for step in range(x.shape[1]):
            z, cache = self.cell.forward(h + x[:, step])
            h = np.tanh(z)
            caches.append((h, cache))
        return h, caches

    def backward(self, dy, caches):
        columns = []
        for h, cache in reversed(caches):
            dy = self.cell.backward(dy * (1 - h * h), cache)
            columns.append(dy)
        return np.stack(columns[::-1], axis=1)

    def __call__(self, x):
        h = np.zeros_like(x[:, 0])
        for step in range(x.shape[1]):
            h = np.tanh(self.cell(h + x[:, step]))
        return h


class Shift(Layer):
    """Parameters without axes and without elements, and an attribute that knows its owner."""

    def __init__(self):
        self.bias, self.nothing = Parameter(0.5), Parameter(np.zeros((0, 2)))
        self.me, self.numpy, self.options = self, None, {"names": ("a", {"b"})}

    def forward(self, x):
        return x + self.bias.value, None

    def backward(self, dy, cache):
        self.bias.grad += dy.sum()
        return dy


class SquaredError(Layer):
    """A loss of someone's own, that gives a Python float."""

    differentiable = 1

    def forward(self, prediction, target):
        if not prediction.size:
            raise ValueError("no predictions")
        difference = prediction - target
        return float((difference**2).mean()), difference

    def backward(self, dy, difference):
        return 2 * dy / difference.size * difference


class Sign(Layer):
    """A step: the gradient is zero wherever there is one."""

    def forward(self, x):
        return np.sign(x), None

    def backward(self, dy, cache):
        return np.zeros_like(dy)


def given(weight):
    weight = np.asarray(weight)
    return Dense(*weight.shape, weight_initializer=lambda rng, shape, dtype: weight)


LABELS = np.array([0, 2, 1, 1, 0])
SATURATED = np.array([[1e4, 0, -1e4], [0, 0, 0], [30, -30, 0], [0, 1e3, 1e3], [1e-7, 0, -1e-7]])
CANCELLING = np.array([[1, 1, 1], [-3, -3, -3], [0, 0, 0], [1, 1, 1], [7, 7, 7]]) / 10

AWKWARD = [
    Case(Dropout(), X),
    Case(Standardise(3), X, without=[laws.treats_samples_independently]),
    Case(Standardise(3), 1e3 + X, without=[laws.treats_samples_independently], name="far off"),
    Case(Embedding(), np.array([3, 0, 3, 6])),
    Case(Embedding(), np.array([[3, 0], [3, 6]])),
    Case(Bilinear(), X, X[:, :2]),
    Case(Masked(), X, (X > 0).astype(float)),
    Case(Tied(), X),
    Case(Identity(), X),
    Case(Sequential(), X, name="an empty Sequential"),
    Case(Flatten(), X.reshape(5, 1, 3)),
    Case(SumOfFeatures(), X),
    Case(SoftmaxShiftedByTheWholeBatch(), X),
    Case(WithClosure(), X),
    Case(MaxOfFeatures(), np.round(X)),
    Case(Recurrence(), RNG.normal(size=(4, 6, 3))),
    Case(Shift(), X),
    Case(Sign(), X),
    Case(SquaredError(), X, X[::-1]),
    Case(SoftmaxCrossEntropy(), SATURATED, LABELS, name="saturated"),
    Case(SoftmaxCrossEntropy(), X, LABELS, np.array([0, 1, 0, 2.0, 0])),
    Case(ReLU(), np.round(2 * X), name="ReLU at zero"),
    Case(
        Sequential(given([[0.1, -1], [0.2, 1], [-0.3, 0]]), ReLU()),
        CANCELLING,
        without=[laws.can_be_pickled],
        name="ReLU where a sum is zero but for rounding",
    ),
    Case(Tanh(), 30 * X, name="saturated Tanh"),
    Case(Tanh(), np.array(0.5), name="no axes"),
    Case(Dense(3, 2, rng=0), X[:1], name="a batch of one already"),
    Case(
        Dense(3, 2, rng=0),
        np.zeros((0, 3)),
        without=[laws.has_proven_gradients],
        name="an empty batch already",
    ),
    Case(
        Dense(3, 2, rng=0),
        X[0],
        without=[
            laws.takes_a_batch_of_one,
            laws.takes_an_empty_batch,
            laws.treats_samples_independently,
        ],
        name="a single sample without a batch",
    ),
    Case(Dense(3, 2, rng=0), X.tolist(), name="a list"),
    Case(Dense(3, 2, rng=0, dtype=np.float64), X.astype(np.float32), name="mixed dtypes"),
]
