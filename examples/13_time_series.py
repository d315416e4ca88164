"""
A time series
=============

What comes next? A gated recurrent unit (GRU) reads a noisy oscillation step by step, keeps what
matters in its state, and forecasts the next value, or feeds its own forecasts back and runs freely.
It has to beat two rivals: "the same as now", and a linear autoregression fitted by least squares.
"""

import numpy as np
from _pictures import parser, show
from matplotlib import pyplot as plt

from minidl import (
    GRU,
    Adam,
    ClipNorm,
    CosineDecay,
    Dense,
    MeanSquaredError,
    Sequential,
    fit,
    predict,
)
from minidl.plotting import COLOURS, learning_curves

options = parser(__doc__, quick="ten epochs instead of forty").parse_args()

# %%
# The series
# ----------
# An oscillation of some 25 steps, with flat tops and steep sides, whose height swells and falls in
# some 90. Both phases drift at random, so no two periods are alike and nothing can be looked up in
# the past. On top comes noise of deviation 0.1, which nobody can forecast: it is the floor under
# every error below. (The drift puts a little on top of it.) The last quarter is held out.

NOISE, STEPS, KNOWN = 0.1, 2400, 1800
rng = np.random.default_rng(0)
time = np.arange(STEPS)
fast = 2 * np.pi * time / 25 + np.cumsum(rng.normal(0, 0.03, STEPS))
slow = 2 * np.pi * time / 90 + np.cumsum(rng.normal(0, 0.02, STEPS))
series = np.tanh(3 * np.sin(fast)) * (1 + np.sin(slow) / 2) + rng.normal(0, NOISE, STEPS)
mean, deviation = series[:KNOWN].mean(), series[:KNOWN].std()
series = (series - mean) / deviation
floor = NOISE / deviation

# %%
# Training
# --------
# The network gets sequences of 60 values and has to name the next at *every* step, so that each
# sequence is sixty exercises. The first ones are hard: the state knows nothing yet. Gradients that
# travel through sixty steps may grow, so their norm is clipped.

LENGTH = 60


def windows(values, length):
    return np.lib.stride_tricks.sliding_window_view(values, length)


chunks = windows(series[:KNOWN], LENGTH + 1)[::5]
epochs, batch_size = 10 if options.quick else 40, 16
network = Sequential(GRU(1, 24, rng=rng), Dense(24, 1, rng=rng))
print(network)
rate = CosineDecay(0.01, epochs * -(-len(chunks) // batch_size))
history = fit(
    network,
    MeanSquaredError(),
    Adam(network, rate, clip=ClipNorm(1.0)),
    chunks[:, :-1, np.newaxis],
    chunks[:, 1:, np.newaxis],
    epochs=epochs,
    batch_size=batch_size,
    seed=0,
)
print(history)

# %%
# The rivals
# ----------
# All three are functions from sequences, of shape (N, 60), to what they expect next. The
# autoregression is a weighted sum of the last 40 values, plus a constant.

ORDER = 40
past = windows(series[:KNOWN], ORDER + 1)
coefficients = np.linalg.lstsq(
    np.column_stack([past[:, :-1], np.ones(len(past))]), past[:, -1], rcond=None
)[0]


def last_value(x):
    return x[:, -1]


def autoregression(x):
    return x[:, -ORDER:] @ coefficients[:-1] + coefficients[-1]


def gru(x):
    return predict(network, x[:, :, np.newaxis])[:, -1, 0]


forecasters = {"last value": last_value, "autoregression": autoregression, "GRU": gru}

# %%
# One step ahead, and running freely
# ----------------------------------
# To look further ahead, a forecast is taken for the truth and the next one is made from it. Errors
# are root mean squares over all starts in the held-out quarter, in units of the series' deviation.

AHEAD = 30
held_out = windows(series[KNOWN - LENGTH :], LENGTH + AHEAD)
starts, truth = held_out[:, :LENGTH], held_out[:, LENGTH:]


def run_freely(forecast, x):
    made = []
    for _ in range(AHEAD):
        made.append(forecast(x))
        x = np.column_stack([x[:, 1:], made[-1]])
    return np.column_stack(made)


freely = {name: run_freely(forecast, starts) for name, forecast in forecasters.items()}
error = {name: np.sqrt(np.mean((made - truth) ** 2, axis=0)) for name, made in freely.items()}
print(f"root mean square errors on held-out data (the noise alone: {floor:.3f})")
print(f"{'steps ahead':16}" + "".join(f"{ahead:8}" for ahead in (1, 5, 10, 30)))
for name, errors in error.items():
    print(f"{name:16}" + "".join(f"{errors[ahead - 1]:8.3f}" for ahead in (1, 5, 10, 30)))

# %%
# The autoregression is linear: what it says about a wave of twice the height is twice what it says
# about the wave. So it cannot know that the tops are flat. The GRU can. (After 25 steps even "the
# same as now" does better again, since a period has gone by.)
#
# Two forecasts that run freely. Drift makes the sides of later periods come too early or too late;
# no method can know that.

figure = plt.figure(figsize=(15, 7.6), layout="constrained")
top, bottom = figure.subfigures(2, 1)
for ax, start in zip(top.subplots(1, 2, sharey=True), (100, 330), strict=True):
    ax.plot(range(-29, 1), starts[start, -30:], color="black", linewidth=1)
    ax.plot(
        range(1, AHEAD + 1), truth[start], color="black", linewidth=1, linestyle=":", label="truth"
    )
    for number, name in enumerate(("autoregression", "GRU")):
        ax.plot(
            range(1, AHEAD + 1),
            freely[name][start],
            color=COLOURS[2 * number],
            marker="os"[number],
            markersize=4,
            label=name,
        )
    ax.axvline(0.5, color="grey", linewidth=0.8)
    ax.set(xlabel="steps from now", title=f"Running freely from held-out step {start}")
top.axes[0].legend(loc="lower left")
curves, errors_ax = bottom.subplots(1, 2)
learning_curves(history, ax=curves)
curves.axhline(floor**2, color="black", linestyle=":", linewidth=1, label="the noise alone")
curves.set_yscale("log")
curves.legend()
for number, (name, errors) in enumerate(error.items()):
    errors_ax.plot(
        range(1, AHEAD + 1),
        errors,
        color=(COLOURS[3], COLOURS[0], COLOURS[2])[number],
        marker="^os"[number],
        markersize=4,
        label=name,
    )
errors_ax.axhline(floor, color="black", linestyle=":", linewidth=1, label="the noise alone")
errors_ax.set(xlabel="steps ahead", ylabel="root mean square error", title="Held-out errors")
errors_ax.set_ylim(bottom=0)
errors_ax.legend()

show(options.save, time_series=figure)
