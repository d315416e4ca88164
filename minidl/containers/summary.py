"""The table of a network: what leaves each of its layers, and how much each of them learns."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.checks.arguments import integer
from minidl.containers.container import Container
from minidl.layer import Layer
from minidl.naming import title
from minidl.parameters import Parameter, input_dtype, unique


@dataclass
class Row:
    """One layer in the table.

    Attributes
    ----------
    layer : str
        Its place and repr, indented as deep as it stands.
    shape : tuple of int or None
        The shape of its output for a batch of one; None if it gives no array.
    parameters : int or None
        How many numbers it learns, without those counted further up; None for a container, whose
        layers follow.
    bytes : int
        The memory of its output, for one sample.
    """

    layer: str
    shape: tuple[int, ...] | None = None
    parameters: int | None = None
    bytes: int = 0

    def cells(self) -> tuple[str, str, str, str]:
        """Return the texts of the four columns."""
        shape = ""
        if self.shape is not None:
            sizes = ("N", *self.shape[1:]) if self.shape[:1] == (1,) else self.shape
            shape = f"({', '.join(map(str, sizes))}{',' if len(sizes) == 1 else ''})"
        count = "" if self.parameters is None else f"{self.parameters:,}"
        return self.layer, shape, count, f"{self.bytes:,}" if self.shape is not None else ""


@dataclass(frozen=True, repr=False)
class Summary:
    """The table; printing it, or looking at it in an interactive session, shows it.

    Attributes
    ----------
    rows : list of Row
        One for each layer, containers before the layers that they hold.
    parameters : int
        How many numbers the network learns.
    dtype : dtype
        The floating dtype of the network.
    complete : bool
        Whether all layers are in it: not if one of them raised an error.
    """

    rows: list[Row]
    parameters: int
    dtype: np.dtype[Any]
    complete: bool = True

    def __repr__(self) -> str:
        table = [("layer", "output shape", "parameters", "bytes"), *(r.cells() for r in self.rows)]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = [
            "  ".join(
                f"{cell:<{width}}" if column < 2 else f"{cell:>{width}}"
                for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
            ).rstrip()
            for cells in table
        ]
        size = self.parameters * self.dtype.itemsize
        so_far = "" if self.complete else " so far"
        end = f"{self.parameters:,} parameters{so_far}, {self.dtype}, {size:,} bytes"
        return "\n".join([*lines, end])


def summarize(network: Container, input_shape: int | Sequence[int]) -> Summary:
    """Return the table of a network for samples of a shape; see `Sequential.summary`."""
    several = isinstance(input_shape, (tuple, list)) or np.ndim(input_shape)
    sizes: Any = input_shape if several else (input_shape,)
    shape = tuple(integer("input_shape", size, least=1) for size in sizes)
    parameters = unique(network, Parameter).values()
    dtype = next((item.value.dtype for item in parameters), np.dtype(np.float32))
    rows: list[Row] = []
    probe = _Probe(network, title(network), "", rows, set())
    try:
        with np.errstate(all="ignore"):
            probe(np.zeros((1, *shape), input_dtype(network) or dtype))
    except Exception as error:
        so_far = repr(Summary(rows, sum(row.parameters or 0 for row in rows), dtype, False))
        if type(error) in (ValueError, TypeError) and len(error.args) == 1:
            error.args = (f"{error}\n\n{so_far}",)
        else:
            error.add_note(so_far)
        raise
    return Summary(rows, sum(item.value.size for item in parameters), dtype)


class _Probe(Layer):
    """Stands in for a layer at inference, and writes its row of the table."""

    def __init__(
        self, layer: Layer, name: str, indent: str, rows: list[Row], seen: set[int]
    ) -> None:
        self.name, self.indent, self.rows, self.seen = name, indent, rows, seen
        self.original = layer
        self.inner = layer
        if isinstance(layer, Container) and len(layer):
            self.inner = copy.copy(layer)
            self.inner.layers = tuple(
                _Probe(child, f"[{index}] {title(child)}", indent + "  ", rows, seen)
                for index, child in enumerate(layer)
            )

    def __call__(self, x: Any) -> Any:
        row = Row(self.indent + self.name)
        self.rows.append(row)
        y = self.inner(x)
        if self.inner is self.original:
            own = {id(item): item.value.size for item in unique(self.inner, Parameter).values()}
            row.parameters = sum(size for key, size in own.items() if key not in self.seen)
            self.seen.update(own)
        if isinstance(y, np.ndarray):
            row.shape, row.bytes = y.shape, y.nbytes
        return y

    def forward(self, x: Any) -> tuple[Any, Any]:
        return self(x), None

    def backward(self, dy: Any, cache: Any, /) -> Any:
        raise NotImplementedError(self)

    def __repr__(self) -> str:
        return repr(self.original)
