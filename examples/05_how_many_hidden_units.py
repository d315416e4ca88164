"""
How many hidden units
=====================

The same moons, seven networks: 1, 2, 3, 4, 8, 16 and 64 hidden units. Each is trained long and from
several starts, so that what differs is the network and not the luck or the patience.
"""

import numpy as np
from _pictures import parser, show
from matplotlib import pyplot as plt
from sklearn.datasets import make_moons
from sklearn.model_selection import train_test_split

from minidl import SGD, Dense, ReLU, Sequential, SoftmaxCrossEntropy, accuracy, fit, predict
from minidl.initializers import he_uniform
from minidl.plotting import decision_regions

options = parser(__doc__, quick="four networks instead of seven, two starts each").parse_args()
starts, epochs = (2, 30) if options.quick else (5, 100)

# %%
# More noise than before, so that the two moons touch: no boundary gets every point right, and a
# network that tries to is following the noise.

x, y = make_moons(1000, noise=0.2, random_state=0)
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=500, random_state=0)
loss = SoftmaxCrossEntropy()

# %%
# Training properly
# -----------------
# With few units the loss has bad local minima: two units that start out facing the same way may
# never part, and one that starts silent on all the data stays silent, since its gradient is zero.
# So each network starts five times from different weights, and the start with the smallest
# *training* loss is kept. (To choose by the held-out points would be to train on them.)


def train(units, start):
    rng = np.random.default_rng(start)
    network = Sequential(
        Dense(2, units, weight_initializer=he_uniform, rng=rng),
        ReLU(),
        Dense(units, 2, rng=rng),
    )
    for learning_rate in (0.1, 0.01):  # large steps to get there, small ones to settle
        fit(
            network,
            loss,
            SGD(network, learning_rate, momentum=0.9),
            x_train,
            y_train,
            epochs=epochs,
            batch_size=50,
            metrics={},
            seed=0,
        )
    return float(loss(predict(network, x_train), y_train)), network


sizes = [1, 2, 3, 16] if options.quick else [1, 2, 3, 4, 8, 16, 64]
training_loss, held_out_loss, held_out = {}, {}, {}
figure, axes = plt.subplots(2, 4, figsize=(14, 7), layout="constrained")

for units, ax in zip(sizes, axes.flat, strict=False):
    attempts = [train(units, start) for start in range(starts)]
    training_loss[units], network = min(attempts, key=lambda attempt: attempt[0])
    prediction = predict(network, x_test)
    held_out_loss[units] = float(loss(prediction, y_test))
    held_out[units] = accuracy(prediction, y_test)
    print(
        f"hidden units {units:2}: training loss {training_loss[units]:.3f} "
        f"(worst start {max(value for value, _ in attempts):.3f}), "
        f"held-out loss {held_out_loss[units]:.3f}, held-out accuracy {held_out[units]:.3f}"
    )
    decision_regions(network, x_test, y_test, ax=ax)
    ax.set_title(f"{units} hidden unit{'s' * (units > 1)}: {held_out[units]:.1%} of held-out right")
    if units > 1:
        ax.get_legend().remove()

# %%
# What one sees
# -------------
# *One* unit draws a straight line, like no hidden layer at all: its output depends on the distance
# from one line only. *Two* bend the line, and the arm of neither moon is freed. *Three* are enough
# for the shape: down, up and down again, with sharp corners. From there on units buy smoothness.
# With 4 and 8 the corners are cut, with 16 and 64 the boundary passes for a curve: each unit adds
# one bend, and the more there are, the less each has to turn.
#
# Smoother is not more right: held-out accuracy and loss stay where they are from three or four
# units on. Nor do 64 units wind around single noisy points, though they have parameters enough for
# it. What they buy is reliability. Of three units the worst start is nearly three times as bad as
# the best, and one unit may never move at all (0.693 is log 2, the loss of a coin); of 64 every
# start ends in the same place. That is why one takes more units than the shape needs.

ax = axes.flat[-1]
ax.plot(sizes, training_loss.values(), marker="o", label="training")
ax.plot(sizes, held_out_loss.values(), marker="s", label="held-out")
ax.set_xscale("log", base=2)
ax.set_xticks(sizes, sizes)
ax.set(xlabel="hidden units", ylabel="loss", title="What the units buy")
ax.legend()

show(options.save, how_many_hidden_units=figure)
