"""Public names that are loaded when they are first used: importing a package costs little."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["lazy"]


def lazy(
    package: str, **homes: str
) -> tuple[list[str], Callable[[str], Any], Callable[[], list[str]]]:
    """Return the ``__all__``, ``__getattr__`` and ``__dir__`` of a package.

    Parameters
    ----------
    package : str
        Its name.
    **homes : str
        For each of its modules, the names that the package takes from it, separated by spaces.
    """
    origin = {name: home for home, names in homes.items() for name in names.split()}

    def load(name: str) -> Any:
        if name not in origin:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        item = getattr(importlib.import_module(f"{package}.{origin[name]}"), name)
        setattr(sys.modules[package], name, item)
        return item

    return sorted(origin), load, lambda: sorted({*vars(sys.modules[package]), *origin})
