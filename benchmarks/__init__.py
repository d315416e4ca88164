"""What minidl costs, beside other libraries: `python -m benchmarks`.

`work` says what is computed, `peers` how each library does it, `worker` and `measure` take turns,
`report` writes it down. `works` are comparisons that are made in another way.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    """Find the modules of `works` here too, until tests/benchmarks names their new place."""
    if name in ("imports", "memory"):
        from importlib import import_module

        return import_module(f"benchmarks.works.{name}")
    raise AttributeError(name)
