"""How an awkward but correct layer is listed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minidl.testing import laws

Factory = Callable[[np.random.Generator], tuple[Any, tuple[Any, ...]]]

UNPROMISED = (
    laws.keeps_shape_and_dtype,
    laws.takes_an_empty_batch,
    laws.treats_samples_independently,
    laws.agrees_in_both_precisions,
    laws.can_be_pickled,
    laws.has_proven_gradients,
)
"""What most of these layers leave open: float32, batches of another size; the checker proves."""


@dataclass(frozen=True)
class Awkward:
    """A correct layer, and the laws that it need not keep.

    `undecided` says why the checker of gradients may decline to judge it.
    """

    name: str
    make: Factory
    undecided: str
    without: tuple[Callable[..., None], ...]


AWKWARD: list[Awkward] = []


def awkward(make=None, *, undecided="", without=UNPROMISED):
    """List the layer that the decorated factory makes."""

    def enlist(make):
        name = make.__name__.replace("_", " ").strip()
        AWKWARD.append(Awkward(name, make, undecided, tuple(without)))
        return make

    return enlist if make is None else enlist(make)
