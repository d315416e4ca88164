"""How an object with options shows itself: the options that are not at their default."""

from __future__ import annotations

from inspect import signature
from typing import Any

import numpy as np

__all__ = ["describe"]

_DEFAULTS: dict[type, dict[str, Any]] = {}


def describe(thing: Any, **given: Any) -> str:
    """Return ``Class(option=value, …)``, without what is at its default.

    The options are the arguments of the constructor that are attributes as well.

    Parameters
    ----------
    thing
        What to describe.
    **given
        Options to show with these values; None hides one.

    Examples
    --------
    >>> from minidl import Huber
    >>> describe(Huber()), describe(Huber(delta=2))
    ('Huber()', 'Huber(delta=2)')
    """
    kind = type(thing)
    if kind not in _DEFAULTS:  # asking for a signature is slow
        options = signature(kind).parameters.items()
        _DEFAULTS[kind] = {name: option.default for name, option in options}
    defaults = _DEFAULTS[kind]
    values = {name: getattr(thing, name) for name in defaults if hasattr(thing, name)} | given
    shown = [
        f"{name}={_spell(value)}"
        for name, value in values.items()
        if value is not None and _spell(value) != _spell(defaults.get(name))
    ]
    return f"{type(thing).__name__}({', '.join(shown)})"


def _spell(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"array of shape {value.shape}"
    return f"{value:g}" if isinstance(value, float) else str(value)
