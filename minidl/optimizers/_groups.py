"""Parameter groups: patterns of names, and the stretches of the flat vector that they cover."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from minidl.checks.arguments import number
from minidl.optimizers.schedules import as_rate
from minidl.parameters import Parameter


def stretches(
    parameters: Mapping[str, Parameter], groups: dict[str, dict[str, Any]]
) -> tuple[list[tuple[slice, dict[str, Any]]], list[slice]]:
    """Cut the flat vector of parameters where the options change.

    Parameters
    ----------
    parameters : dict of str to Parameter
        In the order of the vector.
    groups : dict of str to dict
        From pattern to options, ``learning_rate`` and ``weight_decay``; the first pattern that
        matches a name counts.

    Returns
    -------
    (stretches, frozen)
        Pairs (slice, options), one for neighbours with the same options; and the slices whose
        learning rate is 0.

    Raises
    ------
    ValueError
        For a pattern that is never the first to match, with the names that there are.
    """
    plain: dict[str, Any] = {}
    found: list[tuple[slice, dict[str, Any]]] = []
    used, end = set(), 0
    for name, parameter in parameters.items():
        pattern = next((p for p in groups if fnmatchcase(name, p)), None)
        used.add(pattern)
        own = plain if pattern is None else groups[pattern]
        start, end = end, end + parameter.value.size
        if found and found[-1][1] is own:
            found[-1] = slice(found[-1][0].start, end), own
        else:
            found.append((slice(start, end), own))
    for pattern in groups:
        if pattern not in used:
            late = any(fnmatchcase(name, pattern) for name in parameters)
            what = "only what an earlier pattern has matched" if late else "no parameter"
            raise ValueError(
                f"groups: {pattern!r} matches {what}; the parameters are {', '.join(parameters)}"
            )
    frozen = [part for part, own in found if own.get("learning_rate") == 0]
    return [(part, own) for part, own in found if part not in frozen], frozen


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
