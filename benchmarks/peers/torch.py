"""torch on the CPU: eager, and with the forward pass and the loss through torch.compile."""

import os
import shutil

import torch
from torch import nn

from benchmarks.peers import Trainer, accepted, again, training
from benchmarks.work import Check, NotHere, Prediction, Training

VERSION = torch.__version__
torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


def network(work):
    if not work.widths:
        return nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(16 * 7 * 7, 10),
        )
    pairs = zip(work.widths, work.widths[1:], strict=False)
    layers = [layer for pair in pairs for layer in (nn.Linear(*pair), nn.ReLU())]
    return nn.Sequential(*layers[:-1])


def set_weights(network, initial):
    with torch.no_grad():
        for parameter, array in zip(network.parameters(), initial, strict=True):
            parameter.copy_(torch.from_numpy(array.T if array.ndim == 2 else array))


class Eager(Trainer):
    def build(self):
        self.x, self.y, self.held_out_x, self.held_out_y = map(
            torch.from_numpy, (self.x, self.y, self.held_out_x, self.held_out_y)
        )
        self.network = network(self.work)
        self.loss = lambda x, y: nn.functional.cross_entropy(self.network(x), y)

    def reset(self):
        set_weights(self.network, self.work.initial())
        parameters, rate = self.network.parameters(), self.work.learning_rate
        if self.work.optimizer == "Adam":
            self.optimizer = torch.optim.Adam(parameters, rate)
        else:
            momentum = 0.9 if self.work.optimizer == "momentum" else 0
            self.optimizer = torch.optim.SGD(parameters, rate, momentum=momentum)

    def train(self, epochs):
        x, y, size, optimizer = self.x, self.y, self.work.batch, self.optimizer
        for order in self.orders(epochs):
            for rows in torch.from_numpy(order).split(size):
                optimizer.zero_grad()
                loss = self.loss(x[rows], y[rows])
                loss.backward()
                optimizer.step()
        return loss.item()

    def accuracy(self):
        with torch.inference_mode():
            right = self.network(self.held_out_x).argmax(1) == self.held_out_y
            return right.float().mean().item()


class ChannelsLast(Eager):
    def build(self):
        if self.work.widths:
            raise NotHere
        super().build()
        self.network.to(memory_format=torch.channels_last)
        self.x = self.x.to(memory_format=torch.channels_last)


class Compiled(Eager):
    def build(self):
        if not shutil.which("g++") and not shutil.which("clang++"):
            raise NotHere("no C++ compiler is installed")
        super().build()
        self.loss = torch.compile(self.loss)


def prediction(work):
    model, x = network(work), torch.from_numpy(work.x())
    set_weights(model, work.network().initial())

    def call():
        with torch.inference_mode():
            return model(x)

    return again(call, work.calls)


def check(**options):
    def prepare(work):
        x, weight, bias = (torch.tensor(array, requires_grad=True) for array in work.arrays())
        weight = weight.detach().T.contiguous().requires_grad_()
        inputs = x, weight, bias
        return accepted(lambda: torch.autograd.gradcheck(nn.functional.linear, inputs, **options))

    return prepare


WAYS = {
    Training: {
        "torch eager": training(Eager),
        "torch eager, channels last": training(ChannelsLast),
        "torch.compile": training(Compiled),
    },
    Prediction: {"torch eager": prediction},
    Check: {"torch gradcheck": check(), "torch gradcheck, fast": check(fast_mode=True)},
}
