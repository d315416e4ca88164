"""What the package promises as a whole: its public names and what importing it costs."""

import ast
import doctest
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import minidl
import minidl.gradcheck

PUBLIC = [
    "minidl",
    "minidl.checkpoint",
    "minidl.containers",
    "minidl.estimators",
    "minidl.gradcheck",
    "minidl.initializers",
    "minidl.layers",
    "minidl.losses",
    "minidl.optimizers",
    "minidl.plotting",
    "minidl.prediction",
    "minidl.testing",
    "minidl.testing.laws",
    "minidl.testing.strategies",
    "minidl.training",
]
"""The modules that users import from; what else there is belongs to the house."""

MODULES = ["minidl"] + [m.name for m in pkgutil.walk_packages(minidl.__path__, "minidl.")]


def imported(name):
    try:
        return importlib.import_module(name)
    except ImportError as error:
        if "minidl[" not in str(error):  # a missing extra is named, anything else is a bug
            raise
        return pytest.skip(str(error))


def isort_order(name):
    """CONSTANTS first, then Classes, then functions: the order that ruff keeps."""
    constant = name.isupper() and len(name) > 1
    return (0 if constant else 1 if name[0].isupper() else 2, name)


def public_definitions(module):
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            yield node.name


@pytest.mark.parametrize("name", PUBLIC)
def test_all_names_exist_are_sorted_and_are_complete(name):
    module = imported(name)
    names = module.__all__
    assert [each for each in names if not hasattr(module, each)] == []
    assert len(set(names)) == len(names)
    assert list(names) in (sorted(names), sorted(names, key=isort_order))
    assert [each for each in public_definitions(module) if each not in names] == []


@pytest.mark.parametrize("name", MODULES)
def test_every_module_and_every_name_without_an_underscore_says_what_it_is(name):
    module = imported(name)
    assert module.__doc__
    for each in public_definitions(module):
        assert (getattr(module, each).__doc__ or "").strip(), f"{name}.{each} has no docstring"


@pytest.mark.parametrize(
    "name", ["BusyError", "DivergenceError", "ModelFileError", "GradientError"]
)
def test_an_error_calls_itself_what_a_user_imports_and_its_example_runs(name):
    home = minidl.gradcheck if name == "GradientError" else minidl
    error = getattr(home, name)
    assert f"{error.__module__}.{error.__qualname__}" == f"{home.__name__}.{name}"
    test = doctest.DocTestParser().get_doctest(error.__doc__, {}, name, None, 0)
    assert doctest.DocTestRunner().run(test).failed == 0


def loaded_by(statement):
    """Return the names of the modules that a fresh interpreter loads for a statement."""
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return set(run.stdout.split())


def test_importing_minidl_imports_nothing_but_numpy_and_the_standard_library():
    numpy = loaded_by("import numpy, numpy.random, numpy.typing")
    foreign = {module.partition(".")[0] for module in loaded_by("import minidl") - numpy}
    assert foreign - sys.stdlib_module_names == {"minidl"}


def test_importing_minidl_loads_neither_numpys_generators_nor_the_checker():
    """They would be a fifth of the time that `import numpy` takes."""
    loaded = loaded_by("import minidl")
    assert "numpy.random" not in loaded
    assert "minidl.gradcheck" not in loaded


def test_the_version_is_a_release_number():
    assert all(part.isdigit() for part in minidl.__version__.split(".")[:2])
