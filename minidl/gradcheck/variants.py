"""Variants: the same check at other points, where mistakes hide that the given one does not show.

A batch of one, a feature that is zero, large inputs and ties each get one random direction; only
if that is provably wrong are coordinates looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minidl.gradcheck.coordinates import check_coordinates, recheck
from minidl.gradcheck.directions import check_direction
from minidl.gradcheck.point import DOUBLE, Point
from minidl.gradcheck.report import UNRESOLVED, WRONG, TensorReport
from minidl.gradcheck.subject import Subject

__all__ = ["Variant", "check_variants"]

Array = NDArray[Any]


class Variant:
    """A point at which some tensors are provably wrong.

    Attributes
    ----------
    name, mistake, where : str
        Of the variant, the class of a mistake that only it shows, and the words for it.
    point : Point
    reports : dict from int to TensorReport
        The tensors that are wrong there, by place.
    """

    def __init__(
        self, name: str, mistake: str, where: str, point: Point, reports: dict[int, TensorReport]
    ) -> None:
        self.name, self.mistake, self.where = name, mistake, where
        self.point, self.reports = point, reports
        self.jacobians: dict[int, Array | None] = {}


def check_variants(point: Point, jitter: bool, small: int) -> Iterator[Variant]:
    """Yield the variants at which a gradient is provably wrong.

    Parameters
    ----------
    point : Point
        Where the check passed.
    jitter : bool
        Whether something there was on a kink or unresolved.
    small : int
        The size up to which coordinates are looked at.
    """
    subject, wanted = point.subject, len(point.subject.wanted)
    given = point.values

    changes: list[tuple[str, str, str, list[Array]]] = []

    def inputs(change: Any) -> list[Array]:
        return [change(v) if k < wanted else v for k, v in enumerate(given)]

    if wanted < len(given):
        moved = [
            v if k < wanted else v * point.rng.uniform(0.7, 1.3, v.shape)
            for k, v in enumerate(given)
        ]
        changes.append(("moved parameters", "stale-cache", "once the parameters change", moved))
    single = _single(point)
    if single is not None:
        yield from _examine("batch of one", "batch-of-one", "for a batch of one", single, small)
    if wanted:
        changes += [
            ("zero column", "zero-column", "where a feature is zero", inputs(_zero_column)),
            ("large input", "large-input", "for inputs 8 times as large", inputs(lambda v: 8 * v)),
        ]
        if jitter:
            moved = [
                v + 0.05 * s * point.rng.uniform(-1, 1, v.shape)
                for v, s in zip(given, point.scales, strict=True)
            ]
            changes.append(("jitter", "", "at a point nearby", moved))
    for name, mistake, where, values in changes:
        near = _point(point, subject, values)
        if near is not None:
            yield from _examine(name, mistake, where, near, small)
    if wanted:
        yield from _ties(point)


def _point(point: Point, subject: Subject, values: list[Array]) -> Point | None:
    """Return the point if the layer computes something finite there."""
    try:
        y = subject.output(values)
        if not y.size or not np.isfinite(y).all():
            return None
        cotangent = point.cotangent
        if y.size != cotangent.size:
            cotangent = point.rng.normal(size=y.size) if y.size != 1 else np.array([-1.7])
        return Point(subject, values, cotangent, point.rng, point.eps)
    except Exception:  # the layer may refuse values of our choosing
        return None


def _single(point: Point) -> Point | None:
    subject = point.subject
    lengths = {np.shape(a)[:1] for a in subject.inputs if isinstance(a, np.ndarray)}
    if len(lengths) != 1 or () in lengths or lengths <= {(0,), (1,)} or subject.stochastic:
        return None
    try:
        one = subject.sliced(1)
        y = np.asarray(one.forward(one.values)[0])
        full = np.shape(subject.forward(point.values)[0])
        if y.ndim and y.shape != (1, *full[1:]):
            return None
    except Exception:  # the layer may need more than one sample
        return None
    return _point(point, one, one.values)


def _examine(name: str, mistake: str, where: str, point: Point, small: int) -> Iterator[Variant]:
    tensors = [k for k, v in enumerate(point.values) if v.size]
    for _ in range(2):
        status, *_ = check_direction(point, point.random_direction(tensors))
        if status != UNRESOLVED:
            break
    if status != WRONG:
        return
    variant = Variant(name, mistake, where, point, {})
    for k in tensors:
        if point.values[k].size <= small:
            report, jacobian = check_coordinates(point, k)
            if report.wrong:
                recheck(point, k, report)
            if report.wrong:
                variant.reports[k] = report
                variant.jacobians[k] = jacobian
    if variant.reports:
        yield variant


def _zero_column(value: Array) -> Array:
    changed = value.copy()
    if changed.size and changed.ndim:
        changed[..., 0] = 0
    return changed


def _ties(point: Point) -> Iterator[Variant]:
    """Shift inputs with many equal elements as a whole: equal ones stay equal.

    Along the shift every convention for a subgradient gives the same slope, unless it counts a
    tie twice or not at all. The offset keeps the elements away from 0, where many layers bend.
    """
    subject = point.subject
    values, shift = list(point.values), {}
    scales = [np.median(point.scales[k]) for k in range(len(subject.wanted)) if values[k].size]
    common = float(np.median(scales)) if scales else 1.0
    for k in range(len(subject.wanted)):
        if values[k].size:
            # powers of two, so that inputs of similar scale tie with one another
            own = float(np.median(point.scales[k]))
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
        bend = np.max([np.abs(s - slope) for s in one_sided], axis=0)
        smooth = bend <= 1e-3 * np.abs(slope) + 1e-9 * np.abs(near.y).max()
    if not smooth.any():
        return
    cotangent = np.where(smooth, near.cotangent, 0)
    gradients = subject.gradients(values, cotangent)
    analytic = sum(float(np.vdot(gradients[k], d)) for k, d in shift.items())
    terms = cotangent * np.where(smooth, slope, 0)
    noise = 1e-8 * float(max(1.0, np.abs(near.y).max()) * np.abs(cotangent).sum())
    numerical, scale = float(terms.sum()), float(np.abs(terms).sum())
    if abs(analytic - numerical) > 5e-3 * scale + noise:
        where = (
            f"where inputs are equal (shifted together: backward says {analytic:.6g}, "
            f"numerical {numerical:.6g})"
        )
        yield Variant("ties", "tie-double-count", where, near, {})
