"""What backward computes from a cotangent and a cache."""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl.layer import Layer
from minidl.parameters import Parameter, unique
from minidl.testing import _runs as runs
from minidl.testing._rounding import close, rounding

__all__ = [
    "adds_to_gradients",
    "has_proven_gradients",
    "is_linear_in_the_cotangent",
    "is_reentrant",
    "leaves_the_same_gradients_without_dx",
]


def is_reentrant(layer: Layer, *inputs: Any) -> None:
    """Check that forward may run twice before backward, and backward in either order.

    Raises
    ------
    AssertionError
        If two forwards (and an inference) before two backwards give anything but what one after
        the other gives.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import Dense
    >>> is_reentrant(Dense(3, 2), np.ones((4, 3)))
    """
    for original, x in runs.precisions(layer, inputs):
        points = x, runs.elsewhere(layer, x)
        expected = _pass_twice(original, points, "one after the other")
        for order in ("in the same order", "in reverse order"):
            when = f"when two forwards run before two backwards {order}"
            with runs.explained(layer, when):
                got = _pass_twice(original, points, order)
            for one, right in zip(got, expected, strict=True):
                runs.same_results(layer, one, right, when)


def _pass_twice(
    layer: Layer, points: tuple[runs.Inputs, runs.Inputs], order: str
) -> list[runs.Results]:
    """Take a layer forward and backward at two points; return what came out at each."""
    twin = runs.fresh(layer)
    found: list[runs.Results] = [{}, {}]
    caches: list[Any] = [None, None]

    def forward(k: int) -> None:
        y, caches[k] = twin.forward(*points[k])
        found[k][runs.OUTPUT] = np.array(y)

    def backward(k: int) -> None:
        runs.clear(twin)
        dy = runs.cotangent(found[k][runs.OUTPUT], k)
        dxs = runs.backward(twin, points[k], dy, caches[k])
        found[k] |= {name: dx.copy() for name, dx in dxs.items()}
        found[k] |= runs.parameter_gradients(twin)

    forward(0)
    if order == "one after the other":
        backward(0)
        forward(1)
        backward(1)
    else:
        forward(1)
        twin(*points[1])
        for k in (0, 1) if order == "in the same order" else (1, 0):
            backward(k)
    return found


def is_linear_in_the_cotangent(layer: Layer, *inputs: Any) -> None:
    """Check that backward(−3 v + 200 w) is −3 backward(v) + 200 backward(w).

    Raises
    ------
    AssertionError
        If it is not: backward clips or normalises, ignores the cotangent, or adds a penalty.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import Tanh
    >>> is_linear_in_the_cotangent(Tanh(), np.array([[1.0, -1.0]]))
    """
    for twin, x in runs.precisions(layer, inputs):
        y, _ = runs.fresh(twin).forward(*x)
        v, w = runs.cotangent(y, 0), runs.cotangent(y, 1)
        of_v, of_w = runs.run(twin, x, v), runs.run(twin, x, w)
        expected = {name: -3 * of_v[name] + 200 * of_w[name] for name in of_v}
        got = runs.run(twin, x, -3 * v + 200 * w)
        zero = runs.run(twin, x, 0 * v)
        for results in (expected, got, zero):
            del results[runs.OUTPUT]
        for name, array in zero.items():
            if array.any():
                runs.fail(layer, f"{name} is not zero where the cotangent is zero")
        close(
            layer,
            got,
            expected,
            "from the linear combination: backward(−3 v + 200 w) is not "
            "−3 backward(v) + 200 backward(w)",
            rounding(twin, x, v, times=203),
        )


def adds_to_gradients(layer: Layer, *inputs: Any) -> None:
    """Check that backward adds to gradients that are there, and the same again with one cache.

    Raises
    ------
    AssertionError
        If a gradient is assigned rather than added to, or a second backward with the same cache
        returns or adds something else.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import Dense
    >>> adds_to_gradients(Dense(3, 2), np.ones((4, 3)))
    """
    for twin, x in runs.precisions(layer, inputs):
        y, cache = twin.forward(*x)
        dy = runs.cotangent(y)
        dx = {name: array.copy() for name, array in runs.backward(twin, x, dy, cache).items()}
        added = runs.parameter_gradients(twin)
        there = {}
        for (name, gradient), parameter in zip(
            added.items(), unique(twin, Parameter).values(), strict=True
        ):
            largest = float(np.max(abs(gradient), initial=0)) or 1.0
            parameter.grad = there[name] = np.full_like(gradient, 3 * largest)
        when = "when backward is called again with the same cache"
        with runs.explained(layer, when):
            again = runs.backward(twin, x, dy, cache)
        runs.same_results(layer, again, dx, when)
        close(
            layer,
            runs.parameter_gradients(twin),
            {name: there[name] + gradient for name, gradient in added.items()},
            "from what was there before plus what backward adds: add with += and never assign",
            rounding(twin, x, dy, times=4),
        )


def leaves_the_same_gradients_without_dx(layer: Layer, *inputs: Any) -> None:
    """Check that backward_parameters leaves the same bits in the gradients as backward.

    Raises
    ------
    AssertionError
        If it does not, or returns something.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import Dense
    >>> leaves_the_same_gradients_without_dx(Dense(3, 2), np.ones((4, 3)))
    """
    for original, x in runs.precisions(layer, inputs):
        found = []
        for method in ("backward", "backward_parameters"):
            twin = runs.fresh(original)
            y, cache = twin.forward(*x)
            returned = getattr(twin, method)(runs.cotangent(y), cache)
            found.append(runs.parameter_gradients(twin))
        if returned is not None:
            runs.fail(layer, "backward_parameters returns something: it is there to save that")
        full, alone = found
        runs.same_results(layer, alone, full, "from backward and from backward_parameters")


def has_proven_gradients(layer: Layer, *inputs: Any) -> None:
    """Check every gradient against a numerical derivative with an error bound.

    Raises
    ------
    AssertionError
        If `minidl.gradcheck.check_gradients` does not pass the layer; it says what is wrong.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import Tanh
    >>> has_proven_gradients(Tanh(), np.array([[1.0, -0.5]]))
    """
    from minidl.gradcheck import check_gradients

    check_gradients(layer, *inputs).assert_ok()
