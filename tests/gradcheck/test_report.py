"""A report says first what is wrong, then shows the numbers, then how much was proved."""

import json
import re

import numpy as np
import pytest

from minidl import Dense, Layer, ReLU
from minidl.gradcheck import GradientError, check_gradients


class Divided(Dense):
    """Dense whose weight gradient is a mean over the batch."""

    backward_parameters = Layer.backward_parameters

    def backward(self, dy, x, /):
        self.bias.grad += dy.sum(axis=0)
        self.weight.grad += x.T @ dy / len(x)
        return dy @ self.weight.value.T


Divided.__name__ = "Dense"


class Jump(Layer):
    """Nothing can be proved of it at 0."""

    def forward(self, x):
        return np.sign(x), None

    def backward(self, dy, cache):
        return 0 * dy


@pytest.fixture
def wrong():
    x = np.random.default_rng(1).normal(size=(16, 4))
    return check_gradients(Divided(4, 4, rng=0, dtype=np.float64), x)


def test_it_says_what_is_wrong_then_the_evidence_then_the_coverage(wrong):
    first, evidence, coverage, head, *table = str(wrong).split("\n")
    assert first == (
        "Dense.weight: the gradient is divided by the batch size (16): "
        "it is 1/16 of the numerical one everywhere."
    )
    number = r"-?\d[\d.e-]*"
    assert re.fullmatch(
        rf"  at least 12 of 16 coordinates wrong; worst weight\[\d, \d\]: backward says {number}, "
        rf"numerical {number} ± \de-1\d",
        evidence,
    )
    assert coverage == "  verified 68 of 84, on a kink 0, unresolved 0 (seed 0)"
    assert re.split("  +", head.strip()) == [
        *("tensor", "shape", "relative error", "verified", "kink", "unresolved", "wrong")
    ]
    assert [row.split()[0] for row in table] == ["weight", "input", "bias"]


def test_what_was_looked_at_in_full_is_counted_in_full():
    x = np.random.default_rng(1).normal(size=(16, 2))
    report = check_gradients(Divided(2, 3, rng=0, dtype=np.float64), x)
    assert str(report).split("\n")[1].startswith("  6 of 6 coordinates wrong; worst weight[")


def test_a_pass_is_one_word_and_the_coverage():
    x = np.array([[0.0, 1.0], [-2.0, 3.0]])
    assert str(check_gradients(ReLU(), x)).split("\n")[:2] == [
        "ReLU: pass",
        "  verified 3 of 4, on a kink 1, unresolved 0 (seed 0)",
    ]


def test_a_large_tensor_is_counted_in_directions():
    report = check_gradients(Dense(20, 20, rng=0), np.ones((2, 20)))
    assert report.coverage() == (
        "verified 60 of 60, on a kink 0, unresolved 0, weight: 3 of 3 directions (seed 0)"
    )


def test_inconclusive_says_of_what_and_why():
    report = check_gradients(Jump(), np.zeros(1))
    assert report.verdict == "inconclusive"
    assert not report.ok
    assert str(report).startswith("Jump: inconclusive: nothing could be proved of input 0: ")
    with pytest.raises(GradientError, match="nothing could be proved of input 0"):
        report.assert_ok()


def test_assert_ok_names_parameter_index_and_both_values(wrong):
    with pytest.raises(GradientError) as caught:
        wrong.assert_ok()
    tensor = wrong.tensors[1]
    found = re.search(
        r"weight\[(\d), (\d)\]: backward says (\S+), numerical (\S+)", str(caught.value)
    )
    place = int(found[1]), int(found[2])
    assert float(found[3]) == pytest.approx(tensor.analytic[place], rel=1e-5)
    assert float(found[4]) == pytest.approx(tensor.numerical[place], rel=1e-5)
    assert float(found[4]) == pytest.approx(16 * float(found[3]), rel=1e-5)


def test_it_survives_json_and_keeps_counts_and_arrays(wrong):
    kept = json.loads(json.dumps(wrong.to_dict(), allow_nan=False))
    assert kept == wrong.to_dict()
    assert kept["verdict"] == "fail"
    assert kept["findings"][0]["class"] == "constant-factor"
    weight = kept["tensors"][1]
    assert (weight["name"], weight["shape"]) == ("weight", [4, 4])
    np.testing.assert_array_equal(weight["analytic"], wrong.tensors[1].analytic)


def test_what_is_not_known_is_null_in_json():
    kept = check_gradients(Jump(), np.zeros(1)).to_dict()
    assert kept["tensors"][0]["error"] == [None]
    assert kept["tensors"][0]["relative_error"] is None


def test_it_renders_as_a_table_in_a_notebook(wrong):
    page = wrong._repr_html_()
    assert page.count("<tr>") == 4
    assert "<b>Dense.weight</b>: the gradient is divided by the batch size (16)" in page
    assert "<td>weight</td><td>(4, 4)</td>" in page


def test_names_are_escaped_in_html():
    report = check_gradients(ReLU(), np.ones(2))
    object.__setattr__(report, "subject", "<lambda>")
    assert "&lt;lambda&gt;" in report._repr_html_()
    assert "<lambda>" not in report._repr_html_()


def test_it_draws_mismatches_apart_with_their_error_bars(wrong):
    figure = pytest.importorskip("matplotlib.figure").Figure()
    ax = figure.subplots()
    assert wrong.plot(ax) is ax
    assert "fail" in ax.get_title()
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert "verified (68)" in labels
    assert "wrong (12)" in labels
    assert wrong.plot().figure is not figure


def test_a_report_without_a_known_coordinate_can_be_drawn():
    pytest.importorskip("matplotlib")
    assert check_gradients(Jump(), np.zeros(1)).plot().get_legend() is None
