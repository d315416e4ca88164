"""check_layer, and the decorator that makes a pytest test of every layer and law."""

import re
import subprocess
import sys

import numpy as np
import pytest

from minidl import Dense, ReLU, Sequential
from minidl.testing import LAWS, Case, Check, check_layer, laws, parametrize_with_layer_checks
from tests.corpus.faults.laws import AssignsItsGradient, Double, ReturnsDxAllTheSame

X = np.random.default_rng(0).normal(size=(4, 3))


def ids(entries):
    return [repr(check) for check in parametrize_with_layer_checks(entries).args[1]]


def test_a_right_layer_passes_and_is_left_as_it_was():
    layer, x = Dense(3, 2, rng=0), X.copy()
    weight = layer.weight.value.copy()
    assert check_layer(layer, x) is None
    np.testing.assert_array_equal(layer.weight.value, weight)
    assert not layer.weight.grad.any()
    np.testing.assert_array_equal(x, X)


def test_all_broken_laws_are_told_in_one_message():
    class Both(AssignsItsGradient, ReturnsDxAllTheSame):
        pass

    with pytest.raises(AssertionError) as caught:
        check_layer(Both(), X)
    lines = str(caught.value).splitlines()
    assert lines[0] == "Both(gain (3,)) breaks 3 laws:"
    assert re.match(
        r"  adds_to_gradients: the gradient of gain that was there before is .* \+=", lines[1]
    )
    assert lines[2].startswith("  leaves_the_same_gradients_without_dx: ")
    assert lines[3].startswith("  can_be_pickled: ")


def test_a_law_may_be_left_out():
    check_layer(AssignsItsGradient(), X, without=[laws.adds_to_gradients, *LAWS[-1:]])
    with pytest.raises(ValueError, match="not a law"):
        check_layer(Double(), X, without=["adds_to_gradients"])


def test_a_layer_that_raises_is_reported_law_by_law():
    class Unfinished(Double):
        def backward(self, dy, cache):
            raise NotImplementedError("to do")

    with pytest.raises(AssertionError, match="NotImplementedError: to do") as caught:
        check_layer(Unfinished(), X)
    assert "repeats_itself_at_inference" not in str(caught.value)


@parametrize_with_layer_checks([(Double(), X), (Double, X), Case(lambda: ReLU(), X, name="mine")])
def test_a_layer_of_ones_own_joins_with_two_lines(check):
    check()


def test_there_is_one_check_for_each_layer_and_law_with_a_readable_id():
    entries = [(Dense(3, 2), X), (Double, X), Case(Sequential(), X, without=LAWS[1:])]
    assert ids(entries) == [
        *(f"Dense(3 -> 2)-{law.__name__}" for law in LAWS),
        *(f"Double-{law.__name__}" for law in LAWS),
        f"Sequential-{LAWS[0].__name__}",
    ]
    assert all(each.isascii() for each in ids(entries))


def test_several_inputs_may_come_one_by_one_or_as_a_tuple():
    for entry in [(Double(), X, X), (Double(), (X, X))]:
        (check, *_) = parametrize_with_layer_checks([entry]).args[1]
        assert len(check.case.inputs) == 2


def test_a_factory_makes_a_new_layer_for_every_check():
    case = Case(lambda: Dense(3, 2), X)
    assert case.layer is not case.layer
    assert next(case.checks()).law is LAWS[0]
    assert repr(Check(Case(Double, X), laws.is_reentrant)) == "Double-is_reentrant"


@pytest.mark.parametrize("entry", [Double(), (), (3, X), ("Dense", X)])
def test_what_is_no_layer_with_inputs_is_refused(entry):
    with pytest.raises(TypeError, match="needed, got"):
        parametrize_with_layer_checks([entry])


def loaded(statement, *hidden):
    hide = "".join(f"import sys; sys.modules[{name!r}] = None\n" for name in hidden)
    code = f"{hide}{statement}\nimport sys\nprint(*sorted(m for m, x in sys.modules.items() if x))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    return run.stdout.split(), run.stderr


def test_the_kit_loads_neither_pytest_nor_hypothesis():
    modules, errors = loaded("import minidl.testing")
    assert "minidl.testing.laws" in modules, errors
    assert not {"pytest", "hypothesis"} & set(modules)


@pytest.mark.parametrize(
    ("statement", "missing"),
    [
        ("import minidl.testing.strategies", "hypothesis"),
        ("import minidl.testing as kit; kit.parametrize_with_layer_checks([])", "pytest"),
    ],
)
def test_what_is_not_installed_is_named_with_the_way_to_install_it(statement, missing):
    _, errors = loaded(statement, missing)
    assert 'pip install "minidl[test]"' in errors.splitlines()[-1]
