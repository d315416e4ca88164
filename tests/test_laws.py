"""Every public layer of minidl keeps every law."""

import importlib
import inspect
import pickle
import pkgutil

import numpy as np
import pytest

import minidl
from minidl import Embedding, Flatten, Layer, Reshape, layers
from minidl.parameters import Parameter, unique
from minidl.testing import parametrize_with_layer_checks
from tests.support.table import TABLE


@parametrize_with_layer_checks(TABLE)
def test_every_layer_keeps_every_law(check):
    check()


PUBLIC = [
    item
    for item in (getattr(minidl, name) for name in minidl.__all__)
    if isinstance(item, type) and issubclass(item, Layer) and not inspect.isabstract(item)
]


@pytest.mark.parametrize("layer", PUBLIC, ids=lambda layer: layer.__name__)
def test_every_public_layer_is_in_the_table(layer):
    assert any(type(case.layer) is layer for case in TABLE)


def test_every_concrete_layer_of_the_package_is_public():
    """So that no layer of minidl escapes the table."""
    found = set()
    for module in pkgutil.walk_packages(minidl.__path__, "minidl."):
        try:
            names = vars(importlib.import_module(module.name))
        except ImportError as error:
            assert "minidl[" in str(error)  # noqa: PT017 (an extra that is not installed)
            continue
        found |= {
            item
            for name, item in names.items()
            if isinstance(item, type)
            and issubclass(item, Layer)
            and not inspect.isabstract(item)
            and not name.startswith("_")
        }
    assert found == set(PUBLIC)


CASES = [case for case in TABLE if type(case.layer).__name__ in layers.__all__]
"""The layers proper: containers hand on what they are given, losses ask for more."""

each_layer = pytest.mark.parametrize("case", CASES, ids=repr)


def assert_refused(layer, words, function, *arguments):
    """Assert that the layer refuses the arguments in its own words, and that nothing happens."""
    for parameter in unique(layer, Parameter).values():
        parameter.grad.fill(0)  # the layer is the table's own, and other tests have used it
    before = pickle.dumps(layer)
    with pytest.raises((TypeError, ValueError)) as caught:
        function(*arguments)
    assert pickle.dumps(layer) == before
    message = str(caught.value)
    assert message.startswith(f"{layer!r}: ")
    assert all(word in message for word in words), message
    assert not any(p.grad.any() for p in unique(layer, Parameter).values())


@each_layer
@pytest.mark.parametrize(
    "make",
    [np.ndarray.tolist, str, np.ma.array, memoryview, lambda x: None, lambda x: 1.5, lambda x: {}],
    ids=["list", "str", "masked", "memoryview", "None", "number", "dict"],
)
def test_what_is_no_array_is_refused_by_name(case, make):
    layer, (x, *constants) = case.layer, case.inputs
    bad = make(x)
    words = f"the input must be a NumPy array, got {type(bad).__name__}", "asarray"
    for run in (layer, layer.forward):
        assert_refused(layer, words, run, bad, *constants)
    cache = layer.forward(x, *constants)[1]
    words = "dy must be a NumPy array, got ", type(bad).__name__
    for run in (layer.backward, layer.backward_parameters):
        assert_refused(layer, words, run, bad, cache)


@each_layer
@pytest.mark.parametrize("dtype", ["u1", "i8", "?", "c8", "O", "U9", "M8[s]"])
def test_an_array_of_another_kind_is_refused_and_never_cast(case, dtype):
    layer, (x, *constants) = case.layer, case.inputs
    bad = np.ones(x.shape, int).astype(dtype)
    taken = {Embedding: "iu", Flatten: "fiub", Reshape: "fiub"}.get(type(layer), "f")
    for run in (layer, layer.forward):
        if bad.dtype.kind in taken:
            run(bad, *constants)
        else:
            words = "the input must be", f"got dtype {bad.dtype}"
            assert_refused(layer, words, run, bad, *constants)
    y, cache = layer.forward(x, *constants)
    words = "dy must be floating", f"got dtype {bad.dtype}"
    for run in (layer.backward, layer.backward_parameters):
        assert_refused(layer, words, run, np.ones(y.shape, int).astype(dtype), cache)


@each_layer
def test_a_cotangent_of_another_shape_than_the_output_is_refused(case):
    layer = case.layer
    y, cache = layer.forward(*case.inputs)
    shape = y.shape
    for wrong in (
        (),
        shape[1:],
        (1, *shape),
        (*shape, 1),
        (1, *shape[1:]),
        (*shape[:-1], shape[-1] + 1),
        (*shape[:-1], 0),
        (y.size,) if y.ndim > 1 else (y.size, 1),
        (shape[0] + 1, *shape[1:]),
    ):
        words = f"dy must have the shape {shape}", f"got {wrong}"
        for run in (layer.backward, layer.backward_parameters):
            assert_refused(layer, words, run, np.ones(wrong, y.dtype), cache)


@each_layer
def test_memory_maps_and_numbers_of_numpy_are_arrays(case, tmp_path):
    layer, (x, *constants) = case.layer, case.inputs
    mapped = np.memmap(tmp_path / "x", x.dtype, "w+", shape=x.shape)
    mapped[...] = x
    np.testing.assert_array_equal(layer(mapped, *constants), layer(x, *constants))
    y, cache = layer.forward(mapped, *constants)
    layer.backward(np.ones_like(y), cache)
