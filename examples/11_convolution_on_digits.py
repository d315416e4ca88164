"""
Convolution on digits
=====================

A dense layer does not know which pixels are neighbours. A convolution does: it looks at patches of
3 × 3, everywhere with the same few weights. On the small digits of scikit-learn it leaves about
one mistake in a hundred, a third of what the dense network of ``09_digits.py`` leaves.

``python examples/11_convolution_on_digits.py --data DIR`` reads MNIST instead, the four standard
``.gz`` files in a folder, and gets more than 99 % of the 10,000 test digits right after five
epochs, in a few minutes.
"""

import time
from pathlib import Path

import numpy as np
from _mnist import read_mnist
from _pictures import parser, show
from matplotlib import pyplot as plt
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from minidl import (
    Adam,
    Conv2D,
    CosineDecay,
    Dense,
    Dropout,
    Flatten,
    MaxPool2D,
    ReLU,
    Sequential,
    SoftmaxCrossEntropy,
    accuracy,
    fit,
    predict,
    predict_proba,
)
from minidl.initializers import he_uniform
from minidl.plotting import learning_curves

arguments = parser(__doc__, quick="one epoch, and one split instead of three")
arguments.add_argument("--data", type=Path, metavar="DIR", help="the folder of MNIST's .gz files")
arguments.add_argument("--epochs", type=int, help="by default 6, on MNIST 5")
arguments.add_argument("--train", type=int, metavar="N", help="train on the first N digits only")
options = arguments.parse_args()

# %%
# Images, not rows
# ----------------
# A convolution takes images of shape (N, channels, height, width); these have one channel, grey.
# The small digits are split as in ``09_digits.py``: a third is held out.
#
# A digit that is moved by a pixel is the same digit. The network need not find that out by itself:
# it is shown each training digit as it is and moved up, down, left and right. The held-out digits
# are left alone.


def moved(images, labels):
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    height, width = images.shape[2:]
    places = [(1, 1), (0, 1), (2, 1), (1, 0), (1, 2)]
    copies = [padded[:, :, top : top + height, left : left + width] for top, left in places]
    return np.concatenate(copies), np.tile(labels, len(places))


def small_digits(seed):
    digits = load_digits()
    x_train, x_test, y_train, y_test = train_test_split(
        digits.images[:, np.newaxis] / 16,
        digits.target,
        test_size=1 / 3,
        stratify=digits.target,
        random_state=seed,
    )
    x_train, y_train = moved(x_train[: options.train], y_train[: options.train])
    return x_train, y_train, x_test, y_test


def large_digits():
    x_train, y_train, x_test, y_test = read_mnist(options.data)
    x_train, x_test = (x[:, np.newaxis].astype(np.float32) / 255 for x in (x_train, x_test))
    return x_train[: options.train], y_train[: options.train], x_test, y_test


# %%
# The network
# -----------
# Sixteen kernels look at the pixels, thirty-two more at what those sixteen have found. Pooling
# keeps the largest of every 2 × 2 answers: *that* a stroke is there matters more than where to the
# pixel. (MNIST's images are more than three times as wide, so they are pooled once more.) One
# dense layer reads the digit from what is left. Dropout hides three in ten of those numbers at
# every step of the training, so that none of them is relied on alone.


def make_network(side, rng):
    options = {"weight_initializer": he_uniform, "rng": rng}
    first = [Conv2D(1, 16, 3, padding=1, **options), ReLU()]
    if side == 8:
        left = 4
    else:
        first = [Conv2D(1, 16, 5, padding=2, **options), ReLU(), MaxPool2D(2)]
        left = side // 4
    return Sequential(
        *first,
        Conv2D(16, 32, 3, padding=1, **options),
        ReLU(),
        MaxPool2D(2),
        Flatten(),
        Dropout(0.3, rng=rng),
        Dense(32 * left * left, 10, rng=rng),
    )


class Report:
    def on_epoch(self, run):
        reached = run.history.validation["accuracy"][-1]
        print(f"  epoch {run.epoch}: held-out accuracy {reached:.4f}", flush=True)


def train(data, epochs, seed, callbacks=()):
    x_train, y_train, x_test, y_test = data
    network = make_network(x_train.shape[-1], np.random.default_rng(seed))
    batch_size = 32 if options.data is None else 64
    rate = CosineDecay(
        0.003 if options.data is None else 0.002, epochs * len(x_train) // batch_size
    )
    history = fit(
        network,
        SoftmaxCrossEntropy(),
        Adam(network, rate),
        x_train,
        y_train,
        epochs=epochs,
        batch_size=batch_size,
        validation=(x_test, y_test),
        seed=seed,
        callbacks=callbacks,
    )
    return network, history


# %%
# Training. No run chooses anything by the held-out digits. The author did: several networks were
# tried on such splits, and this one kept, so the figures are a little rosier than on new digits.

epochs = options.epochs or (1 if options.quick else 6 if options.data is None else 5)
data = small_digits(0) if options.data is None else large_digits()
x_train, y_train, x_test, y_test = data
print(f"{len(x_train):,} images to train on, {len(x_test):,} held out")
print(make_network(x_train.shape[-1], None).summary(x_train.shape[1:]))

began = time.perf_counter()
network, history = train(data, epochs, seed=0, callbacks=[Report()])
seconds = time.perf_counter() - began
probability = predict_proba(network, x_test)
called = probability.argmax(axis=1)
held_out = accuracy(called, y_test)
wrong = np.flatnonzero(called != y_test)
print(f"{epochs} epochs in {seconds:.0f} s")
print(f"held-out accuracy {held_out:.4f}: {len(wrong)} of {len(y_test):,} digits wrong")

# %%
# How far can that figure be trusted? Six hundred digits are few: one mistake more or less is
# 0.0017. With other digits held out, and other initial weights, it comes out a little different. So
# it is honest to give them all. (MNIST's test digits are fixed, and ten thousand.)

reached = [held_out]
if options.data is None and not options.quick:
    for seed in (1, 2):
        data = small_digits(seed)
        reached.append(accuracy(predict(train(data, epochs, seed)[0], data[2]), data[3]))
    print("three splits:", ", ".join(f"{each:.4f}" for each in reached))

# %%
# What the kernels see
# --------------------
# Each kernel of the first layer is a little picture. Red weights want ink, blue ones want none.
# Under each kernel stands its answer to one digit, after ReLU: bright where it found what it wants.
# A kernel with red on its left and blue on its right lights up along the right side of strokes, one
# with red below and blue above along their upper rim, and one that is red all over fills them in.
# Nobody told them; some others have found nothing that is easily put into words.

digit = x_test[np.flatnonzero(y_test == 3)[:1]]
kernels = network[0].weight.value[:, 0]
answers = network[:2](digit)[0]
kernel_picture, places = plt.subplots(4, 9, figsize=(12, 6), layout="constrained")
kernel_picture.suptitle(
    "Sixteen kernels (red: wants ink, blue: wants none), and their answers to a 3"
)
for ax in places.flat:
    ax.axis("off")
places[0, 0].imshow(digit[0, 0], cmap="gray_r")
places[0, 0].set_title("the digit")
for number, (kernel, answer) in enumerate(zip(kernels, answers, strict=True)):
    row, column = 2 * (number // 8), 1 + number % 8
    limit = abs(kernel).max()
    places[row, column].imshow(kernel, cmap="RdBu_r", vmin=-limit, vmax=limit)
    places[row, column].set_title(f"kernel {number}", fontsize=11)
    places[row + 1, column].imshow(answer, cmap="gray", vmin=0)

# %%
# And the mistakes, the surest first.

figure, axes = plt.subplots(1, 2, figsize=(10, 4.4), layout="constrained")
learning_curves(history, ax=axes[0])
learning_curves(history, "accuracy", ax=axes[1])
axes[1].set_title(f"Held-out digits: {held_out:.2%} right")

worst = wrong[np.argsort(-probability[wrong, called[wrong]])][:16]
rows = 1 if len(worst) <= 8 else 2
gallery, places = plt.subplots(rows, 8, figsize=(12, 1.5 + 1.8 * rows), layout="constrained")
gallery.suptitle(f"Held-out digits it gets wrong ({len(worst)} of {len(wrong)})")
for ax in places.flat:
    ax.axis("off")
for ax, n in zip(places.flat, worst, strict=False):
    ax.imshow(x_test[n, 0], cmap="gray_r")
    ax.set_title(f"{y_test[n]}, called {called[n]}", fontsize=11)

show(
    options.save,
    convolution_on_digits=figure,
    convolution_kernels=kernel_picture,
    convolution_wrong=gallery,
)
