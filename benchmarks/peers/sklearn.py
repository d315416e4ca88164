"""scikit-learn: MLPClassifier.partial_fit, one call an epoch."""

import numpy as np
import sklearn
from sklearn.neural_network import MLPClassifier

from benchmarks.peers import Trainer, again, training
from benchmarks.work import NotHere, Prediction, Training

VERSION = sklearn.__version__


def classifier(work, x, y):
    if not work.widths:
        raise NotHere("it has no convolutions")
    model = MLPClassifier(
        work.widths[1:-1],
        solver="adam" if work.optimizer == "Adam" else "sgd",
        alpha=0.0,
        batch_size=work.batch,
        learning_rate_init=work.learning_rate,
        momentum=0.9 if work.optimizer == "momentum" else 0.0,
        nesterovs_momentum=False,
        shuffle=work.goal is None,
        random_state=0,
    )
    return model.partial_fit(x[: work.batch], y[: work.batch], classes=np.arange(work.widths[-1]))


def set_weights(model, work):
    for arrays, initial in ((model.coefs_, 0), (model.intercepts_, 1)):
        for array, value in zip(arrays, list(work.initial())[initial::2], strict=True):
            array[...] = value[..., : array.shape[-1]]  # of two classes it has one output
    vars(model).pop("_optimizer", None)  # the next partial_fit makes a new one


class Epochs(Trainer):
    def build(self):
        self.model = classifier(self.work, self.x, self.y)

    def reset(self):
        set_weights(self.model, self.work)

    def train(self, epochs):
        for order in self.orders(epochs):
            if self.work.goal:  # all take the same order, so it does not shuffle by itself
                self.model.partial_fit(self.x[order], self.y[order])
            else:
                self.model.partial_fit(self.x, self.y)
        return self.model.loss_

    def accuracy(self):
        return self.model.score(self.held_out_x, self.held_out_y)


def prediction(work):
    x, y, *_ = work.network().data()
    model = classifier(work.network(), x, y)
    set_weights(model, work.network())
    samples = work.x()
    return again(lambda: model.predict(samples), work.calls)


WAYS = {
    Training: {"scikit-learn": training(Epochs)},
    Prediction: {"scikit-learn": prediction},
}
