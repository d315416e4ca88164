"""jax: a jitted step, called once a step; and a scan over the steps of an epoch."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks.peers import Trainer, again, training
from benchmarks.work import Prediction, Training

VERSION = jax.__version__


def scores(parameters, x):
    dense = parameters
    if parameters[0].ndim == 4:
        for weight, bias in zip(parameters[:4:2], parameters[1:4:2], strict=True):
            x = lax.conv(x, weight, (1, 1), "SAME") + bias[:, None, None]
            x = lax.reduce_window(
                jax.nn.relu(x), -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID"
            )
        x, dense = x.reshape(len(x), -1), parameters[4:]
    for weight, bias in zip(dense[:-2:2], dense[1:-2:2], strict=True):
        x = jax.nn.relu(x @ weight + bias)
    return x @ dense[-2] + dense[-1]


def loss(parameters, x, y):
    logs = jax.nn.log_softmax(scores(parameters, x))
    return -jnp.take_along_axis(logs, y[:, None], 1).mean()


def update(work, parameters, gradients, state):
    rate = work.learning_rate
    if work.optimizer == "SGD":
        return [p - rate * g for p, g in zip(parameters, gradients, strict=True)], state
    if work.optimizer == "momentum":
        state = [0.9 * v + g for v, g in zip(state, gradients, strict=True)]
        return [p - rate * v for p, v in zip(parameters, state, strict=True)], state
    step, mean, square = state
    step = step + 1
    mean = [0.9 * m + 0.1 * g for m, g in zip(mean, gradients, strict=True)]
    square = [0.999 * v + 0.001 * g * g for v, g in zip(square, gradients, strict=True)]
    c1, c2 = 1 - 0.9**step, jnp.sqrt(1 - 0.999**step)
    new = [
        p - rate * c2 / c1 * m / (jnp.sqrt(v) + c2 * 1e-8)
        for p, m, v in zip(parameters, mean, square, strict=True)
    ]
    return new, (step, mean, square)


class Steps(Trainer):
    def build(self):
        self.data = jnp.asarray(self.x), jnp.asarray(self.y)
        work = self.work

        def step(carry, rows, x, y):
            parameters, state = carry
            value, gradients = jax.value_and_grad(loss)(parameters, x[rows], y[rows])
            return update(work, parameters, gradients, state), value

        self.step = jax.jit(step, donate_argnums=0)

        def epoch(carry, order, x, y):
            whole = len(order) // work.batch * work.batch
            batches = order[:whole].reshape(-1, work.batch)
            carry, values = lax.scan(lambda carry, rows: step(carry, rows, x, y), carry, batches)
            if whole == len(order):
                return carry, values[-1]
            return step(carry, order[whole:], x, y)

        self.scan = jax.jit(epoch, donate_argnums=0)
        self.scores = jax.jit(scores)

    def reset(self):
        parameters = [jnp.array(array) for array in self.work.initial()]
        first, second = ([jnp.zeros_like(p) for p in parameters] for _ in range(2))
        states = {"SGD": (), "momentum": first, "Adam": (jnp.float32(0), first, second)}
        self.carry = parameters, states[self.work.optimizer]

    def train(self, epochs):
        size = self.work.batch
        for order in self.orders(epochs):
            order = order.astype(np.int32)
            for start in range(0, len(order), size):
                rows = order[start : start + size]
                self.carry, value = self.step(self.carry, rows, *self.data)
        jax.block_until_ready(self.carry)
        return float(value)

    def accuracy(self):
        guess = np.asarray(self.scores(self.carry[0], self.held_out_x)).argmax(1)
        return float((guess == self.held_out_y).mean())


class Scan(Steps):
    def train(self, epochs):
        for order in self.orders(epochs):
            order = order.astype(np.int32)
            self.carry, value = self.scan(self.carry, order, *self.data)
        jax.block_until_ready(self.carry)
        return float(value)


def prediction(work):
    parameters = [jnp.array(array) for array in work.network().initial()]
    function, x = jax.jit(scores), jnp.asarray(work.x())
    return again(lambda: function(parameters, x).block_until_ready(), work.calls)


WAYS = {
    Training: {
        "jax.jit, a call a step": training(Steps),
        "jax.jit, scan over an epoch": training(Scan),
    },
    Prediction: {"jax.jit": prediction},
}
