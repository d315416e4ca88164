"""Correct layers that look wrong to a checker; failing one of them is a false alarm."""

from tests.gradcheck.awkward import forms, kinks, precision  # noqa: F401  (each lists its layers)
from tests.gradcheck.awkward.catalogue import AWKWARD, Awkward

__all__ = ["AWKWARD", "Awkward"]
