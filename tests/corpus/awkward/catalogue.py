"""How an awkward but correct layer is listed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Factory = Callable[[np.random.Generator], tuple[Any, tuple[Any, ...]]]


@dataclass(frozen=True)
class Awkward:
    """A correct layer; `undecided` says why a checker may decline to judge it."""

    name: str
    make: Factory
    undecided: str = ""


AWKWARD: list[Awkward] = []


def awkward(make=None, *, undecided=""):
    """List the layer that the decorated factory makes."""

    def enlist(make):
        AWKWARD.append(Awkward(make.__name__.replace("_", " ").strip(), make, undecided))
        return make

    return enlist if make is None else enlist(make)
