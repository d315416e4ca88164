"""The mistakes that course notes on this subject make, and that minidl does not.

Each is demonstrated in docs/tutorial/6-what-may-go-wrong.md.
"""

import ast
import inspect
import re
from pathlib import Path

import numpy as np
import pytest
from scipy.special import logsumexp, softmax

from minidl import (
    SGD,
    Dense,
    GradientErrors,
    Layer,
    ReLU,
    Sequential,
    SoftmaxCrossEntropy,
    Tanh,
    accuracy,
    fit,
    loss_and_gradients,
    predict,
    predict_proba,
)
from minidl.gradcheck import numerical_gradient
from minidl.initializers import he_normal, he_uniform

ROOT = Path(__file__).parents[2]
loss = SoftmaxCrossEntropy()


def identity(size, dtype):
    return Dense(size, size, weight_initializer=lambda *_: np.eye(size), dtype=dtype)


def python_of(page):
    """Return the code of a Python file, or of the blocks of a page without their outputs."""
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".py":
        return text
    found = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = []
    for block in found:
        shown = ">>>" in block
        lines += [
            line[4:] if shown else line
            for line in block.splitlines()
            if not shown or line.startswith((">>> ", "... "))
        ]
    return "\n".join(lines)


SOURCES = [*(ROOT / "minidl").rglob("*.py"), *(ROOT / "examples").glob("*.py")]
PAGES = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]


def name_of(path):
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize(("dtype", "limit"), [(np.float64, 709), (np.float32, 88)])
def test_softmax_is_right_beyond_the_number_whose_exponential_overflows(dtype, limit):
    with np.errstate(over="ignore"):
        assert np.isfinite(np.exp(dtype(limit)))
        assert np.isinf(np.exp(dtype(limit + 1)))
    for largest in (limit, limit + 1, 10 * limit):
        z = np.array([[largest, largest - 1, 0], [-largest, 0, -1]], dtype)
        expected = softmax(z.astype(np.longdouble), axis=1)
        rtol = 8 * np.finfo(dtype).eps
        np.testing.assert_allclose(
            predict_proba(identity(3, dtype), z), expected, rtol, np.finfo(dtype).tiny
        )
        for truth in range(3):
            labels = np.full(2, truth)
            terms = logsumexp(z.astype(np.longdouble), axis=1) - z[:, truth]
            np.testing.assert_allclose(loss(z, labels), terms.mean(), rtol)


def test_the_probabilities_of_a_sample_do_not_depend_on_the_others_in_its_batch():
    z = np.random.default_rng(0).normal(size=(6, 4)) * 5
    network = identity(4, np.float64)
    together = predict_proba(network, z)
    np.testing.assert_allclose(together.sum(axis=1), 1, rtol=1e-15)
    for row, alone in zip(z, together, strict=True):
        np.testing.assert_allclose(predict_proba(network, row[np.newaxis])[0], alone, rtol=1e-15)


@pytest.mark.parametrize("gap", [0, 1, 20, 23.1, 30, 300, 800, 1e4])
def test_value_and_gradient_of_the_loss_agree_however_improbable_the_truth(gap):
    z, labels = np.array([[gap, 0.0], [-0.5, 0.25]]), np.array([1, 0])
    numerical, error = numerical_gradient(lambda z: loss(z, labels), z)
    _, cache = loss.forward(z, labels)
    assert error.max() < 1e-7
    assert (abs(loss.backward(1.0, cache) - numerical) <= error + 1e-15).all()


def test_the_loss_has_no_ceiling():
    losses = [loss(np.array([[gap, 0.0]]), np.array([1])) for gap in (20, 30, 300, 3000)]
    np.testing.assert_allclose(losses, [20, 30, 300, 3000], rtol=1e-9)


def test_the_gradients_of_a_run_are_checked_at_the_weights_they_were_taken_at():
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(60, 4)), rng.integers(3, size=60)
    network = Sequential(Dense(4, 8, rng=rng, dtype=np.float64), Tanh())
    network = Sequential(network, Dense(8, 3, rng=rng, dtype=np.float64))

    watch = GradientErrors(coordinates=20)
    fit(
        network,
        loss,
        SGD(network, learning_rate=0.5),
        x,
        labels,
        epochs=3,
        batch_size=10,
        seed=0,
        callbacks=[watch],
    )
    assert len(watch.errors) == 18
    assert max(watch.errors) < 1e-9

    # one such step changes the gradient by far more: the test would see the mistake
    optimizer = SGD(network, learning_rate=0.5)
    loss_and_gradients(network, loss, x[:10], labels[:10])
    before = optimizer.vector.grad.copy()
    optimizer.step()
    loss_and_gradients(network, loss, x[:10], labels[:10])
    after = optimizer.vector.grad
    assert np.linalg.norm(after - before) > 1e-3 * np.linalg.norm(after)


def test_a_hundred_checks_do_not_move_a_parameter_by_one_bit():
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(10, 3)), rng.integers(3, size=10)
    runs = []
    for callbacks in ([], [GradientErrors(coordinates=3)]):
        network = Dense(3, 3, rng=0)
        fit(
            network,
            loss,
            SGD(network, 0.1),
            x,
            labels,
            epochs=10,
            batch_size=1,
            seed=0,
            callbacks=callbacks,
        )
        runs.append(network.weight.value.tobytes() + network.bias.value.tobytes())
    assert runs[0] == runs[1]


def test_a_numerical_gradient_leaves_its_point_alone_even_if_the_function_fails():
    x = np.random.default_rng(0).normal(size=5)
    before = x.copy()
    calls = []

    def vandal(x):
        calls.append(x)
        x += 1
        if len(calls) == 30:
            raise RuntimeError("in the middle")
        return x.sum()

    with pytest.raises(RuntimeError, match="in the middle"):
        numerical_gradient(vandal, x)
    assert (x == before).all()


def test_numerical_gradients_are_better_than_any_one_sided_difference_can_be():
    x = np.linspace(0.2, 1.4, 50)
    numerical, error = numerical_gradient(lambda x: np.sin(x).sum(), x)
    best = min(
        np.median(abs((np.sin(x + h) - np.sin(x)) / h - np.cos(x)))
        for h in 10.0 ** -np.arange(4, 13)
    )
    assert np.median(abs(numerical - np.cos(x))) < best / 10
    assert (abs(numerical - np.cos(x)) <= error).all()


def test_held_out_accuracy_is_counted_on_samples_that_took_no_part_in_training():
    rng = np.random.default_rng(0)
    x, coin = rng.normal(size=(240, 20)), rng.integers(2, size=240)  # nothing to learn
    network = Sequential(Dense(20, 200, rng=rng), ReLU(), Dense(200, 2, rng=rng))
    history = fit(
        network,
        loss,
        SGD(network, 0.1, momentum=0.9),
        x[:40],
        coin[:40],
        epochs=100,
        batch_size=10,
        validation=(x[40:], coin[40:]),
        seed=0,
    )
    assert history.training["accuracy"][-1] == 1
    assert abs(history.validation["accuracy"][-1] - 0.5) < 0.15  # four standard deviations
    assert history.validation["accuracy"][-1] == accuracy(predict(network, x[40:]), coin[40:])


def test_decision_regions_take_a_few_calls_of_the_network_not_one_a_pixel():
    pytest.importorskip("matplotlib").use("Agg")
    plotting = pytest.importorskip("minidl.plotting")

    class Counting(Layer):
        calls = points = 0

        def forward(self, x):
            return x, None

        def backward(self, dy, cache):
            return dy

        def __call__(self, x):
            Counting.calls += 1
            Counting.points += len(x)
            return x

    rng = np.random.default_rng(0)
    network = Sequential(Dense(2, 2, rng=rng), Counting())
    plotting.decision_regions(network, rng.normal(size=(30, 2)), rng.integers(2, size=30))
    assert Counting.points >= 10_000
    assert Counting.calls <= Counting.points / 500


@pytest.mark.parametrize(
    ("layers", "activation"),
    [
        ({}, Tanh),
        ({"weight_initializer": he_normal}, ReLU),
        ({"weight_initializer": he_uniform}, ReLU),
    ],
)
def test_a_fresh_deep_network_neither_blows_up_nor_silences_its_signal(layers, activation):
    rng = np.random.default_rng(0)
    chain = [part for _ in range(10) for part in (Dense(256, 256, rng=rng, **layers), activation())]
    y = Sequential(*chain)(rng.normal(size=(100, 256)).astype(np.float32))
    assert 0.1 < np.sqrt(np.mean(np.square(y))) < 3


@pytest.mark.parametrize("classes", [2, 10])
def test_a_fresh_classifier_is_about_as_undecided_as_a_guess(classes):
    rng = np.random.default_rng(0)
    network = Sequential(Dense(784, 256, rng=rng), ReLU(), Dense(256, classes, rng=rng))
    x = rng.random((200, 784)).astype(np.float32)
    value = loss(network(x), rng.integers(classes, size=200))
    assert np.log(classes) - 0.1 < value < np.log(classes) + 0.5


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_the_slope_of_relu_at_zero_is_what_its_docstring_says(zero):
    assert "At x = 0 there is no derivative; this layer takes 0" in inspect.getdoc(ReLU)
    _, cache = ReLU().forward(np.array([zero]))
    assert ReLU().backward(np.ones(1), cache) == 0


def test_nothing_reads_or_moves_numpys_global_random_state():
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(20, 3)), rng.integers(2, size=20)
    runs = []
    for seed in (1, 2):
        np.random.seed(seed)  # noqa: NPY002
        before = np.random.get_state()[1].tobytes()  # noqa: NPY002
        network = Sequential(Dense(3, 4, rng=0), ReLU(), Dense(4, 2, rng=5))
        history = fit(
            network,
            loss,
            SGD(network, 0.1),
            x,
            labels,
            epochs=2,
            batch_size=4,
            seed=0,
            callbacks=[GradientErrors()],
        )
        numerical_gradient(lambda w: (w**2).sum(), x)
        assert np.random.get_state()[1].tobytes() == before  # noqa: NPY002
        runs.append(history.step_loss)
    assert runs[0] == runs[1]


@pytest.mark.parametrize("source", SOURCES, ids=name_of)
def test_no_source_draws_from_numpys_global_random_state(source):
    allowed = {"default_rng", "Generator", "RandomState", "SeedSequence"}
    allowed |= {"BitGenerator", "MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"}
    allowed |= {"get_bit_generator"}  # the checker puts back what a checked layer moved
    drawn = {
        node.attr
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "np.random"
    }
    assert drawn <= allowed


def test_layers_that_share_a_generator_start_with_different_weights():
    rng = np.random.default_rng(0)
    first, second = Dense(8, 8, rng=rng), Dense(8, 8, rng=rng)
    assert not (first.weight.value == second.weight.value).any()
    alone = Dense(8, 8), Dense(8, 8)  # and so do layers that are given none
    assert not (alone[0].weight.value == alone[1].weight.value).any()


@pytest.mark.parametrize("source", [*SOURCES, *PAGES], ids=name_of)
def test_no_example_gives_every_layer_of_a_network_the_same_integer(source):
    for node in ast.walk(ast.parse(python_of(source))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Sequential":
            seeds = [
                keyword.value.value
                for layer in node.args
                if isinstance(layer, ast.Call)
                for keyword in layer.keywords
                if keyword.arg == "rng" and isinstance(keyword.value, ast.Constant)
            ]
            assert len(seeds) == len(set(seeds)), ast.unparse(node)


def test_gradients_of_the_mean_are_divided_by_the_batch_once():
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(5, 3)), rng.integers(2, size=5)
    once, repeated = Dense(3, 2, rng=0, dtype=np.float64), Dense(3, 2, rng=0, dtype=np.float64)
    loss_and_gradients(once, loss, x, labels)
    loss_and_gradients(repeated, loss, np.tile(x, (7, 1)), np.tile(labels, 7))
    np.testing.assert_allclose(once.weight.grad, repeated.weight.grad, rtol=1e-12)
