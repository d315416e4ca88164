"""Random generators as numbers: the state of NumPy's own bit generators, and nothing else."""

from typing import Any

import numpy as np

_KINDS: dict[Any, Any] = {
    "PCG64": np.random.PCG64,
    "PCG64DXSM": np.random.PCG64DXSM,
    "MT19937": np.random.MT19937,
    "Philox": np.random.Philox,
    "SFC64": np.random.SFC64,
}


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
    if type(generator) is not np.random.Generator or type(bits) not in _KINDS.values():
        raise ValueError(f"{generator} cannot be saved: a generator of np.random.default_rng can")
    state: dict[str, Any] = _plain(bits.state)
    return state


def generator_with(state: Any) -> np.random.Generator:
    """Return a new generator in a state, or raise a ValueError if there is no such state."""
    try:
        bits = _KINDS[state["bit_generator"]](0)
        if not _alike(state, _plain(bits.state)) or state["state"].get("pos", 0) > 624:
            raise ValueError  # NumPy would read beyond the end of the key
        bits.state = state
        if _plain(bits.state) != state:
            raise ValueError
    except (LookupError, TypeError, ValueError, OverflowError) as error:
        raise ValueError("the state of a generator is none that a generator can have") from error
    return np.random.Generator(bits)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value.tolist() if isinstance(value, np.ndarray) else value


def _alike(value: Any, model: Any) -> bool:
    """Tell whether a value has the structure of another, and no number is negative."""
    if type(value) is not type(model):
        return False
    if isinstance(model, dict):
        return list(value) == list(model) and all(_alike(value[key], model[key]) for key in model)
    if isinstance(model, list):
        return len(value) == len(model) and all(map(_alike, value, model))
    return isinstance(value, str) or value >= 0
