"""Every public layer of minidl keeps every law."""

import importlib
import inspect
import pkgutil

import pytest

import minidl
from minidl import Layer
from minidl.testing import parametrize_with_layer_checks
from tests.table import TABLE


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
