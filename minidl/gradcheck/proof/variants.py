"""Variants: the same check at other points, where mistakes hide that the given one does not show.

A batch of one, a feature that is zero, large inputs and ties each get one random direction; only
if that is provably wrong are coordinates looked at.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from minidl.arrays import Array
from minidl.contract.compare import DOUBLE, distance, largest
from minidl.contract.finding import Finding
from minidl.contract.trial import Trial
from minidl.gradcheck.proof.directions import SMALL, check_direction, check_tensor
from minidl.gradcheck.proof.point import Point
from minidl.gradcheck.report import UNRESOLVED, WRONG, TensorReport

Change = Callable[[Array, Array, np.random.Generator], Array] | None


def _scaled(x: Array, scale: Array, rng: Any) -> Any:
    return x * rng.uniform(0.7, 1.3, x.shape)


def _jitter(x: Array, scale: Array, rng: Any) -> Any:
    return x + 0.05 * scale * rng.uniform(-1, 1, x.shape)


def _zero_column(x: Array, scale: Array, rng: Any) -> Array:
    changed = x.copy()
    if changed.size and changed.ndim:
        changed[..., 0] = 0
    return changed


# (name, the mistake that shows only there, where that is, changes of inputs and of parameters)
VARIANTS: Sequence[tuple[str, str, str, Change, Change]] = (
    ("moved parameters", "stale-cache", "once the parameters change", None, _scaled),
    ("zero column", "zero-column", "where a feature is zero", _zero_column, None),
    ("large input", "large-input", "for inputs 8 times as large", lambda x, s, rng: 8 * x, None),
    ("jitter", "", "at a point nearby", _jitter, _jitter),
)


def check_variants(point: Point, tensors: list[TensorReport]) -> list[Finding]:
    """Return the mistakes that show at the first of the variants at which there are any.

    Parameters
    ----------
    point : Point
        Where the check passed.
    tensors : list of TensorReport
        What was found there.
    """
    doubtful = any(tensor.on_kink or tensor.unresolved for tensor in tensors)
    for name, mistake, where, near in _points(point, doubtful):
        if near is not None and (wrong := _wrong(near)):
            from minidl.gradcheck.diagnosis import diagnose  # a right gradient needs none

            check = f"variant: {name}"
            everything = [wrong.get(k, tensor) for k, tensor in enumerate(tensors)]
            start = f"the gradient is wrong {where}, though right at the given point: "
            return [
                Finding(check, f.tensor, mistake or f.mistake, start + f.sentence, f.evidence)
                for f in (diagnose(near, k, everything) for k in wrong)
            ]
    return list(_ties(point)) if point.subject.wanted else []


def _points(point: Point, doubtful: bool) -> Iterator[tuple[str, str, str, Point | None]]:
    """Yield (name, the mistake that shows only there, where that is, point)."""
    subject, wanted = point.subject, len(point.subject.wanted)
    yield "batch of one", "batch-of-one", "for a batch of one", _single(point)
    for name, mistake, where, inputs, parameters in VARIANTS:
        if (wanted if inputs else subject.parameters) and (mistake or doubtful):
            changes = [inputs] * wanted + [parameters] * len(subject.parameters)
            given = zip(changes, point.values, point.scales, strict=True)
            moved = [change(v, s, point.rng) if change else v for change, v, s in given]
            yield name, mistake, where, _point(point, subject, moved)


def _point(point: Point, subject: Any, values: list[Array]) -> Point | None:
    """Return the point if the layer computes something finite there."""
    try:
        near = Point(subject, values, point.cotangent, point.rng, point.eps)
    except Exception:  # the layer may refuse values of our choosing
        return None
    return near if near.y.size and np.isfinite(near.y).all() else None


def _single(point: Point) -> Point | None:
    """Return the point with the first sample alone, if that changes nothing but the batch size."""
    subject = point.subject
    lengths = {np.shape(a)[:1] for a in subject.inputs if isinstance(a, np.ndarray)}
    if len(lengths) != 1 or () in lengths or lengths <= {(0,), (1,)} or subject.stochastic:
        return None
    one = subject.rows(slice(1))
    near = _point(point, one, one.values)
    if near is None or (near.shape and near.shape != (1, *point.shape[1:])):
        return None
    return near


def _wrong(point: Point) -> dict[int, TensorReport]:
    """Return the reports of the small tensors that are provably wrong, by index."""
    tensors = [k for k, v in enumerate(point.values) if v.size]
    try:
        for _ in range(2):
            status = check_direction(point, point.random_direction(tensors))
            if status != UNRESOLVED:
                break
        if status != WRONG:
            return {}
        small = [k for k in tensors if point.values[k].size <= SMALL]
        reports = {k: check_tensor(point, k) for k in small}
    except Exception:  # the layer may refuse values of our choosing
        return {}
    return {k: report for k, report in reports.items() if report.wrong}


def _ties(point: Point) -> Iterator[Finding]:
    """Shift inputs with many equal elements as a whole: equal ones stay equal.

    Along the shift every convention for a subgradient gives the same slope, unless it counts a
    tie twice or not at all. The offset keeps the elements away from 0, where many layers bend.
    """
    subject = point.subject
    values, shift = list(point.values), {}
    lengths = [float(np.median(s)) if s.size else 1.0 for s in point.scales[: len(subject.wanted)]]
    common = float(np.median(lengths))
    for k, own in enumerate(lengths):
        # powers of two, so that inputs of similar scale tie with one another
        grid = 2.0 ** np.round(np.log2(common if 0.25 < own / common < 4 else own))
        values[k] = (np.round(values[k] / grid) + 0.37) * grid
        shift[k] = np.full(values[k].shape, grid)
    near = _point(point, subject, values)
    if near is None or near.eps > DOUBLE:
        return
    line = near.along(shift)
    with np.errstate(all="ignore"):
        above, below, farther = line(1e-5)[0], line(-1e-5)[0], line(1e-4)[0]
        slope = (above - below) / 2e-5
        one_sided = [(above - near.y) / 1e-5, (farther - near.y) / 1e-4]
        # outputs on a kink are left out: there the one-sided slopes are off by far more than this
        bend = np.max([np.abs(s - slope) for s in one_sided], axis=0)
        smooth = bend <= 1e-3 * np.abs(slope) + 1e-9 * np.abs(near.y).max()
    cotangent = np.where(smooth, near.cotangent, 0)
    gradients = subject.gradients(values, cotangent)
    analytic = sum(float(np.vdot(gradients[k], d)) for k, d in shift.items())
    terms = cotangent * np.where(smooth, slope, 0)
    # a difference over 2e-5 turns a rounding of 1e-16 into 5e-12: a thousandth of this
    noise = 1e-8 * float(max(1.0, np.abs(near.y).max()) * np.abs(cotangent).sum())
    numerical, scale = float(terms.sum()), float(np.abs(terms).sum())
    # A tie that is counted twice doubles the slope: 1 in 200 is far below that, and far above what
    # the one step that is taken here may be off where the layer bends.
    if smooth.any() and abs(analytic - numerical) > 5e-3 * scale + noise:
        yield Finding(
            "variant: ties",
            subject.tensors[0].name,
            "tie-double-count",
            "the gradient is wrong where inputs are equal (shifted together: backward says "
            f"{analytic:.6g}, numerical {numerical:.6g})",
        )


def check_precision(trial: Trial, exact: Point, eps: float) -> Iterator[Finding]:
    """Compare the gradients in the layer's own precision with those in float64.

    Parameters
    ----------
    trial : Trial
        The layer in its own precision.
    exact : Point
        The same in float64.
    eps : float
        The machine epsilon of the layer's dtype.
    """
    if distance(np.reshape(trial.first, -1), exact.y) > 1e-2 * largest(exact.y):
        return  # generators may draw other numbers for another dtype: another function
    # what a narrow number cannot hold, intermediate results included, is nobody's mistake
    limit = 0.1 * float(np.finfo(np.float32).max)
    due = [
        np.where(np.abs(e) < limit, e, g)
        for e, g in zip(exact.gradients, trial.gradients, strict=True)
    ]
    computed = "computed in float32 the gradient is not"
    for k in trial.differing(trial.gradients, due, 1e-8):
        mistake, sentence, evidence = "not-finite", f"{computed} finite, in float64 it is", ""
        if np.isfinite(trial.gradients[k]).all():
            mistake, sentence = "low-precision", f"{computed} the one that float64 gives"
            evidence = f"the largest difference is {distance(trial.gradients[k], due[k]):.3g}"
        yield Finding("precision", exact.subject.tensors[k].name, mistake, sentence, evidence)
