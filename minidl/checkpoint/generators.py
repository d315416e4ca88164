"""Random generators as numbers: the state of NumPy's own bit generators, and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["generator_with", "state_of"]

_TAIL = {"has_uint32": 2, "uinteger": 2**32}
_PCG: dict[str, Any] = {"state": {"state": 2**128, "inc": 2**128}, **_TAIL}
_KINDS: dict[str, tuple[Any, dict[str, Any]]] = {
    "PCG64": (np.random.PCG64, _PCG),
    "PCG64DXSM": (np.random.PCG64DXSM, _PCG),
    "MT19937": (np.random.MT19937, {"state": {"key": [2**32] * 624, "pos": 625}}),
    "Philox": (
        np.random.Philox,
        {
            "state": {"counter": [2**64] * 4, "key": [2**64] * 2},
            "buffer": [2**64] * 4,
            "buffer_pos": 5,
            **_TAIL,
        },
    ),
    "SFC64": (np.random.SFC64, {"state": {"state": [2**64] * 4}, **_TAIL}),
}
"""What each state consists of: numbers below a bound. NumPy itself checks none of them."""


def state_of(generator: Any) -> dict[str, Any]:
    """Return the state of a generator, as what JSON can hold.

    Raises
    ------
    ValueError
        If it is none of NumPy's own, new ones.

    Examples
    --------
    >>> generator = np.random.default_rng(0)
    >>> twin = generator_with(state_of(generator))
    >>> bool(generator.random() == twin.random())
    True
    """
    bits: Any = getattr(generator, "bit_generator", None)
    kind, _ = _KINDS.get(type(bits).__name__, (None, {}))
    if type(generator) is not np.random.Generator or type(bits) is not kind:
        raise ValueError(f"{generator} cannot be saved: take np.random.default_rng, {list(_KINDS)}")
    state: dict[str, Any] = _plain(bits.state)
    return state


def generator_with(state: Any) -> np.random.Generator:
    """Return a new generator in a state, or raise a ValueError if there is no such state."""
    name = state.get("bit_generator") if isinstance(state, dict) else None
    kind, bounds = _KINDS.get(name if isinstance(name, str) else "", (None, {}))
    if kind is None or not _within(state, {"bit_generator": name, **bounds}):
        raise ValueError("the state of a generator is none that a generator can have")
    bits = kind(0)
    bits.state = state
    return np.random.Generator(bits)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value if isinstance(value, str) else np.asarray(value, dtype=object).tolist()


def _within(value: Any, bounds: Any) -> bool:
    """Tell whether a value has the structure of the bounds, and every number is below its own."""
    if type(bounds) is int:
        return type(value) is int and 0 <= value < bounds
    if type(value) is not type(bounds) or len(value) != len(bounds):
        return False
    if isinstance(bounds, dict):
        return list(value) == list(bounds) and all(_within(value[k], bounds[k]) for k in bounds)
    return bool(value == bounds) if isinstance(bounds, str) else all(map(_within, value, bounds))
