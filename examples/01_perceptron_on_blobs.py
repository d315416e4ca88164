"""
A perceptron on blobs
=====================

The smallest network that learns: one layer of weights, and softmax. Its gradients fit on half a
page, so this example derives them, writes them in plain NumPy, compares them with those of minidl,
and watches them against numerical derivatives through a whole training run.
"""

import numpy as np
from _pictures import parser, show
from matplotlib import pyplot as plt
from sklearn.datasets import make_blobs
from sklearn.model_selection import train_test_split

from minidl import SGD, Dense, GradientErrors, SoftmaxCrossEntropy, Steps, accuracy, fit, predict
from minidl.gradcheck import numerical_gradient
from minidl.plotting import decision_regions, gradient_errors, learning_curves

options = parser(__doc__, quick="one epoch, and every fiftieth step checked").parse_args()
every, epochs = (50, 1) if options.quick else (10, 5)

# %%
# Three clouds of points in the plane. A third of the points is held out: the network never sees
# them in training, and only on them does an accuracy mean anything.

x, y = make_blobs(450, centers=[(-4, 0), (0, 4), (4, 0)], cluster_std=1.5, random_state=0)
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=150, random_state=0)

# %%
# The network
# -----------
# A sample :math:`x` has two features; the layer turns them into three *logits*, one a class,
# :math:`z = x W + b`. Softmax makes probabilities of them, :math:`p_j = e^{z_j} / \sum_k e^{z_k}`,
# and the loss of a sample of class :math:`k` is :math:`-\log p_k`: the surprise at the truth. Of a
# batch of :math:`N` samples one takes the mean.
#
# The parameters are float64 here. Training does not need that, but a comparison with numerical
# derivatives does: a difference quotient loses half of the digits, and float32 has only seven.

rng = np.random.default_rng(0)
network = Dense(2, 3, rng=rng, dtype=np.float64)
loss = SoftmaxCrossEntropy()

# %%
# The gradients by hand
# ---------------------
# With :math:`\ell = \log \sum_j e^{z_j} - z_k`, the derivative of the logarithm gives
# :math:`p_j` back:
#
# .. math:: \partial \ell / \partial z_k = p_k - 1 \qquad
#           \partial \ell / \partial z_j = p_j \quad (j \ne k)
#
# In one formula :math:`\partial \ell / \partial z = p - t`, where :math:`t` is 1 for the true class
# and 0 for the others. The weight :math:`W_{ij}` reaches :math:`z_j` with the factor :math:`x_i`,
# the bias with the factor 1. Summed over the batch these are two products of matrices:
#
# .. math:: \nabla W = \frac1N X^\top (P - T) \qquad \nabla b = \frac1N \mathbf 1^\top (P - T)
#
# The same in NumPy. The largest logit of each *row* is taken off first: that changes no
# probability, and no exponential can overflow.


def gradients_by_hand(weight, bias, x, y):
    logits = x @ weight + bias
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    truth = np.eye(3)[y]
    return x.T @ (p - truth) / len(x), (p - truth).sum(axis=0) / len(x)


# %%
# And those of minidl. ``forward`` returns a result and a *cache*, which ``backward`` takes back;
# the gradients are then in ``weight.grad`` and ``bias.grad``. Both ways agree to the last digits.

logits, cache = network.forward(x_train)
value, loss_cache = loss.forward(logits, y_train)
network.backward(loss.backward(1.0, loss_cache), cache)

by_hand = gradients_by_hand(network.weight.value, network.bias.value, x_train, y_train)
by_layer = network.weight.grad, network.bias.grad
against_hand = max(abs(a - b).max() for a, b in zip(by_hand, by_layer, strict=True))
print(f"by hand against by layer: the largest difference is {against_hand:.1e}")

# %%
# Two formulas by the same author can be wrong together. An independent witness is the definition
# of the derivative: move one weight a little, and see how much the loss moves.


def loss_of_weights(weight):
    value, _ = loss.forward(x_train @ weight + network.bias.value, y_train)
    return value


numerical, bound = numerical_gradient(loss_of_weights, network.weight.value)
relative = np.linalg.norm(by_layer[0] - numerical) / np.linalg.norm(numerical)
print(f"by layer against numerical: relative error {relative:.1e}")

# %%
# Training, and watching the gradients
# ------------------------------------
# The classic perceptron learns from one sample at a time: ``batch_size=1``. `GradientErrors` takes
# the numerical gradient of every tenth step *at the weights the analytic one was taken at*, before
# the update.
#
# Beside it runs a classic mistake. A loop that updates first and checks afterwards holds a gradient
# of the old weights against a slope at the new ones. Nothing is wrong with such a gradient, but the
# check says it is, and one gets used to ignoring it.


class CheckedAfterTheUpdate(GradientErrors):
    """The mistake: the analytic gradient from before the update, the numerical one from after."""

    def on_gradients(self, run):
        self.analytic = run.optimizer.vector.grad.copy()

    def on_step(self, run):
        super().on_step(run)
        run.optimizer.vector.grad[:] = self.analytic
        super().on_gradients(run)
        run.optimizer.clear()


watch, mistaken = GradientErrors(every), CheckedAfterTheUpdate(every)
history = fit(
    network,
    loss,
    SGD(network, learning_rate=0.01),
    x_train,
    y_train,
    epochs=epochs,
    batch_size=1,
    validation=(x_test, y_test),
    validate_every=Steps(100),
    seed=0,
    callbacks=[watch, mistaken],
)
held_out = accuracy(predict(network, x_test), y_test)
largest_error = max(watch.errors)
print(history)
print(f"held-out accuracy {held_out:.3f}")
print(f"relative error of the gradients, at most: {largest_error:.1e}")
print(f"the same, checked after the update, median: {np.median(mistaken.errors):.1e}")

# %%
# One layer draws straight boundaries, and straight ones are all that these clouds need. The
# gradients stay right to eleven digits from the first step to the last; the mistaken check is ten
# thousand million times worse and says nothing about the gradients.

figure, axes = plt.subplots(2, 2, figsize=(10, 8), layout="constrained")
decision_regions(network, x_test, y_test, ax=axes[0, 0])
axes[0, 0].set_title(f"Held-out data: {held_out:.0%} right")
learning_curves(history, ax=axes[0, 1])
learning_curves(history, "accuracy", ax=axes[1, 0])
gradient_errors(
    {"at the same weights": watch, "mistake: after the update": mistaken}, ax=axes[1, 1]
)
axes[1, 1].axhline(1e-7, color="black", linestyle="--", linewidth=1, label="1e-7")
axes[1, 1].legend(loc=(0.42, 0.22))

show(options.save, perceptron_on_blobs=figure)
