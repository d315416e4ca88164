"""What holds for every loss: the mean, the weights, the contract of a layer, the gradient."""

import copy
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from minidl import Dense, Hinge, Huber, Loss, SigmoidCrossEntropy
from minidl.gradcheck.numerical import numerical_gradient
from tests.support.losses import CASES, SHAPES, value_and_gradient

DTYPES = [np.float32, np.float64]
every_loss = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


@every_loss
@every_shape
@pytest.mark.parametrize("weighted", [False, True])
def test_the_gradient_is_that_of_the_value(case, shape, weighted):
    prediction, target, weight = case.draw(shape, seed=3)
    constants = (target, weight) if weighted else (target,)
    _, gradient = value_and_gradient(case.loss, prediction, *constants)

    def value_at(flat):
        return float(case.loss(flat.reshape(shape), *constants))

    numerical, error = numerical_gradient(value_at, prediction.reshape(-1))
    assert_allclose(gradient.reshape(-1), numerical, rtol=1e-6, atol=1e-9 + np.max(error))


@every_loss
@every_shape
@pytest.mark.parametrize("dtype", DTYPES)
def test_value_and_gradient_have_the_dtype_of_the_prediction(case, shape, dtype):
    prediction, target, weight = case.draw(shape, dtype)
    for constants in [(target,), (target, weight), (target, weight.astype(np.float64))]:
        value, gradient = value_and_gradient(case.loss, prediction, *constants)
        assert value.dtype == gradient.dtype == dtype
        assert np.ndim(value) == 0
        assert gradient.shape == shape


@every_loss
def test_float32_is_close_to_float64(case):
    prediction, target, weight = case.draw((6, 4), np.float32)
    single = value_and_gradient(case.loss, prediction, target, weight)
    double = value_and_gradient(case.loss, prediction.astype(np.float64), target, weight)
    assert_allclose(single[0], double[0], rtol=1e-6)
    assert_allclose(single[1], double[1], rtol=1e-5, atol=1e-7)


@every_loss
def test_nothing_is_written_into_what_was_handed_in(case):
    prediction, target, weight = case.draw((6, 4))
    weight[2] = 0
    inputs = (prediction, target, weight)
    for array in inputs:
        array.flags.writeable = False
    value, cache = case.loss.forward(*inputs)
    first = case.loss.backward(1.0, cache)
    assert_array_equal(case.loss.backward(1.0, cache), first)
    assert not any(np.shares_memory(first, array) for array in inputs)
    assert case.loss(*inputs) == value


@every_loss
def test_the_memory_order_of_the_arrays_does_not_matter(case):
    prediction, target, weight = case.draw((6, 4))
    expected = value_and_gradient(case.loss, prediction, target, weight)
    strided = [np.repeat(array, 2, axis=0)[::2] for array in (prediction, target, weight)]
    fortran = [np.asfortranarray(array) for array in (prediction, target, weight)]
    for inputs in (strided, fortran):
        value, gradient = value_and_gradient(case.loss, *inputs)
        assert value == pytest.approx(expected[0], rel=1e-14)
        assert_allclose(gradient, expected[1], rtol=1e-14, atol=1e-16)


@every_loss
def test_the_upstream_gradient_scales_the_gradient(case):
    _, cache = case.loss.forward(*case.draw((6, 4)))
    assert_array_equal(case.loss.backward(-2.0, cache), -2 * case.loss.backward(1.0, cache))


@every_loss
@pytest.mark.parametrize("copier", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_computes_the_same(case, copier):
    inputs = case.draw((6, 4))
    twin = copier(case.loss)
    assert twin(*inputs) == case.loss(*inputs)
    assert repr(twin) == repr(case.loss)


# --- the mean and its weights -------------------------------------------------------------------


@every_loss
def test_the_loss_of_a_batch_is_the_mean_of_the_losses_of_its_elements(case):
    if case.loss.__class__.__name__ == "SoftmaxCrossEntropy" and case.loss.ignore_index == 1:
        pytest.skip("elements to ignore are no part of the mean")
    prediction, target, weight = case.draw((6, 4))
    alone = np.array([case.loss(prediction[i : i + 1], target[i : i + 1]) for i in range(6)])
    assert case.loss(prediction, target) == pytest.approx(alone.mean(), rel=1e-13)
    by_sample = weight.reshape(6, -1)[:, 0]
    expected = (by_sample * alone).sum() / by_sample.sum()
    assert case.loss(prediction, target, by_sample) == pytest.approx(expected, rel=1e-13)


@every_loss
def test_a_weight_a_sample_holds_for_all_its_elements(case):
    prediction, target, _ = case.draw((3, 2, 4))
    by_sample = np.array([1.0, 0.5, 2.0])
    elements = case.elements((3, 2, 4))
    spread = np.broadcast_to(by_sample.reshape(3, *[1] * (len(elements) - 1)), elements)
    one = value_and_gradient(case.loss, prediction, target, by_sample)
    other = value_and_gradient(case.loss, prediction, target, spread)
    assert one[0] == other[0]
    assert_array_equal(one[1], other[1])


@every_loss
def test_whole_weights_count_like_repeated_samples(case):
    prediction, target, _ = case.draw((5, 3), seed=1)
    times = np.array([2, 0, 1, 3, 1])
    value, gradient = value_and_gradient(case.loss, prediction, target, times)
    repeated, apart = value_and_gradient(
        case.loss, np.repeat(prediction, times, axis=0), np.repeat(target, times, axis=0)
    )
    assert value == pytest.approx(repeated, rel=1e-13)
    summed = np.zeros_like(gradient)
    np.add.at(summed, np.repeat(np.arange(5), times), apart)
    assert_allclose(gradient, summed, rtol=1e-13, atol=1e-16)


@every_loss
@pytest.mark.parametrize("factor", [1e-300, 0.25, 3e307])
def test_only_the_ratios_of_the_weights_count(case, factor):
    prediction, target, weight = case.draw((5, 3), np.float32)
    one = value_and_gradient(case.loss, prediction, target, weight.astype(np.float64))
    other = value_and_gradient(case.loss, prediction, target, factor * weight.astype(np.float64))
    assert one[0] == pytest.approx(other[0], rel=1e-6)
    assert_allclose(one[1], other[1], rtol=1e-6)


@every_loss
@pytest.mark.parametrize("dtype", DTYPES)
def test_without_an_element_that_counts_the_loss_and_its_gradient_are_zero(case, dtype):
    prediction, target, weight = case.draw((4, 3), dtype)
    value, gradient = value_and_gradient(case.loss, prediction, target, 0 * weight)
    assert value == 0
    assert value.dtype == gradient.dtype == dtype
    assert_array_equal(gradient, np.zeros((4, 3)))


@every_loss
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_element_of_weight_zero_is_not_looked_at(case, value):
    prediction, target, weight = case.draw((4, 3))
    weight[2] = 0
    expected = value_and_gradient(case.loss, prediction, target, weight)
    prediction[2] = value
    if target.dtype.kind == "f":
        target[2] = value
    result = value_and_gradient(case.loss, prediction, target, weight)
    assert result[0] == expected[0]
    assert_array_equal(result[1], expected[1])
    assert not result[1][2].any()


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if not case.rows])
def test_a_floating_target_of_weight_zero_is_not_looked_at(name):
    case = CASES[name]
    prediction, target, weight = case.draw((4, 3))
    weight[2] = 0
    expected = value_and_gradient(case.loss, prediction, target, weight)
    target = target.astype(np.float64)
    for value in (np.nan, np.inf, -7.5):
        target[2] = value
        result = value_and_gradient(case.loss, prediction, target, weight)
        assert result[0] == expected[0]
        assert_array_equal(result[1], expected[1])


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.target != "numbers"])
def test_accuracy_is_the_share_of_what_is_right(name):
    case = CASES[name]
    if not case.rows:
        prediction, target = [[3.0, -1], [-0.5, 2], [0.1, -9]], [[1, 0], [1, 1], [1, 1]]
        expected = 4 / 6
    else:
        prediction = [[3.0, 1, 2], [0, 9, 1], [-3, -2, -1], [0, 5, 0], [1, 0, 0]]
        target = [0, 2, 2, 1, 2]
        expected = 2 / 4 if "ignoring" in name else 3 / 5
        target = np.eye(3)[target] if case.target == "rows" else target
    assert case.loss.accuracy(np.array(prediction), np.array(target)) == expected


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.rows])
def test_the_accuracy_of_sequences_is_that_of_their_steps(name):
    loss, (prediction, target, _) = CASES[name].loss, CASES[name].draw((3, 5, 4))
    steps = target.reshape(15, *target.shape[2:])
    assert 0 < loss.accuracy(prediction, target) == loss.accuracy(prediction.reshape(15, 4), steps)


@every_loss
def test_a_prediction_that_is_not_finite_and_counts_makes_the_loss_not_finite(case):
    prediction, target, _ = case.draw((4, 3), seed=5)
    prediction[2] = np.nan
    assert not np.isfinite(case.loss(prediction, target))


# --- what is refused ----------------------------------------------------------------------------


@every_loss
@pytest.mark.parametrize(
    ("weight", "words"),
    [
        (
            np.ones(3),
            r": (logits|scores|predictions) of shape \(4, 5\) need weights of shape .*\(4,\), "
            r"got shape \(3,\)$",
        ),
        (np.ones((1, 4)), r"got shape \(1, 4\)"),
        (np.ones((4, 5, 3)), "need weights of shape"),
        (np.array(1.0), r"got shape \(\)"),
        (np.array([1, 1, 1, -1]), "must be finite and not negative"),
        (np.array([1, 1, 1, np.nan]), "must be finite and not negative"),
        (np.array([1, 1, 1, np.inf]), "must be finite and not negative"),
    ],
)
def test_weights_that_do_not_fit_are_refused(case, weight, words):
    prediction, target, _ = case.draw((4, 5))
    with pytest.raises(ValueError, match=words) as caught:
        case.loss.forward(prediction, target, weight)
    assert str(caught.value).startswith(repr(case.loss))


@every_loss
@pytest.mark.parametrize(
    "weight",
    [np.full(4, 1 + 1j), np.array(["1"] * 4), np.full(4, None), "heavy", object()],
    ids=["complex", "strings", "objects", "a string", "an object"],
)
def test_weights_that_are_no_real_numbers_are_a_type_error_of_the_loss(case, weight):
    prediction, target, _ = case.draw((4, 5))
    with pytest.raises(TypeError, match="weights must be real numbers, got dtype") as caught:
        case.loss.forward(prediction, target, weight)
    assert str(caught.value).startswith(repr(case.loss))


@every_loss
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda z: z.astype(int), "dtype int64"),
        (lambda z: z + 0j, "dtype complex128"),
        (np.ndarray.tolist, r"\[\["),
        (lambda z: None, "None"),
    ],
)
def test_a_prediction_that_is_no_array_of_floating_numbers_is_a_type_error(case, change, words):
    prediction, target, _ = case.draw((4, 5))
    need = f"(logits|scores|predictions) must be an array of floating numbers, got {words}"
    with pytest.raises(TypeError, match=need) as caught:
        case.loss.forward(change(prediction), target)
    assert str(caught.value).startswith(repr(case.loss))


@every_loss
@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (0,)])
def test_a_loss_of_nothing_is_refused(case, shape):
    target = np.zeros(case.elements(shape), int if case.target == "indices" else float)
    with pytest.raises(ValueError, match=r"no (logits|scores|predictions), their shape"):
        case.loss.forward(np.zeros(shape), target)


@pytest.mark.parametrize("name", ["squared", "absolute", "Huber", "sigmoid"])
def test_a_target_that_the_dtype_of_the_network_cannot_hold_is_refused_with_its_place(name):
    target = np.array([0.0, 1e300, 0.0])
    with pytest.raises(ValueError, match=r"y: target 1 is 1e\+300, too large for float32"):
        CASES[name].loss.prepare_target(target, np.zeros(1, np.float32))


@every_loss
def test_a_target_is_never_broadcast(case):
    prediction, target, _ = case.draw((4, 3))
    for wrong in (target[:1], target[:3], target[..., np.newaxis], target[0]):
        with pytest.raises(ValueError, match="shape"):
            case.loss.forward(prediction, wrong)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.rows])
def test_a_single_column_is_no_choice_of_classes_and_is_refused_with_the_way_out(name):
    case = CASES[name]
    prediction, target, _ = case.draw((5, 1))
    words = r"one output, shape \(5, 1\), .* SigmoidCrossEntropy with targets 0 and 1"
    for given in (target, np.array([0, 1, 1, 0, 1])):
        if given.shape == target.shape:
            with pytest.raises(ValueError, match=words) as caught:
                case.loss.forward(prediction, given)
            assert str(caught.value).startswith(f"{case.loss}: ")
        with pytest.raises(ValueError, match=f"^y: {words}"):
            case.loss.prepare_target(given, prediction)


@pytest.mark.parametrize("name", ["squared", "absolute", "Huber", "sigmoid"])
def test_a_column_against_a_flat_target_is_refused_with_the_way_out(name):
    loss = CASES[name].loss
    for shape in [(4,), (4, 3)]:
        with pytest.raises(ValueError, match=r"target\[\.\.\., np\.newaxis\] has it"):
            loss.forward(np.zeros((*shape, 1)), np.zeros(shape))
        with pytest.raises(ValueError, match=r"target\[\.\.\., 0\] has it"):
            loss.forward(np.zeros(shape), np.zeros((*shape, 1)))
    with pytest.raises(ValueError, match=r"y\[\.\.\., np\.newaxis\] has it"):
        loss.prepare_target(np.zeros(9), np.zeros((4, 1)))


@pytest.mark.parametrize("name", ["squared", "sigmoid", "hinge, signs"])
@pytest.mark.parametrize("target", [np.zeros(3, complex), np.full(3, None), np.array(["a"] * 3)])
def test_targets_that_are_no_real_numbers_are_a_type_error(name, target):
    loss = CASES[name].loss
    with pytest.raises(TypeError, match=r"dtype|got"):
        loss.forward(np.zeros(3), target)
    with pytest.raises(TypeError, match="dtype"):
        loss.prepare_target(target, np.zeros(3))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Hinge(1e300), "margin must be finite"),
        (lambda: Huber(delta=1e300), "delta must be finite"),
        (lambda: Huber(delta=1e-300), "delta must be greater than 0"),
        (lambda: SigmoidCrossEntropy(1e300), "pos_weight must be finite"),
        (lambda: SigmoidCrossEntropy([1.0, 1e-300]), "pos_weight must be greater than 0"),
    ],
)
def test_an_option_that_does_not_survive_in_float32_is_refused(make, words):
    with pytest.raises(ValueError, match=f"{words}, got .*, which float32 cannot hold"):
        make()


@every_loss
def test_options_at_the_ends_of_float32_make_no_nan(case):
    prediction, target, _ = case.draw((4, 3), np.float32)
    for extreme in (1.2e-38, 3.4e38):
        loss = copy.copy(case.loss)
        for option in vars(loss).keys() & {"margin", "delta", "pos_weight"}:
            setattr(loss, option, extreme)
        with np.errstate(all="ignore"):
            value, gradient = value_and_gradient(loss, prediction, target)
        assert not np.isnan(value)
        assert not np.isnan(gradient).any()


# --- the door -----------------------------------------------------------------------------------


@every_loss
@every_shape
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_prepared_target_is_what_forward_takes_and_gives_the_same_loss(case, shape, dtype):
    prediction, target, _ = case.draw(shape, dtype)
    wide = target.astype(np.float64)  # as a table read from a file might have it
    for given in (target, wide):
        prepared = case.loss.prepare_target(given, prediction[:1])
        assert case.loss(prediction, prepared) == case.loss(prediction, target)
        if case.target != "indices":
            assert prepared.dtype == dtype


@every_loss
def test_a_loss_is_a_layer_whose_prediction_alone_carries_a_gradient(case):
    assert isinstance(case.loss, Loss)
    assert case.loss.differentiable == 1
    assert case.loss.classification == (case.target != "numbers")
    with pytest.raises(ValueError, match="shape"):
        case.loss.prepare_target(np.zeros((3, 7)), Dense(2, 4)(np.zeros((3, 2))))
