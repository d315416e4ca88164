"""What holds for every optimizer: state, copies, dtype, descent, refusals."""

import copy
import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from minidl import (
    SGD,
    Adam,
    AdamW,
    ClipNorm,
    CosineDecay,
    Dense,
    Optimizer,
    Parameter,
    RMSProp,
    Sequential,
    SoftmaxCrossEntropy,
    fit,
)
from tests.support.networks import blobs, perceptron, state_of
from tests.support.points import Point, network

OPTIMIZERS = {
    "SGD": lambda layers, rate=0.1, **o: SGD(layers, rate, momentum=0.9, nesterov=True, **o),
    "Adam": lambda layers, rate=0.1, **o: Adam(layers, rate, **o),
    "AdamW": lambda layers, rate=0.1, **o: AdamW(layers, rate, **o),
    "RMSProp": lambda layers, rate=0.1, **o: RMSProp(layers, rate, momentum=0.5, **o),
}
every_optimizer = pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
EVERYTHING = {
    "rate": CosineDecay(0.1, steps=30),
    "groups": {"*.bias": {"weight_decay": 0}, "layers.0.*": {"learning_rate": 0}},
    "clip": ClipNorm(1.0),
}


def walk(optimizer, steps, seed=0):
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        vector = optimizer.vector
        vector.grad[:] = rng.normal(size=len(vector))
        optimizer.step()
    return optimizer.vector.value.copy()


@every_optimizer
@pytest.mark.parametrize("options", [{}, EVERYTHING], ids=["plain", "everything"])
@pytest.mark.parametrize("copier", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_copy_walks_on_as_the_original_does(make, options, copier):
    optimizer = make(network(), **options)
    walk(optimizer, 5)
    twin = copier(optimizer)
    assert twin.steps == 5
    assert repr(twin) == repr(optimizer)
    assert_array_equal(walk(twin, 5, seed=1), walk(optimizer, 5, seed=1))


@every_optimizer
@pytest.mark.parametrize("options", [{}, EVERYTHING], ids=["plain", "everything"])
def test_restoring_a_snapshot_undoes_everything_as_often_as_one_likes(make, options):
    optimizer = make(network(), **options)
    walk(optimizer, 5)
    snapshot = optimizer.snapshot()
    rate = optimizer.learning_rate
    first = walk(optimizer, 5, seed=1)
    for _ in range(2):
        optimizer.restore(snapshot)
        assert optimizer.steps == 5
        assert optimizer.learning_rate == rate
        assert_array_equal(walk(optimizer, 5, seed=1), first)


def test_a_snapshot_holds_the_state_of_a_schedule_in_a_group():
    class Falling:
        rate = 0.1

        def __call__(self, step):
            self.rate *= 0.5
            return self.rate

    falling = Falling()
    optimizer = SGD(network(), 0.1, groups={"*.bias": {"learning_rate": falling}})
    snapshot = optimizer.snapshot()
    first = walk(optimizer, 3)
    optimizer.restore(snapshot)
    assert_array_equal(walk(optimizer, 3), first)


@every_optimizer
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_values_and_state_keep_the_dtype_of_the_network(make, dtype):
    optimizer = make(network(dtype=dtype), np.float64(0.1), weight_decay=np.float64(0.1))
    walk(optimizer, 2)
    arrays = [item for item in vars(optimizer).values() if isinstance(item, np.ndarray)]
    assert arrays
    assert {array.dtype for array in (optimizer.vector.value, *arrays)} == {np.dtype(dtype)}


@every_optimizer
def test_float32_stays_close_to_float64(make):
    single, double = (walk(make(network(dtype=d)), 10) for d in (np.float32, np.float64))
    np.testing.assert_allclose(single, double, rtol=1e-4, atol=1e-5)


@every_optimizer
def test_a_step_clears_the_gradients_and_is_counted(make):
    optimizer = make(network())
    for step in range(3):
        assert optimizer.steps == step
        walk(optimizer, 1)
        assert not optimizer.vector.grad.any()


@every_optimizer
def test_a_step_after_the_parameters_moved_on_raises_and_changes_nothing(make):
    layers = network()
    optimizer = make(layers)
    make(Sequential(layers[0]))
    before = state_of(layers, optimizer)
    with pytest.raises(RuntimeError, match="build a new optimizer"):
        optimizer.step()
    assert state_of(layers, optimizer) == before


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", [Adam, AdamW, RMSProp])
def test_a_number_whose_gradient_is_zero_stays_however_small_epsilon_is(kind, dtype):
    layers = network(dtype=dtype)
    optimizer = kind(layers, 0.1, epsilon=1.2e-38, weight_decay=0)
    before = optimizer.vector.value.copy()
    for _ in range(3):
        optimizer.step()
    assert_array_equal(optimizer.vector.value, before)


@every_optimizer
def test_a_parabola_leads_to_its_minimum(make):
    point = Point([3.0, -2.0])
    optimizer = make(point, CosineDecay(0.1, steps=500))
    for _ in range(500):
        point.theta.grad += [2, 20] * (point.theta.value - 1)
        optimizer.step()
    np.testing.assert_allclose(point.theta.value, [1, 1], atol=0.02)


@every_optimizer
def test_a_perceptron_learns_blobs(make):
    x, y = blobs(200)
    layers = perceptron()
    history = fit(
        layers, SoftmaxCrossEntropy(), make(layers, 0.01), x, y, epochs=20, batch_size=20, seed=0
    )
    assert history.training["accuracy"][-1] > 0.95


@every_optimizer
def test_an_interrupted_run_goes_on_as_if_it_had_not_been(make):
    x, y = blobs()

    def run(layers, optimizer, epochs):
        fit(layers, SoftmaxCrossEntropy(), optimizer, x, y, epochs=epochs, batch_size=60, seed=0)
        return layers, optimizer

    whole = run(*(lambda layers: (layers, make(layers)))(perceptron()), 4)
    parts = run(*(lambda layers: (layers, make(layers)))(perceptron()), 2)
    parts = run(*pickle.loads(pickle.dumps(parts)), 2)
    # the order of the second half differs, but with the whole set as a batch it cannot matter much
    np.testing.assert_allclose(whole[1].vector.value, parts[1].vector.value, rtol=1e-4, atol=1e-5)


def test_the_first_step_of_adam_is_the_learning_rate_whatever_the_gradient():
    """m̂ = g and √v̂ = |g| at t = 1 (Kingma and Ba, section 2.1)."""
    point = Point([0.0, 0.0, 0.0])
    optimizer = Adam(point, 0.1, epsilon=1e-30)
    point.theta.grad += [1e3, -1e-9, 0]
    optimizer.step()
    np.testing.assert_allclose(point.theta.value, [-0.1, 0.1, 0], rtol=1e-12)


def test_adamw_decays_weights_apart_from_the_size_of_their_gradient_and_adam_does_not():
    def shrinkage(kind):
        point = Point([1.0, 1.0])
        optimizer = kind(point, 0.01, weight_decay=0.5)
        for step in range(100):
            point.theta.grad += np.array([1e3, 1e-3]) * (1 - 2 * (step % 2))
            optimizer.step()
        return 1 - point.theta.value

    by_adamw, by_adam = shrinkage(AdamW), shrinkage(Adam)
    assert by_adamw[0] == pytest.approx(by_adamw[1], rel=0.1)
    assert by_adam[1] > 20 * by_adam[0]


# --- subnormal numbers --------------------------------------------------------------------------


@every_optimizer
def test_the_state_of_a_gradient_that_has_ended_does_not_stay_subnormal(make):
    layers = network(dtype=np.float32)
    optimizer = make(layers)
    walk(optimizer, 1)
    arrays = [item for item in vars(optimizer).values() if isinstance(item, np.ndarray)]
    for array in arrays:
        array *= np.float32(1e-36)
    for _ in range(640):
        optimizer.step()
    smallest = np.finfo(np.float32).tiny
    for array in arrays:
        assert not ((array != 0) & (np.abs(array) < smallest)).any()


def test_flushing_sets_only_subnormal_numbers_to_zero_and_keeps_nan():
    class Idle(Optimizer):
        state = ("memory",)

        def update(self, value, grad, memory, rate, decay):
            pass

    smallest = np.finfo(np.float32).tiny
    optimizer = Idle(Dense(3, 2, bias=False), 0.1)
    optimizer.memory[:] = [1, -smallest, smallest / 2, -smallest / 4, 0, np.nan]
    for _ in range(63):
        optimizer.step()
    assert optimizer.memory[2] != 0
    optimizer.step()
    assert_array_equal(optimizer.memory, np.array([1, -smallest, 0, 0, 0, np.nan], np.float32))


# --- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        (Adam, {"beta1": 1}, "beta1 must be less than 1"),
        (Adam, {"beta2": -0.1}, "beta2 must be at least 0"),
        (AdamW, {"epsilon": 0}, "epsilon must be greater than 0"),
        (AdamW, {"weight_decay": -1}, "weight_decay must be at least 0"),
        (RMSProp, {"alpha": 1.5}, "alpha must be less than 1"),
        (RMSProp, {"momentum": np.nan}, "momentum must be finite"),
        (RMSProp, {"epsilon": "small"}, "epsilon must be a number"),
        (Adam, {"learning_rate": 0}, "learning_rate must be greater than 0"),
        (Adam, {"learning_rate": 1e300}, "learning_rate must be finite, got 1e.300, which float32"),
        (AdamW, {"epsilon": 1e-300}, "epsilon must be greater than 0, got 1e-300, which float32"),
        (RMSProp, {"epsilon": 1e300}, "epsilon must be finite, got 1e.300, which float32"),
        (SGD, {"learning_rate": 1e300}, "learning_rate must be finite, got 1e.300, which float32"),
        (SGD, {"weight_decay": 1e39}, "weight_decay must be finite, got 1e.39, which float32"),
        (Adam, {"clip": 1.0}, r"clip must be a function of the gradient.*got 1\.0"),
    ],
)
def test_a_hyper_parameter_out_of_range_is_refused_by_name(kind, options, words):
    with pytest.raises((ValueError, TypeError), match=words):
        kind(Dense(2, 2), **{"learning_rate": 0.1, **options})


@pytest.mark.parametrize("kind", [SGD, Adam, AdamW, RMSProp])
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"lr": 0.1}, r"{} takes no lr \(here it is learning_rate\), but network, learning_rate, "),
        ({"learning_rate": 0.1, "eps": 1e-8}, r"{} takes no eps"),
        ({"learning_rate": 0.1, "amsgrad": True}, r"{} takes no amsgrad, but .* groups, clip$"),
        ({"learning_rate": CosineDecay}, r"learning_rate is a class: make an .*, CosineDecay\(…\)"),
        (
            {"learning_rate": 0.1, "clip": ClipNorm},
            r"{}: clip is a class: make an .* ClipNorm\(…\)",
        ),
    ],
)
def test_a_keyword_of_another_library_or_a_class_is_refused_by_name(kind, options, words):
    with pytest.raises(TypeError, match=words.format(kind.__name__)):
        kind(Dense(2, 2), **options)


def test_the_betas_of_torch_are_refused_with_our_names():
    with pytest.raises(TypeError, match=r"AdamW takes no betas \(here it is beta1 and beta2\)"):
        AdamW(Dense(2, 2), 0.1, betas=(0.9, 0.99))
    with pytest.raises(TypeError, match="RMSProp takes no betas, but network"):
        RMSProp(Dense(2, 2), 0.1, betas=(0.9, 0.99))


def test_an_optimizer_of_ones_own_may_take_what_it_likes():
    class Bold(Adam):
        def __init__(self, *arguments, **options):
            self.nerve = options.pop("nerve")
            super().__init__(*arguments, **options)

    assert Bold(Dense(2, 2), 0.1, nerve=3).nerve == 3


def test_what_is_refused_leaves_the_network_unpacked():
    layers = network()
    old = SGD(Sequential(layers[0]), 0.1)
    for options in ({"momentum": 2}, {"groups": {"x": {}}}, {"clip": 1}, {"weight_decay": -1}):
        with pytest.raises((ValueError, TypeError)):
            SGD(layers, 0.1, **options)
    old.step()  # the parameters are still its own


def test_their_reprs_name_what_is_not_at_its_default():
    layer = Dense(1, 1)
    assert repr(Adam(layer, 0.1)) == "Adam(learning_rate=0.1)"
    assert repr(AdamW(layer, 0.1, 0.8, weight_decay=0)) == (
        "AdamW(learning_rate=0.1, beta1=0.8, weight_decay=0)"
    )
    assert repr(RMSProp(layer, CosineDecay(0.1, 9), clip=ClipNorm(2))) == (
        "RMSProp(learning_rate=CosineDecay(0.1, steps=9, end=0), clip=ClipNorm(2))"
    )
    assert repr(SGD(layer, 0.1, groups={"bias": {"learning_rate": 0}})) == (
        "SGD(learning_rate=0.1, groups={'bias': {'learning_rate': 0.0}})"
    )


def test_a_parameter_in_two_places_takes_one_step():
    shared = Point([0.0])
    optimizer = Adam(Sequential(shared, shared), 0.5)
    assert optimizer.vector.parameters == (shared.theta,)
    assert isinstance(shared.theta, Parameter)
    shared.theta.grad += 1
    optimizer.step()
    np.testing.assert_allclose(shared.theta.value, [-0.5])
