"""thinc: its layers and optimizers, with the loss written out, since its own gives no value."""

import numpy as np
import thinc
from thinc.api import Linear, Optimizer, Relu, chain

from benchmarks.peers import Trainer, again, training
from benchmarks.work import NotHere, Prediction, Training

VERSION = thinc.about.__version__


def network(work, initial):
    if not work.widths:
        raise NotHere("it has no two-dimensional convolutions")
    pairs = list(zip(work.widths, work.widths[1:], strict=False))
    layers = [Relu(out, into) for into, out in pairs[:-1]] + [Linear(*pairs[-1][::-1])]
    model = chain(*layers)
    model.initialize()
    arrays = list(initial)
    for layer, weight, bias in zip(layers, arrays[::2], arrays[1::2], strict=True):
        layer.set_param("W", np.ascontiguousarray(weight.T))
        layer.set_param("b", bias)
    return model


class Updates(Trainer):
    def reset(self):
        if self.work.optimizer == "momentum":
            raise NotHere("its SGD has no momentum")
        self.model = network(self.work, self.work.initial())
        betas = (0.9, 0.999) if self.work.optimizer == "Adam" else (0.0, 0.0)
        self.optimizer = Optimizer(
            self.work.learning_rate,
            beta1=betas[0],
            beta2=betas[1],
            grad_clip=0.0,
            use_averages=False,
        )

    def train(self, epochs):
        x, y, size, model = self.x, self.y, self.work.batch, self.model
        softmax = model.ops.softmax
        for order in self.orders(epochs):
            for start in range(0, len(x), size):
                rows = order[start : start + size]
                target = y[rows]
                logits, backward = model.begin_update(x[rows])
                d = softmax(logits)
                place = np.arange(len(rows)), target
                loss = -np.log(d[place]).mean()
                d[place] -= 1
                d /= np.float32(len(rows))
                backward(d)
                model.finish_update(self.optimizer)
        return float(loss)

    def accuracy(self):
        return float((self.model.predict(self.held_out_x).argmax(1) == self.held_out_y).mean())


def prediction(work):
    model, x = network(work, work.network().initial()), work.x()
    return again(lambda: model.predict(x), work.calls)


WAYS = {Training: {"thinc": training(Updates)}, Prediction: {"thinc": prediction}}
