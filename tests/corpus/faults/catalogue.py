"""How a fault is planted: one method of a correct layer replaced, and what should come of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.contract.laws import LAW_OF
from minidl.testing import laws as functions

Factory = Callable[[np.random.Generator], tuple[Any, tuple[Any, ...]]]


@dataclass(frozen=True)
class Fault:
    """A wrong layer, with the mistake that the checker should name and the laws that it breaks.

    `expect` holds the equally right names of the mistake, the best one first; there is none where
    the checker does not look: at copies, at batches of another size. Each of the `laws` should
    catch the fault by itself. `unseen` says why no check of this one layer at these inputs could
    see the fault; such a fault is listed and not counted.
    """

    name: str
    family: str
    make: Factory
    expect: tuple[str, ...]
    unseen: str
    laws: tuple[Callable[..., None], ...]


FAULTS: list[Fault] = []


def plant(name, family, make, expect, unseen="", laws=()):
    """List a fault; the law that it breaks is the one of its mistake, unless others are named."""
    laws = laws or [getattr(functions, LAW_OF[mistake].name) for mistake in expect[:1]]
    name = name.replace("_", " ").strip()
    FAULTS.append(Fault(name, family, make, tuple(expect), unseen, tuple(laws)))


def with_methods(layer, **methods):
    """Give one layer methods of its own, under the name of its class."""
    kind = type(layer)
    layer.__class__ = type(kind.__name__, (kind,), methods)
    return layer


def planted(family, of, *expect, method="backward", **options):
    """Plant the decorated function as `method` of the layer that `of` makes."""

    def decorate(function):
        def make(rng):
            layer, inputs = of(rng)
            return with_methods(layer, **{method: function}), inputs

        plant(function.__name__, family, make, expect, **options)
        return function

    return decorate


def planted_layer(family, *expect, **options):
    """Plant the faulty layer that the decorated factory makes."""

    def decorate(make):
        plant(make.__name__, family, make, expect, **options)
        return make

    return decorate
