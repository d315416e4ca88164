"""How many threads the matrix products of NumPy's BLAS may use."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

from minidl.checks.arguments import integer


def blas_threads(threads: int | None) -> Callable[[], AbstractContextManager[Any]]:
    """Return a function that makes a context in which BLAS uses so many threads; None: as it is.

    Raises
    ------
    ValueError, TypeError
        For what is no positive integer.
    ImportError
        If threadpoolctl is not installed.
    """
    if threads is None:
        return nullcontext
    threads = integer("threads", threads, least=1)
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        raise ImportError(
            'threads needs threadpoolctl: python -m pip install "minidl[threads]"'
        ) from None
    return partial(threadpool_limits, threads, user_api="blas")
