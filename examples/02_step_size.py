"""
The step of a difference quotient
=================================

A numerical derivative needs a step, and every step is wrong: a large one sees the curvature, a
small one sees the rounding. This example draws both errors, for one-sided and for central
differences.
"""

import numpy as np
from _pictures import parser, show
from matplotlib import pyplot as plt

from minidl import SoftmaxCrossEntropy
from minidl.gradcheck import numerical_gradient

options = parser(__doc__).parse_args()

# %%
# The function is the loss of one sample as its first logit moves. Its derivative is known, the
# probability of the first class minus one.

loss = SoftmaxCrossEntropy()
truth = np.array([0])


def function(z):
    value, _ = loss.forward(np.array([[z, 0.3, -0.5]]), truth)
    return float(value)


z = 0.7
p = np.exp([z, 0.3, -0.5])
derivative = p[0] / p.sum() - 1

# %%
# By Taylor's series, with :math:`\varepsilon \approx 10^{-16}` for the rounding of :math:`f`:
#
# .. math::
#    \frac{f(z + h) - f(z)}{h} &= f'(z) + \tfrac h2 f''(z) + \dots \pm \varepsilon / h \\
#    \frac{f(z + h) - f(z - h)}{2h} &= f'(z) + \tfrac{h^2}6 f'''(z) + \dots \pm \varepsilon / h
#
# In the central difference the second derivative cancels. So its truncation error falls with the
# *square* of the step, and it can afford a larger step, which is better for the rounding:
#
# ==========  ===================  ===================================  ==================
# difference  truncation           best step                            error left
# ==========  ===================  ===================================  ==================
# one-sided   :math:`h`            :math:`\varepsilon^{1/2}`, 1e-8      about 1e-8
# central     :math:`h^2`          :math:`\varepsilon^{1/3}`, 1e-5      about 1e-11
# ==========  ===================  ===================================  ==================

steps = np.logspace(0, -15, 301)
one_sided = np.array([(function(z + h) - function(z)) / h for h in steps])
central = np.array([(function(z + h) - function(z - h)) / (2 * h) for h in steps])
errors = {
    "one-sided": abs(one_sided / derivative - 1),
    "central": abs(central / derivative - 1),
}

# %%
# Single errors can be small by luck, so the best step is that with the smallest *median* error of
# its neighbours.


def best(error):
    smooth = [np.median(error[max(0, n - 10) : n + 11]) for n in range(len(error))]
    place = int(np.argmin(smooth))
    return steps[place], smooth[place]


best_step, least_error = {}, {}
for name, error in errors.items():
    best_step[name], least_error[name] = best(error)
    print(f"{name}: best step {best_step[name]:.0e}, relative error {least_error[name]:.0e}")

# %%
# Nobody knows beforehand where the valley lies: it depends on the third derivative and on the
# rounding inside the function. `numerical_gradient` therefore goes down a ladder of eleven steps,
# extrapolates, and keeps the value whose error it can bound best.

(slope,), (bound,) = numerical_gradient(lambda at: function(at[0]), [z])
ladder_error = abs(slope / derivative - 1)
ladder_bound = bound / abs(derivative)
print(f"numerical_gradient: relative error {ladder_error:.0e}, its own bound {ladder_bound:.0e}")

# %%
# The slopes on the right are the truncation, :math:`h` and :math:`h^2`; the ragged slope on the
# left is the rounding, :math:`\varepsilon / h`, the same for both.

figure, ax = plt.subplots(figsize=(8, 5), layout="constrained")
for name, colour, offset in (("one-sided", "#ffa90e", (-35, -35)), ("central", "#3f90da", (0, 45))):
    shown = np.where(errors[name] > 0, errors[name], np.nan)
    ax.loglog(steps, shown, ".", markersize=4, color=colour, label=f"{name} differences")
    ax.annotate(
        f"best: h = {best_step[name]:.0e}",
        (best_step[name], least_error[name]),
        textcoords="offset points",
        xytext=offset,
        ha="center",
        arrowprops={"arrowstyle": "->"},
    )
ax.axhline(ladder_bound, color="black", linestyle="--", linewidth=1)
ax.text(1e-15, ladder_bound / 2, "bound that numerical_gradient gives", va="top")
ax.text(1e-15, 1e-7, "rounding: ε / h")
ax.text(3e-4, 2e-3, "truncation: h", ha="right")
ax.text(1.5e-2, 1e-9, "truncation: h²")
ax.set(
    xlabel="step h",
    ylabel="relative error of the derivative",
    ylim=(1e-14, 10),
    title="Large steps see the curvature, small ones the rounding",
)
ax.legend(loc="upper center")

show(options.save, step_size=figure)
