"""One module a library; its WAYS say how it does each kind of work.

``WAYS[kind][name](work)`` prepares the work and returns a function ``fresh``; each turn calls it
untimed, and what it returns, timed. That gives the value all libraries should agree on.
"""

import itertools

import numpy as np

from benchmarks.work import NotHere


class Trainer:
    """How a library trains: `build`, `reset`, `train` and `accuracy` are its own."""

    def __init__(self, work):
        self.work = work
        self.x, self.y, self.held_out_x, self.held_out_y = work.data()
        self.seed, self.epoch = 0, 0
        self.build()
        self.reset()

    def orders(self, epochs):
        """Yield the order of the data in the next epochs: that of `minidl.fit`, for every peer."""
        for _ in range(epochs):
            yield self.rng().permutation(len(self.x))

    def rng(self):
        """Return what the order of the next epoch is drawn from."""
        self.epoch += 1
        return np.random.default_rng([self.seed, self.epoch - 1])

    def build(self):
        """Make the network."""

    def reset(self):
        """Set the initial weights, and forget what the optimizer knows."""
        raise NotImplementedError

    def train(self, epochs):
        """Train and return the loss of the last step, before its update."""
        raise NotImplementedError

    def accuracy(self):
        """Return how much of the held-out data is told right."""
        raise NotHere("it only trains")

    def to_goal(self):
        """Train up to the goal and return how many epochs it took."""
        for epochs in itertools.count(1):
            self.train(1)
            if self.accuracy() >= self.work.goal or epochs == 200:
                return epochs
        return None


def training(trainer):
    """Turn a Trainer into a way to do a Training."""

    def prepare(work):
        one = trainer(work)

        def fresh():
            one.seed, one.epoch = one.seed + 1, 0
            if work.goal is None:
                return lambda: one.train(work.epochs)
            one.reset()
            return one.to_goal

        return fresh

    return prepare


def again(function, calls=1):
    """Return a way's ``fresh`` for a function without arguments, called so many times a turn."""

    def run():
        for _ in range(calls):
            value = function()
        return value

    return lambda: run


def accepted(check):
    """Return a way's ``fresh`` for a check that says whether it accepts."""
    return again(lambda: float(bool(check())))
