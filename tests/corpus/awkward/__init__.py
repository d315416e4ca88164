"""Correct layers that look wrong to a checker; failing one of them is a false alarm."""

from tests.corpus.awkward import forms, kinks, laws, precision  # noqa: F401  (each lists its layers)
from tests.corpus.awkward.catalogue import AWKWARD, Awkward

__all__ = ["AWKWARD", "Awkward"]
