"""The base of layers that hold layers: they name the layer in errors, and draw the tree."""

from collections.abc import Sequence
from typing import ClassVar, overload

from minidl.layer import Layer
from minidl.naming import annotate, title
from minidl.parameters import Parameter, unique


class Container(Layer, Sequence[Layer]):
    """A layer that holds layers, and is a read-only sequence of them.

    It refuses what is not a layer, names the place of a layer in the errors that it raises, and
    shows the tree of layers in its repr.

    Attributes
    ----------
    layers : tuple of Layer
    """

    config: ClassVar[tuple[str, ...]] = ("layers",)

    def __init__(self, *layers: Layer) -> None:
        name = type(self).__name__
        for index, layer in enumerate(layers):
            if not isinstance(layer, Layer):
                hint = ""
                if isinstance(layer, (list, tuple)):
                    hint = f"; pass the layers one by one, {name}(*layers)"
                elif isinstance(layer, type) and issubclass(layer, Layer):
                    hint = f"; make an instance, {layer.__name__}(…)"
                raise TypeError(f"{name}[{index}] is not a layer: {layer!r}{hint}")
        self.layers = layers

    def _annotate(self, error: Exception, index: int) -> None:
        """Say in an error which of the layers raised it."""
        annotate(error, f"{type(self).__name__}[{index}]", self.layers[index])

    def _settings(self) -> str:
        """Return the options that the repr shows after the layers."""
        return ""

    def __len__(self) -> int:
        return len(self.layers)

    @overload
    def __getitem__(self, index: int) -> Layer: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Layer]: ...
    def __getitem__(self, index: int | slice) -> Layer | Sequence[Layer]:
        return self.layers[index]

    def __repr__(self) -> str:
        return tree(self, self._settings())


def tree(container: Container, settings: str) -> str:
    """Return the repr of a container: a line a layer, with the numbers of parameters."""
    total, dtype = _count(container)
    rows = [line for index, layer in enumerate(container) for line in _rows(layer, f"[{index}]")]
    width = max((len(text) for text, _ in rows), default=0)
    digits = max((len(count) for _, count in rows), default=0)
    lines = [f"  {text:{width}}    {count:>{digits}}".rstrip() for text, count in rows]
    end = f"){settings}  {total:,} parameters{dtype}"
    return "\n".join([f"{type(container).__name__}(", *lines, end])


def _count(layer: Layer) -> tuple[int, str]:
    values = [parameter.value for parameter in unique(layer, Parameter).values()]
    return sum(value.size for value in values), f", {values[0].dtype}" if values else ""


def _rows(layer: Layer, place: str) -> list[tuple[str, str]]:
    """Return (text, number of parameters) of each line that shows a layer in a container."""
    if isinstance(layer, Container) and len(layer):
        inner = [row for number, child in enumerate(layer) for row in _rows(child, f"[{number}]")]
        return [
            (f"{place} {type(layer).__name__}(", ""),
            *((f"  {text}", count) for text, count in inner),
            (f"){layer._settings()}", ""),
        ]
    count, _ = _count(layer)
    brackets = "()" if isinstance(layer, Container) else ""
    return [(f"{place} {title(layer)}{brackets}", f"{count:,}" if count else "")]
