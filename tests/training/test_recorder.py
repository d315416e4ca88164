"""What `fit` records: means over the steps, figures of held-out data, metrics of the user's own."""

import numpy as np

from minidl import (
    SGD,
    Layer,
    SoftmaxCrossEntropy,
    Steps,
    fit,
    predict,
)
from tests.support.fits import LOSS, train
from tests.support.networks import blobs, perceptron, state_of


def test_a_drawn_seed_is_recorded_and_repeats_the_run():
    x, y = blobs()
    first, second = perceptron(), perceptron()
    history = train(first, x, y)
    train(second, x, y, seed=history.seed)
    assert state_of(first) == state_of(second)


def test_training_figures_are_the_mean_over_the_steps_since_the_last_validation():
    x, y = blobs()
    history = train(perceptron(), x, y, validation=(x, y), validate_every=Steps(3), seed=0)
    assert history.steps == [3, 6, 9, 12]
    assert history.epochs == [0.75, 1.5, 2.25, 3.0]
    means = np.reshape(history.step_loss, (4, 3)).mean(axis=1)
    np.testing.assert_allclose(history.training["loss"], means, rtol=1e-12)


def test_held_out_figures_are_those_of_the_held_out_data():
    x, y = blobs(80)
    network = perceptron()
    history = train(network, x[:60], y[:60], validation=(x[60:], y[60:]), epochs=2)
    prediction = predict(network, x[60:])
    right = (prediction.argmax(axis=1) == y[60:]).mean()
    assert history.validation["accuracy"][-1] == right
    assert history.validation["loss"][-1] == float(LOSS(prediction, y[60:]))
    assert history.steps == [4, 8]


def test_held_out_weights_count_like_repeated_samples():
    x, y = blobs(80)
    weight = np.arange(20) % 3
    repeated = np.repeat(x[60:], weight, axis=0), np.repeat(y[60:], weight)
    losses = [
        train(perceptron(), x[:60], y[:60], validation=held_out, seed=0).validation["loss"]
        for held_out in ((x[60:], y[60:], weight), repeated, (x[60:], y[60:], None))
    ]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)
    assert abs(losses[0][-1] - losses[2][-1]) > 1e-3


def test_what_is_left_of_the_last_period_is_recorded_at_the_end():
    history = train(perceptron(), *blobs(), validate_every=Steps(5))
    assert history.steps == [5, 10, 12]


def test_metrics_are_the_users_own():
    x, y = blobs()

    def largest(prediction, target):
        return float(prediction.max())

    history = train(perceptron(), x, y, metrics={"largest": largest}, validation=(x, y))
    assert set(history.training) == set(history.validation) == {"loss", "largest"}


def test_a_loss_for_classes_of_the_users_own_gets_the_plain_accuracy():
    class Plain(Layer):
        differentiable, classification = 1, True
        loss = SoftmaxCrossEntropy()

        def forward(self, prediction, target):
            return self.loss.forward(prediction, target)

        def backward(self, dy, cache):
            return self.loss.backward(dy, cache)

    x, y = blobs()
    one, other = perceptron(), perceptron()
    plain = fit(one, Plain(), SGD(one, 0.1), x, y, epochs=2, batch_size=16, seed=0)
    usual = fit(other, LOSS, SGD(other, 0.1), x, y, epochs=2, batch_size=16, seed=0)
    assert plain.training == usual.training
