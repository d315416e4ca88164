"""Runs to be watched: a network of two layers, a loss, a callback that acts at a given step."""

import os
import signal

import pytest

from minidl import SGD, SoftmaxCrossEntropy, fit

LOSS = SoftmaxCrossEntropy()
needs_ctrl_c = pytest.mark.skipif(
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN,
    reason="Ctrl-C is ignored in this process, as under nohup",
)


def train(network, x, y, *, optimizer=None, **options):
    optimizer = optimizer or SGD(network, 0.1, momentum=0.9)
    return fit(network, LOSS, optimizer, x, y, **{"epochs": 3, "batch_size": 16, **options})


class Act:
    """A callback that does something at a given step."""

    def __init__(self, step, action):
        self.step, self.action = step, action

    def on_step(self, run):
        return self.action() if run.step == self.step else None


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)
