"""The training loop: what it computes, what it records, and what it leaves when it fails."""

import os
import signal

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from minidl import (
    SGD,
    Dense,
    DivergenceError,
    ExponentialDecay,
    Layer,
    Parameter,
    ReLU,
    Sequential,
    SoftmaxCrossEntropy,
    Steps,
    Tanh,
    batches,
    fit,
    loss_and_gradients,
    predict,
)
from tests.support.networks import Noise, blobs, perceptron, state_of

LOSS = SoftmaxCrossEntropy()


def train(network, x, y, *, optimizer=None, **options):
    optimizer = optimizer or SGD(network, 0.1, momentum=0.9)
    return fit(network, LOSS, optimizer, x, y, **{"epochs": 3, "batch_size": 16, **options})


class Act:
    """A callback that does something at a given step."""

    def __init__(self, step, action):
        self.step, self.action = step, action

    def on_step(self, run):
        return self.action() if run.step == self.step else None


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


# --- batches ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "lengths"), [(1, [1] * 7), (3, [3, 3, 1]), (7, [7]), (99, [7])])
def test_batches_hold_every_sample_once_with_its_target(size, lengths):
    x = np.arange(14.0).reshape(7, 2)
    drawn = list(batches(x, x[:, 0], size, rng=0))
    assert [len(part) for part, _ in drawn] == lengths
    rows = np.concatenate([part for part, _ in drawn])
    assert_array_equal(rows[rows[:, 0].argsort()], x)
    assert_array_equal(rows[:, 0], np.concatenate([target for _, target in drawn]))


def test_batches_from_one_generator_differ_between_epochs_and_repeat_with_its_seed():
    def orders(seed):
        rng = np.random.default_rng(seed)
        x = np.arange(50)
        return [np.concatenate([part for part, _ in batches(x, x, 8, rng)]) for _ in range(2)]

    first, second = orders(0)
    assert (first != second).any()
    assert_array_equal(orders(0), [first, second])


@pytest.mark.parametrize(
    ("x", "y", "size", "error"),
    [
        ([], [], 1, ValueError),
        ([1, 2], [1], 1, ValueError),
        (1, 2, 1, ValueError),
        ([1], [1], 0, ValueError),
        ([1], [1], 1.5, TypeError),
        ([1], [1], True, TypeError),
    ],
)
def test_batches_refuses_nonsense_at_the_call(x, y, size, error):
    with pytest.raises(error):
        batches(x, y, size, rng=0)


# --- one batch ----------------------------------------------------------------------------------


def test_micro_batches_with_scale_add_up_to_the_gradient_of_the_whole_batch():
    x, y = blobs(32)
    whole, parts = perceptron(dtype=np.float64), perceptron(dtype=np.float64)
    loss_and_gradients(whole, LOSS, x, y)
    for part in range(4):
        rows = slice(8 * part, 8 * part + 8)
        loss_and_gradients(parts, LOSS, x[rows], y[rows], scale=1 / 4)
    for a, b in zip(whole, parts, strict=True):
        if isinstance(a, Dense):
            np.testing.assert_allclose(a.weight.grad, b.weight.grad, rtol=1e-12, atol=1e-15)


def test_an_integral_sample_weight_counts_like_repeated_samples():
    x, y = blobs(12)
    weight = np.arange(12) % 3
    one, other = perceptron(dtype=np.float64), perceptron(dtype=np.float64)
    weighted = loss_and_gradients(one, LOSS, x, y, sample_weight=weight)
    repeated = loss_and_gradients(other, LOSS, np.repeat(x, weight, 0), np.repeat(y, weight))
    np.testing.assert_allclose(weighted, repeated, rtol=1e-12)
    np.testing.assert_allclose(one[0].weight.grad, other[0].weight.grad, rtol=1e-10, atol=1e-15)


def test_float64_data_do_not_change_the_dtype_of_a_float32_network():
    x, y = blobs()
    network = perceptron()
    assert loss_and_gradients(network, LOSS, x, y).dtype == np.float32


def test_no_gradient_is_taken_from_a_loss_that_is_not_finite():
    network = perceptron()
    network[0].weight.value[0, 0] = np.nan
    with pytest.raises(DivergenceError, match="nan"):
        loss_and_gradients(network, LOSS, *blobs())
    assert not network[2].weight.grad.any()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"network": None}, TypeError, "the network must be a Layer, got None"),
        ({"loss": "mse"}, TypeError, "the loss must be a Layer, got 'mse'"),
        ({"loss": LOSS.forward}, TypeError, "the loss must be a Layer, got <bound method"),
        ({"loss": SoftmaxCrossEntropy}, TypeError, "the loss must be a Layer, got <class"),
        ({"scale": float("nan")}, ValueError, "scale must be finite"),
        ({"scale": -1}, ValueError, "scale must be greater than 0"),
        ({"x": blobs()[0] + 1j}, TypeError, "complex"),
        ({"x": [["a", "b"]]}, TypeError, "real numbers"),
        ({"sample_weight": -np.ones(60)}, ValueError, "not negative"),
    ],
)
def test_the_public_loop_refuses_what_is_no_batch(change, error, message):
    x, y = blobs()
    network = perceptron()
    before = state_of(network)
    with pytest.raises(error, match=message):
        loss_and_gradients(**{"network": network, "loss": LOSS, "x": x, "y": y, **change})
    assert state_of(network) == before


def test_whole_numbers_are_cast_like_fit_casts_them():
    x, y = blobs()
    whole = np.round(x)
    one, other = perceptron(), perceptron()
    assert loss_and_gradients(one, LOSS, whole.astype(int), y).dtype == np.float32
    loss_and_gradients(other, LOSS, whole, y)
    assert state_of(one) == state_of(other)


# --- the loop -----------------------------------------------------------------------------------


def test_fit_takes_the_very_steps_of_the_loop_written_by_hand():
    x, y = blobs()
    x = x.astype(np.float32)
    fitted, byhand = perceptron(), perceptron()
    history = train(fitted, x, y, seed=7)
    optimizer = SGD(byhand, 0.1, momentum=0.9)
    losses = []
    for epoch in range(3):
        order = np.random.default_rng([7, epoch]).permutation(len(x))
        for start in range(0, len(x), 16):
            rows = order[start : start + 16]
            losses.append(float(loss_and_gradients(byhand, LOSS, x[rows], y[rows])))
            optimizer.step()
    assert history.step_loss == losses
    assert state_of(fitted) == state_of(byhand)


@pytest.mark.parametrize("batch_size", [1, 7, 60, 1000])
def test_any_batch_size_learns_blobs(batch_size):
    x, y = blobs()
    network = perceptron()
    optimizer = SGD(network, 0.05)
    history = train(network, x, y, optimizer=optimizer, epochs=60, batch_size=batch_size, seed=0)
    assert history.training["accuracy"][-1] > 0.9
    assert len(history.step_loss) == 60 * int(np.ceil(60 / batch_size))


def test_the_same_seed_gives_the_same_bits_whatever_only_watches():
    x, y = blobs()

    def run(**options):
        network = Sequential(*perceptron(), Noise())
        optimizer = SGD(network, 0.1, momentum=0.9)
        train(network, x, y, optimizer=optimizer, seed=3, **options)
        return state_of(network, optimizer)

    plain = run()
    assert plain == run(validation=(x, y), validate_every=Steps(1))
    assert plain == run(callbacks=[Act(2, lambda: None)], recover=False)
    assert plain == run(progress=True)
    assert plain != run(epochs=4)


def test_a_drawn_seed_is_recorded_and_repeats_the_run():
    x, y = blobs()
    first, second = perceptron(), perceptron()
    history = train(first, x, y)
    train(second, x, y, seed=history.seed)
    assert state_of(first) == state_of(second)


def test_numpys_global_generator_is_neither_used_nor_moved():
    before = repr(np.random.get_state())  # noqa: NPY002
    train(perceptron(), *blobs())
    assert repr(np.random.get_state()) == before  # noqa: NPY002


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


def test_the_repr_of_a_history_says_what_was_reached():
    x, y = blobs()
    history = train(perceptron(), x, y, validation=(x, y), seed=0)
    assert repr(history).startswith("History(12 steps, 3 epochs; training loss")
    assert "held-out loss" in repr(history)


# --- how a run ends -----------------------------------------------------------------------------


def test_a_callback_that_returns_true_ends_the_run_after_the_step():
    history = train(perceptron(), *blobs(), callbacks=[Act(5, lambda: True)])
    assert len(history.step_loss) == 5
    assert history.stopped_by == "Act"
    assert not history.interrupted


def test_the_hooks_are_called_in_order_with_the_batch():
    calls = []

    class Log:
        def on_begin(self, run):
            calls.append("begin")

        def on_gradients(self, run):
            x, y, weight = run.batch
            assert len(x) == len(y) == len(weight) == 30
            assert run.optimizer.vector.grad.any()
            calls.append(f"gradients {run.step}")

        def on_step(self, run):
            assert not run.optimizer.vector.grad.any()
            calls.append(f"step {run.step}")

        def on_epoch(self, run):
            calls.append(f"epoch {run.epoch}")

        def on_end(self, run):
            calls.append("end")

    x, y = blobs()
    train(perceptron(), x, y, batch_size=30, epochs=1, callbacks=[Log()], sample_weight=[1] * 60)
    expected = "begin, gradients 0, step 1, gradients 1, step 2, epoch 1, end"
    assert ", ".join(calls) == expected


def test_ctrl_c_ends_the_run_at_the_boundary_of_a_step():
    x, y = blobs()
    interrupted, stopped = perceptron(), perceptron()
    history = train(interrupted, x, y, seed=0, callbacks=[Act(5, interrupt)])
    assert history.interrupted
    assert len(history.step_loss) == 5
    train(stopped, x, y, seed=0, callbacks=[Act(5, lambda: True)])
    assert state_of(interrupted) == state_of(stopped)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_ctrl_c_raises():
    def twice():
        interrupt()
        interrupt()

    with pytest.raises(KeyboardInterrupt):
        train(perceptron(), *blobs(), callbacks=[Act(5, twice)])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_the_users_own_is_left_alone():
    seen = []
    old = signal.signal(signal.SIGINT, lambda *_: seen.append(1))
    try:
        history = train(perceptron(), *blobs(), callbacks=[Act(5, interrupt)])
    finally:
        signal.signal(signal.SIGINT, old)
    assert seen == [1]
    assert not history.interrupted


# --- errors inside a run ------------------------------------------------------------------------


def test_a_run_that_stops_on_the_last_step_of_an_epoch_has_completed_the_epoch():
    seen = []

    class Log(Act):
        def on_epoch(self, run):
            seen.append(run.epoch)

        def on_end(self, run):
            seen.append(f"end {run.epoch}")

    train(perceptron(), *blobs(), epochs=5, callbacks=[Log(8, lambda: np.bool(True))])
    assert seen == [1, 2, "end 2"]


def test_ctrl_c_after_the_last_step_is_not_swallowed():
    class Late:
        def on_end(self, run):
            interrupt()

    assert train(perceptron(), *blobs(), callbacks=[Late()]).interrupted


def test_a_callback_may_have_methods_of_its_own_and_answer_with_numbers():
    class Log:
        def on_step(self, run):
            return run.history.step_loss[-1]

        def close(self):
            raise AssertionError("the loop has no business with it")

    assert len(train(perceptron(), *blobs(), callbacks=[Log()]).step_loss) == 12


def test_methods_that_stand_on_an_instance_are_still_there_after_the_first_step():
    layer = Tanh()
    layer.forward = lambda x: (np.tanh(x), np.tanh(x))
    forward = layer.forward
    network = Sequential(Dense(2, 8, rng=0), layer, Dense(8, 3, rng=0))
    train(network, *blobs())
    assert layer.forward is forward


def test_weights_of_any_size_count_by_their_ratio_alone():
    x, y = blobs()
    weight = 1.0 + np.arange(60) % 4
    networks = [perceptron() for _ in range(3)]
    for network, unit in zip(networks, (1.0, 2.0**120, 2.0**-160), strict=True):
        train(network, x, y, sample_weight=weight * unit, seed=0)
    for other in networks[1:]:
        np.testing.assert_allclose(
            other[0].weight.value, networks[0][0].weight.value, rtol=1e-3, atol=1e-5
        )


class Cube(Layer):
    def forward(self, x):
        return x**3, x

    def backward(self, dy, x):
        return 3 * dy * x * x


def test_a_diverging_run_names_the_layer_and_goes_back_to_the_start_of_the_epoch():
    x, y = blobs(classes=2)
    network = Sequential(Dense(2, 8, rng=0), Noise(), Cube(), Dense(8, 2, rng=1))
    optimizer = SGD(network, 50.0, momentum=0.5)
    before = state_of(network, optimizer)
    with pytest.raises(DivergenceError, match=r"layers\.[23] .* turns finite") as caught:
        train(network, x, y, optimizer=optimizer, seed=0, epochs=20)
    error = caught.value
    assert error.epoch == 1
    assert error.step == len(error.history.step_loss) > 0
    assert np.isfinite(error.last_loss)
    assert "learning rate (it is 50)" in str(error)
    assert state_of(network, optimizer) == before


def test_without_recovery_a_diverging_run_leaves_the_last_step():
    x, y = blobs(classes=2)
    network = Sequential(Dense(2, 8, rng=0), Cube(), Dense(8, 2, rng=1))
    before = state_of(network)
    with pytest.raises(DivergenceError, match="after the last step"):
        train(network, x, y, optimizer=SGD(network, 50.0), seed=0, epochs=20, recover=False)
    assert state_of(network) != before
    assert not network[0].weight.grad.any()


def test_a_parameter_that_became_infinite_in_the_last_step_is_no_success():
    class Explode(Layer):
        def forward(self, x):
            return x, None

        def backward(self, dy, cache):
            return 1e30 * np.sign(dy)

    network = Sequential(Dense(2, 3, rng=0), Explode())
    before = state_of(network)
    message = "after step 1, epoch 1: .* has a weight that is not finite"
    with pytest.raises(DivergenceError, match=message):
        train(network, *blobs(), optimizer=SGD(network, 1e9), epochs=1, batch_size=60)
    assert state_of(network) == before


def test_an_error_in_a_callback_leaves_the_state_after_the_last_complete_step():
    x, y = blobs()

    def fail():
        raise RuntimeError("the user's own")

    class FailBeforeUpdate:
        def on_gradients(self, run):
            if run.step == 5:
                fail()

    def network():
        return Sequential(*perceptron(), Noise())

    expected = network()
    train(expected, x, y, seed=0, callbacks=[Act(5, lambda: True)])
    for callback in (Act(5, fail), FailBeforeUpdate()):
        failed = network()
        with pytest.raises(RuntimeError, match="the user's own"):
            train(failed, x, y, seed=0, callbacks=[callback])
        assert state_of(failed) == state_of(expected)


class Faulty(Layer):
    """Returns from backward what a function makes of the right gradient."""

    def __init__(self, fault, forward=lambda y: (y, None)):
        self.gain = Parameter(np.ones(8))
        self.fault, self.output = fault, forward

    def forward(self, x):
        return self.output(x * self.gain.value)

    def backward(self, dy, cache):
        self.gain.grad += dy.sum(axis=0)
        return self.fault(dy)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (lambda dy: None, r"returned for input 0 None, expected an array of shape \(16, 8\)"),
        (lambda dy: (dy, dy), "returned 2 gradients for 1 inputs"),
        (lambda dy: [dy], "returned for input 0 a list, expected an array"),
        (lambda dy: dy.T, r"a gradient of shape \(8, 16\), expected shape \(16, 8\)"),
        (lambda dy: dy.astype(np.float64), "a gradient of float64, expected float32"),
        (lambda dy: dy * np.nan, "a gradient that is not finite"),
    ],
)
def test_the_first_step_finds_a_faulty_backward_and_changes_nothing(fault, message):
    network = Sequential(Dense(2, 8, rng=0), Faulty(fault), Noise(), Dense(8, 3, rng=0))
    optimizer = SGD(network, 0.1)
    before = state_of(network, optimizer)
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        train(network, *blobs(), optimizer=optimizer)
    assert str(caught.value).startswith("Sequential[1] Faulty(gain (8,)): backward")
    assert state_of(network, optimizer) == before
    assert all("forward" not in vars(layer) for layer in network)


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        (lambda y: y, "forward must return"),
        (lambda y: (y.astype(np.float64), None), "forward returned float64 for inputs"),
    ],
)
def test_the_first_step_finds_a_faulty_forward(forward, message):
    layer = Faulty(lambda dy: dy, forward)
    layer.output = lambda y: (y, None)
    network = Sequential(Dense(2, 8, rng=0), layer, Dense(8, 3, rng=0))
    optimizer = SGD(network, 0.1)

    class Break:
        def on_begin(self, run):
            layer.output = forward

    with pytest.raises(TypeError, match=message):
        train(network, *blobs(), optimizer=optimizer, callbacks=[Break()])


class Naked(Layer):
    """Forgets the cache."""

    def forward(self, x):
        return x

    def backward(self, dy, cache):
        return dy


def test_a_forward_without_a_cache_is_named_at_the_door():
    network = Sequential(Dense(2, 3, rng=0), Naked())
    with pytest.raises(TypeError, match=r"Sequential\[1\] Naked\(\): forward must return"):
        train(network, *blobs())


def test_a_layer_that_replaces_its_parameter_is_found_before_the_step():
    class Replacing(Dense):
        def backward_parameters(self, dy, x):
            self.weight = Parameter(self.weight.value)
            super().backward_parameters(dy, x)

    network = Sequential(Replacing(2, 3, rng=0))
    with pytest.raises(ValueError, match="parameters of another network"):
        train(network, *blobs())


class MeanSquare(Layer):
    differentiable = 1

    def forward(self, prediction, target):
        return ((prediction - target) ** 2).mean(), (prediction - target) * np.float32(2)

    def backward(self, dy, difference):
        return dy * difference / difference.size


def test_a_loss_that_is_no_number_or_takes_no_weights_is_refused():
    class Unreduced(MeanSquare):
        def forward(self, prediction, target):
            return (prediction - target) ** 2, None

    class Bare(MeanSquare):
        def forward(self, prediction, target):
            return 0.0

    x, _ = blobs()
    network = Dense(2, 2, rng=0)
    arguments = {"optimizer": SGD(network, 0.1), "x": x, "y": x, "epochs": 1, "batch_size": 8}
    for loss, weight, message in (
        (Unreduced(), None, "a loss is one number"),
        (Bare(), None, r"must return \(output, cache\)"),
        (MeanSquare(), np.ones(60), "takes no weights"),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            fit(network, loss, **arguments, sample_weight=weight)
    with pytest.raises(TypeError, match="takes no weights"):
        fit(network, MeanSquare(), **arguments, validation=(x, x, np.ones(60)))


def test_the_first_step_finds_a_parameter_gradient_that_is_not_finite():
    class Broken(Dense):
        def backward_parameters(self, dy, x):
            super().backward_parameters(dy, x)
            self.weight.grad += np.inf

    network = Sequential(Broken(2, 3, rng=0))
    with pytest.raises(ValueError, match="made the gradient of weight not finite"):
        train(network, *blobs())
    assert not network[0].weight.grad.any()


# --- the door -----------------------------------------------------------------------------------


def good():
    x, y = blobs()
    return {"x": x, "y": y, "epochs": 1, "batch_size": 16}


def changed(array, place, value):
    array = np.array(array, float)
    array[place] = value
    return array


BAD_DATA = {
    "x too few features": ({"x": np.ones((60, 1))}, ValueError, "has 1 features, expected 2"),
    "x 1-D": ({"x": np.ones(60)}, ValueError, "features, expected 2"),
    "x 0-D": ({"x": 3.0}, ValueError, "array of samples"),
    "x empty": ({"x": np.ones((0, 2)), "y": []}, ValueError, r"empty: its shape is \(0, 2\)"),
    "x without features": ({"x": np.ones((60, 0))}, ValueError, "empty"),
    "x ragged": ({"x": [[1, 2], [3]]}, ValueError, "not a regular array"),
    "x NaN": ({"x": changed(blobs()[0], (3, 1), np.nan)}, ValueError, r"x\[3, 1\] is nan"),
    "x infinite": ({"x": changed(blobs()[0], (0, 0), -np.inf)}, ValueError, "is -inf"),
    "x too large": ({"x": changed(blobs()[0], (0, 0), 1e300)}, ValueError, "finite in float32"),
    "x complex": ({"x": np.ones((60, 2), complex)}, TypeError, "complex"),
    "x object": ({"x": np.full((60, 2), None)}, TypeError, "got dtype object"),
    "x strings": ({"x": np.full((60, 2), "1")}, TypeError, "got dtype <U1"),
    "x dates": ({"x": np.zeros((60, 2), "M8[s]")}, TypeError, "datetime64"),
    "x masked": ({"x": np.ma.masked_equal(np.eye(60, 2), 1)}, ValueError, "masked"),
    "y short": ({"y": [0] * 59}, ValueError, "y has 59 samples, but x has 60"),
    "y negative": ({"y": [-1] + [0] * 59}, ValueError, "label -1 at 0 is out of range"),
    "y too large": ({"y": [0] * 59 + [3]}, ValueError, "label 3 at 59 .* classes 0 to 2"),
    "y too large, floating": ({"y": [0.0] * 59 + [3.0]}, ValueError, "label 3.0 at 59"),
    "y fractional": ({"y": [0.0] * 59 + [0.5]}, ValueError, "label 59 is 0.5"),
    "y NaN": ({"y": [0.0] * 59 + [np.nan]}, ValueError, r"y\[59\] is nan"),
    "y boolean": ({"y": [True] * 60}, TypeError, "got dtype bool"),
    "y strings": ({"y": ["a"] * 60}, TypeError, "np.unique"),
    "y a column": (
        {"y": np.zeros((60, 1), int)},
        ValueError,
        r"labels of shape \(60,\), got .*\(60, 1\)",
    ),
    "y too wide": ({"y": np.eye(60, 4)}, ValueError, r"got a target of shape \(60, 4\)"),
    "y no probabilities": ({"y": np.full((60, 3), 0.5)}, ValueError, "sum to 1, but row 0"),
    "weights short": ({"sample_weight": [1.0]}, ValueError, "has 1 weights, but x has 60"),
    "weights negative": ({"sample_weight": [1.0] * 59 + [-1]}, ValueError, r"\[59\] is negative"),
    "weights zero": ({"sample_weight": [0] * 60}, ValueError, "zero for all"),
    "validation single": ({"validation": np.ones((3, 2))}, TypeError, r"must be \(x, y\) or"),
    "validation four": ({"validation": ([[0, 0]], [1], [1], 1)}, TypeError, r"must be \(x, y\) or"),
    "held-out weights": (
        {"validation": ([[0, 0]], [1], [1, 1])},
        ValueError,
        "validation weight has 2 weights, but x has 1",
    ),
    "held-out weights zero": ({"validation": ([[0, 0]], [1], [0])}, ValueError, "zero for all"),
    "held-out weights negative": (
        {"validation": ([[0, 0]], [1], [-1])},
        ValueError,
        r"validation weight\[0\] is negative",
    ),
    "validation y": ({"validation": ([[0, 0]], [5])}, ValueError, "^validation y: .* label 5"),
    "validation x": ({"validation": ([[0]], [1])}, ValueError, r"shape \(1,\), but x of \(2,\)"),
    "epochs 0": ({"epochs": 0}, ValueError, "epochs must be at least 1, got 0"),
    "epochs 1.5": ({"epochs": 1.5}, TypeError, "epochs must be an integer, got 1.5"),
    "epochs boolean": ({"epochs": True}, TypeError, "got True"),
    "batch size": ({"batch_size": -1}, ValueError, "batch_size must be at least 1"),
    "batch size NaN": ({"batch_size": float("nan")}, TypeError, "batch_size"),
    "every": ({"validate_every": 0}, ValueError, "validate_every"),
    "seed": ({"seed": -1}, ValueError, "seed"),
    "seed text": ({"seed": "0"}, TypeError, "seed must be an integer, got '0'"),
    "callback alone": ({"callbacks": Act(1, interrupt)}, TypeError, "must be a list"),
    "callback class": ({"callbacks": [object()]}, TypeError, "needs one of on_begin"),
    "metric's name": ({"metrics": {"loss": lambda p, t: 0.0}}, ValueError, "'loss' is taken"),
    "progress": ({"progress": "yes"}, TypeError, "progress must be"),
    "callback not made": ({"callbacks": [Act]}, TypeError, "a class: make an instance, Act"),
    "metrics list": ({"metrics": [len]}, TypeError, "must be a dict"),
    "metric no function": ({"metrics": {"a": 3}}, TypeError, r"metrics\['a'\] must be a function"),
    "metric None": ({"metrics": {"a": lambda p, t: None}}, TypeError, "must return a number"),
    "metric array": ({"metrics": {"a": lambda p, t: p}}, TypeError, "must return a number"),
}


@pytest.mark.parametrize("case", BAD_DATA)
def test_what_is_refused_at_the_door_changes_nothing(case):
    arguments, error, message = BAD_DATA[case]
    network = Sequential(*perceptron(), Noise())
    optimizer = SGD(network, 0.1, momentum=0.9)
    network[0].weight.grad += 1.0
    before = state_of(network, optimizer)
    with pytest.raises(error, match=message):
        fit(network, LOSS, optimizer, **{**good(), **arguments})
    assert state_of(network, optimizer) == before


def equivalents():
    x, y = blobs()
    x32 = np.round(x).astype(np.float32)
    padded = np.zeros((60, 4), np.float32)
    padded[:, ::2] = x32
    misaligned = np.zeros(60 * 8 + 1, np.uint8)[1:].view(np.float32).reshape(60, 2)
    misaligned[:] = x32
    locked = x32.copy()
    locked.flags.writeable = False
    return {
        "lists": (x32.tolist(), y.tolist()),
        "float64": (x32.astype(np.float64), y),
        "float16": (x32.astype(np.float16), y.astype(np.uint8)),
        "longdouble": (x32.astype(np.longdouble), y.astype(np.float64)),
        "integers": (x32.astype(np.int16), y),
        "big-endian": (x32.astype(">f4"), y.astype(">i8")),
        "Fortran order": (np.asfortranarray(x32), y),
        "negative strides": (x32[::-1].copy()[::-1], y[::-1].copy()[::-1]),
        "strided": (padded[:, ::2], y),
        "misaligned": (misaligned, y),
        "read-only": (locked, y),
        "np.matrix": (np.asarray(x32).view(np.matrix), y),
        "masked, nothing masked": (np.ma.array(x32), y),
        "one-hot": (x32, np.eye(3)[y]),
        "integer one-hot": (x32, np.eye(3, dtype=int)[y]),
    }, (x32, y)


@pytest.mark.parametrize("form", equivalents()[0])
def test_the_same_numbers_in_any_form_give_the_same_result(form):
    cases, (x, y) = equivalents()
    expected, network = perceptron(), perceptron()
    train(expected, x, y, seed=0)
    train(network, *cases[form], seed=0)
    if "one-hot" in form:
        np.testing.assert_allclose(network[0].weight.value, expected[0].weight.value, rtol=1e-5)
    else:
        assert state_of(network) == state_of(expected)


def test_sparse_matrices_are_refused_with_the_way_out():
    sparse = pytest.importorskip("scipy.sparse")
    x, y = blobs()
    with pytest.raises(TypeError, match=r"pass x\.toarray\(\)"):
        train(perceptron(), sparse.csr_matrix(x), y)


def test_an_optimizer_of_another_network_is_refused():
    with pytest.raises(ValueError, match="another network"):
        train(perceptron(), *blobs(), optimizer=SGD(perceptron(), 0.1))


def test_an_optimizer_whose_parameters_moved_on_is_refused():
    network = perceptron()
    optimizer = SGD(network, 0.1)
    SGD(Sequential(network, Tanh()), 0.1)
    train(network, *blobs(), optimizer=optimizer)  # the same parameters in the same order
    SGD(Sequential(network[0], ReLU()), 0.1)
    with pytest.raises(RuntimeError, match="build a new optimizer"):
        train(network, *blobs(), optimizer=optimizer)


@pytest.mark.parametrize("part", ["network", "loss", "optimizer"])
def test_parts_that_are_no_parts_are_refused(part):
    network = perceptron()
    parts = {"network": network, "loss": LOSS, "optimizer": SGD(network, 0.1), part: "adam"}
    with pytest.raises(TypeError, match=f"the {part} must be"):
        fit(**parts, **good())


def test_a_loss_of_the_users_own_needs_no_more_than_the_contract():
    x, _ = blobs()
    target = (x @ [[1.0], [2.0]]).astype(np.float32)
    network = Dense(2, 1, rng=0)
    history = fit(network, MeanSquare(), SGD(network, 0.05), x, target, epochs=50, batch_size=10)
    assert history.step_loss[-1] < 1e-4 * history.step_loss[0]
    assert list(history.training) == ["loss"]


def test_a_schedule_counts_the_steps_of_fit_and_goes_back_with_a_run_that_diverged():
    x, y = blobs(classes=2)
    network = Sequential(Dense(2, 8, rng=0), Cube(), Dense(8, 2, rng=1))
    optimizer = SGD(network, ExponentialDecay(1e-3, factor=1.5))
    rates = []

    class Watch:
        def on_gradients(self, run):
            rates.append(run.optimizer.learning_rate)

    with pytest.raises(DivergenceError) as caught:
        train(network, x, y, optimizer=optimizer, seed=0, epochs=50, callbacks=[Watch()])
    np.testing.assert_allclose(rates, 1e-3 * 1.5 ** np.arange(len(rates)), rtol=1e-12)
    assert optimizer.steps == 4 * (caught.value.epoch - 1)


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
