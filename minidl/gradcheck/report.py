"""What a check found: the findings, then the evidence, then how much was proved."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from minidl.arrays import Array
from minidl.contract.finding import Finding

Verdict = Literal["pass", "fail", "inconclusive"]

UNRESOLVED, VERIFIED, KINK, WRONG, UNEXAMINED = range(5)
LABELS = {
    "verified": VERIFIED,
    "on a kink": KINK,
    "unresolved": UNRESOLVED,
    "not proved": UNEXAMINED,
    "wrong": WRONG,
}

COUNTS = ("verified", "on_kink", "unresolved", "wrong")

HEAD = ("tensor", "shape", "relative error", "verified", "kink", "unresolved", "wrong")


class GradientError(AssertionError):
    """A gradient is wrong, or could not be proved right; the message says which and why."""

    __module__ = "minidl.gradcheck"


def _counted(status: int, doc: str) -> Any:
    return property(lambda tensor: int((tensor.status == status).sum()), doc=doc)


@dataclass(frozen=True)
class TensorReport:
    """The coordinates of one tensor.

    Attributes
    ----------
    name : str
    analytic, numerical, error : ndarray
        The gradient of backward, the numerical one and the bound of its error, of the tensor's
        shape; NaN where the numerical one is not known.
    scale : ndarray
        Σⱼ |vⱼ ∂yⱼ/∂xᵢ|: what a gradient is judged against, since its terms may cancel.
    status : ndarray of int
        For each coordinate: `VERIFIED`, `KINK`, `UNRESOLVED`, `WRONG`, or `UNEXAMINED` if it was
        left out because the tensor is large or enough mistakes were proved.
    directions : list of int
        For a large tensor, the status of each direction that was checked instead of coordinates.
    jacobian : ndarray or None
        ∂y/∂x, shape (m, n), where it is small and every coordinate was looked at.
    """

    name: str
    analytic: Array
    numerical: Array
    error: Array
    scale: Array
    status: Array
    directions: list[int] = field(default_factory=list)
    jacobian: Array | None = None

    @classmethod
    def unknown(cls, name: str, shape: tuple[int, ...], analytic: Any = np.nan) -> "TensorReport":
        """Return the report of a tensor of which no coordinate was looked at."""
        analytic, nan, status = (np.broadcast_to(n, shape) for n in (analytic, np.nan, UNEXAMINED))
        return cls(name, analytic, nan, nan, nan, status)

    shape = property(lambda self: self.analytic.shape, doc="The shape of the tensor.")
    size = property(lambda self: self.analytic.size, doc="How many coordinates the tensor has.")
    verified = _counted(VERIFIED, "How many coordinates are proved right.")
    on_kink = _counted(KINK, "How many coordinates lie on a kink, between the one-sided slopes.")
    wrong = _counted(WRONG, "How many coordinates are proved wrong.")
    unresolved = _counted(UNRESOLVED, "How many coordinates are neither.")

    @property
    def covered(self) -> bool:
        """Whether anything about this tensor was proved."""
        proved = np.isin([*self.directions, *self.status.flat], (VERIFIED, KINK, WRONG))
        return bool(proved.any()) or not self.size

    @property
    def relative_error(self) -> float:
        """The largest difference of the two gradients over the largest scale; NaN if unknown."""
        known = np.isfinite(self.numerical) & (self.status != KINK)
        if not known.any():
            return float("nan")
        with np.errstate(all="ignore"):
            difference = np.abs(self.analytic - self.numerical)[known].max()
            scale = np.maximum(np.abs(self.scale), np.abs(self.analytic))[known].max()
        return float(difference / scale) if scale > 0 else 0.0

    def coverage(self) -> str:
        """Count the coordinates, or directions, that were proved."""
        if self.directions:
            return f"{self.directions.count(VERIFIED)} of {len(self.directions)} directions"
        return f"{self.verified} of {self.size}"

    def to_dict(self) -> dict[str, Any]:
        """Return counts and arrays as plain Python values; None stands for NaN and infinity."""
        counts = {name: getattr(self, name) for name in (*COUNTS, "directions")}
        arrays = ("relative_error", "analytic", "numerical", "error")
        numbers = {name: _plain(getattr(self, name)) for name in arrays}
        return {"name": self.name, "shape": list(self.shape)} | counts | numbers


def _plain(numbers: Any) -> Any:
    return np.asarray(np.where(np.isfinite(numbers), numbers, None)).tolist()


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

    @property
    def verdict(self) -> Verdict:
        """`fail`: a proved mistake; `inconclusive`: nothing is proved of some tensor; or `pass`."""
        if self.findings:
            return "fail"
        proved = all(tensor.covered for tensor in self.tensors) and any(
            tensor.size for tensor in self.tensors
        )
        return "pass" if proved else "inconclusive"

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
        parts = [f"{t.name}: {t.coverage()}" for t in self.tensors if t.directions]
        if single:
            verified, kink, unresolved, _, size = (
                sum(getattr(tensor, name) for tensor in single) for name in (*COUNTS, "size")
            )
            counts = f"verified {verified} of {size}, on a kink {kink}, unresolved {unresolved}"
            parts.insert(0, counts)
        return ", ".join(parts) + f" (seed {self.seed})"

    def _statements(self) -> list[tuple[str, str, str]]:
        """Return (about what, a sentence, evidence) for everything there is to say."""
        if self.verdict == "inconclusive":
            names = ", ".join(tensor.name for tensor in self.tensors if not tensor.covered)
            why = "the output is empty, or too noisy there, or has no derivative; try another point"
            sentence = f"inconclusive: nothing could be proved of {names or 'it'}: {why}"
            return [(self.subject, sentence, "")]
        statements = [
            (f"{self.subject}.{f.tensor}".rstrip("."), f"{f.sentence}.", f.evidence)
            for f in self.findings
        ]
        return statements or [(self.subject, self.verdict, "")]

    def __str__(self) -> str:
        lines = []
        for about, sentence, evidence in self._statements():
            lines.append(f"{about}: {sentence}")
            lines += [f"  {line}" for line in evidence.splitlines()]
        lines.append(f"  {self.coverage()}")
        rows = self._rows()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = [text.ljust(width) for text, width in zip(row, widths, strict=True)]
            lines.append(f"  {'  '.join(cells)}".rstrip())
        return "\n".join(lines)

    def _rows(self) -> list[tuple[str, ...]]:
        rows: list[tuple[str, ...]] = [HEAD]
        for t in sorted(self.tensors, key=lambda t: (-t.wrong, -np.nan_to_num(t.relative_error))):
            none = "-" if t.directions else "0"
            counts = (str(n or none) for n in (t.on_kink, t.unresolved, t.wrong))
            rows.append((t.name, str(t.shape), f"{t.relative_error:.1e}", t.coverage(), *counts))
        return rows

    def _repr_html_(self) -> str:
        import html

        statements = "".join(
            f"<p><b>{html.escape(about)}</b>: {html.escape(sentence)}</p>"
            f"<pre>{html.escape(evidence)}</pre>"
            for about, sentence, evidence in self._statements()
        )
        head, *body = (
            "".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in self._rows()
        )
        rows = [head.replace("td>", "th>"), *body]
        table = "".join(f"<tr>{row}</tr>" for row in rows)
        return f"{statements}<p>{html.escape(self.coverage())}</p><table>{table}</table>"

    def to_dict(self) -> dict[str, Any]:
        """Return everything as dicts, lists, strings and numbers that JSON knows."""
        return {
            "subject": self.subject,
            "verdict": self.verdict,
            "findings": [finding.to_dict() for finding in self.findings],
            "tensors": [tensor.to_dict() for tensor in self.tensors],
            "seed": self.seed,
            "forwards": self.forwards,
        }

    def plot(self, ax: Any = None) -> Any:
        """Draw the analytic against the numerical gradient of every coordinate that was looked at.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default new axes.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        from minidl.plotting import gradient_comparison  # matplotlib, for those who look

        analytic, numerical, bound, status = (
            np.concatenate([getattr(tensor, name).reshape(-1) for tensor in self.tensors])
            for name in ("analytic", "numerical", "error", "status")
        )
        groups = {label: status == kind for label, kind in LABELS.items()}
        title = f"{self.subject}: {self.verdict}"
        return gradient_comparison(analytic, numerical, bound, groups, title, ax)
