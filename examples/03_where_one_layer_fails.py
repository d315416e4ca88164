"""
Where one layer fails
=====================

One layer of weights separates classes by straight lines. This example gives it two data sets that
no straight line separates, circles and moons, and looks at what it makes of them.
"""

import numpy as np
from _pictures import parser, show
from matplotlib import pyplot as plt
from sklearn.datasets import make_circles, make_moons
from sklearn.model_selection import train_test_split

from minidl import SGD, Dense, SoftmaxCrossEntropy, accuracy, fit, predict
from minidl.plotting import decision_regions

options = parser(__doc__).parse_args()

# %%
# The network calls a point class 1 where the second logit is the larger,
# :math:`(w_2 - w_1) \cdot x + b_2 - b_1 > 0`. That is one side of a straight line, whatever the
# weights are: training can turn and shift the line, but not bend it.
#
# Of each data set 700 points are for training and 300 are held out.

data_sets = {
    "circles": make_circles(1000, noise=0.1, factor=0.4, random_state=0),
    "moons": make_moons(1000, noise=0.1, random_state=0),
}
held_out = {}
figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")

for ax, (name, (x, y)) in zip(axes, data_sets.items(), strict=True):
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=300, random_state=0)
    network = Dense(2, 2, rng=np.random.default_rng(0))
    optimizer = SGD(network, learning_rate=0.1, momentum=0.9)
    fit(
        network,
        SoftmaxCrossEntropy(),
        optimizer,
        x_train,
        y_train,
        epochs=30,
        batch_size=32,
        seed=0,
    )
    held_out[name] = accuracy(predict(network, x_test), y_test)
    print(f"{name}: held-out accuracy {held_out[name]:.3f}")
    decision_regions(network, x_test, y_test, ax=ax)
    ax.set_title(
        f"One layer on {name}: {held_out[name]:.0%} of held-out points right\n(pale: unsure)"
    )

# %%
# On the circles the network does no better than a coin. It is also honest about it: the plane is
# almost white, which means that it is nowhere sure. Of the moons it gets the bulk right and the
# tips wrong, where each moon reaches behind the line; there the network is wrong and sure of it.
#
# More training does not help, since the loss of one layer has a single minimum and this is it. What
# is missing is not effort but a curve: the next example adds a hidden layer.

show(options.save, where_one_layer_fails=figure)
