"""What a check found: the findings, then the evidence, then how much was proved."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "KINK",
    "UNEXAMINED",
    "UNRESOLVED",
    "VERIFIED",
    "WRONG",
    "Finding",
    "GradientError",
    "Report",
    "TensorReport",
]

Array = NDArray[Any]
Verdict = Literal["pass", "fail", "inconclusive"]

UNRESOLVED, VERIFIED, KINK, WRONG, UNEXAMINED = range(5)


class GradientError(AssertionError):
    """A gradient is wrong, or could not be proved right; the message says which and why."""


@dataclass(frozen=True)
class Finding:
    """One mistake.

    Attributes
    ----------
    check : str
        Which check found it: "contract", "linearity", "gradient", "variant: ties", …
    tensor : str
        Whose gradient it concerns, "weight" or "input 0"; empty if it is about the layer.
    mistake : str
        The class of the mistake, such as "constant-factor".
    sentence : str
        One sentence for a person.
    evidence : str
        The numbers.
    """

    check: str
    tensor: str
    mistake: str
    sentence: str
    evidence: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return the finding as a dict; `mistake` stands under the key ``"class"``."""
        return {
            "check": self.check,
            "tensor": self.tensor,
            "class": self.mistake,
            "sentence": self.sentence,
            "evidence": self.evidence,
        }


@dataclass(frozen=True)
class TensorReport:
    """The coordinates of one tensor.

    Attributes
    ----------
    name : str
    shape : tuple of int
    analytic, numerical, error : ndarray
        The gradient of backward, the numerical one and the bound of its error, of the tensor's
        shape; NaN where the numerical one is not known.
    status : ndarray of int
        For each coordinate: `VERIFIED`, `KINK`, `UNRESOLVED`, `WRONG`, or `UNEXAMINED` if it was
        left out because the tensor is large or enough mistakes were proved.
    scale : ndarray
        Σⱼ |vⱼ ∂yⱼ/∂xᵢ|: what a gradient is judged against, since its terms may cancel.
    directions : int
        For a large tensor, how many directions were checked instead of the coordinates.
    verified_directions : int
        How many of them were verified.
    kink_directions : int
        How many of them lie on a kink, between the one-sided slopes.
    """

    name: str
    shape: tuple[int, ...]
    analytic: Array
    numerical: Array
    error: Array
    status: Array
    scale: Array
    directions: int = 0
    verified_directions: int = 0
    kink_directions: int = 0

    @property
    def size(self) -> int:
        """How many coordinates the tensor has."""
        return int(self.analytic.size)

    @property
    def verified(self) -> int:
        """How many coordinates are proved right."""
        return int((self.status == VERIFIED).sum())

    @property
    def on_kink(self) -> int:
        """How many coordinates lie on a kink, between the one-sided slopes."""
        return int((self.status == KINK).sum())

    @property
    def wrong(self) -> int:
        """How many coordinates are proved wrong."""
        return int((self.status == WRONG).sum())

    @property
    def unresolved(self) -> int:
        """How many coordinates are neither."""
        return int((self.status == UNRESOLVED).sum())

    @property
    def covered(self) -> bool:
        """Whether anything about this tensor was proved."""
        return not self.size or bool(
            self.verified
            or self.on_kink
            or self.wrong
            or self.verified_directions
            or self.kink_directions
        )

    @property
    def relative_error(self) -> float:
        """The largest difference of the two gradients over the largest scale; NaN if unknown."""
        known = np.isfinite(self.numerical) & (self.status != KINK)
        if not known.any():
            return float("nan")
        with np.errstate(all="ignore"):
            difference = np.abs(self.analytic - self.numerical)[known].max()
            scale = max(
                float(np.abs(self.scale[known]).max()), float(np.abs(self.analytic[known]).max())
            )
        return float(difference / scale) if scale > 0 else 0.0

    def coverage(self) -> str:
        """Say in a few words what was proved."""
        if self.directions:
            return f"{self.verified_directions} of {self.directions} directions"
        return f"{self.verified} of {self.size}"

    def to_dict(self) -> dict[str, Any]:
        """Return counts and arrays as plain Python values; None stands for NaN and infinity."""
        return {
            "name": self.name,
            "shape": list(self.shape),
            "verified": self.verified,
            "on_kink": self.on_kink,
            "unresolved": self.unresolved,
            "wrong": self.wrong,
            "directions": self.directions,
            "verified_directions": self.verified_directions,
            "relative_error": _plain(self.relative_error),
            "analytic": _plain(self.analytic.tolist()),
            "numerical": _plain(self.numerical.tolist()),
            "error": _plain(self.error.tolist()),
        }


@dataclass(frozen=True)
class Report:
    """The result of `check_gradients`.

    Attributes
    ----------
    subject : str
        What was checked.
    findings : tuple of Finding
        The mistakes, most important first.
    tensors : tuple of TensorReport
        What was proved of every tensor that is owed a gradient.
    seed : int
        What the cotangent and the probes were drawn from.
    forwards : int
        How often the layer computed an output.
    """

    subject: str
    findings: tuple[Finding, ...]
    tensors: tuple[TensorReport, ...]
    seed: int = 0
    forwards: int = 0
    notes: tuple[str, ...] = field(default=())

    @property
    def verdict(self) -> Verdict:
        """`fail`: a proved mistake; `inconclusive`: nothing is proved of some tensor; or `pass`."""
        if self.findings:
            return "fail"
        return "pass" if all(tensor.covered for tensor in self.tensors) else "inconclusive"

    @property
    def ok(self) -> bool:
        """Whether the verdict is `pass`."""
        return self.verdict == "pass"

    def assert_ok(self) -> None:
        """Raise a `GradientError` with the whole report if the verdict is not `pass`."""
        if not self.ok:
            raise GradientError(str(self))

    def coverage(self) -> str:
        """Say what was proved, in one line."""
        single = [tensor for tensor in self.tensors if not tensor.directions]
        parts = []
        if single:
            total = sum(tensor.size for tensor in single)
            verified, kink, unresolved = (
                sum(getattr(tensor, name) for tensor in single)
                for name in ("verified", "on_kink", "unresolved")
            )
            parts.append(f"verified {verified} of {total}")
            parts.append(f"on a kink {kink}, unresolved {unresolved}")
        parts += [
            f"{tensor.name}: {tensor.coverage()}" for tensor in self.tensors if tensor.directions
        ]
        return ", ".join(parts) + f" (seed {self.seed})"

    def __str__(self) -> str:
        lines = [f"{self.subject}: {self.verdict}"]
        for finding in self.findings:
            about = f"{finding.tensor}: " if finding.tensor else ""
            lines.append(f"{about}{finding.sentence} [{finding.mistake}; {finding.check}]")
            lines += [f"  {line}" for line in finding.evidence.splitlines()]
        if self.verdict == "inconclusive":
            names = ", ".join(tensor.name for tensor in self.tensors if not tensor.covered)
            lines.append(
                f"nothing could be proved of {names}: the numerical derivative is too noisy "
                "there, or does not exist; try another point"
            )
        lines += self.notes
        lines.append(self.coverage())
        rows = self._rows()
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        for row in rows:
            cells = [text.ljust(width) for text, width in zip(row, widths, strict=True)]
            lines.append(f"  {'  '.join(cells)}".rstrip())
        return "\n".join(lines)

    def _rows(self) -> list[tuple[str, ...]]:
        head = ("tensor", "shape", "relative error", "verified", "kink", "unresolved", "wrong")
        worst_first = sorted(
            self.tensors, key=lambda t: (-t.wrong, -np.nan_to_num(t.relative_error))
        )
        return [head] + [
            (
                tensor.name,
                str(tensor.shape),
                f"{tensor.relative_error:.1e}",
                tensor.coverage(),
                *(
                    "-" if tensor.directions and not count else str(count)
                    for count in (tensor.on_kink, tensor.unresolved, tensor.wrong)
                ),
            )
            for tensor in worst_first
        ]

    def _repr_html_(self) -> str:
        def row(cells: tuple[str, ...], tag: str) -> str:
            inside = "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells)
            return f"<tr>{inside}</tr>"

        head, *body = self._rows()
        items = "".join(
            f"<li><b>{html.escape(f.tensor or self.subject)}</b>: {html.escape(f.sentence)}"
            f"<pre>{html.escape(f.evidence)}</pre></li>"
            for f in self.findings
        )
        table = row(head, "th") + "".join(row(cells, "td") for cells in body)
        return (
            f"<p><b>{html.escape(self.subject)}: {self.verdict}</b></p><ul>{items}</ul>"
            f"<table>{table}</table><p>{html.escape(self.coverage())}</p>"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as dicts, lists, strings and numbers that JSON knows."""
        return {
            "subject": self.subject,
            "verdict": self.verdict,
            "findings": [finding.to_dict() for finding in self.findings],
            "tensors": [tensor.to_dict() for tensor in self.tensors],
            "seed": self.seed,
            "forwards": self.forwards,
            "notes": list(self.notes),
        }

    def plot(self, ax: Any = None) -> Any:
        """Draw the analytic against the numerical gradient, see `minidl.gradcheck.picture`."""
        from minidl.gradcheck.picture import draw

        return draw(self, ax)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value if np.isfinite(value) else None


def unexamined(name: str, value: Array) -> TensorReport:
    """Return the report of a tensor of which nothing could be compared."""
    unknown = np.full(value.shape, np.nan)
    status = np.full(value.shape, UNEXAMINED)
    return TensorReport(name, value.shape, unknown, unknown, unknown, status, unknown)
