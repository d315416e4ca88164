"""
What did I get wrong?
=====================

Ten classic mistakes in a backward pass, each made on purpose, and what the checker answers to each.
Nobody tells it what the right gradient is: it finds out from the forward pass.
"""

import numpy as np
from _pictures import parser, show
from matplotlib import pyplot as plt

from minidl import Dense, Layer, Parameter, ReLU
from minidl.gradcheck import check_gradients, check_vjp

options = parser(__doc__).parse_args()

rng = np.random.default_rng(1)
x = rng.normal(size=(5, 4))
reports = {}


def ask(title, report):
    """Print the findings, most important first, without the table that follows them."""
    print(f"{title}: {report.verdict}")
    for finding in report.findings:
        print(f"  {finding.tensor}{': ' if finding.tensor else ''}{finding.sentence}")
        for line in finding.evidence.splitlines():
            print(f"    {line}")
    reports[title] = report


# %%
# 1. The forgotten sum over the batch
# -----------------------------------
# A bias acts on every sample, so its gradient is the *sum* over the samples. Here is an affine map
# as a plain pair of functions, with ``dy`` in place of ``dy.sum(axis=0)``.


def affine(x, weight, bias):
    return x @ weight + bias


def affine_vjp(x, weight, bias, dy):
    return dy @ weight.T, x.T @ dy, dy


weight, bias = rng.normal(size=(4, 3)), rng.normal(size=3)
ask("forgotten batch sum", check_vjp(affine, affine_vjp, x, weight, bias))

# %%
# 2. The missing 1/N
# ------------------
# The loss is a mean, so its gradient has the factor 1/N. Left out, everything still trains, with a
# learning rate that depends on the size of the batch.


class MeanSquare(Layer):
    def forward(self, prediction):
        return np.square(prediction).mean(), prediction

    def backward(self, dy, prediction):
        return dy * 2 * prediction  # must be divided by prediction.size


ask("missing 1/N", check_gradients(MeanSquare(), x))

# %%
# 3. The transposed weight
# ------------------------
# With a square matrix the shapes fit either way.


class Backwards(Dense):
    def backward(self, dy, x):
        self.backward_parameters(dy, x)
        return dy @ self.weight.value  # must be weight.value.T


ask("transposed weight", check_gradients(Backwards(4, 4, rng=rng), x))

# %%
# 4. Only the diagonal of the softmax
# -----------------------------------
# :math:`\partial p_j / \partial z_j = p_j (1 - p_j)` is true, and not all: every output depends on
# every input of its row.


class Softmax(Layer):
    def forward(self, z):
        p = np.exp(z - z.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        return p, p

    def backward(self, dy, p):
        return dy * p * (1 - p)  # must be p * (dy - (dy * p).sum(axis=1, keepdims=True))


ask("softmax diagonal only", check_gradients(Softmax(), x))

# %%
# 5. The terms of batch normalisation
# -----------------------------------
# Mean and variance depend on the input too, so the gradient flows through both. The whole is
# ``(dy - dy.mean(axis=0) - normal * (dy * normal).mean(axis=0)) / spread``.


class Normalise(Layer):
    """Normalises each feature over the batch: samples influence one another."""

    def forward(self, x):
        spread = np.sqrt(x.var(axis=0) + 1e-5)
        normal = (x - x.mean(axis=0)) / spread
        return normal, (normal, spread)

    def backward(self, dy, cache):
        _, spread = cache
        return (dy - dy.mean(axis=0)) / spread  # the path through the variance is missing


ask("batch-norm terms", check_gradients(Normalise(), x))

# %%
# 6. The mask of another ReLU
# ---------------------------
# The forward pass was made leaky, the backward pass was forgotten.


class LeakyReLU(Layer):
    def forward(self, x):
        return np.where(x > 0, x, 0.1 * x), x

    def backward(self, dy, x):
        return dy * (x > 0)


ask("ReLU mask", check_gradients(LeakyReLU(), x))

# %%
# 7. Writing into an array that belongs to somebody else
# ------------------------------------------------------
# ``dy *= …`` saves an allocation. In a network where ``dy`` goes to two layers, the other one now
# gets something else.


class HastyReLU(ReLU):
    def backward(self, dy, y):
        dy *= y > 0
        return dy


ask("in-place write", check_gradients(HastyReLU(), x))

# %%
# 8. The stale cache
# ------------------
# What backward needs is kept on the layer. It works until the layer stands twice in a network, or a
# validation pass runs in between: then backward takes the input of the *last* forward.


class ForgetfulScale(Layer):
    def __init__(self, features):
        self.gain = Parameter(np.linspace(1, 2, features))

    def forward(self, x):
        self.x = x
        return x * self.gain.value, None

    def backward(self, dy, cache):
        self.gain.grad += (dy * self.x).sum(axis=0)
        return dy * self.gain.value


ask("stale cache", check_gradients(ForgetfulScale(4), x))

# %%
# 9. One pixel at the border of a convolution
# -------------------------------------------
# The kernel is 3 × 3 and the image is padded with zeros. A line that was meant to clear the padding
# clears the corner of the image.


class Blur(Layer):
    def __init__(self):
        self.kernel = Parameter(rng.normal(size=(3, 3)))

    def forward(self, images):
        _, height, width = images.shape
        padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
        y = np.zeros_like(images)
        for i in range(3):
            for j in range(3):
                y += self.kernel.value[i, j] * padded[:, i : i + height, j : j + width]
        return y, padded

    def backward(self, dy, padded):
        _, height, width = dy.shape
        dx = np.zeros_like(padded)
        for i in range(3):
            for j in range(3):
                window = (slice(None), slice(i, i + height), slice(j, j + width))
                self.kernel.grad[i, j] += (dy * padded[window]).sum()
                dx[window] += self.kernel.value[i, j] * dy
        dx[:, 1, 1] = 0  # one too far: the padding ends at 0
        return dx[:, 1:-1, 1:-1]


ask("border pixel", check_gradients(Blur(), rng.normal(size=(2, 4, 5))))

# %%
# 10. Clipping inside backward
# ----------------------------
# Clipping belongs between backward and the step. In a layer it makes the gradient of everything
# below depend on the *size* of what arrives, and no longer the derivative of anything.


class ClippedScale(Layer):
    def __init__(self, features):
        self.gain = Parameter(np.linspace(1, 2, features))

    def forward(self, x):
        return x * self.gain.value, x

    def backward(self, dy, x):
        self.gain.grad += (dy * x).sum(axis=0)
        return np.clip(dy * self.gain.value, -1, 1)


ask("clipping in backward", check_gradients(ClippedScale(4), x))

# %%
# All of them
# -----------

width = max(map(len, reports))
for title, report in reports.items():
    print(f"{title:{width}}  {report.findings[0].mistake}")

# %%
# A report can be drawn, too. Right gradients lie on the diagonal. A factor gives a line of another
# slope, a missing term a cloud, a wrong mask two lines, and a single pixel a single cross.

figure, axes = plt.subplots(2, 2, figsize=(9, 8), layout="constrained")
shown = ("missing 1/N", "softmax diagonal only", "ReLU mask", "border pixel")
for title, ax in zip(shown, axes.flat, strict=True):
    reports[title].plot(ax)
    ax.set_title(title)

show(options.save, what_did_i_get_wrong=figure)
