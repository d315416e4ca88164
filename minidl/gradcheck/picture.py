"""A picture of a report: analytic against numerical gradient, on the diagonal if they agree."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.gradcheck.report import KINK, UNEXAMINED, UNRESOLVED, VERIFIED, WRONG, Report

STYLES = (
    (VERIFIED, "verified", "C0", "o"),
    (KINK, "on a kink", "C1", "D"),
    (UNRESOLVED, "unresolved", "C7", "s"),
    (UNEXAMINED, "not proved", "C7", "."),
    (WRONG, "wrong", "C3", "X"),
)


def draw(report: Report, ax: Any = None) -> Any:
    """Draw every known coordinate with the error bound of its numerical gradient.

    Parameters
    ----------
    report : Report
    ax : matplotlib Axes, optional
        Where to draw; by default new axes.

    Returns
    -------
    Axes
        The axes drawn on.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    if ax is None:
        try:
            from matplotlib.figure import Figure
        except ImportError as missing:
            needed = 'report.plot needs matplotlib: pip install "minidl[plot]"'
            raise ImportError(needed) from missing
        ax = Figure(layout="constrained").subplots()
    analytic, numerical, bound, status = (
        np.concatenate([getattr(tensor, name).reshape(-1) for tensor in report.tensors])
        for name in ("analytic", "numerical", "error", "status")
    )
    known = np.isfinite(analytic) & np.isfinite(numerical)
    bound[~np.isfinite(bound)] = 0
    for kind, label, colour, marker in STYLES:
        at = known & (status == kind)
        if at.any():
            legend = f"{label} ({at.sum()})"
            look = {"fmt": marker, "color": colour, "label": legend, "alpha": 0.8}
            ax.errorbar(numerical[at], analytic[at], xerr=bound[at], **look)
    if known.any():
        ax.axline((0, 0), slope=1, color="0.8", zorder=0)
        ax.legend()
    ax.set_xlabel("numerical gradient")
    ax.set_ylabel("gradient of backward")
    ax.set_title(f"{report.subject}: {report.verdict}")
    return ax
