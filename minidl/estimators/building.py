"""What the parameters of an estimator stand for: a network, and an optimizer for it."""

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from minidl.arrays import Array
from minidl.checks.arguments import floating_dtype, integer, number
from minidl.containers import Sequential
from minidl.initializers import glorot_uniform
from minidl.layer import Layer
from minidl.layers import ELU, GELU, BatchNorm, Dense, Dropout, LeakyReLU, ReLU, Sigmoid, SiLU, Tanh
from minidl.optimizers import SGD, Adam, AdamW, CosineDecay, LinearDecay, Optimizer, RMSProp

_ACTIVATIONS: dict[str, Callable[[], Layer] | None] = {
    "relu": ReLU,
    "tanh": Tanh,
    "logistic": Sigmoid,
    "gelu": GELU,
    "silu": SiLU,
    "elu": ELU,
    "leaky_relu": LeakyReLU,
    "identity": None,
}

_OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "adam": Adam,
    "adamw": AdamW,
    "rmsprop": RMSProp,
    "sgd": partial(SGD, momentum=0.9, nesterov=True),
}

_SCHEDULES: dict[str, Callable[[float, Any], Any]] = {
    "constant": lambda rate, steps: rate,
    "cosine": CosineDecay,
    "linear": LinearDecay,
}


def _choice(name: str, value: Any, choices: Mapping[str, Any], other: str) -> Any:
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, or {other}, got {value!r}")
    return choices[value]


def make_network(
    estimator: Any, n_features: int, n_outputs: int, rng: np.random.Generator
) -> Layer:
    """Return a new network: that of `module`, or layers of the sizes in `hidden`."""
    dtype = floating_dtype("dtype", estimator.dtype)
    module = estimator.module
    if isinstance(module, Layer):
        return module.astype(dtype)
    if module is not None:
        if not callable(module):
            raise TypeError(f"module must be a layer or a function, got {module!r}")
        options = {"rng": rng} if "rng" in inspect.signature(module).parameters else {}
        made = module(n_features, n_outputs, **options)
        if not isinstance(made, Layer):
            raise TypeError(f"module must be or return a Layer, got {made!r}")
        return made.astype(dtype)
    dropout = number("dropout", estimator.dropout, least=0, below=1)
    activation, hidden = estimator.activation, estimator.hidden
    layers: list[Layer] = []

    def dense(size: int) -> Dense:
        return Dense(n_features, size, bias_initializer=bias, rng=rng, dtype=dtype)

    def bias(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> Array:
        """Draw as widely as the weights: a unit's kink is then not at the mean of the data."""
        drawn: Array = glorot_uniform(rng, (n_features, *shape), dtype)[0]
        return drawn

    for size in hidden if np.iterable(hidden) else (hidden,):
        layers.append(dense(integer("a size in hidden", size, least=1)))
        if estimator.batch_norm:
            layers.append(BatchNorm(size, dtype=dtype))
        if isinstance(activation, Layer):
            layers.append(activation.astype(dtype))
        elif kind := _choice("activation", activation, _ACTIVATIONS, "a layer"):
            layers.append(kind())
        if dropout:
            layers.append(Dropout(dropout, rng=rng))
        n_features = size
    return Sequential(*layers, dense(n_outputs))


def make_optimizer(estimator: Any, network: Layer, steps: int | None, samples: float) -> Optimizer:
    """Return a new optimizer for a run of so many steps on so many samples.

    None: the data come in parts, and nobody knows how many there will be of either.
    """
    kind = estimator.optimizer
    if callable(kind) and not isinstance(kind, type):
        made = kind(network)
        if not isinstance(made, Optimizer):
            raise TypeError(f"optimizer must return an Optimizer, got {made!r}")
        return made
    rate, decay = estimator.schedule, estimator.weight_decay
    if rate is None:
        rate = "linear" if steps else "constant"
    if not callable(rate):
        plan = _choice("schedule", rate, _SCHEDULES, "a function of the step")
        rate = plan(number("learning_rate", estimator.learning_rate, above=0), steps)
    if decay is None:
        decay = 2 / samples if steps else 0.0
    if not isinstance(kind, type):
        kind = _choice("optimizer", kind, _OPTIMIZERS, "a class, or a function of the network")
    optimizer: Optimizer = kind(network, rate, weight_decay=decay)
    return optimizer
