"""Hypothesis strategies: layers, networks, what they take, and what flows back through them.

They shrink to small networks and short arrays of small numbers, and print as the code that makes
them. A class of layers is drawn by its entry in `FAMILIES`; a container by one in `CONTAINERS`.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import DTypeLike, NDArray

from minidl.containers import Add, Concatenate, Residual, Sequential
from minidl.initializers import glorot_uniform
from minidl.layer import Layer
from minidl.layers import (
    ELU,
    GELU,
    GRU,
    LSTM,
    RNN,
    AvgPool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePool2D,
    LayerNorm,
    LeakyReLU,
    LogSoftmax,
    MaxPool2D,
    MultiHeadAttention,
    PositionalEncoding,
    ReLU,
    Reshape,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from minidl.losses import (
    Hinge,
    Huber,
    MeanAbsoluteError,
    MeanSquaredError,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
)
from minidl.parameters import network_dtype, walk

try:
    from hypothesis import strategies as st
    from hypothesis.extra.numpy import arrays
except ImportError as error:
    raise ImportError(
        'minidl.testing.strategies needs Hypothesis: pip install "minidl[test]"'
    ) from error

__all__ = [
    "CONTAINERS",
    "FAMILIES",
    "INPUTS",
    "Family",
    "Given",
    "batches",
    "cotangents",
    "inputs_for",
    "layers",
    "networks",
    "sizes",
    "values",
]

Shape: TypeAlias = tuple[int, ...]
Strategy: TypeAlias = st.SearchStrategy


def values(dtype: DTypeLike = np.float32) -> Strategy[float]:
    """Draw numbers that are hard on gradients.

    Ordinary numbers, exact zeros and numbers that repeat (so that sums cancel and maxima tie),
    numbers of 1e-7 to 1e-3 (next to the kink of a rectifier), and of 10 to 30 (where softmax and
    tanh saturate).

    Parameters
    ----------
    dtype : float32 or float64, default float32
        What the numbers are exact in.

    Examples
    --------
    >>> from hypothesis import find
    >>> find(values(), lambda x: x > 0.7)
    1.0
    """
    width: Any = 8 * np.dtype(dtype).itemsize

    def between(low: float, high: float) -> Strategy[float]:
        ends = np.array([low, high], dtype).tolist()
        return st.floats(*ends, width=width, allow_subnormal=False)

    return st.one_of(
        st.sampled_from([0.0, 1.0, -1.0, 2.0, 0.5]),
        between(0.125, 3),
        between(-3, -0.125),
        between(1e-7, 1e-3),
        between(-1e-3, -1e-7),
        between(10, 30),
        between(-30, -10),
    )


def sizes() -> Strategy[int]:
    """Draw the length of an axis: one, a prime or a square, small.

    Axes of equal and of different lengths, neither a multiple of the other, tell a transposed or
    a wrongly broadcast array from the right one.

    Examples
    --------
    >>> from hypothesis import find
    >>> find(sizes(), lambda size: size > 2)
    3
    """
    return st.sampled_from([1, 2, 3, 4, 5, 7])


def _images() -> Strategy[Shape]:
    return st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 5))


def _shapes() -> Strategy[Shape]:
    return st.one_of(st.tuples(sizes()), st.tuples(sizes(), sizes()), _images())


def batches(
    shape: Shape | None = None, dtype: DTypeLike = np.float32, *, size: int | None = None
) -> Strategy[NDArray[Any]]:
    """Draw a batch: an array of shape (N, *shape).

    Parameters
    ----------
    shape : tuple of int, optional
        The shape of one sample; by default it is drawn too.
    dtype : float32 or float64, default float32
        The dtype of the array.
    size : int, optional
        N; by default it is drawn too.

    Examples
    --------
    >>> from hypothesis import find
    >>> find(batches((2,)), lambda x: len(x) == 3)
    array([[0., 0.],
           [0., 0.],
           [0., 0.]], dtype=float32)
    """
    dtype = np.dtype(dtype)
    length = sizes() if size is None else st.just(size)
    whole = st.tuples(length, _shapes() if shape is None else st.just(shape))
    return arrays(dtype, whole.map(lambda drawn: (drawn[0], *drawn[1])), elements=values(dtype))


def cotangents(y: Any) -> Strategy[Any]:
    """Draw what backward takes for an output: an array like it, or a number for a number.

    Parameters
    ----------
    y : ndarray or float
        The output of a forward.

    Examples
    --------
    >>> import numpy as np
    >>> from hypothesis import find
    >>> find(cotangents(np.ones((1, 2), np.float32)), lambda dy: True)
    array([[0., 0.]], dtype=float32)
    """
    if np.ndim(y) == 0:
        return values(np.float64)
    return arrays(y.dtype, y.shape, elements=values(y.dtype))


@dataclass(frozen=True, eq=False)
class Given:
    """An initializer that repeats given numbers, and whose repr shows them.

    Parameters
    ----------
    numbers : list of float
        The values of the parameter, from the start again where there are too few.

    Examples
    --------
    >>> from minidl import Dense
    >>> Dense(2, 2, weight_initializer=Given([3.0, 4.0])).weight.value
    array([[3., 4.],
           [3., 4.]], dtype=float32)
    """

    numbers: list[float]

    def __call__(self, rng: Generator, shape: Shape, dtype: DTypeLike) -> NDArray[Any]:
        """Return the numbers."""
        return np.resize(np.array(self.numbers, dtype), shape)


class Family(NamedTuple):
    """How the layers of one class are drawn.

    Attributes
    ----------
    axes : tuple of int
        How many axes a sample may have.
    arguments : str
        The names of the arguments to draw, save ``rng`` and ``dtype``.
    """

    axes: tuple[int, ...] = (0, 1, 2, 3)
    arguments: str = ""


_POOLING = Family((3,), "kernel_size stride")
_RECURRENT = Family((2,), "in_features hidden_features last")

FAMILIES: dict[type[Layer], Family] = {
    ReLU: Family(),
    Tanh: Family(),
    Dense: Family((1, 2), "in_features out_features bias weight_initializer"),
    Sigmoid: Family(),
    Softplus: Family(),
    SiLU: Family(),
    GELU: Family(arguments="approximate"),
    LeakyReLU: Family(arguments="negative_slope"),
    ELU: Family(arguments="alpha"),
    Softmax: Family((1, 2), "axis"),
    LogSoftmax: Family((1, 2), "axis"),
    Dropout: Family(arguments="rate"),
    LayerNorm: Family((1, 2), "features"),
    BatchNorm: Family((1, 3), "features"),
    Flatten: Family((1, 2, 3)),
    Reshape: Family((1, 2, 3), "shape"),
    Conv2D: Family((3,), "in_channels out_channels kernel_size stride padding"),
    MaxPool2D: _POOLING,
    AvgPool2D: _POOLING,
    GlobalAveragePool2D: Family((3,)),
    RNN: _RECURRENT,
    GRU: _RECURRENT,
    LSTM: _RECURRENT,
    MultiHeadAttention: Family((2,), "features heads causal"),
    PositionalEncoding: Family((2,), "features max_length"),
}
"""The layers that hold no layers and take a batch of floating samples."""


def _arguments(shape: Shape) -> dict[str, Strategy[Any]]:
    """Return a strategy for every argument of a layer, by name, for samples of this shape."""
    features = shape[0 if len(shape) == 3 else -1] if shape else 1
    given = st.builds(Given, st.lists(values(), min_size=1, max_size=6))
    return {
        **dict.fromkeys(("in_features", "features", "in_channels"), st.just(features)),
        **dict.fromkeys(("hidden_features", "out_channels"), st.integers(1, 3)),
        **dict.fromkeys(("last", "causal", "approximate"), st.booleans()),
        "out_features": sizes(),
        "bias": st.sampled_from([True, False]),
        "weight_initializer": st.one_of(st.just(glorot_uniform), given),
        "kernel_size": st.tuples(*(st.integers(1, min(3, side)) for side in shape[1:])),
        "stride": st.integers(1, 2),
        "padding": st.integers(0, 1),
        "negative_slope": st.sampled_from([0.5, 0.01]),
        "alpha": st.sampled_from([1.0, 0.5]),
        "axis": st.sampled_from([-1, 1]),
        "rate": st.sampled_from([0.5, 0.0, 0.9]),
        "shape": st.sampled_from([shape[::-1], (prod(shape),)]),
        "heads": st.sampled_from([n for n in (1, 2, 3) if features % n == 0]),
        "max_length": st.just(8 + shape[0]) if shape else st.just(8),
    }


def _of(kind: type[Layer], shape: Shape, dtype: DTypeLike) -> Strategy[Layer]:
    drawn, known = _arguments(shape), inspect.signature(kind).parameters
    options = {name: drawn[name] for name in FAMILIES[kind].arguments.split()}
    hands_on = any(option.kind is option.VAR_KEYWORD for option in known.values())
    if "rng" in known or hands_on:
        options["rng"] = st.integers(0, 9)
    if ("dtype" in known or hands_on) and np.dtype(dtype) != np.float32:
        options["dtype"] = st.just(dtype)
    return st.builds(kind, **options)


def layers(shape: Shape | None = None, dtype: DTypeLike = np.float32) -> Strategy[Layer]:
    """Draw a layer of minidl that holds no other.

    Parameters
    ----------
    shape : tuple of int, optional
        The shape of the samples that it has to take; any by default.
    dtype : float32 or float64, default float32
        The dtype of its parameters.

    Examples
    --------
    >>> from hypothesis import Phase, find, settings
    >>> from minidl import Dense
    >>> quick = settings(max_examples=2000, phases=[Phase.generate, Phase.shrink])
    >>> find(layers(), lambda layer: isinstance(layer, Dense), settings=quick)
    Dense(1 → 1)
    """

    def that_take(shape: Shape) -> Strategy[Layer]:
        kinds = [kind for kind, family in FAMILIES.items() if len(shape) in family.axes]
        return st.sampled_from(kinds).flatmap(lambda kind: _of(kind, shape, dtype))

    return _shapes().flatmap(that_take) if shape is None else that_take(shape)


@st.composite
def _chain(draw: st.DrawFn, shape: Shape, dtype: DTypeLike, depth: int) -> Layer:
    members: list[Layer] = []
    for _ in range(draw(st.integers(0, 4))):
        again = [layer for layer in members if _outcome(layer, shape, dtype) == shape]
        ways = 3 * [layers(shape, dtype)] + [st.sampled_from(again)] * bool(again)
        if depth > 0:
            ways += [container(shape, dtype, depth - 1) for container in CONTAINERS.values()]
        member = draw(draw(st.sampled_from(ways)))
        members.append(member)
        shape = _outcome(member, shape, dtype) or ()
    return draw(st.builds(Sequential, *map(st.just, members)))


def _branching(kind: type[Layer]) -> Callable[[Shape, DTypeLike, int], Strategy[Layer]]:
    """Return the strategy of a container of layers that give back the shape they take."""

    @st.composite
    def draw_one(draw: st.DrawFn, shape: Shape, dtype: DTypeLike, depth: int) -> Layer:
        keeping = layers(shape, dtype).filter(lambda one: _outcome(one, shape, dtype) == shape)
        members = draw(st.lists(keeping, min_size=1, max_size=2))
        return draw(st.builds(kind, *map(st.just, members)))

    return draw_one


def _outcome(layer: Layer, shape: Shape, dtype: DTypeLike) -> Shape | None:
    """Return the shape that samples of a shape come out with; None if they are refused."""
    try:
        return tuple(np.shape(layer(np.zeros((1, *shape), dtype)))[1:])
    except ValueError:
        return None


CONTAINERS: dict[type[Layer], Callable[[Shape, DTypeLike, int], Strategy[Layer]]] = {
    Sequential: _chain,
    Residual: _branching(Residual),
    Add: _branching(Add),
    Concatenate: _branching(Concatenate),
}
"""The layers of layers: functions (shape, dtype, depth) -> strategy, depth being what is left."""


def networks(
    shape: Shape | None = None, dtype: DTypeLike = np.float32, *, depth: int = 2
) -> Strategy[Layer]:
    """Draw a network: layers in nested containers, where a layer may stand twice.

    Parameters
    ----------
    shape : tuple of int, optional
        The shape of the samples that it has to take; any by default.
    dtype : float32 or float64, default float32
        The dtype of its parameters.
    depth : int, default 2
        How deep containers may be nested in the outermost one.

    Examples
    --------
    >>> from hypothesis import Phase, find, settings
    >>> from minidl import Dense
    >>> quick = settings(max_examples=2000, phases=[Phase.generate, Phase.shrink])
    >>> has_dense = lambda network: any(isinstance(layer, Dense) for layer in network)
    >>> find(networks(), has_dense, settings=quick)
    Sequential(
      [0] Dense(1 → 1)    2
    )  2 parameters, float32
    """
    shapes = _shapes() if shape is None else st.just(shape)
    return shapes.flatmap(lambda drawn: _chain(drawn, dtype, depth))


def inputs_for(layer: Layer, *, shape: Shape | None = None) -> Strategy[tuple[Any, ...]]:
    """Draw what the forward of a layer takes, in the dtype of its parameters.

    Parameters
    ----------
    layer : Layer
        A layer of minidl, a loss, or a network of such layers.
    shape : tuple of int, optional
        The shape of one sample: needed for layers of your own.

    Returns
    -------
    strategy of tuples
        The inputs, to be called with as ``layer.forward(*inputs)``.

    Raises
    ------
    TypeError
        If the class of the layer is not known and no shape is given.

    Examples
    --------
    >>> from hypothesis import Phase, find, settings
    >>> from minidl import Dense
    >>> quick = settings(max_examples=2000, phases=[Phase.generate, Phase.shrink])
    >>> find(inputs_for(Dense(2, 3)), lambda inputs: True, settings=quick)
    (array([[0., 0.]], dtype=float32),)
    """
    dtype = network_dtype(layer) or np.dtype(np.float32)
    if shape is not None:
        return st.tuples(batches(shape, dtype))
    if type(layer) in INPUTS:
        return INPUTS[type(layer)](layer, dtype)
    parts = [item for _, item in walk(layer) if isinstance(item, Layer)]
    features = ("in_features", "features", "in_channels")
    named = {getattr(part, name) for part in parts for name in features if hasattr(part, name)}
    axis, channels = sorted({*range(1, 6), 7} | named), sorted({1, 2, 3} | named)
    shapes = [*product(axis), *product(axis, axis), *product(channels, range(1, 6), range(1, 6))]
    if any(type(part) not in {**FAMILIES, **CONTAINERS} for part in parts):
        shapes = []
    taken = [each for each in shapes if _outcome(layer, each, dtype) is not None]
    if not taken:
        raise TypeError(
            f"inputs_for does not know what {layer!r} takes: give the shape of a sample, "
            "inputs_for(layer, shape=(3,))"
        )
    return st.tuples(st.sampled_from(taken).flatmap(lambda each: batches(each, dtype)))


@st.composite
def _supervised(draw: st.DrawFn, loss: Any, dtype: DTypeLike) -> tuple[Any, ...]:
    """Draw predictions, targets of the same shape, and perhaps weights."""
    prediction = draw(batches(None, dtype))
    target = draw(arrays(prediction.dtype, prediction.shape, elements=_TARGETS[type(loss)]))
    return prediction, target, *draw(_weights(prediction.shape[:1], dtype))


@st.composite
def _classified(draw: st.DrawFn, loss: Any, dtype: DTypeLike) -> tuple[Any, ...]:
    """Draw logits, class indices or probabilities, and perhaps weights."""
    logits = draw(batches(None, dtype).filter(lambda logits: logits.shape[-1] > 1))
    shape, classes = logits.shape[:-1], logits.shape[-1]
    if draw(st.booleans()):
        counts = draw(arrays(np.int64, logits.shape, elements=st.integers(0, 4)))
        counts[..., 0] += 1
        target = (counts / counts.sum(axis=-1, keepdims=True)).astype(dtype)
    else:
        target = draw(arrays(np.int64, shape, elements=st.integers(0, classes - 1)))
    return logits, target, *draw(_weights(shape, dtype))


def _weights(shape: Shape, dtype: DTypeLike) -> Strategy[tuple[Any, ...]]:
    elements = st.sampled_from([1.0, 0.0, 0.5, 2.0, 10.0])
    return st.one_of(st.just(()), st.tuples(arrays(dtype, shape, elements=elements)))


def _words(layer: Any, dtype: DTypeLike) -> Strategy[tuple[Any, ...]]:
    words = st.integers(0, layer.vocabulary - 1)
    shapes = st.one_of(st.tuples(sizes()), st.tuples(sizes(), sizes()))
    return st.tuples(shapes.flatmap(lambda shape: arrays(np.int64, shape, elements=words)))


_TARGETS: dict[type[Layer], Strategy[float]] = {
    SigmoidCrossEntropy: st.sampled_from([0.0, 1.0, 0.5]),
    Hinge: st.sampled_from([1.0, -1.0]),
    MeanSquaredError: values(),
    MeanAbsoluteError: values(),
    Huber: values(),
}

INPUTS: dict[type[Layer], Callable[[Any, DTypeLike], Strategy[tuple[Any, ...]]]] = {
    Embedding: _words,
    SoftmaxCrossEntropy: _classified,
    **dict.fromkeys(_TARGETS, _supervised),
}
"""What losses, and layers of integers, take: functions (layer, dtype) -> strategy."""
