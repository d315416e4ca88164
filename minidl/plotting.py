"""Pictures: learning curves, decision regions, gradients beside numerical ones."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minidl.arrays import Array
from minidl.checks.arguments import integer
from minidl.checks.data import as_inputs
from minidl.layer import Layer
from minidl.parameters import network_dtype
from minidl.prediction import predict_proba

try:
    from matplotlib import pyplot as plt
    from matplotlib.axes import Axes
    from matplotlib.colors import to_rgb
    from matplotlib.figure import Figure
except ImportError as error:
    raise ImportError(
        'minidl.plotting needs matplotlib: python -m pip install "minidl[plot]"'
    ) from error

__all__ = ["decision_regions", "gradient_comparison", "gradient_errors", "learning_curves"]

# Ten colours that stay apart for colour-blind readers and in grey (M. Petroff, arXiv:2107.02270);
# eleven markers, so that a colour and a marker together name more than a hundred classes.
# fmt: off
COLOURS = [
    "#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6",
    "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd",
]
# fmt: on
MARKERS = "os^DvP*X<>p"
VERDICTS = {
    "verified": ("C0", "o"),
    "on a kink": ("C1", "D"),
    "unresolved": ("C7", "s"),
    "not proved": ("C7", "."),
    "wrong": ("C3", "X"),
}
"""Colour and marker of what a check of gradients says to a coordinate."""


class _Curves(Protocol):
    """What a training run leaves behind, such as `minidl.History`."""

    steps_per_epoch: int
    step_loss: list[float]
    steps: list[int]
    training: dict[str, list[float]]
    validation: dict[str, list[float]]

    @property
    def epochs(self) -> list[float]: ...


def learning_curves(
    history: _Curves, metric: str = "loss", *, window: int | None = None, ax: Axes | None = None
) -> Axes:
    """Draw a figure of merit along a training run: training against held-out.

    The loss of single steps jitters with the batch, so it is drawn as its mean over a moving
    window; of other metrics the history has the means over the steps between two validations.
    Every mean stands at the middle of the steps it was taken over, so that the training curve does
    not lag behind the held-out one. The legend names the window.

    Parameters
    ----------
    history : History
        What `minidl.fit` returned.
    metric : str, default "loss"
        Which figure: "loss", or one of the metrics that were recorded, such as "accuracy".
    window : int, optional
        The number of steps to take the mean over; for the loss only. By default an epoch, which
        sees every sample once, or a tenth of the run if that is shorter.
    ax : matplotlib.axes.Axes, optional
        Where to draw; None makes a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If the history has no such metric or is empty; if the window is longer than the run, or
        given for another metric than the loss.

    Examples
    --------
    >>> from minidl import History
    >>> history = History(seed=0, steps_per_epoch=4, step_loss=[4, 2, 3, 1, 2, 1, 2, 1])
    >>> ax = learning_curves(history, window=2)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['training, mean of 2 steps']
    """
    total = len(history.step_loss)
    recorded = {"loss", *history.training}
    if metric not in recorded:
        raise ValueError(
            f"the history has no {metric!r}; recorded are {', '.join(sorted(recorded))}"
        )
    if not total:
        raise ValueError("the history is empty: the run made no step")
    if metric == "loss":
        window = _window(window, total, history.steps_per_epoch)
        means = np.convolve(history.step_loss, np.full(window, 1 / window), mode="valid")
        steps = np.arange(len(means)) + (window + 1) / 2
        label = f"training, mean of {_count(window)}"
    else:
        if window is not None:
            raise ValueError(f"window is for the loss; of {metric!r} only means were recorded")
        means = np.asarray(history.training[metric])
        edges = [0, *history.steps]
        steps = np.array([(first + 1 + last) / 2 for first, last in pairwise(edges)])
        label = f"training, mean of {_count(history.steps[0]) if history.steps else 'no steps'}"
    axes = _axes(ax)
    axes.plot(steps / history.steps_per_epoch, means, color=COLOURS[0], label=label)
    if history.validation.get(metric):
        style = _style(1, "held-out") | {"marker": "o" if len(history.epochs) <= 40 else ""}
        axes.plot(history.epochs, history.validation[metric], markersize=4, **style)
    axes.set(xlabel="epoch", ylabel=metric, title=f"{metric} along the run".capitalize())
    axes.set_xlim(left=0)
    axes.legend()
    return axes


def _window(window: int | None, total: int, epoch: int) -> int:
    if window is None:
        return max(1, min(epoch, total // 10))
    window = integer("window", window, least=1)
    if window > total:
        raise ValueError(f"window must be at most the {_count(total)} of the run, got {window}")
    return window


def _count(steps: int) -> str:
    return "1 step" if steps == 1 else f"{steps:,} steps"


def decision_regions(
    network: Layer, x: ArrayLike, y: ArrayLike, ax: Axes | None = None, *, resolution: int = 200
) -> Axes:
    """Draw which class a network predicts where, and how sure it is, with the data on top.

    The colour of a place is that of its most probable class, from white, where all classes are
    equally probable, to full, where one is certain; a line separates the regions. All places are
    predicted in one call.

    Parameters
    ----------
    network : Layer
        It takes two features and gives the logits of two or more classes.
    x : array_like, shape (N, 2)
        The data to draw.
    y : array_like of int, shape (N,)
        Their classes.
    ax : matplotlib.axes.Axes, optional
        Where to draw; None makes a new figure.
    resolution : int, default 200
        The number of places along each axis.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError, TypeError
        If the data are not two-dimensional, the labels are no classes of the network, or the
        network does not give at least two outputs a sample.

    Examples
    --------
    >>> from minidl import Dense
    >>> ax = decision_regions(Dense(2, 3, rng=0), [[0, 1], [1, 0], [1, 1]], [0, 1, 2])
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['class 0', 'class 1', 'class 2']
    """
    resolution = integer("resolution", resolution, least=2)
    points = as_inputs("x", x, network_dtype(network))
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"decision regions need x of shape (N, 2), got {points.shape}")
    edges = [_edges(column, resolution) for column in points.T]
    first, second = ((ends[1:] + ends[:-1]) / 2 for ends in edges)
    grid = np.stack(np.meshgrid(first, second), axis=-1).reshape(-1, 2)
    flat = predict_proba(network, grid, batch_size=len(grid))
    if flat.ndim != 2 or flat.shape[1] < 2:
        raise ValueError(
            "decision regions need a network with at least 2 outputs a sample, "
            f"got outputs of shape ('N', {', '.join(map(str, flat.shape[1:]))})".replace("'", "")
        )
    classes = flat.shape[1]
    labels = _labels(y, len(points), classes)
    probability = flat.reshape(resolution, resolution, classes)

    axes = _axes(ax)
    (left, right), (bottom, top) = ((ends[0], ends[-1]) for ends in edges)
    extent = (left, right, bottom, top)
    axes.imshow(
        _shade(probability), extent=extent, origin="lower", aspect="auto", interpolation="bilinear"
    )
    # Between grid points logarithms interpolate better: a boundary of straight pieces stays one.
    leads = _leads(np.log(np.maximum(probability, np.finfo(probability.dtype).tiny)))
    for lead in leads[:1] if classes == 2 else leads:  # two classes share their boundary
        if lead.min() < 0 < lead.max():
            axes.contour(first, second, lead, levels=[0], colors="black", linewidths=1)
    for number in np.unique(labels):
        style = _style(number, f"class {number}")
        across, up = points[labels == number].T
        axes.scatter(across, up, s=18, edgecolors="black", linewidths=0.5, **style)
    axes.set(xlabel="first feature", ylabel="second feature")
    axes.set_title("Decision regions (paler: less certain)")
    axes.legend()
    return axes


def _edges(column: Array, count: int) -> Array:
    """Return the borders of `count` cells that cover the data with a margin of a tenth."""
    low, high = float(column.min()), float(column.max())
    margin = 0.1 * (high - low) or 1.0
    return np.linspace(low - margin, high + margin, count + 1)


def _labels(y: ArrayLike, samples: int, classes: int) -> NDArray[np.intp]:
    labels = np.asarray(y)
    if labels.dtype.kind not in "iu":
        raise TypeError(f"y: class labels must be integers, got dtype {labels.dtype}")
    if labels.shape != (samples,):
        raise ValueError(
            f"y: {samples} samples need labels of shape ({samples},), got {labels.shape}"
        )
    if labels.min() < 0 or labels.max() >= classes:
        wrong = labels[(labels < 0) | (labels >= classes)][0]
        raise ValueError(f"y: label {wrong} is out of range: the network has {classes} outputs")
    return labels.astype(np.intp)


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _style(number: int, label: str) -> dict[str, Any]:
    """Return the look of a class or a curve."""
    return {"color": _colour(number), "marker": MARKERS[number % len(MARKERS)], "label": label}


def _shade(probability: Array) -> Array:
    """Return an RGB image: the winner's colour, mixed with white as far as it is unsure."""
    classes = probability.shape[-1]
    palette = np.array([to_rgb(_colour(number)) for number in range(classes)])
    sure = (probability.max(axis=-1, keepdims=True) * classes - 1) / (classes - 1)
    image: Array = 1 - 0.6 * sure * (1 - palette[probability.argmax(axis=-1)])
    return image.clip(0, 1)


def _leads(score: Array) -> list[Array]:
    """Return by how much each class is ahead of the best of the others."""
    ranked = np.sort(score, axis=-1)
    best, second = ranked[..., -1], ranked[..., -2]
    return [own - np.where(own == best, second, best) for own in np.moveaxis(score, -1, 0)]


class _Watch(Protocol):
    """What has recorded relative errors along a run, such as `minidl.GradientErrors`."""

    steps: list[int]
    errors: list[float]


def gradient_errors(watch: _Watch | Mapping[str, _Watch], ax: Axes | None = None) -> Axes:
    """Draw the relative error of analytic against numerical gradients along a training run.

    Parameters
    ----------
    watch : GradientErrors, or dict of str to GradientErrors
        One callback after its run, or several with the names that the legend gives them.
    ax : matplotlib.axes.Axes, optional
        Where to draw; None makes a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Its error axis is logarithmic. An error of exactly 0, which has no place on it, is left out.

    Raises
    ------
    ValueError
        If a callback has recorded nothing.

    Examples
    --------
    >>> from minidl import GradientErrors
    >>> watch = GradientErrors()
    >>> watch.steps, watch.errors = [0, 1, 2], [1e-10, 3e-10, 2e-10]
    >>> gradient_errors(watch).get_yscale()
    'log'
    """
    curves: Mapping[str, _Watch] = watch if isinstance(watch, Mapping) else {"": watch}
    for name, curve in curves.items():
        if not getattr(curve, "steps", None):
            place = f" under {name!r}" if name else ""
            raise ValueError(
                f"no gradient errors were recorded{place}: pass it to fit(callbacks=…)"
            )
    axes = _axes(ax)
    for number, (name, curve) in enumerate(curves.items()):
        errors = np.array(curve.errors, float)
        errors[errors == 0] = np.nan
        axes.plot(curve.steps, errors, linewidth=0.8, markersize=3, **_style(number, name))
    axes.set(xlabel="step", ylabel="relative error, ‖a − g‖ / max(‖a‖, ‖g‖)", yscale="log")
    axes.set_title("Analytic (a) against numerical gradients (g)")
    if isinstance(watch, Mapping):
        axes.legend()
    return axes


def gradient_comparison(
    analytic: Array,
    numerical: Array,
    bound: Array,
    groups: Mapping[str, Array],
    title: str = "",
    ax: Any = None,
) -> Any:
    """Draw analytic against numerical gradients: on the diagonal they agree.

    It is what `minidl.gradcheck.Report.plot` draws.

    Parameters
    ----------
    analytic, numerical, bound : ndarray, shape (n,)
        The gradient of backward, the numerical one, and the bound of its error (a bar; one that is
        not finite is left out). Coordinates where a gradient is not finite are not drawn.
    groups : dict of str to ndarray of bool, shape (n,)
        Which coordinates to draw in one look, by the name that stands in the legend: "verified",
        "on a kink", "unresolved", "not proved", "wrong".
    title : str
    ax : matplotlib.axes.Axes, optional
        Where to draw; None makes a new figure, which is not one of pyplot's.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> right = np.array([1.0, 2.0])
    >>> ax = gradient_comparison(right, right, 1e-9 * right, {"verified": np.array([True, True])})
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('numerical gradient', 'gradient of backward')
    """
    axes = Figure(layout="constrained").subplots() if ax is None else ax
    known = np.isfinite(analytic) & np.isfinite(numerical)
    bars = np.where(np.isfinite(bound), bound, 0)
    for label, chosen in groups.items():
        at = known & chosen
        if at.any():
            colour, marker = VERDICTS[label]
            look: dict[str, Any] = {
                "fmt": marker,
                "color": colour,
                "label": f"{label} ({at.sum()})",
                "alpha": 0.8,
            }
            axes.errorbar(numerical[at], analytic[at], xerr=bars[at], **look)
    if known.any():
        axes.axline((0, 0), slope=1, color="0.8", zorder=0)
        axes.legend()
    axes.set(xlabel="numerical gradient", ylabel="gradient of backward", title=title)
    return axes


def _axes(ax: Axes | None) -> Axes:
    return plt.subplots(layout="constrained")[1] if ax is None else ax
