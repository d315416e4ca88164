"""Softmax and cross-entropy against closed forms and SciPy."""

import math

import numpy as np
import pytest

from minidl import SoftmaxCrossEntropy
from tests.support.losses import value_and_gradient

LOSS = SoftmaxCrossEntropy()
SHAPES = [(4,), (1, 4), (7, 4), (2, 5, 3), (2, 1, 3, 5), (6, 2)]
DTYPES = [np.float32, np.float64]


def draw(shape, dtype=np.float64, spread=3.0, seed=0):
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, spread, shape).astype(dtype)
    indices = rng.integers(0, shape[-1], shape[:-1])
    rows = rng.dirichlet(np.ones(shape[-1]), shape[:-1]).astype(dtype)
    weight = rng.uniform(0.1, 2, shape[:-1]).astype(dtype)
    return logits, indices, rows, weight


@pytest.mark.parametrize("shape", [(2, 3), (2, 5000), (3, 2, 4)])
@pytest.mark.parametrize("dy", [1.0, 2.0**16, -0.5])
def test_a_scale_scales_the_gradient_of_few_and_many_classes(shape, dy):
    loss = SoftmaxCrossEntropy()
    gradient = loss.backward(
        dy, loss.forward(np.zeros(shape, np.float32), np.zeros(shape[:-1], int))[1]
    )
    expected = np.full(shape, 1 / shape[-1])
    expected[..., 0] -= 1
    expected *= dy / math.prod(shape[:-1])
    np.testing.assert_allclose(gradient, expected, rtol=1e-6)


def test_equal_logits_cost_the_logarithm_of_the_number_of_classes():
    for classes in (2, 3, 10):
        value, gradient = value_and_gradient(LOSS, np.zeros((3, classes)), np.zeros(3, int))
        assert value == pytest.approx(math.log(classes), abs=1e-15)
        expected = np.full((3, classes), 1 / classes)
        expected[:, 0] -= 1
        np.testing.assert_allclose(gradient, expected / 3, atol=1e-16)


def test_two_classes_are_logistic_regression():
    gap = np.array([-3.0, 0.5, 2.0])
    logits = np.stack([np.zeros(3), gap], axis=1)
    value, gradient = value_and_gradient(LOSS, logits, np.array([1, 1, 0]))
    sigmoid = 1 / (1 + np.exp(-gap))
    assert value == pytest.approx(np.mean(-np.log([sigmoid[0], sigmoid[1], 1 - sigmoid[2]])))
    np.testing.assert_allclose(gradient[:, 1], (sigmoid - [1, 1, 0]) / 3, rtol=1e-13)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_value_agrees_with_scipy_for_any_leading_shape(shape):
    special = pytest.importorskip("scipy.special")
    logits, indices, rows, _ = draw(shape)
    normalizer = special.logsumexp(logits, axis=-1)
    picked = np.take_along_axis(logits, np.expand_dims(indices, -1), -1)[..., 0]
    by_index, gradient = value_and_gradient(LOSS, logits, indices)
    assert by_index == pytest.approx(np.mean(normalizer - picked), rel=1e-13, abs=1e-15)
    by_rows, _ = value_and_gradient(LOSS, logits, rows)
    expected = np.mean(normalizer - (rows * logits).sum(-1))
    assert by_rows == pytest.approx(expected, rel=1e-13, abs=1e-15)
    onehot = np.eye(shape[-1])[indices]
    probabilities = special.softmax(logits, axis=-1)
    np.testing.assert_allclose(gradient, (probabilities - onehot) / indices.size, atol=1e-15)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_class_index_is_the_row_that_is_one_there(shape, dtype):
    logits, indices, _, weight = draw(shape, dtype)
    onehot = np.eye(shape[-1])[indices]
    for constants in [(), (weight,)]:
        one, other = (value_and_gradient(LOSS, logits, t, *constants) for t in (indices, onehot))
        tolerance = 16 * np.finfo(dtype).eps
        np.testing.assert_allclose(one[0], other[0], rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(one[1], other[1], rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("gap", [1e4, 709.9, 89.0])
def test_large_gaps_between_logits_are_exact(dtype, gap):
    """exp overflows at 710 in float64 and at 89 in float32; the loss is the gap itself."""
    logits = np.array([[0, gap, 0], [gap, 0, 0], [-gap, 0, -gap]], dtype)
    value, gradient = value_and_gradient(LOSS, logits, np.array([0, 0, 0]))
    assert value == np.mean(np.array([gap, 0, gap], dtype))
    third = dtype(1 / 3)
    np.testing.assert_allclose(
        gradient, third * np.array([[-1, 1, 0], [0, 0, 0], [-1, 1, 0]]), atol=1e-16 + 1e-38
    )
    by_rows, row_gradient = value_and_gradient(LOSS, logits, np.eye(3)[[0, 0, 0]])
    assert by_rows == value
    np.testing.assert_allclose(row_gradient, gradient, atol=1e-37)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_same_number_added_to_a_row_changes_nothing(dtype):
    logits = np.array([[1, 2, 4], [0, -8, 16]], dtype)
    shifted = logits + np.array([[1024], [-512]], dtype)
    one, other = (value_and_gradient(LOSS, z, np.array([2, 0])) for z in (logits, shifted))
    rounding = 4 * float(np.finfo(dtype).eps)
    assert one[0] == pytest.approx(other[0], rel=rounding, abs=0)
    np.testing.assert_allclose(one[1], other[1], rtol=rounding, atol=0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("form", ["indices", "rows"])
def test_the_gradient_of_each_row_sums_to_zero(dtype, form):
    logits, indices, rows, weight = draw((9, 5), dtype)
    _, gradient = value_and_gradient(LOSS, logits, indices if form == "indices" else rows, weight)
    np.testing.assert_allclose(gradient.sum(axis=1), 0, atol=4 * np.finfo(dtype).eps)


def test_rows_that_do_not_sum_to_one_belong_to_the_same_function_as_their_gradient():
    """Σ tⱼ (logsumexp z − zⱼ) is what the docstring says, whatever the sum of t is."""
    logits = np.log(np.array([[0.2, 0.3, 0.5]]))
    value, gradient = value_and_gradient(LOSS, logits, np.array([[2.0, 0.0, 1.0]]))
    assert value == pytest.approx(-2 * math.log(0.2) - math.log(0.5))
    np.testing.assert_allclose(gradient, [[0.6 - 2, 0.9, 1.5 - 1]], rtol=1e-13)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("integers", [np.uint8, np.int8, np.int32, np.int64, np.uint64])
def test_loss_and_gradient_have_the_dtype_of_the_logits_for_every_integer_type(dtype, integers):
    logits, indices, _, _ = draw((5, 3), dtype)
    value, gradient = value_and_gradient(LOSS, logits, indices.astype(integers))
    assert value.dtype == gradient.dtype == dtype
    expected, _ = value_and_gradient(LOSS, logits, indices)
    assert value == expected


@pytest.mark.parametrize(
    ("target", "weight", "words"),
    [
        (np.zeros(4, int), None, ["(5, 3)", "(5,)", "(4,)"]),
        (np.zeros((5, 1), int), None, ["(5, 3)", "(5, 1)"]),
        (np.zeros((5, 4)), None, ["(5, 3)", "(5, 4)"]),
        (np.array([0, 1, 2, 3, 0]), None, ["3 at 3", "3 outputs", "0 to 2"]),
        (np.array([0, -1, 2, 0, 0]), None, ["-1 at 1", "0 to 2"]),
        (np.array([0, 200, 2, 0, 0], np.uint8), None, ["200 at 1"]),
        (np.array([0, -128, 2, 0, 0], np.int8), None, ["-128 at 1"]),
        (np.zeros(5, int), np.ones(4), ["(5, 3)", "weights of shape (5,)", "(4,)"]),
        (np.zeros(5, int), np.ones((5, 3)), ["weights of shape (5,)", "(5, 3)"]),
    ],
)
def test_what_does_not_fit_the_logits_is_a_value_error_that_says_why(target, weight, words):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        SoftmaxCrossEntropy().forward(np.zeros((5, 3), np.float32), target, weight)
    for word in ["SoftmaxCrossEntropy", *words]:
        assert word in str(caught.value)


def test_the_weight_of_a_single_element_has_no_axes():
    loss, logits, target = SoftmaxCrossEntropy(), np.zeros(3), np.array(0)
    assert loss(logits, target, np.array(7.0)) == loss(logits, target)
    with pytest.raises(ValueError, match=r"need weights of shape \(\), got shape \(2,\)$"):
        loss.forward(logits, target, np.ones(2))


def test_an_index_out_of_range_is_placed_along_every_axis():
    target = np.zeros((2, 4), int)
    target[1, 2] = 9
    with pytest.raises(ValueError, match=r"9 at \(1, 2\)"):
        SoftmaxCrossEntropy().forward(np.zeros((2, 4, 3)), target)


@pytest.mark.parametrize("target", [np.zeros(5), np.zeros(5, bool), np.zeros((5, 3), complex)])
def test_targets_of_another_dtype_are_a_type_error_that_names_it(target):
    with pytest.raises(TypeError, match=rf"^SoftmaxCrossEntropy\(\): .*got dtype {target.dtype}"):
        SoftmaxCrossEntropy().forward(np.zeros((5, 3)), target)


def test_a_single_number_is_no_row_of_logits():
    with pytest.raises(ValueError, match="no logits"):
        SoftmaxCrossEntropy().forward(np.zeros(()), np.zeros((), int))


class TestPreparingTheTargetsOfADataSet:
    prediction = np.zeros((2, 3), np.float32)

    def prepare(self, target, prediction=None):
        prediction = self.prediction if prediction is None else prediction
        return SoftmaxCrossEntropy().prepare_target(np.asarray(target), prediction)

    def test_class_labels_stay_what_they_are(self):
        labels = np.array([0, 2, 1, 1])
        assert self.prepare(labels) is labels

    def test_whole_floating_labels_become_indices(self):
        prepared = self.prepare([0.0, 2.0, 1.0])
        assert prepared.dtype.kind == "i"
        np.testing.assert_array_equal(prepared, [0, 2, 1])

    def test_probabilities_get_the_dtype_of_the_prediction(self):
        prepared = self.prepare([[0, 1, 0], [1, 0, 0], [0, 0, 1]])
        assert prepared.dtype == np.float32
        assert prepared.shape == (3, 3)

    def test_labels_may_have_the_axes_of_a_sequence(self):
        labels = np.zeros((4, 5), int)
        assert self.prepare(labels, np.zeros((2, 5, 3))) is labels

    @pytest.mark.parametrize(
        ("target", "words"),
        [
            ([0, 1.5, 2], r"label 1 is 1\.5"),
            ([0, 1, 3], r"3 at 2 is out of range.* 0 to 2"),
            ([0, -1.0, 1], r"-1\.0 at 1 is out of range"),
            ([[0.5, 0.5, 0], [0.5, 0.6, 0]], "sum to 1, but row 1"),
            ([[1.5, -0.5, 0]], "not be negative"),
            ([[1, 0, 0], [0, 0, 1], [1.5, -0.5, 0]], "not be negative.*, but row 2"),
            ([[0], [1]], r"shape \(2, 3\) need probabilities .* class labels of shape \(2,\)"),
            ([[0, 1], [1, 0]], r"got a target of shape \(2, 2\)"),
        ],
    )
    def test_targets_that_do_not_fit_are_a_value_error_that_says_why(self, target, words):
        with pytest.raises(ValueError, match=words):
            self.prepare(target)

    @pytest.mark.parametrize("target", [["cat", "dog"], [None, 1], [1j, 0], [True, False]])
    def test_labels_that_are_no_numbers_are_a_type_error_with_the_way_to_number_them(self, target):
        with pytest.raises(TypeError, match=r"np\.unique"):
            self.prepare(target)


def test_the_gradient_of_a_saturated_softmax_holds_no_subnormal_numbers():
    """They would slow down every product of the backward pass."""
    logits = -np.array([[0, 60, 80, 86, 88, 95, 103, 300]] * 4, np.float32)
    for target in (np.zeros(4, int), np.eye(4, 8, dtype=np.float32)[::-1]):
        loss = SoftmaxCrossEntropy()
        gradient = loss.backward(1.0, loss.forward(logits, target)[1])
        tiny = np.finfo(np.float32).tiny
        assert not ((gradient != 0) & (np.abs(gradient) < tiny)).any()
        assert (gradient != 0).any()
