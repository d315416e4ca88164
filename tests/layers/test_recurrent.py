"""RNN, GRU and LSTM against torch, published numbers and what lengths must mean."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import GRU, LSTM, RNN
from minidl.gradcheck import check_gradients
from tests.support.arrays import any_order, assert_close, normal

KINDS = [RNN, GRU, LSTM]


def with_first_state(x, weight_input, weight_hidden, state):
    """Return inputs and weights for which a layer that begins with h₀ = 0 begins with a state.

    The state stands beside the first input, 0 beside the others, and U below W: then the first
    step adds h₀ U through its input.
    """
    beside = np.zeros((*x.shape[:2], state.shape[1]))
    beside[:, 0] = state
    return np.concatenate([x, beside], axis=2), np.concatenate([weight_input, weight_hidden])


def loaded(kind, weight_input, weight_hidden, bias):
    layer = kind(len(weight_input), len(weight_hidden), dtype=np.float64)
    layer.weight_input.value = weight_input
    layer.weight_hidden.value = weight_hidden
    layer.bias.value = bias
    return layer


def test_the_published_values_of_cs231n_for_the_simple_network():
    """Stanford CS231n, assignment 3, RNN_Captioning.ipynb, rnn_forward."""
    x = np.linspace(-0.1, 0.3, 24).reshape(2, 3, 4)
    hidden = np.linspace(-0.4, 0.1, 25).reshape(5, 5)
    x, weight = with_first_state(
        x,
        np.linspace(-0.2, 0.4, 20).reshape(4, 5),
        hidden,
        np.linspace(-0.3, 0.1, 10).reshape(2, 5),
    )
    published = [
        [
            [-0.42070749, -0.27279261, -0.11074945, 0.05740409, 0.22236251],
            [-0.39525808, -0.22554661, -0.0409454, 0.14649412, 0.32397316],
            [-0.42305111, -0.24223728, -0.04287027, 0.15997045, 0.35014525],
        ],
        [
            [-0.55857474, -0.39065825, -0.19198182, 0.02378408, 0.23735671],
            [-0.27150199, -0.07088804, 0.13562939, 0.33099728, 0.50158768],
            [-0.51014825, -0.30524429, -0.06755202, 0.17806392, 0.40333043],
        ],
    ]
    layer = loaded(RNN, weight, hidden, np.linspace(-0.7, 0.1, 5))
    np.testing.assert_allclose(layer(x), published, atol=1e-8)


def test_the_published_values_of_cs231n_for_the_lstm():
    """Stanford CS231n, assignment 3, LSTM_Captioning.ipynb, lstm_forward; gates i, f, o, g."""
    x = np.linspace(-0.4, 0.6, 30).reshape(2, 3, 5)
    order = np.concatenate([np.arange(8), np.arange(12, 16), np.arange(8, 12)])
    hidden = np.linspace(-0.3, 0.6, 64).reshape(4, 16)[:, order]
    x, weight = with_first_state(
        x,
        np.linspace(-0.2, 0.9, 80).reshape(5, 16)[:, order],
        hidden,
        np.linspace(-0.4, 0.8, 8).reshape(2, 4),
    )
    published = [
        [
            [0.01764008, 0.01823233, 0.01882671, 0.0194232],
            [0.11287491, 0.12146228, 0.13018446, 0.13902939],
            [0.31358768, 0.33338627, 0.35304453, 0.37250975],
        ],
        [
            [0.45767879, 0.4761092, 0.4936887, 0.51041945],
            [0.6704845, 0.69350089, 0.71486014, 0.7346449],
            [0.81733511, 0.83677871, 0.85403753, 0.86935314],
        ],
    ]
    layer = loaded(LSTM, weight, hidden, np.linspace(0.2, 0.7, 16)[order])
    np.testing.assert_allclose(layer(x), published, atol=1e-8)


def as_torch(layer):
    """Return torch's layer with the same parameters."""
    torch = pytest.importorskip("torch")
    kind, hidden = type(layer).__name__, layer.hidden_features
    theirs = getattr(torch.nn, kind)(layer.in_features, hidden, batch_first=True).double()
    with torch.no_grad():
        theirs.weight_ih_l0.copy_(torch.tensor(layer.weight_input.value.T))
        theirs.weight_hh_l0.copy_(torch.tensor(layer.weight_hidden.value.T))
        theirs.bias_ih_l0.copy_(torch.tensor(layer.bias.value))
        theirs.bias_hh_l0.zero_()
        if kind == "GRU":
            theirs.bias_hh_l0[2 * hidden :] = torch.tensor(layer.bias_hidden.value)
    return theirs


@given(
    st.sampled_from(KINDS),
    st.tuples(st.integers(1, 4), st.integers(1, 6), st.integers(1, 4), st.integers(1, 4)),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2**32),
)
def test_they_agree_with_torch_with_and_without_lengths(kind, sizes, last, ragged, seed):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    samples, steps, features, hidden = sizes
    layer = kind(
        features,
        hidden,
        last=last,
        weight_initializer=normal,
        bias_initializer=normal,
        rng=rng,
        dtype=np.float64,
    )
    theirs = as_torch(layer)
    x = rng.normal(size=(samples, steps, features))
    their_x = torch.tensor(x, requires_grad=True)
    lengths = rng.integers(1, steps + 1, samples) if ragged else None
    if ragged:
        pack = torch.nn.utils.rnn.pack_padded_sequence(
            their_x, torch.tensor(lengths), batch_first=True, enforce_sorted=False
        )
        packed, state = theirs(pack)
        their_y, _ = torch.nn.utils.rnn.pad_packed_sequence(
            packed, batch_first=True, total_length=steps
        )
    else:
        their_y, state = theirs(their_x)
    if last:
        their_y = (state[0] if kind is LSTM else state)[0]
    dy = rng.normal(size=their_y.shape)
    their_y.backward(torch.tensor(dy))

    y, cache = layer.forward(any_order(rng, x), lengths)
    dx = layer.backward(any_order(rng, dy), cache)
    assert_close(y, their_y.detach())
    assert_close(dx, their_x.grad)
    assert_close(layer.weight_input.grad, theirs.weight_ih_l0.grad.T)
    assert_close(layer.weight_hidden.grad, theirs.weight_hh_l0.grad.T)
    assert_close(layer.bias.grad, theirs.bias_ih_l0.grad)
    if kind is GRU:
        assert_close(layer.bias_hidden.grad, theirs.bias_hh_l0.grad[2 * hidden :])


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_check_passes_over_eight_steps_with_lengths(kind, last):
    rng = np.random.default_rng(0)
    layer = kind(2, 3, last=last, bias_initializer=normal, rng=rng)
    check_gradients(layer, rng.normal(size=(3, 8, 2)), np.array([8, 0, 5])).assert_ok()


@pytest.mark.parametrize("kind", KINDS)
def test_what_stands_beyond_the_length_of_a_sequence_does_not_matter(kind):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 6, 2))
    lengths = np.array([4, 6, 0])
    beyond = np.arange(6) >= lengths[:, np.newaxis]
    other = x.copy()
    other[beyond] = 1e4
    for last in (False, True):
        layer = kind(2, 3, last=last, rng=1, dtype=np.float64)
        y, cache = layer.forward(x, lengths)
        np.testing.assert_array_equal(layer(other, lengths), y)
        dx = layer.backward(np.ones_like(y), cache)
        assert not dx[beyond].any()
        assert dx[~beyond].all()
        alone = layer(x[:1, :4])
        assert_close(y[0] if last else y[0, :4], alone[0], 1e-14)
        assert not y[2].any()


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_state_is_the_last_of_all_states(kind):
    x = np.random.default_rng(0).normal(size=(3, 6, 2))
    states, last = kind(2, 3, rng=1)(x), kind(2, 3, last=True, rng=1)(x)
    np.testing.assert_array_equal(states[:, -1], last)


@pytest.mark.parametrize("kind", KINDS)
def test_a_sequence_without_steps_leaves_the_state_where_it_began(kind):
    x = np.zeros((2, 0, 3), np.float32)
    y, cache = kind(3, 4, last=True).forward(x)
    np.testing.assert_array_equal(y, np.zeros((2, 4)))
    assert kind(3, 4, last=True).backward(y, cache).shape == (2, 0, 3)
    assert kind(3, 4)(x).shape == (2, 0, 4)


@pytest.mark.parametrize("kind", KINDS)
def test_inputs_of_ten_thousand_saturate_without_overflow(kind):
    x = np.full((1, 3, 2), 1e4, np.float32)
    x[0, :, 1] *= -1
    layer = kind(2, 3, rng=0)
    y, cache = layer.forward(x)
    assert np.isfinite(y).all()
    assert np.isfinite(layer.backward(np.ones_like(y), cache)).all()


def test_the_forget_gate_begins_open_and_each_gate_is_drawn_by_itself():
    layer = LSTM(100, 50, rng=0)
    np.testing.assert_array_equal(layer.bias.value, np.repeat([0, 1, 0, 0], 50))
    assert not LSTM(2, 3, forget_bias=0).bias.value.any()
    gates = layer.weight_input.value.reshape(100, 4, 50)
    for gate in range(4):
        assert gates[:, gate].var() == pytest.approx(2 / 150, rel=0.1)


@pytest.mark.parametrize(
    ("shape", "lengths", "message"),
    [
        ((2, 5, 4), None, "input has 4 features, expected 3 (input shape (2, 5, 4))"),
        ((5, 3), None, "input has 2 axes, expected the 3 of sequences, (N, T, 3) (input shape"),
        ((2, 5, 3), [5], "lengths must have the shape (2,), got (1,)"),
        ((2, 5, 3), [5.0, 5.0], "lengths must be integers, got dtype float64"),
        ((2, 5, 3), [5, 6], "lengths [6] at [1] are not from 0 to 5"),
        ((2, 5, 3), [-1, 5], "lengths [-1] at [0] are not from 0 to 5"),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_sequences_they_cannot_take_are_refused_with_what_they_got(kind, shape, lengths, message):
    lengths = None if lengths is None else np.array(lengths)
    with pytest.raises((TypeError, ValueError)) as caught:
        kind(3, 4).forward(np.zeros(shape, np.float32), lengths)
    assert f"{kind.__name__}(3 → 4): {message}" in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_the_repr_says_that_the_last_output_alone_is_given(kind):
    assert repr(kind(3, 2, last=True)) == f"{kind.__name__}(3 → 2, last)"


def test_a_forget_bias_that_float32_cannot_hold_is_refused():
    with pytest.raises(ValueError, match="forget_bias must be finite"):
        LSTM(3, 2, forget_bias=1e300)
