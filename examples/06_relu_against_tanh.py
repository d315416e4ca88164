"""
ReLU against tanh
=================

The same network, the same start, the same training, two activations. The boundary of one is a
polygon, that of the other a smooth curve, and a few dashed lines show why.
"""

import numpy as np
from _pictures import parser, show
from matplotlib import pyplot as plt
from sklearn.datasets import make_circles
from sklearn.model_selection import train_test_split

from minidl import SGD, Dense, ReLU, Sequential, SoftmaxCrossEntropy, Tanh, accuracy, fit, predict
from minidl.plotting import decision_regions

options = parser(__doc__).parse_args()

# %%
# Eight hidden units on circles. Both networks draw their weights from the same seed, so that they
# start with the same ones and differ in the activation alone.

x, y = make_circles(1000, noise=0.1, factor=0.4, random_state=0)
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=300, random_state=0)
loss = SoftmaxCrossEntropy()


def train(activation):
    rng = np.random.default_rng(1)
    network = Sequential(Dense(2, 8, rng=rng), activation, Dense(8, 2, rng=rng))
    fit(
        network,
        loss,
        SGD(network, learning_rate=0.1, momentum=0.9),
        x_train,
        y_train,
        epochs=60,
        batch_size=32,
        seed=0,
    )
    return network


networks = {"ReLU": train(ReLU()), "tanh": train(Tanh())}
held_out = {name: accuracy(predict(net, x_test), y_test) for name, net in networks.items()}
for name, reached in held_out.items():
    print(f"{name}: held-out accuracy {reached:.3f}")

# %%
# Why the one is a polygon and the other is smooth
# ------------------------------------------------
# A hidden unit computes :math:`w \cdot x + b`, which is zero on a line: dashed in the pictures.
#
# **ReLU** is two straight pieces with a kink at zero. Between the dashed lines no unit switches,
# every unit is either silent or linear, so the whole network is linear there and the boundary is
# straight. It can bend only where it crosses a dashed line, and there it bends at once: a corner.
#
# **Tanh** has derivatives of every order everywhere. A sum of such functions has them too, and so
# (wherever its slope is not zero) has the curve on which it vanishes. The dashed lines are now
# where a unit is steepest; the boundary crosses them without noticing.
#
# The same shows in the gradients: through ReLU they are multiplied by 0 or 1, through tanh by
# :math:`1 - \tanh^2`, anything between 0 and 1.

figure, axes = plt.subplots(1, 2, figsize=(10, 4.8), layout="constrained")
for ax, (name, network) in zip(axes, networks.items(), strict=True):
    decision_regions(network, x_test, y_test, ax=ax)
    ax.autoscale(False)
    hidden = network[0]
    for (w1, w2), b in zip(hidden.weight.value.T, hidden.bias.value, strict=True):
        foot = -b * np.array([w1, w2]) / (w1**2 + w2**2)  # the point of the line next to (0, 0)
        line = ax.axline(foot, foot + (-w2, w1), color="black", linestyle="--", linewidth=0.7)
    line.set_label("w · x + b = 0 of a hidden unit")
    ax.get_legend().remove()
    ax.set_title(f"{name}: {held_out[name]:.1%} of held-out points right")
figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=3)

show(options.save, relu_against_tanh=figure)
