"""The batch axis: empty, of length one, and samples that know nothing of one another."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from minidl.layer import Layer
from minidl.testing import _runs as runs
from minidl.testing._rounding import Rounding, close, rounding
from minidl.testing._state import buffers

__all__ = ["takes_a_batch_of_one", "takes_an_empty_batch", "treats_samples_independently"]


def takes_a_batch_of_one(layer: Layer, *inputs: Any) -> None:
    """Check that a batch of 1 keeps its axis and gives finite results.

    Raises
    ------
    AssertionError
        If it does not.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import Dense
    >>> takes_a_batch_of_one(Dense(3, 2), np.ones((4, 3)))
    """
    if not runs.batch_size(inputs):
        return
    for twin, x in runs.precisions(layer, inputs):
        y, _ = runs.fresh(twin).forward(*x)
        one = runs.take(x, slice(0, 1))
        with runs.explained(layer, "for a batch of 1"):
            results = runs.run(twin, one)
            results[runs.CALL] = np.asarray(twin(*one))
        shape = (1, *np.shape(y)[1:]) if np.ndim(y) else ()
        shapes = {runs.OUTPUT: shape, runs.CALL: shape}
        shapes |= {runs.gradient_of(k): one[k].shape for k in runs.differentiated(layer, x)}
        for name, array in results.items():
            if array.shape != shapes.get(name, array.shape):
                runs.fail(
                    layer,
                    f"{name} has shape {array.shape} for a batch of 1, expected {shapes[name]}",
                )
            if not np.isfinite(array).all():
                runs.fail(layer, f"{name} is not finite for a batch of 1")


def takes_an_empty_batch(layer: Layer, *inputs: Any) -> None:
    """Check that a batch of 0 gives empty results of the right shape, and changes no statistics.

    A layer whose output is one number, a loss, has no answer: it must raise ValueError.

    Raises
    ------
    AssertionError
        If it does not.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import Dense
    >>> takes_an_empty_batch(Dense(3, 2), np.ones((4, 3)))
    """
    if not runs.batch_size(inputs):
        return
    for twin, x in runs.precisions(layer, inputs):
        y, _ = runs.fresh(twin).forward(*x)
        nothing = runs.take(x, slice(0, 0))
        if np.ndim(y) == 0:
            _refuses(layer, twin, nothing)
            continue
        before = buffers(twin)
        gradients = runs.parameter_gradients(twin)
        with warnings.catch_warnings(), runs.explained(layer, "for a batch of 0"):
            warnings.simplefilter("error")
            inferred = np.asarray(twin(*nothing))
            empty, cache = twin.forward(*nothing)
            dx = runs.backward(twin, nothing, runs.cotangent(empty), cache)
        for what, array in (("forward", empty), ("the layer called", inferred)):
            if array.shape != (0, *y.shape[1:]):
                runs.fail(
                    layer,
                    f"{what} gives shape {array.shape} for a batch of 0, "
                    f"expected {(0, *y.shape[1:])}",
                )
        for (name, array), k in zip(dx.items(), runs.differentiated(layer, x), strict=True):
            if array.shape != nothing[k].shape:
                runs.fail(layer, f"{name} has shape {array.shape} for an input {nothing[k].shape}")
        runs.same_results(layer, runs.parameter_gradients(twin), gradients, "after a batch of 0")
        for name, array in buffers(twin).items():
            if not runs.same_bits(array, before[name]):
                runs.fail(layer, f"a batch of 0 changes the buffer {name}")


def _refuses(layer: Layer, twin: Layer, nothing: runs.Inputs) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            value, _ = twin.forward(*nothing)
    except ValueError:
        return
    except Exception as error:
        runs.fail(layer, f"raises {type(error).__name__}, not ValueError, for a batch of 0")
    runs.fail(layer, f"gives {value} for a batch of 0 instead of raising ValueError")


def treats_samples_independently(layer: Layer, *inputs: Any) -> None:
    """Check that what a sample gives does not depend on the other samples of the batch.

    Leave this law out for a layer whose docstring says otherwise, such as batch normalisation.
    A layer whose output is one number has no samples to compare.

    Raises
    ------
    AssertionError
        If output or input gradient of the first or the last sample change by more than rounding
        when the other samples do.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import Dense
    >>> treats_samples_independently(Dense(3, 2), np.arange(12.0).reshape(4, 3))
    """
    size = runs.batch_size(inputs)
    if not size:
        return
    for twin, x in runs.precisions(layer, inputs):
        y, _ = runs.fresh(twin).forward(*x)
        if np.ndim(y) == 0:
            return
        if len(y) != size:
            runs.fail(layer, f"a batch of {size} gives an output of shape {y.shape}")
        dy = runs.cotangent(y)
        expected = runs.run(twin, x, dy)
        other_dy = runs.cotangent(y, 1)
        for sample in (0, size - 1):
            alike = np.full(size, sample)
            rotated = np.roll(np.arange(size), 1)
            rotated[sample] = sample
            for index in (alike, rotated):
                changed = other_dy.copy()
                changed[sample] = dy[sample]
                got = runs.run(twin, runs.take(x, index), changed)
                close(
                    layer,
                    _of_sample(sample, got, x),
                    _of_sample(sample, expected, x),
                    f"for sample {sample} of {size} when the other samples change",
                    _rounding_of_a_sample(sample, rounding(twin, x, dy), x),
                )


def _of_sample(sample: int, results: runs.Results, x: runs.Inputs) -> runs.Results:
    """Keep what belongs to one sample: its output, and its part of the batched input gradients."""
    batched = [k for k, array in enumerate(x) if array.ndim and len(array) == len(x[0])]
    names = [runs.OUTPUT, *(runs.gradient_of(k) for k in batched)]
    return {name: results[name][sample] for name in names if name in results}


def _rounding_of_a_sample(sample: int, whole: Rounding, x: runs.Inputs) -> Rounding:
    def changes() -> Iterator[runs.Results]:
        return (_of_sample(sample, results, x) for results in whole.changes())

    return Rounding(whole.size, whole.eps, changes)
