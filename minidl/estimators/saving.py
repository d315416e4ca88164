"""Estimators as model files: the network, and what makes an estimator of it, without pickle."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from minidl.checkpoint.atomic import atomic_write, opened
from minidl.checkpoint.format import read, serialize
from minidl.checkpoint.model import ModelFileError, fields, loadable, network_from, vocabulary
from minidl.checks.arguments import floating_dtype
from minidl.layer import Layer
from minidl.parameters import input_dtype


def save(estimator: Any, path: str | os.PathLike[str]) -> None:
    """Save a fitted estimator."""
    try:
        architecture, state, arrays = loadable(estimator.network_)
        scaling = {"=inputs": estimator._inputs, "=outcomes": estimator._outcomes}
        arrays |= {name: array for name, array in scaling.items() if array is not None}
        parameters: dict[str, Any] = {}
        for name, value in estimator.get_params(deep=False).items():
            if name == "validation" and not isinstance(value, float):
                continue  # data do not belong into the file
            try:
                if isinstance(value, Layer):
                    *layer, own = loadable(value)
                    parameters[name] = dict(zip(("layer", "state"), layer, strict=True))
                    arrays |= {f"={name}.{key}": array for key, array in own.items()}
                else:
                    dtype = name == "dtype"
                    parameters[name] = floating_dtype(name, value).name if dtype else _data(value)
            except ValueError:
                continue  # it is none that a file can hold
        description = {
            "class": type(estimator).__name__,
            "parameters": parameters,
            "features": [
                estimator.n_features_in_,
                list(getattr(estimator, "feature_names_in_", [])),
            ],
            "targets": estimator._described(),
        }
        parts = {"network": architecture, "estimator": description}, state, arrays
        buffers = serialize("estimator", *parts)
    except ValueError as error:
        raise ModelFileError(f"{os.fspath(path)}: {error}") from error
    atomic_write(path, buffers)


def load(
    kind: Any, path: str | os.PathLike[str], layers: Mapping[str, type[Layer]] | None = None
) -> Any:
    """Load an estimator of a kind."""
    known = vocabulary(layers)
    try:
        with opened(path) as (file, size):
            architecture, state, arrays = read(file, size, "estimator")
        made, description = fields(architecture, network=dict, estimator=dict)
        name, parameters, features, targets = fields(
            description, **{"class": str, "parameters": dict, "features": list, "targets": dict}
        )
        if name != kind.__name__:
            raise ValueError(f"is of a {name!r:.40}, not a {kind.__name__}")
        estimator = kind()
        for name, data in parameters.items():
            if name not in estimator.get_params(deep=False):
                raise ValueError(f"{name!r:.40} is no parameter")
            if isinstance(data, dict) and "layer" in data:
                own = {
                    key.removeprefix(f"={name}."): arrays.pop(key)
                    for key in list(arrays)
                    if key.startswith(f"={name}.")
                }
                made_of, drawn = fields(data, layer=dict, state=dict)
                value: Any = network_from(made_of, drawn, own, known)
            else:
                value = _value(data)
            estimator.set_params(**{name: value})
        match features:
            case [int(count), list(names)] if all(type(each) is str for each in names):
                estimator.n_features_in_ = count
            case _:
                raise ValueError("the features must be a number and a list of names")
        if names:
            estimator.feature_names_in_ = np.array(names, dtype=object)
        estimator._inputs = arrays.pop("=inputs", None)
        estimator._outcomes = arrays.pop("=outcomes", None)
        estimator._restore(targets)
        wide = {"inputs": (2, count), "outcomes": (2, estimator._n_outputs())}
        for scaled, shape in wide.items():
            array = getattr(estimator, f"_{scaled}")
            if array is not None and array.shape != shape:
                raise ValueError(f"the scaling of the {scaled} must be of shape {shape}")
        if count < 1 or len(names) not in (0, count):
            raise ValueError(f"there are {count} features, but {len(names)} names")
        estimator.network_ = network_from(made, state, arrays, known)
        dtype = floating_dtype("dtype", estimator.dtype)
        sample = np.zeros((1, 1), input_dtype(estimator.network_) or dtype)
        outputs = estimator.network_(np.broadcast_to(sample, (1, count))).shape
        estimator._targets(np.zeros((1, 1)), outputs)
    except (ValueError, TypeError, OSError, RecursionError) as error:
        raise ModelFileError(f"{os.fspath(path)}: {error}") from error
    return estimator


def _data(value: Any) -> Any:
    """Return a parameter as JSON can hold it, or raise a ValueError."""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, dict):
        return {"items": [[_data(key), _data(item)] for key, item in value.items()]}
    if isinstance(value, (list, tuple)):
        return [_data(item) for item in value]
    if value is not None and type(value) not in (bool, int, float, str):
        raise ValueError(f"{value!r:.80} is no data")
    return value


def _value(data: Any) -> Any:
    """Read a value that `_data` has written, with tuples for lists, or raise a ValueError."""
    match data:
        case {"items": list(pairs)} if len(data) == 1:
            return {_value(key): _value(item) for key, item in pairs}
        case list(items):
            return tuple(map(_value, items))
        case dict():
            raise ValueError("a parameter is no data")
    return data
