"""Wrong use of the checker is answered in its own words: what was given, needed, and where."""

import numpy as np
import pytest

from minidl import Dense, Layer
from minidl.gradcheck import check_gradients, check_scalar, check_vjp

X = np.random.default_rng(0).normal(size=(3, 4))


class Double(Layer):
    def forward(self, x):
        return 2 * x, None

    def backward(self, dy, cache):
        return 2 * dy


def layer(forward=None, backward=None):
    """Return a doubling layer of which one method is another."""
    kind = type("Odd", (Double,), {})
    if forward is not None:
        kind.forward = lambda self, x: forward(x)
    if backward is not None:
        kind.backward = lambda self, dy, cache: backward(dy)
    return kind()


def note(caught):
    return " ".join(caught.value.__notes__)


@pytest.mark.parametrize(
    ("inputs", "kinds"), [((np.arange(3),), "int64"), ((), "none"), (("text",), "str")]
)
def test_without_parameters_and_floating_inputs_there_is_nothing_to_check(inputs, kinds):
    with pytest.raises(ValueError, match=rf"no gradient to check.*\(inputs: {kinds}\)"):
        check_gradients(Double(), *inputs)


@pytest.mark.parametrize(("given", "of"), [(Dense(3, 2), "weight, bias"), (Double(), "it")])
def test_an_empty_batch_proves_nothing(given, of):
    report = check_gradients(given, np.zeros((0, 3)))
    assert report.verdict == "inconclusive"
    assert f"nothing could be proved of {of}: the output is empty" in str(report)


@pytest.mark.parametrize("given", [Double, np.tanh, None])
def test_what_is_not_a_layer_is_refused(given):
    with pytest.raises(TypeError, match="takes an object with forward and backward, got"):
        check_gradients(given, X)


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        (lambda x: 2 * x, r"Odd.forward must return the pair \(output, cache\), got one value"),
        (lambda x: (x, x, x), r"must return the pair \(output, cache\), got 3 of them"),
        (lambda x: None, r"must return the pair \(output, cache\), got one value \(NoneType\)"),
        (lambda x: (None, x), "output must be a floating array or number, got None"),
        (lambda x: ([x, x[:1]], x), "output must be a floating array or number, got"),
        (lambda x: (x.astype(int), x), "output must be floating, got dtype int64"),
    ],
)
def test_forward_must_give_one_floating_output_and_a_cache(forward, message):
    with pytest.raises(TypeError, match=message) as caught:
        check_gradients(layer(forward), X)
    assert "forward, as the check begins" in note(caught)


def test_an_output_that_is_not_finite_is_named_with_its_place():
    x = np.abs(X)
    x[0, 1] = -1
    with np.errstate(all="ignore"), pytest.raises(ValueError, match=r"not finite at \(0, 1\)"):
        check_gradients(layer(lambda x: (np.log(x), x)), x)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (X * np.nan, ValueError, "input 0 has elements that are not finite"),
        (X * 1j, TypeError, "input 0 has dtype complex128: gradients here are real"),
        ([None, 1.0], TypeError, "input 0 has dtype object"),
        ([[1.0, 2.0], [1.0]], ValueError, "input 0 cannot be made an array"),
    ],
)
def test_an_input_that_is_no_array_of_finite_real_numbers_is_refused(given, error, message):
    with pytest.raises(error, match=message):
        check_gradients(Double(), given)


def test_the_precision_must_be_a_floating_one():
    with pytest.raises(TypeError, match="dtype must be float32 or float64, got int64"):
        check_gradients(Double(), X, dtype=int)


def raises(*_):
    raise RuntimeError("out of luck")


@pytest.mark.parametrize(
    ("odd", "tried"),
    [
        (layer(forward=raises), "forward, as the check begins"),
        (layer(backward=raises), "backward, after one forward"),
    ],
)
def test_what_a_layer_raises_names_the_probe(odd, tried):
    with pytest.raises(RuntimeError, match="out of luck") as caught:
        check_gradients(odd, X)
    assert note(caught) == f"raised while the gradient checker tried this: {tried}"


def test_a_layer_that_raises_late_names_the_probe_too():
    def forward(x):
        if not (x == X).all() and np.abs(x - X).max() < 0.01:
            raise RuntimeError("not at this point")
        return 2 * x, None

    with pytest.raises(RuntimeError, match="not at this point") as caught:
        check_gradients(layer(forward), X)
    assert "small changes of inputs and parameters" in note(caught)


def test_an_error_about_shapes_keeps_the_words_of_the_layer():
    with pytest.raises(ValueError, match="input has 4 features, expected 3") as caught:
        check_gradients(Dense(3, 2), X)
    assert "forward, as the check begins" in note(caught)


def test_a_shape_that_changes_from_call_to_call_is_a_dependence_on_history():
    calls = []

    def forward(x):
        calls.append(x)
        return (x if len(calls) % 2 else x[:2]), None

    report = check_gradients(layer(forward), X)
    assert report.findings[0].mistake == "history-dependent-forward"


def test_a_shape_that_depends_on_the_values_is_refused():
    x = X.copy()
    x[0, 0] = 1e-9
    odd = layer(lambda x: (x[x > 0], None), lambda dy: np.ones_like(x))
    with pytest.raises(ValueError, match="7 elements at first and 6 when the inputs move"):
        check_gradients(odd, x)


@pytest.mark.parametrize(
    ("returned", "mistake"),
    [
        (lambda dy: None, "missing-gradient"),
        (lambda dy: (dy, dy), "wrong-number-of-gradients"),
        (lambda dy: 1.0, "wrong-shape"),
        (lambda dy: dy[:2], "wrong-shape"),
        (lambda dy: 2j * dy, "wrong-dtype"),
    ],
)
def test_a_gradient_of_another_form_is_a_finding(returned, mistake):
    report = check_gradients(layer(backward=returned), X)
    assert report.verdict == "fail"
    assert report.findings[0].mistake == mistake
    assert report.findings[0].tensor == "input 0"


def test_functions_are_answered_in_the_same_way():
    report = check_vjp(np.sin, lambda x, dy: None, X)
    assert report.findings[0].mistake == "missing-gradient"
    with pytest.raises(ValueError, match="not finite at"), np.errstate(all="ignore"):
        check_scalar(lambda x: np.log(x).sum(), lambda x: 1 / x, [-1.0])


def test_the_callers_layer_inputs_and_generators_are_left_alone_even_if_it_raises():
    dense, x = Dense(4, 2, rng=0), X.copy()
    weight, state = dense.weight.value.copy(), np.random.get_state()[1].copy()  # noqa: NPY002
    with pytest.raises(RuntimeError):
        check_gradients(layer(backward=raises), x)
    check_gradients(dense, x)
    assert (dense.weight.value == weight).all()
    assert not dense.weight.grad.any()
    assert (x == X).all()
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002
