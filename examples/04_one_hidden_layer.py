"""
One hidden layer
================

Sixteen hidden units turn the straight line of one layer into a curve. This example composes the
network, proves its gradients, trains it on circles and on moons, and draws what it learnt.
"""

import numpy as np
from _pictures import parser, show
from matplotlib import pyplot as plt
from sklearn.datasets import make_circles, make_moons
from sklearn.model_selection import train_test_split

from minidl import SGD, Dense, ReLU, Sequential, SoftmaxCrossEntropy, accuracy, fit, predict
from minidl.gradcheck import check_gradients
from minidl.initializers import he_uniform
from minidl.plotting import decision_regions, learning_curves

options = parser(__doc__).parse_args()

# %%
# The network
# -----------
# Each hidden unit computes :math:`h = \max(0, w \cdot x + b)`: it is silent on one side of a line
# of its own, and grows with the distance on the other. The output layer adds and subtracts these
# sixteen folded planes, and where its two sums are equal runs the boundary.
#
# One generator makes all the random weights. The same *integer* for every layer would be a mistake:
# layers of the same shape would then start with the same weights.


def compose(rng):
    return Sequential(
        Dense(2, 16, weight_initializer=he_uniform, rng=rng),
        ReLU(),
        Dense(16, 2, rng=rng),
    )


print(compose(np.random.default_rng(0)))

# %%
# The proof
# ---------
# Before any training: are the gradients right? The checker compares every one of them with
# numerical derivatives, in float64, and bounds the error of these; nothing is taken on trust, not
# even the library's own layers. The loss is a layer too and is checked in the same way.

rng = np.random.default_rng(0)
few = rng.normal(size=(8, 2))
proofs = [
    check_gradients(compose(rng), few),
    check_gradients(SoftmaxCrossEntropy(), few, np.array([0, 1] * 4)),
]
for proof in proofs:
    print(proof)
    proof.assert_ok()

# %%
# Training
# --------
# Steps of 32 samples, with momentum. Of each data set 700 points are for training, and 300 are held
# out: the network never learns from them, and the accuracies stated are theirs.


def train(x, y):
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=300, random_state=0)
    network = compose(np.random.default_rng(0))
    history = fit(
        network,
        SoftmaxCrossEntropy(),
        SGD(network, learning_rate=0.1, momentum=0.9),
        x_train,
        y_train,
        epochs=30,
        batch_size=32,
        validation=(x_test, y_test),
        seed=0,
    )
    reached = accuracy(predict(network, x_test), y_test)
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
    decision_regions(network, x_test, y_test, ax=axes[0])
    axes[0].set_title(f"Held-out data: {reached:.1%} right")
    learning_curves(history, ax=axes[1])
    learning_curves(history, "accuracy", ax=axes[2])
    return figure, reached


held_out = {}

# %%
# Circles: the boundary closes around the inner ring. It is a polygon: straight pieces, with a
# corner wherever it crosses the line on which a hidden unit falls silent.

circles, held_out["circles"] = train(
    *make_circles(1000, noise=0.1, factor=0.4, random_state=0),
)
print(f"circles: held-out accuracy {held_out['circles']:.3f}")

# %%
# Moons: the boundary follows the gap. Far from the data the regions continue as the nearest pieces
# happened to point, in full colour: a network is sure of itself where it has never seen anything.

moons, held_out["moons"] = train(*make_moons(1000, noise=0.1, random_state=0))
print(f"moons: held-out accuracy {held_out['moons']:.3f}")

show(options.save, one_hidden_layer=circles, quickstart=moons)
