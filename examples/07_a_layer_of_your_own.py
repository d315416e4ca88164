"""
A layer of your own
===================

Ten lines make a new layer. This example derives one, the PReLU, makes a mistake in it on purpose,
reads what the checker says, mends it, and trains a network with it.
"""

import numpy as np
from _pictures import parser, show
from matplotlib import pyplot as plt
from sklearn.datasets import make_circles
from sklearn.model_selection import train_test_split

from minidl import (
    SGD,
    Dense,
    Layer,
    Parameter,
    Sequential,
    SoftmaxCrossEntropy,
    accuracy,
    fit,
    predict,
)
from minidl.gradcheck import GradientError, check_gradients
from minidl.plotting import decision_regions

options = parser(__doc__).parse_args()

# %%
# The function
# ------------
# The parametric ReLU (He et al., 2015) lets something through on its negative side, and learns how
# much: :math:`y = x` where :math:`x > 0` and :math:`y = a x` elsewhere, with a slope :math:`a` of
# each feature's own. Its derivatives:
#
# .. math::
#    \frac{\partial y}{\partial x} = \begin{cases} 1 & x > 0 \\ a & x \le 0 \end{cases}
#    \qquad
#    \frac{\partial y}{\partial a} = \min(x, 0)
#
# By the chain rule both are multiplied by ``dy``, the gradient that arrives from above. The slope
# is shared by all samples, so its gradient is the sum over them.
#
# The layer
# ---------
# ``forward`` returns the output and whatever ``backward`` will need, here the input. ``backward``
# returns the gradient of the input, and *adds* that of the parameter. Nothing is registered.


class PReLU(Layer):
    def __init__(self, features):
        self.slope = Parameter(np.full(features, 0.25))

    def forward(self, x):
        return np.where(x > 0, x, self.slope.value * x), x

    def backward(self, dy, x):
        self.slope.grad += np.minimum(x, 0).sum(axis=0)
        return np.where(x > 0, dy, self.slope.value * dy)


# %%
# It looks right, and a network with it would even train, somewhat. Ask the checker:

x = np.random.default_rng(0).normal(size=(6, 3))
report = check_gradients(PReLU(3), x)
print(report)

# %%
# The second line is the diagnosis. The chain rule was left out: the gradient of the slope does not
# depend on ``dy``. In a test one writes ``report.assert_ok()``, which raises with the same text:

try:
    report.assert_ok()
except GradientError as error:
    print(f"GradientError: {str(error).splitlines()[0]}")

# %%
# Mended
# ------


class MendedPReLU(PReLU):
    def backward(self, dy, x):
        self.slope.grad += (dy * np.minimum(x, 0)).sum(axis=0)
        return np.where(x > 0, dy, self.slope.value * dy)


mended = check_gradients(MendedPReLU(3), x)
print(mended)
mended.assert_ok()

# %%
# At work
# -------
# A layer that has passed can stand anywhere in a network: optimizer, checker and training find its
# parameter by themselves.

x, y = make_circles(1000, noise=0.1, factor=0.4, random_state=0)
x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=300, random_state=0)

rng = np.random.default_rng(0)
network = Sequential(Dense(2, 8, rng=rng), MendedPReLU(8), Dense(8, 2, rng=rng))
check_gradients(network, x_train[:8]).assert_ok()
fit(
    network,
    SoftmaxCrossEntropy(),
    SGD(network, learning_rate=0.1, momentum=0.9),
    x_train,
    y_train,
    epochs=30,
    batch_size=32,
    seed=0,
)
held_out = accuracy(predict(network, x_test), y_test)
slopes = network[1].slope.value
print(f"held-out accuracy {held_out:.3f}")
print(f"the slopes were 0.25 and are now {', '.join(f'{slope:.2f}' for slope in slopes)}")

# %%
# The eight units have learnt eight different slopes. Some are negative: they bend the function into
# a V, which is large on both sides of a line, as the outer circle is.

figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
line = np.linspace(-2, 2, 101)
for slope in slopes:
    axes[0].plot(line, np.where(line > 0, line, slope * line), color="#3f90da")
axes[0].plot(line, np.where(line > 0, line, 0.25 * line), "k--", label="before training")
axes[0].set(xlabel="x", ylabel="y", title="The eight PReLUs after training")
axes[0].legend()
decision_regions(network, x_test, y_test, ax=axes[1])
axes[1].set_title(f"Held-out data: {held_out:.1%} right")

show(options.save, a_layer_of_your_own=figure)
