"""Parameter groups: patterns of names, and the stretches of the flat vector that they cover."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from itertools import groupby, pairwise
from typing import Any

from minidl.checks.arguments import number
from minidl.optimizers.schedules import as_rate
from minidl.parameters import Parameter

_BLOCK = 32 * 1024
"""How many numbers are updated at once: so many of value, gradient and state stay in the cache."""


def stretches(
    parameters: Mapping[str, Parameter], groups: Mapping[str, Mapping[str, Any]]
) -> tuple[list[tuple[str | None, list[slice]]] | None, list[slice]]:
    """Cut the flat vector of parameters where another group begins, and into blocks.

    Parameters
    ----------
    parameters : dict of str to Parameter
        In the order of the vector.
    groups : dict of str to dict
        From pattern to options; the first pattern that matches a name counts.

    Returns
    -------
    (stretches, frozen)
        Pairs (pattern, blocks), one for neighbours in the same group, None for those in none; None
        if there is nothing to cut, neither a group nor more than a block. And the slices whose
        learning rate is 0.

    Raises
    ------
    ValueError
        For a pattern that is never the first to match, with the names that there are.
    """
    first = {name: next((p for p in groups if fnmatchcase(name, p)), None) for name in parameters}
    for pattern in groups:
        if pattern not in first.values():
            late = any(fnmatchcase(name, pattern) for name in parameters)
            what = "only what an earlier pattern has matched" if late else "no parameter"
            raise ValueError(
                f"groups: {pattern!r} matches {what}; the parameters are {', '.join(parameters)}"
            )
    found, frozen, end = [], [], 0
    for own, names in groupby(parameters, key=first.__getitem__):
        start, end = end, end + sum(parameters[name].value.size for name in names)
        if own is not None and groups[own].get("learning_rate") == 0:
            frozen.append(slice(start, end))
        else:
            edges = [*range(start, end, _BLOCK), end]
            found.append((own, [slice(*ends) for ends in pairwise(edges)]))
    return None if not groups and end <= _BLOCK else found, frozen


def checked_groups(groups: Any) -> dict[str, dict[str, Any]]:
    """Return groups with their options as floats and schedules.

    Raises
    ------
    ValueError, TypeError
        For what is no dict of dicts; for options that are unknown or out of range.
    """
    if groups is None:
        return {}
    if not isinstance(groups, Mapping):
        raise TypeError(f"groups must be a dict from pattern to options, got {groups!r}")
    return {str(pattern): _options(pattern, options) for pattern, options in groups.items()}


def _options(pattern: str, options: Any) -> dict[str, Any]:
    """Return the options of a group as floats and schedules."""
    if not isinstance(options, Mapping):
        raise TypeError(f"groups: {pattern!r} needs a dict of options, got {options!r}")
    checks: dict[str, Any] = {"learning_rate": as_rate, "weight_decay": number}
    checked: dict[str, Any] = {}
    for name, value in options.items():
        what = f"groups[{pattern!r}]: {name}"
        if name not in checks:
            raise ValueError(f"{what} is no option of a group: {' and '.join(checks)} are")
        checked[name] = checks[name](what, value, least=0)
    return checked
