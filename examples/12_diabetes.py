"""
Diabetes
========

Regression: a number instead of a class. Ten measurements of 442 patients, and how far their
diabetes had progressed a year later, on a scale from 25 to 346. Two lessons. On so few and noisy
data a network is no better than a straight line. And a handful of wrong targets spoils what is
trained on squared errors, but not what is trained with Huber's loss.
"""

import numpy as np
from _pictures import parser, show
from matplotlib import pyplot as plt
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.model_selection import train_test_split

from minidl import (
    AdamW,
    Dense,
    Dropout,
    EarlyStopping,
    Huber,
    MeanSquaredError,
    Sequential,
    Tanh,
    fit,
    predict,
)
from minidl.plotting import COLOURS, learning_curves

options = parser(__doc__, quick="two splits instead of eight").parse_args()
SPLITS = 2 if options.quick else 8

# %%
# The raw measurements have all kinds of units (years, mm of mercury, mg/dl), so each is
# standardised: minus its mean, divided by its standard deviation. The same goes for the target.
# Mean and deviation are those of the training patients; the held-out ones have no say in anything.
#
# The network has one hidden layer of sixteen. It could learn 350 patients by heart. Against that
# there are dropout, weight decay, and above all early stopping: a fifth of the training patients
# are not trained on, but watched, and the network goes back to where it did best on them.

x, y = load_diabetes(return_X_y=True, scaled=False)


def standardised(values, by):
    return (values - by.mean(axis=0)) / by.std(axis=0)


def train(x, y, loss, seed):
    x_train, x_watched, y_train, y_watched = train_test_split(
        x, y[:, np.newaxis], test_size=1 / 5, random_state=seed
    )
    rng = np.random.default_rng(seed)
    network = Sequential(
        Dense(10, 16, rng=rng), Tanh(), Dropout(0.2, rng=rng), Dense(16, 1, rng=rng)
    )
    history = fit(
        network,
        loss,
        AdamW(network, learning_rate=0.003, groups={"*.bias": {"weight_decay": 0}}),
        standardised(x_train, x_train),
        standardised(y_train, y_train),
        epochs=300,
        batch_size=32,
        validation=(standardised(x_watched, x_train), standardised(y_watched, y_train)),
        seed=seed,
        callbacks=[EarlyStopping(patience=20)],
    )

    def guess(x):
        return predict(network, standardised(x, x_train))[:, 0] * y_train.std() + y_train.mean()

    return guess, history


# %%
# Several splits
# --------------
# A quarter of the patients, 111, is held out. Which ones makes more of a difference than anything
# that one could change about the network, so a single split proves nothing: here are eight. R² is
# the share of the variance that is explained, 1 at best, 0 for a guess that is always the mean.
#
# Then the same with twelve training targets (of 331) corrupted, as by a decimal point that slipped:
# they are ten times too large. The held-out targets stay as they are.
#
# The gradient of a squared error grows with the error: a target that is ten times further off pulls
# ten times as hard. Huber's loss is the square only for errors up to 1 (a standard deviation, here)
# and goes on straight from there: no patient pulls harder than that.


def corrupted(y, seed):
    y = y.copy()
    y[np.random.default_rng(seed).choice(len(y), 12, replace=False)] *= 10
    return y


WAYS = ("linear regression", "network, squared error", "network, Huber")
r2 = {(way, spoilt): [] for spoilt in (False, True) for way in WAYS}
error = {key: [] for key in r2}
for seed in range(SPLITS):
    x_train, x_test, y_clean, y_test = train_test_split(x, y, test_size=1 / 4, random_state=seed)
    for spoilt in (False, True):
        y_train = corrupted(y_clean, seed) if spoilt else y_clean
        line = LinearRegression().fit(x_train, y_train)
        squared, _ = train(x_train, y_train, MeanSquaredError(), seed)
        huber, history = train(x_train, y_train, Huber(), seed)
        if (seed, spoilt) == (0, False):
            first, shown, truth = history, huber(x_test), y_test
        for way, guess in zip(WAYS, (line.predict, squared, huber), strict=True):
            guessed = guess(x_test)
            r2[way, spoilt].append(r2_score(y_test, guessed))
            error[way, spoilt].append(mean_absolute_error(y_test, guessed))

for spoilt in (False, True):
    print("12 of 331 targets corrupted:" if spoilt else f"held out, mean of {SPLITS} splits:")
    for way in WAYS:
        scores, errors = r2[way, spoilt], error[way, spoilt]
        print(
            f"  {way:22}  R² {np.mean(scores):6.3f} ({min(scores):.2f} to {max(scores):.2f}), "
            f"mean absolute error {np.mean(errors):5.1f}"
        )

# %%
# On clean targets the three can hardly be told apart, and the line is the simplest. That is worth
# knowing before one builds something larger. With corrupted ones Huber's network stays nearly
# where it was; the others guess far too high.
#
# Grey lines join what was held out in the same split.

figure, axes = plt.subplots(1, 3, figsize=(15, 4.8), layout="constrained")
learning_curves(first, ax=axes[0])
axes[0].set_title("The first split: Huber's loss, until early stopping")
axes[1].scatter(truth, shown, s=18, color=COLOURS[0], edgecolors="black", linewidths=0.5)
axes[1].plot([25, 346], [25, 346], color="black", linewidth=1, label="right")
axes[1].set(
    xlabel="progression, measured", ylabel="guessed", title="The first split: held-out patients"
)
axes[1].legend()
places = np.arange(len(WAYS))
for number, spoilt in enumerate((False, True)):
    heights = np.array([error[way, spoilt] for way in WAYS])
    axes[2].plot(places + 0.3 * number - 0.15, heights, color="lightgrey", linewidth=0.7, zorder=1)
    axes[2].scatter(
        np.repeat(places + 0.3 * number - 0.15, SPLITS),
        heights,
        s=24,
        color=COLOURS[2 * number],
        marker="os"[number],
        edgecolors="black",
        linewidths=0.5,
        label="12 of 331 targets corrupted" if spoilt else "clean targets",
        zorder=2,
    )
axes[2].set_xticks(places, [way.replace(", ", ",\n").replace("r r", "r\nr") for way in WAYS])
axes[2].set(ylabel="mean absolute error, held out", title=f"{SPLITS} splits", ylim=(0, None))
axes[2].legend()

show(options.save, diabetes=figure)
