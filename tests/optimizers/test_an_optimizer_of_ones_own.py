"""A class of three lines has all that the optimizers of minidl have."""

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from minidl import (
    SGD,
    ClipNorm,
    CosineDecay,
    DivergenceError,
    Optimizer,
    ReLU,
    Sequential,
    SoftmaxCrossEntropy,
    Steps,
    fit,
)
from minidl.checkpoint import ModelFileError
from tests.support.networks import blobs, perceptron
from tests.support.points import Point, network


class Adagrad(Optimizer):
    """v ← v + g²,  θ ← θ − η g / (√v + ε): J. Duchi et al., JMLR 12, 2011."""

    state = ("total",)

    def update(self, value, grad, total, rate, decay):
        grad += decay * value
        total += grad**2
        value -= rate * grad / (np.sqrt(total) + 1e-8)


class Ball(Optimizer):
    """SGD's momentum, with a hyper-parameter of its own."""

    config = (*Optimizer.config, "momentum")
    state = ("velocity",)

    def __init__(self, network, learning_rate, momentum, **options):
        self.momentum = momentum
        super().__init__(network, learning_rate, **options)

    def update(self, value, grad, velocity, rate, decay):
        grad += decay * value
        velocity *= self.momentum
        velocity += grad
        value -= rate * velocity


X, Y = blobs()
EVERYTHING = {
    "weight_decay": 1e-2,
    "groups": {"*.bias": {"weight_decay": 0, "learning_rate": CosineDecay(0.1, 40)}},
    "clip": ClipNorm(1.0),
}


def train(optimizer, **options):
    arguments = {"epochs": 4, "batch_size": 10, "seed": 3, **options}
    return fit(optimizer.network, SoftmaxCrossEntropy(), optimizer, X, Y, **arguments)


def test_its_first_step_is_the_learning_rate_and_the_next_with_the_same_gradient_a_root_of_it():
    point = Point([0.0, 0.0])
    optimizer = Adagrad(point, 0.5)
    for expected in ([-0.5, 0.5], [-0.5 - 0.5 / 2**0.5, 0.5 + 0.5 / 2**0.5]):
        point.theta.grad += [100, -0.01]
        optimizer.step()
        assert_allclose(point.theta.value, expected, rtol=1e-5)
    assert not point.theta.grad.any()


def test_it_walks_as_the_same_rule_of_minidl_with_groups_clipping_and_decay():
    ours, own = perceptron(), perceptron()
    train(SGD(ours, 0.1, momentum=0.875, **EVERYTHING))
    train(Ball(own, 0.1, momentum=0.875, **EVERYTHING))
    assert_array_equal(own[0].weight.value, ours[0].weight.value)
    assert_array_equal(own[2].bias.value, ours[2].bias.value)


def test_what_is_frozen_stays_and_so_does_its_state():
    layers = network()
    optimizer = Adagrad(layers, 0.1, groups={"layers.0.*": {"learning_rate": 0}})
    before = layers[0].weight.value.copy()
    for layer in layers:
        layer.weight.grad += 1
    optimizer.step()
    assert_array_equal(layers[0].weight.value, before)
    assert not optimizer.total[: before.size].any()
    assert optimizer.total[-layers[1].weight.value.size :].any()


def test_long_vectors_are_cut_into_blocks_that_the_rule_does_not_notice():
    point = Point(np.zeros(100_000))
    optimizer = Adagrad(point, 0.1)
    point.theta.grad += np.linspace(-1, 1, 100_000)
    grad = point.theta.grad.copy()
    optimizer.step()
    assert_array_equal(point.theta.value, 0 - 0.1 * grad / (np.sqrt(grad**2) + 1e-8))
    assert_array_equal(optimizer.total, grad**2)


@pytest.mark.parametrize("copier", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_its_copy_trains_on_as_it_does_and_shares_nothing(copier):
    optimizer = Adagrad(perceptron(), 0.1, **EVERYTHING)
    train(optimizer, epochs=1)
    twin = copier(optimizer)
    train(twin)
    assert not np.array_equal(twin.total, optimizer.total)
    train(optimizer)
    assert_array_equal(twin.total, optimizer.total)
    assert_array_equal(twin.vector.value, optimizer.vector.value)


def test_a_run_that_diverges_gives_its_state_back():
    class Spoil:
        def on_step(self, run):
            if run.step == 15:
                run.optimizer.vector.value[0] = np.nan

    optimizer, calm = Adagrad(perceptron(), 0.1), Adagrad(perceptron(), 0.1)
    with pytest.raises(DivergenceError):
        train(optimizer, callbacks=[Spoil()])
    train(calm, epochs=2)
    assert (optimizer.steps, calm.steps) == (12, 12)
    assert_array_equal(optimizer.total, calm.total)
    assert_array_equal(optimizer.vector.value, calm.vector.value)


@pytest.mark.parametrize(
    "make",
    [lambda n: Adagrad(n, 0.1, **EVERYTHING), lambda n: Ball(n, 0.1, momentum=0.5, **EVERYTHING)],
    ids=["Adagrad", "Ball"],
)
def test_a_run_that_was_stopped_goes_on_to_the_very_bits(make, tmp_path):
    class Stop:
        def on_step(self, run):
            if run.step == 17:
                raise SystemError

    path = Path(tmp_path, "run.safetensors")
    options = {"checkpoint": path, "checkpoint_every": Steps(5), "resume": path}
    whole, first, second = (make(perceptron()) for _ in range(3))
    train(whole)
    with pytest.raises(SystemError):
        train(first, callbacks=[Stop()], **options)
    history = train(second, **options)
    assert history.resumed_from == 15
    assert_array_equal(second.vector.value, whole.vector.value)
    for name in type(whole).state:
        assert_array_equal(getattr(second, name), getattr(whole, name))


def test_a_checkpoint_is_not_taken_up_with_another_hyper_parameter_of_its_own(tmp_path):
    path = Path(tmp_path, "run.safetensors")
    train(Ball(perceptron(), 0.1, momentum=0.5), checkpoint=path)
    with pytest.raises(ModelFileError, match="of a run with another optimizer"):
        train(Ball(perceptron(), 0.1, momentum=0.25), checkpoint=path, resume=path)


def test_what_a_checkpoint_would_lose_is_refused_before_the_first_step(tmp_path):
    class Forgetful(Adagrad):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            self.slow = self.vector.value.copy()

    optimizer = Forgetful(perceptron(), 0.1)
    with pytest.raises(ModelFileError, match=r"Forgetful\.slow would be lost: name an array in"):
        train(optimizer, checkpoint=Path(tmp_path, "run.safetensors"))
    assert optimizer.steps == 0


def test_it_is_made_shown_and_refused_as_the_others():
    layers = Sequential(perceptron(), ReLU())
    assert repr(Adagrad(layers, 0.1, weight_decay=0.5)) == (
        "Adagrad(learning_rate=0.1, weight_decay=0.5)"
    )
    with pytest.raises(TypeError, match=r"Adagrad takes no lr \(here it is learning_rate\), but"):
        Adagrad(layers, lr=0.1)
    with pytest.raises(TypeError, match="abstract"):
        Optimizer(layers, 0.1)
