"""How a fault is planted: one method of a correct layer replaced, and the mistake to be named."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Factory = Callable[[np.random.Generator], tuple[Any, tuple[Any, ...]]]


@dataclass(frozen=True)
class Fault:
    """A wrong layer. `expect` holds the equally right names of the mistake, the best one first.

    `unseen` says why no check of this one layer at these inputs could see the fault; such a fault
    is listed and not counted.
    """

    name: str
    family: str
    make: Factory
    expect: tuple[str, ...]
    unseen: str = ""


FAULTS: list[Fault] = []


def with_methods(layer, **methods):
    """Give one layer methods of its own, under the name of its class."""
    kind = type(layer)
    layer.__class__ = type(kind.__name__, (kind,), methods)
    return layer


def planted(family, of, *expect, method="backward", unseen=""):
    """Plant the decorated function as `method` of the layer that `of` makes."""

    def plant(function):
        def make(rng):
            layer, inputs = of(rng)
            return with_methods(layer, **{method: function}), inputs

        name = function.__name__.replace("_", " ").strip()
        FAULTS.append(Fault(name, family, make, expect, unseen))
        return function

    return plant


def planted_layer(family, *expect, unseen=""):
    """Plant the faulty layer that the decorated factory makes."""

    def plant(make):
        FAULTS.append(Fault(make.__name__.replace("_", " ").strip(), family, make, expect, unseen))
        return make

    return plant
