"""The type of an array, and arrays that every step reads: they are made once and kept."""

from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]

ones = lru_cache(maxsize=16)(np.ones)
"""Ones of a length and dtype, for a sum as a product; to be read only."""


@lru_cache(maxsize=1024)
def constant(number: float, dtype: np.dtype[Any]) -> Array:
    """Return a number as an array without axes, to be read only.

    NumPy begins to multiply by it in half the time that it takes with a Python float, and for a
    small array that is all the time there is.
    """
    array = np.asarray(number, dtype)
    array.flags.writeable = False
    return array
