"""minidl: through `fit`, and through the loop that the README shows."""

import numpy as np

import minidl
from benchmarks.peers import Trainer, accepted, again, training
from benchmarks.work import Check, Prediction, Training
from minidl import (
    SGD,
    Adam,
    Conv2D,
    Dense,
    Flatten,
    MaxPool2D,
    ReLU,
    Sequential,
    SoftmaxCrossEntropy,
    accuracy,
    batches,
    fit,
    loss_and_gradients,
    predict,
    predict_classes,
)
from minidl.gradcheck import check_gradients

VERSION = minidl.__version__


def network(work):
    if not work.widths:
        return Sequential(
            Conv2D(1, 8, 3, padding=1),
            ReLU(),
            MaxPool2D(2),
            Conv2D(8, 16, 3, padding=1),
            ReLU(),
            MaxPool2D(2),
            Flatten(),
            Dense(16 * 7 * 7, 10),
        )
    pairs = zip(work.widths, work.widths[1:], strict=False)
    layers = [layer for pair in pairs for layer in (Dense(*pair), ReLU())]
    return Sequential(*layers[:-1])


def optimizer(work, network):
    kinds = {"SGD": (SGD, {}), "momentum": (SGD, {"momentum": 0.9}), "Adam": (Adam, {})}
    kind, options = kinds[work.optimizer]
    made = kind(network, work.learning_rate, **options)
    made.vector.value[:] = np.concatenate([array.ravel() for array in work.initial()])
    return made


class Fit(Trainer):
    def reset(self):
        self.network = network(self.work)
        self.optimizer = optimizer(self.work, self.network)

    def fit(self, **options):
        return fit(
            self.network,
            SoftmaxCrossEntropy(),
            self.optimizer,
            self.x,
            self.y,
            batch_size=self.work.batch,
            seed=self.seed,
            progress=False,
            **options,
        )

    def train(self, epochs):
        return self.fit(epochs=epochs).step_loss[-1]

    def to_goal(self):
        held_out = self.held_out_x, self.held_out_y
        history = self.fit(epochs=200, validation=held_out, callbacks=[Goal(self.work.goal)])
        return len(history.steps)


class Goal:
    def __init__(self, accuracy):
        self.accuracy = accuracy

    def on_epoch(self, run):
        return run.history.validation["accuracy"][-1] >= self.accuracy


class Loop(Fit):
    def train(self, epochs):
        network, loss, optimizer = self.network, SoftmaxCrossEntropy(), self.optimizer
        for _ in range(epochs):
            for x_batch, y_batch in batches(self.x, self.y, self.work.batch, self.rng()):
                value = loss_and_gradients(network, loss, x_batch, y_batch)
                optimizer.step()
        return value

    def accuracy(self):
        return accuracy(predict(self.network, self.held_out_x), self.held_out_y)

    to_goal = Trainer.to_goal


def prediction(function):
    def prepare(work):
        model, x = network(work), work.x()
        optimizer(work.network(), model)
        return again(lambda: function(model, x), work.calls)

    return prepare


def check(work):
    x, weight, bias = work.arrays()
    layer = Dense(work.features, work.features, dtype=np.float64)
    layer.weight.value, layer.bias.value = weight, bias
    return accepted(lambda: check_gradients(layer, x).ok)


WAYS = {
    Training: {"minidl fit": training(Fit), "minidl loop": training(Loop)},
    Prediction: {
        "minidl network(x)": prediction(lambda network, x: network(x)),
        "minidl predict": prediction(predict),
        "minidl predict_classes": prediction(predict_classes),
    },
    Check: {"minidl": check},
}
