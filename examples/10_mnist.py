"""
MNIST
=====

Seventy thousand handwritten digits of 28 × 28 pixels, the classic. After ten epochs, well under a
minute on one core, a network 784-256-128-10 gets more than 98 % of the 10,000 test digits right.

``python examples/10_mnist.py --data DIR`` reads the four standard ``.gz`` files from a folder;
without ``--data`` scikit-learn downloads the digits from OpenML.
"""

import math
import time
from pathlib import Path

import numpy as np
from _mnist import download_mnist, read_mnist
from _pictures import parser, show
from matplotlib import pyplot as plt
from sklearn.metrics import ConfusionMatrixDisplay

from minidl import (
    SGD,
    CosineDecay,
    Dense,
    ReLU,
    Sequential,
    SoftmaxCrossEntropy,
    accuracy,
    fit,
    predict_proba,
)
from minidl.initializers import he_uniform
from minidl.plotting import learning_curves

arguments = parser(__doc__)
arguments.add_argument("--data", type=Path, metavar="DIR", help="the folder of the IDX .gz files")
arguments.add_argument("--epochs", type=int, default=10, help="by default 10")
arguments.add_argument("--train", type=int, metavar="N", help="train on the first N digits only")
options = arguments.parse_args()

# %%
# The pixels
# ----------
# A dense layer takes rows of numbers and does not know which pixels are neighbours: an image
# becomes a row of 784. (``11_convolution_on_digits.py`` makes use of the neighbours.)

x_train, y_train, x_test, y_test = read_mnist(options.data) if options.data else download_mnist()
x_train, y_train = x_train[: options.train], y_train[: options.train]
x_train, x_test = (x.reshape(-1, 784).astype(np.float32) / 255 for x in (x_train, x_test))
print(f"{len(x_train):,} digits to train on, {len(x_test):,} to test")

# %%
# Training
# --------
# Two hidden layers. The learning rate falls from step to step along half a cosine: large steps
# first, to get there, and ever smaller ones, to settle. The test digits are looked at along the
# way, but nothing is chosen by them.

rng = np.random.default_rng(0)
network = Sequential(
    Dense(784, 256, weight_initializer=he_uniform, rng=rng),
    ReLU(),
    Dense(256, 128, weight_initializer=he_uniform, rng=rng),
    ReLU(),
    Dense(128, 10, rng=rng),
)
print(network)


class Report:
    def on_epoch(self, run):
        print(f"epoch {run.epoch}: test accuracy {run.history.validation['accuracy'][-1]:.4f}")


steps = options.epochs * math.ceil(len(x_train) / 100)
began = time.perf_counter()
history = fit(
    network,
    SoftmaxCrossEntropy(),
    SGD(network, learning_rate=CosineDecay(0.1, steps), momentum=0.9),
    x_train,
    y_train,
    epochs=options.epochs,
    batch_size=100,
    validation=(x_test, y_test),
    seed=0,
    callbacks=[Report()],
)
seconds = time.perf_counter() - began

# %%
# What it reached, and what it gets wrong.

probability = predict_proba(network, x_test)
called = probability.argmax(axis=1)
held_out = accuracy(called, y_test)
wrong = np.flatnonzero(called != y_test)
print(f"{options.epochs} epochs in {seconds:.0f} s")
print(f"test accuracy {held_out:.4f}: {len(wrong)} of {len(y_test):,} digits wrong")

figure, axes = plt.subplots(1, 3, figsize=(15, 4.6), layout="constrained")
learning_curves(history, ax=axes[0])
learning_curves(history, "accuracy", ax=axes[1])
ConfusionMatrixDisplay.from_predictions(y_test, called, ax=axes[2], cmap="Blues", colorbar=False)
axes[2].set_title(f"Test digits: {held_out:.2%} right")

worst = wrong[np.argsort(-probability[wrong, called[wrong]])][:24]
gallery, places = plt.subplots(3, 8, figsize=(12, 5.2), layout="constrained")
gallery.suptitle(f"Test digits it gets wrong ({len(worst)} of {len(wrong)}, the surest first)")
for ax in places.flat:
    ax.axis("off")
for ax, n in zip(places.flat, worst, strict=False):
    ax.imshow(x_test[n].reshape(28, 28), cmap="gray_r")
    ax.set_title(f"{y_test[n]}, called {called[n]}", fontsize=11)

show(options.save, mnist=figure, mnist_wrong=gallery)
