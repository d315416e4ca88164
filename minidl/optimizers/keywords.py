"""The keywords of an optimizer: one that it does not take is answered with those that it does."""

from __future__ import annotations

from inspect import signature
from typing import Any, Self

from minidl.checks.arguments import instance

_ELSEWHERE = {"lr": "learning_rate", "betas": "beta1 and beta2", "eps": "epsilon", "rho": "alpha"}
"""What other libraries call our keywords."""


class Keywords:
    """A class whose constructors hand keywords on: a wrong one is refused before the first of them.

    Raises
    ------
    TypeError
        For a keyword that no constructor of minidl's takes; for a class instead of an object.

    Examples
    --------
    >>> from minidl import Adam, Dense
    >>> Adam(Dense(2, 2), lr=0.1)
    Traceback (most recent call last):
        ...
    TypeError: Adam takes no lr (here it is learning_rate), but network, learning_rate, beta1, \
beta2, epsilon, weight_decay, groups, clip
    """

    def __new__(cls, *_: Any, **given: Any) -> Self:
        """Make an object, if every keyword is known."""
        makers = [base for base in cls.__mro__ if "__init__" in vars(base)]
        taken = dict.fromkeys(
            name
            for base in makers[:-1]
            for name in list(signature(vars(base)["__init__"]).parameters)[1:]
        )
        taken.pop("options", None)
        for name, value in given.items():
            # a constructor of the user's own may take what it likes
            if name not in taken and makers[0].__module__.startswith("minidl."):
                ours = _ELSEWHERE.get(name, "")
                hint = f" (here it is {ours})" if ours.partition(" ")[0] in taken else ""
                raise TypeError(f"{cls.__name__} takes no {name}{hint}, but {', '.join(taken)}")
            instance(f"{cls.__name__}: {name}", value)
        return super().__new__(cls)
