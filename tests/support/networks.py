"""Small networks, data and layers that several tests use."""

import numpy as np

from minidl import Buffer, Dense, Layer, ReLU, Sequential


def blobs(samples=60, features=2, classes=3, seed=0):
    """Return points around one centre a class, and their labels."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, samples)
    centres = 4 * rng.normal(size=(classes, features))
    return centres[y] + 0.5 * rng.normal(size=(samples, features)), y


def perceptron(seed=0, features=2, hidden=8, classes=3, dtype=np.float32):
    """Return a network with one hidden layer."""
    rng = np.random.default_rng(seed)
    return Sequential(
        Dense(features, hidden, rng=rng, dtype=dtype),
        ReLU(),
        Dense(hidden, classes, rng=rng, dtype=dtype),
    )


class Noise(Layer):
    """Adds noise in training, and counts its calls: a layer with a generator and a buffer."""

    def __init__(self, seed=0):
        self.rng = np.random.default_rng(seed)
        self.calls = Buffer(np.zeros(1))

    def forward(self, x):
        self.calls.value += 1
        return x + 0.1 * self.rng.normal(size=x.shape).astype(x.dtype), None

    def backward(self, dy, cache):
        return dy

    def __call__(self, x):
        return x


def state_of(network, optimizer=None):
    """Return the bytes of all that training may change."""
    from minidl.parameters import Parameter, walk

    state = []
    for path, item in walk(network):
        if isinstance(item, Parameter):
            state.append((path, item.value.tobytes(), item.grad.tobytes()))
        elif isinstance(item, Buffer):
            state.append((path, item.value.tobytes()))
        elif isinstance(item, np.random.Generator):
            state.append((path, repr(item.bit_generator.state)))
    if optimizer is not None:
        state.append(
            {
                name: value.tobytes() if isinstance(value, np.ndarray) else repr(value)
                for name, value in optimizer.snapshot().items()
            }
        )
    return state
