"""What the benchmarks time is the same work: every library gets the same loss."""

import importlib.util
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.measure import measure, verdicts, workers
from benchmarks.peers.minidl import Loop
from benchmarks.report import section
from benchmarks.work import COMPILED, FIT, FLOOR, LOOP, Check, Prediction, Target, Training
from benchmarks.works import imports, memory

MLP = Training("", (5, 7, 6, 3), batch=8, steps=1, epochs=12, learning_rate=0.02)
WORKS = {
    "Adam": replace(MLP, optimizer="Adam"),
    "convolution": replace(MLP, widths=(), epochs=3),
    "a sample a step": replace(MLP, widths=(4, 9, 3), batch=1),
    "prediction": Prediction("", samples=3, calls=2),
    "check": Check("", features=4, samples=3),
    "momentum to a goal": replace(
        MLP, widths=(64, 8, 10), steps=22, digits=True, optimizer="momentum", goal=0.9
    ),
}


def installed(*libraries):
    return [name for name in libraries if importlib.util.find_spec(name)]


@pytest.fixture(scope="module")
def found():
    with workers(1, ["minidl", "plain", *installed("sklearn", "scipy", "jax", "thinc")]) as some:
        assert not some[1]
        yield some[0]


def agree(work, found):
    results = measure(work, found, seconds=0, leave_out=[FLOOR, COMPILED])
    able = {name: result for name, result in results.items() if result.seconds}
    assert all(seconds > 0 for result in able.values() for seconds in result.seconds)
    values = [np.asarray(result.first) for result in able.values()]
    if isinstance(work, Prediction):  # some tell scores, some tell classes
        for value in values:
            classes = value if value.ndim == 1 else value.argmax(axis=1)
            np.testing.assert_array_equal(classes, values[0].argmax(axis=1))
    for value in values:
        if value.shape == values[0].shape:
            np.testing.assert_allclose(value, values[0], rtol=1e-4)


@pytest.mark.parametrize("name", WORKS)
def test_every_library_computes_the_same(name, found):
    agree(WORKS[name], found)


def test_torch_computes_the_same():
    pytest.importorskip("torch")
    with workers(1, ["minidl", "torch"]) as (found, _):
        for work in WORKS.values():
            agree(work, found)


def test_importing_minidl_is_measured_beside_numpy():
    text = imports.measure(("numpy", "minidl"), rounds=2)
    assert "minidl ÷ numpy = " in text


def test_a_small_step_needs_at_least_its_parameters_gradients_and_activations():
    most, least = memory.peak(Loop, "SGD", widths=(30, 200, 20), batch=50)
    parameters = 30 * 200 + 200 + 200 * 20 + 20
    assert least == 4 * (2 * parameters + 50 * (30 + 200 + 200 + 20))
    assert least <= most


def test_a_report_says_how_many_times_as_long_each_takes_and_which_targets_are_reached(found):
    targets = Target(LOOP, 1e-9, (FIT,)), Target(FLOOR, 1e-9, (FIT,)), Target("nobody", 1)
    work = replace(MLP, title="a title", targets=targets)
    results = measure(work, found, seconds=0)
    assert [met for _, met in verdicts(work, results)] == [True, False, None, None]
    text = section(work, results)
    assert text.startswith("### a title\n")
    assert f"- {LOOP} ÷ {FIT} = " in text
    assert "target ≥ 1e-09: reached" in text
    assert "target ≤ 1e-09: **missed**" in text
