"""One module a library; its WAYS say how it does each kind of work.

``WAYS[kind][name](work)`` prepares the work and returns a function ``fresh``; each turn calls it
untimed, and what it returns, timed. That gives the value all libraries should agree on.
"""

import itertools

from benchmarks.work import NotHere


class Trainer:
    """How a library trains; the first two methods and the third, accuracy, are its own."""

    def __init__(self, work):
        self.work = work
        self.x, self.y, self.held_out_x, self.held_out_y = work.data()
        self.build()
        self.reset()

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
