"""Hypothesis strategies: layers, networks, what they take, and what flows back through them.

They shrink to small networks and short arrays of small numbers, and print as the code that makes
them. A class of layers is drawn by its entry in `FAMILIES`; a container by one in `CONTAINERS`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.random import Generator
from numpy.typing import DTypeLike, NDArray

from minidl.composition import Add, Branches, Concatenate, Residual
from minidl.containers import Container, Sequential
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
from minidl.losses import Loss, SoftmaxCrossEntropy
from minidl.parameters import network_dtype

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
    "LOSSES",
    "READERS",
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
    dtype : floating dtype, default float32
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
    dtype : floating dtype, default float32
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
    """An initializer that returns given numbers, and whose repr shows them.

    Parameters
    ----------
    numbers : nested list of float
        The values of the parameter.

    Examples
    --------
    >>> from minidl import Dense
    >>> Dense(1, 2, weight_initializer=Given([[3.0, 4.0]])).weight.value
    array([[3., 4.]], dtype=float32)
    """

    numbers: list[Any]

    def __call__(self, rng: Generator, shape: Shape, dtype: DTypeLike) -> NDArray[Any]:
        """Return the numbers."""
        return np.array(self.numbers, dtype).reshape(shape)


def _given(shape: Shape, dtype: DTypeLike) -> Strategy[Given]:
    dtype = np.dtype(dtype)
    return arrays(dtype, shape, elements=values(dtype)).map(lambda drawn: Given(drawn.tolist()))


class Family(NamedTuple):
    """How the layers of one class are drawn, and what they take.

    Attributes
    ----------
    layers : function (shape, dtype) -> strategy or None
        Draws layers that take samples of a shape; None if the class has none for it.
    shapes : function (layer) -> strategy or None
        Draws shapes of samples that a layer takes; None for a layer that takes any, and whose
        output has the shape of its input.
    """

    layers: Callable[[Shape, DTypeLike], Strategy[Layer] | None]
    shapes: Callable[[Any], Strategy[Shape] | None]


def _dense(shape: Shape, dtype: DTypeLike) -> Strategy[Layer] | None:
    if not shape:
        return None
    fan_in = shape[-1]
    options: dict[str, Any] = {} if np.dtype(dtype) == np.float32 else {"dtype": st.just(dtype)}

    def of_size(fan_out: int) -> Strategy[Layer]:
        ends = st.just(fan_in), st.just(fan_out)
        return st.one_of(
            st.builds(Dense, *ends, rng=st.integers(0, 9), **options),
            st.builds(
                Dense,
                *ends,
                weight_initializer=_given((fan_in, fan_out), dtype),
                bias_initializer=_given((fan_out,), dtype),
                **options,
            ),
            st.builds(Dense, *ends, bias=st.just(False), rng=st.integers(0, 9), **options),
        )

    return sizes().flatmap(of_size)


def _dense_shapes(layer: Dense) -> Strategy[Shape]:
    features = st.just(layer.in_features)
    return st.one_of(st.tuples(features), st.tuples(sizes(), features))


def _typed(dtype: DTypeLike) -> dict[str, Any]:
    return {} if np.dtype(dtype) == np.float32 else {"dtype": st.just(dtype)}


def _convolution(shape: Shape, dtype: DTypeLike) -> Strategy[Layer] | None:
    if len(shape) != 3:
        return None
    return st.builds(
        Conv2D,
        st.just(shape[0]),
        st.integers(1, 3),
        st.tuples(*(st.integers(1, min(3, side)) for side in shape[1:])),
        stride=st.integers(1, 2),
        padding=st.integers(0, 1),
        rng=st.integers(0, 9),
        **_typed(dtype),
    )


def _pooling(kind: type[Layer]) -> Family:
    def that_take(shape: Shape, dtype: DTypeLike) -> Strategy[Layer] | None:
        if len(shape) != 3:
            return None
        windows = st.tuples(*(st.integers(1, min(3, side)) for side in shape[1:]))
        return st.builds(kind, windows, st.integers(1, 3), padding=st.just(0))

    def shapes(layer: Any) -> Strategy[Shape]:
        return _images_of(layer.windows.kernel)

    return Family(that_take, shapes)


def _images_of(least: Shape, channels: int | None = None) -> Strategy[Shape]:
    depth = st.integers(1, 3) if channels is None else st.just(channels)
    return st.tuples(depth, *(st.integers(side, side + 4) for side in least))


def _recurrent(kind: type[Layer]) -> Family:
    def that_take(shape: Shape, dtype: DTypeLike) -> Strategy[Layer] | None:
        if len(shape) != 2:
            return None
        return st.builds(
            kind,
            st.just(shape[1]),
            st.integers(1, 3),
            last=st.booleans(),
            rng=st.integers(0, 9),
            **_typed(dtype),
        )

    return Family(that_take, lambda layer: st.tuples(sizes(), st.just(layer.in_features)))


def _attention(shape: Shape, dtype: DTypeLike) -> Strategy[Layer] | None:
    if len(shape) != 2:
        return None
    heads = [heads for heads in (1, 2, 3) if shape[1] % heads == 0]
    return st.builds(
        MultiHeadAttention,
        st.just(shape[1]),
        st.sampled_from(heads),
        causal=st.booleans(),
        rng=st.integers(0, 9),
        **_typed(dtype),
    )


def _encoding(shape: Shape, dtype: DTypeLike) -> Strategy[Layer] | None:
    if len(shape) != 2:
        return None
    return st.builds(PositionalEncoding, st.just(shape[1]), st.just(8))


def _elementwise(kind: type[Layer], *arguments: Strategy[Any]) -> Family:
    return Family(lambda shape, dtype: st.builds(kind, *arguments), lambda layer: None)


def _along_features(kind: type[Layer]) -> Family:
    return Family(lambda shape, dtype: st.builds(kind) if shape else None, lambda layer: None)


def _dropout(shape: Shape, dtype: DTypeLike) -> Strategy[Layer]:
    return st.builds(Dropout, st.sampled_from([0.5, 0.1, 0.9]), rng=st.integers(0, 9))


def _reshape(shape: Shape, dtype: DTypeLike) -> Strategy[Layer]:
    size = math.prod(shape)
    factors = [factor for factor in (1, 2, 3, 4, 5) if size % factor == 0]
    return st.sampled_from(factors).flatmap(
        lambda factor: st.builds(Reshape, st.just((factor, size // factor)))
    )


def _batch_norm(shape: Shape, dtype: DTypeLike) -> Strategy[Layer] | None:
    # a larger eps: two of these in a row make the rounding of constant features 1e5 times as large
    options = {"eps": st.just(0.1), **_typed(dtype)}
    return st.builds(BatchNorm, st.just(shape[0]), **options) if shape else None


def _layer_norm(shape: Shape, dtype: DTypeLike) -> Strategy[Layer] | None:
    options = {"eps": st.just(0.1), **_typed(dtype)}
    return st.builds(LayerNorm, st.just(shape[-1]), **options) if shape else None


def _behind(first: int) -> Strategy[Shape]:
    return st.one_of(st.tuples(st.just(first)), st.tuples(st.just(first), sizes()))


FAMILIES: dict[type[Layer], Family] = {
    ReLU: _elementwise(ReLU),
    Tanh: _elementwise(Tanh),
    LeakyReLU: _elementwise(LeakyReLU, st.sampled_from([0.01, 0.0, 0.3])),
    ELU: _elementwise(ELU, st.sampled_from([1.0, 0.5])),
    Sigmoid: _elementwise(Sigmoid),
    Softplus: _elementwise(Softplus),
    SiLU: _elementwise(SiLU),
    GELU: _elementwise(GELU, st.booleans()),
    Softmax: _along_features(Softmax),
    LogSoftmax: _along_features(LogSoftmax),
    Dropout: Family(_dropout, lambda layer: None),
    Flatten: _elementwise(Flatten),
    Reshape: Family(_reshape, lambda layer: st.just(layer.shape)),
    BatchNorm: Family(_batch_norm, lambda layer: _behind(layer.features)),
    LayerNorm: Family(
        _layer_norm, lambda layer: _behind(layer.features).map(lambda shape: shape[::-1])
    ),
    Dense: Family(_dense, _dense_shapes),
    Conv2D: Family(_convolution, lambda layer: _images_of(layer.windows.kernel, layer.in_channels)),
    MaxPool2D: _pooling(MaxPool2D),
    AvgPool2D: _pooling(AvgPool2D),
    GlobalAveragePool2D: Family(
        lambda shape, dtype: st.builds(GlobalAveragePool2D) if len(shape) == 3 else None,
        lambda layer: _images(),
    ),
    RNN: _recurrent(RNN),
    GRU: _recurrent(GRU),
    LSTM: _recurrent(LSTM),
    MultiHeadAttention: Family(
        _attention, lambda layer: st.tuples(sizes(), st.just(layer.features))
    ),
    PositionalEncoding: Family(
        _encoding, lambda layer: st.tuples(sizes(), st.just(layer.features))
    ),
}
"""The layers that hold no layers."""


def _embedding(dtype: DTypeLike) -> Strategy[Layer]:
    return st.builds(Embedding, sizes(), sizes(), rng=st.integers(0, 9), **_typed(dtype))


READERS: dict[type[Layer], Callable[[DTypeLike], Strategy[Layer]]] = {
    Embedding: _embedding,
}
"""The layers that take integers, which can stand first only: functions (dtype) -> strategy."""


def layers(shape: Shape | None = None, dtype: DTypeLike = np.float32) -> Strategy[Layer]:
    """Draw a layer of minidl that holds no other.

    Parameters
    ----------
    shape : tuple of int, optional
        The shape of the samples that it has to take; any by default.
    dtype : floating dtype, default float32
        The dtype of its parameters.

    Examples
    --------
    >>> from hypothesis import find
    >>> from minidl import Dense
    >>> find(layers(), lambda layer: isinstance(layer, Dense))
    Dense(1 → 1)
    """

    def that_take(shape: Shape) -> Strategy[Layer]:
        drawn = (family.layers(shape, dtype) for family in FAMILIES.values())
        return st.one_of([strategy for strategy in drawn if strategy is not None])

    return _shapes().flatmap(that_take) if shape is None else that_take(shape)


@st.composite
def _chain(draw: st.DrawFn, shape: Shape, dtype: DTypeLike, depth: int) -> Sequential:
    members: list[Layer] = []
    for _ in range(draw(st.integers(0, 4))):
        again = [layer for layer in members if _keeps(layer, shape, dtype)]
        kinds = [layers(shape, dtype)]
        kinds += [container(shape, dtype, depth - 1) for container in _containers(depth)]
        kinds += [st.sampled_from(again)] if again else []
        member = draw(st.one_of(kinds))
        members.append(member)
        shape = _outcome(member, shape, dtype)
    return draw(st.builds(Sequential, *map(st.just, members)))


def _containers(depth: int) -> Iterator[Callable[[Shape, DTypeLike, int], Strategy[Layer]]]:
    yield from CONTAINERS.values() if depth > 0 else ()


def _outcome(layer: Layer, shape: Shape, dtype: DTypeLike) -> Shape:
    return tuple(np.shape(layer(np.zeros((1, *shape), dtype)))[1:])


def _keeps(layer: Layer, shape: Shape, dtype: DTypeLike) -> bool:
    """Tell whether a layer may stand here once more, and again wherever it is followed by this."""
    try:
        return _outcome(layer, shape, dtype) == shape
    except ValueError:
        return False


@st.composite
def _residual(draw: st.DrawFn, shape: Shape, dtype: DTypeLike, depth: int) -> Residual:
    """Draw the layers of a chain that gives back the shape it was given, as far as they do."""
    members: list[Layer] = []
    for layer in draw(_chain(shape, dtype, depth)):
        if _outcome(layer, shape, dtype) != shape:
            break
        members.append(layer)
    return draw(st.builds(Residual, *map(st.just, members)))


def _branches(
    kind: type[Branches],
) -> Callable[[Shape, DTypeLike, int], Strategy[Layer]]:
    """Return a function that draws branches which fit together."""

    @st.composite
    def that_fit(draw: st.DrawFn, shape: Shape, dtype: DTypeLike, depth: int) -> Layer:
        members = [draw(_chain(shape, dtype, depth - 1)) for _ in range(draw(st.integers(1, 3)))]
        first = _outcome(members[0], shape, dtype)

        def fits(branch: Layer) -> bool:
            other = _outcome(branch, shape, dtype)
            if kind is Add:
                return other == first
            return len(other) == len(first) > 0 and other[:-1] == first[:-1]

        fitting = [branch for branch in members[1:] if fits(branch)]
        return draw(st.builds(kind, *map(st.just, [members[0], *fitting])))

    return that_fit


CONTAINERS: dict[type[Layer], Callable[[Shape, DTypeLike, int], Strategy[Layer]]] = {
    Sequential: _chain,
    Residual: _residual,
    Add: _branches(Add),
    Concatenate: _branches(Concatenate),
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
    dtype : floating dtype, default float32
        The dtype of its parameters.
    depth : int, default 2
        How deep containers may be nested in the outermost one.

    Examples
    --------
    >>> from hypothesis import find
    >>> from minidl import Dense
    >>> find(networks(), lambda network: any(isinstance(layer, Dense) for layer in network))
    Sequential(
      [0] Dense(1 → 1)    2
    )  2 parameters, float32
    """

    def that_take(shape: Shape) -> Strategy[Layer]:
        return st.one_of([container(shape, dtype, depth) for container in CONTAINERS.values()])

    return _shapes().flatmap(that_take) if shape is None else that_take(shape)


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
    >>> from hypothesis import find
    >>> from minidl import Dense
    >>> find(inputs_for(Dense(2, 3)), lambda inputs: True)
    (array([[0., 0.]], dtype=float32),)
    """
    dtype = network_dtype(layer) or np.dtype(np.float32)
    if isinstance(layer, Loss) and shape is None:
        if type(layer) not in LOSSES:
            raise TypeError(f"inputs_for does not know what {layer!r} takes")
        return LOSSES[type(layer)](dtype)
    if isinstance(layer, Embedding):
        words = st.integers(0, layer.vocabulary - 1)
        return st.tuples(arrays(np.int64, st.tuples(sizes(), sizes()), elements=words))
    drawn = _sample_shapes(layer) if shape is None else st.just(shape)
    shapes = _shapes() if drawn is None else drawn
    return st.tuples(shapes.flatmap(lambda shape: batches(shape, dtype)))


def _sample_shapes(layer: Layer) -> Strategy[Shape] | None:
    if isinstance(layer, Container):
        shapes = [_sample_shapes(child) for child in layer]
        if isinstance(layer, Sequential) and all(strategy is None for strategy in shapes):
            return None
        # a later layer may need more than the first, and branches have to fit together
        return st.sampled_from([shape for shape in _CANDIDATES if _takes(layer, shape)])
    if type(layer) not in FAMILIES:
        raise TypeError(
            f"inputs_for does not know what {layer!r} takes: give the shape of a sample, "
            "inputs_for(layer, shape=(3,))"
        )
    return FAMILIES[type(layer)].shapes(layer)


_CANDIDATES: list[Shape] = [
    *product([1, 2, 3, 4, 5, 7]),
    *product([1, 2, 3, 4, 5, 7], repeat=2),
    *product([1, 2, 3], [1, 2, 3, 4, 5], [1, 2, 3, 4, 5]),
]


def _takes(layer: Layer, shape: Shape) -> bool:
    try:
        layer(np.zeros((1, *shape), network_dtype(layer)))
    except ValueError:
        return False
    return True


@st.composite
def _classification(draw: st.DrawFn, dtype: DTypeLike) -> tuple[Any, ...]:
    """Draw logits, class indices or probabilities, and perhaps weights."""
    logits = draw(batches(None, dtype))
    dtype, shape, classes = logits.dtype, logits.shape[:-1], logits.shape[-1]
    if draw(st.booleans()):
        counts = draw(arrays(np.int64, logits.shape, elements=st.integers(0, 4)))
        counts[..., 0] += 1
        target = (counts / counts.sum(axis=-1, keepdims=True)).astype(dtype)
    else:
        target = draw(arrays(np.int64, shape, elements=st.integers(0, classes - 1)))
    if draw(st.booleans()):
        weights = st.sampled_from([1.0, 0.0, 0.5, 2.0, 10.0])
        return logits, target, draw(arrays(dtype, shape, elements=weights))
    return logits, target


LOSSES: dict[type[Loss], Callable[[DTypeLike], Strategy[tuple[Any, ...]]]] = {
    SoftmaxCrossEntropy: _classification,
}
"""The losses, and functions (dtype) -> strategy that draw what each takes."""
