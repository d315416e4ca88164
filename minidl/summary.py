"""A table of a network: what leaves each layer, and how many numbers it learns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.containers import Container, Naming
from minidl.layer import Layer, input_dtype, title
from minidl.parameters import Parameter, unique
from minidl.validation import integer

__all__ = ["Row", "Summary", "summarize"]


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
                f"{cell:<{width}}" if place < 2 else f"{cell:>{width}}"
                for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
            ).rstrip()
            for cells in table
        ]
        size = self.parameters * self.dtype.itemsize
        so_far = "" if self.complete else " so far"
        end = f"{self.parameters:,} parameters{so_far}, {self.dtype}, {size:,} bytes"
        return "\n".join([*lines, end])


def summarize(network: Container, input_shape: int | Sequence[int]) -> Summary:
    """Return the table of a network for samples of a shape; see `Sequential.summary`."""
    sizes = input_shape if isinstance(input_shape, (tuple, list)) else (input_shape,)
    shape = tuple(integer("input_shape", size, least=1) for size in sizes)
    parameters = unique(network, Parameter).values()
    dtype = next((item.value.dtype for item in parameters), np.dtype(np.float32))
    seen: set[int] = set()
    rows: list[Row] = []

    def enter(layer: Layer, x: Any, name: str, indent: str) -> Any:
        row = Row(f"{indent}{name}")
        rows.append(row)
        if isinstance(layer, Container) and len(layer):
            y = layer.compute(x, lambda place, x: inside(layer, place, x, indent + "  "))
        else:
            y = layer(x)
            own = {id(item): item.value.size for item in unique(layer, Parameter).values()}
            row.parameters = sum(size for key, size in own.items() if key not in seen)
            seen.update(own)
        if isinstance(y, np.ndarray):
            row.shape, row.bytes = y.shape, y.nbytes
        return y

    def inside(container: Container, place: int, x: Any, indent: str) -> Any:
        layer = container[place]
        with Naming(container, place):
            return enter(layer, x, f"[{place}] {title(layer)}", indent)

    try:
        with np.errstate(all="ignore"):
            enter(network, np.zeros((1, *shape), input_dtype(network) or dtype), title(network), "")
    except Exception as error:
        so_far = repr(Summary(rows, sum(row.parameters or 0 for row in rows), dtype, False))
        if type(error) in (ValueError, TypeError) and len(error.args) == 1:
            error.args = (f"{error}\n\n{so_far}",)
        else:
            error.add_note(so_far)
        raise
    return Summary(rows, sum(item.value.size for item in parameters), dtype)
