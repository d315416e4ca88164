"""How things are called, in reprs and in errors."""

from inspect import signature
from typing import Any

import numpy as np

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


def title(layer: Any) -> str:
    """Name a layer in one line: the first of its repr."""
    return repr(layer).partition("\n")[0].removesuffix("(")  # that of a container goes on


def annotate(error: Exception, place: str, layer: Any) -> None:
    """Say in an error where in a network it arose.

    The message of a ValueError or TypeError is prefixed with the place and the layer; to any
    other exception, whose arguments may mean something, they are added as a note.
    """
    if type(error) in (ValueError, TypeError) and [type(a) for a in error.args] == [str]:
        message, name = error.args[0], title(layer)
        named = message.startswith(
            (name, f"{name.partition('(')[0]}[", f"{name.partition('(')[0]}:")
        )
        error.args = (f"{place} {message}" if named else f"{place} {title(layer)}: {message}",)
    else:
        error.add_note(f"in {place} {title(layer)}")
