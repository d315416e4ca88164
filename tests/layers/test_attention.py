"""Self-attention and the positional encoding against torch, the paper and what masks must mean."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minidl import (
    GRU,
    SGD,
    Dense,
    MultiHeadAttention,
    PositionalEncoding,
    Sequential,
    SoftmaxCrossEntropy,
)
from minidl.gradcheck import check_gradients
from tests.layers.test_recurrent import as_torch
from tests.support.arrays import any_order, assert_close, normal


def as_torch_attention(layer):
    """Return torch's layer with the same parameters; its bias of the keys changes nothing."""
    torch = pytest.importorskip("torch")
    theirs = torch.nn.MultiheadAttention(
        layer.features, layer.heads, bias=layer.bias_query is not None, batch_first=True
    ).double()
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.tensor(layer.weight_qkv.value.T))
        theirs.out_proj.weight.copy_(torch.tensor(layer.weight_output.value.T))
        if layer.bias_query is not None:
            keys = np.random.default_rng(0).normal(size=layer.features)
            biases = np.concatenate([layer.bias_query.value, keys, layer.bias_value.value])
            theirs.in_proj_bias.copy_(torch.tensor(biases))
            theirs.out_proj.bias.copy_(torch.tensor(layer.bias_output.value))
    return theirs


def attend(theirs, x, mask, causal):
    torch = pytest.importorskip("torch")
    later = torch.triu(torch.ones(x.shape[1], x.shape[1], dtype=torch.bool), 1)
    return theirs(
        x,
        x,
        x,
        key_padding_mask=None if mask is None else torch.tensor(~mask),
        attn_mask=later if causal else None,
        need_weights=False,
    )[0]


@given(
    st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 3), st.integers(1, 3)),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2**32),
)
def test_attention_agrees_with_torch(sizes, causal, masked, bias, seed):
    torch = pytest.importorskip("torch")
    samples, steps, heads, size = sizes
    rng = np.random.default_rng(seed)
    layer = MultiHeadAttention(
        heads * size,
        heads,
        causal=causal,
        bias=bias,
        weight_initializer=normal,
        bias_initializer=normal,
        rng=rng,
        dtype=np.float64,
    )
    theirs = as_torch_attention(layer)
    x = rng.normal(size=(samples, steps, heads * size))
    mask = None
    if masked:
        mask = rng.random((samples, steps)) < 0.6
        mask[:, 0] = True  # torch gives NaN where a query may look at nothing
    their_x = torch.tensor(x, requires_grad=True)
    their_y = attend(theirs, their_x, mask, causal)
    dy = rng.normal(size=x.shape)
    their_y.backward(torch.tensor(dy))
    y, cache = layer.forward(any_order(rng, x), mask)
    dx = layer.backward(any_order(rng, dy), cache)
    assert_close(y, their_y.detach())
    assert_close(dx, their_x.grad)
    assert_close(layer.weight_qkv.grad, theirs.in_proj_weight.grad.T)
    assert_close(layer.weight_output.grad, theirs.out_proj.weight.grad.T)
    if bias:
        theirs_query, _, theirs_value = theirs.in_proj_bias.grad.numpy().reshape(3, -1)
        assert_close(layer.bias_query.grad, theirs_query)
        assert_close(layer.bias_value.grad, theirs_value)
        assert_close(layer.bias_output.grad, theirs.out_proj.bias.grad)


def test_one_head_is_the_formula_of_the_paper_by_loops():
    rng = np.random.default_rng(0)
    layer = MultiHeadAttention(2, 1, bias_initializer=normal, rng=rng, dtype=np.float64)
    x = rng.normal(size=(1, 3, 2))
    weights = layer.weight_qkv.value
    expected = np.zeros((3, 2))
    for t in range(3):
        query = x[0, t] @ weights[:, :2] + layer.bias_query.value
        likeness = [np.exp(query @ (x[0, s] @ weights[:, 2:4]) / np.sqrt(2)) for s in range(3)]
        for s in range(3):
            value = x[0, s] @ weights[:, 4:] + layer.bias_value.value
            expected[t] += likeness[s] / sum(likeness) * value
    expected = expected @ layer.weight_output.value + layer.bias_output.value
    np.testing.assert_allclose(layer(x)[0], expected, rtol=1e-12)


@pytest.mark.parametrize("causal", [False, True])
def test_the_gradient_check_verifies_every_number(causal):
    rng = np.random.default_rng(0)
    layer = MultiHeadAttention(4, 2, causal=causal, bias_initializer=normal, rng=rng)
    mask = np.array([[True, True, False], [False, True, True], [False, False, False]])
    report = check_gradients(layer, rng.normal(size=(3, 3, 4)), mask)
    report.assert_ok()
    assert "unresolved 0" in str(report)


def test_a_causal_layer_hears_nothing_from_later_steps():
    rng = np.random.default_rng(0)
    layer = MultiHeadAttention(4, 2, causal=True, rng=rng, dtype=np.float64)
    x = rng.normal(size=(2, 5, 4))
    y, cache = layer.forward(x)
    dy = np.zeros_like(y)
    dy[:, 2] = 1
    dx = layer.backward(dy, cache)
    assert not dx[:, 3:].any()
    assert dx[:, :3].all()


def test_a_masked_step_is_not_looked_at():
    rng = np.random.default_rng(0)
    layer = MultiHeadAttention(4, 2, rng=rng, dtype=np.float64)
    x = rng.normal(size=(1, 5, 4))
    mask = np.array([[True, True, True, False, False]])
    other = x.copy()
    other[:, 3:] = 7
    np.testing.assert_array_equal(layer(x, mask)[:, :3], layer(other, mask)[:, :3])
    assert_close(layer(x, mask)[:, :3], layer(x[:, :3]), 1e-14)


def test_a_row_in_which_everything_is_masked_gives_zeros_not_nan():
    rng = np.random.default_rng(0)
    layer = MultiHeadAttention(4, 2, bias=False, rng=rng)
    x = rng.normal(size=(2, 3, 4)).astype(np.float32)
    y, cache = layer.forward(x, np.array([[False] * 3, [True] * 3]))
    assert not y[0].any()
    assert y[1].all()
    dx = layer.backward(np.ones_like(y), cache)
    assert not dx[0].any()
    assert np.isfinite(dx).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scores_of_ten_thousand_do_not_overflow(dtype):
    layer = MultiHeadAttention(2, 1, rng=0, dtype=dtype)
    x = (1e4 * np.random.default_rng(0).normal(size=(1, 4, 2))).astype(dtype)
    y, cache = layer.forward(x)
    assert np.isfinite(y).all()
    assert np.isfinite(layer.backward(np.ones_like(y), cache)).all()


def test_what_all_steps_have_in_common_costs_float32_no_digits_of_the_gradient():
    rng = np.random.default_rng(0)
    layer = MultiHeadAttention(8, 2, rng=rng)
    exact = layer.astype(np.float64)
    x = (rng.normal(size=(4, 12, 8)) + 10).astype(np.float32)
    dy = rng.normal(size=x.shape).astype(np.float32)
    dx = layer.backward(dy, layer.forward(x)[1])
    exact_dx = exact.backward(dy.astype(np.float64), exact.forward(x.astype(np.float64))[1])
    assert_close(dx, exact_dx, 3e-5)
    assert_close(layer.bias_query.grad, exact.bias_query.grad, 3e-5)


def test_without_positions_attention_does_not_know_the_order_and_with_them_it_does():
    rng = np.random.default_rng(0)
    attention = MultiHeadAttention(4, 2, rng=rng, dtype=np.float64)
    placed = Sequential(PositionalEncoding(4), attention)
    x = rng.normal(size=(1, 6, 4))
    order = rng.permutation(6)
    assert_close(attention(x[:, order]), attention(x)[:, order], 1e-13)
    assert np.abs(placed(x[:, order]) - placed(x)[:, order]).max() > 1e-3


def test_the_encoding_is_the_one_of_the_paper():
    encoding = PositionalEncoding(6, 50).encoding
    for t, k in np.ndindex(50, 3):
        angle = t / 10000 ** (2 * k / 6)
        assert encoding[t, 2 * k] == pytest.approx(np.sin(angle), abs=1e-12)
        assert encoding[t, 2 * k + 1] == pytest.approx(np.cos(angle), abs=1e-12)
    assert PositionalEncoding(5, 4).encoding.shape == (4, 5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_encoding_is_added_in_the_dtype_of_the_sequences(dtype):
    assert PositionalEncoding(4, 8)(np.zeros((1, 3, 4), dtype)).dtype == dtype


def test_ten_steps_of_a_network_of_attention_and_a_gru_agree_with_torch():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    attention = MultiHeadAttention(4, 2, causal=True, rng=rng, dtype=np.float64)
    gru = GRU(4, 5, last=True, rng=rng, dtype=np.float64)
    dense = Dense(5, 3, rng=rng, dtype=np.float64)
    encoding = PositionalEncoding(4, 6)
    network = Sequential(encoding, attention, gru, dense)
    theirs = as_torch_attention(attention), as_torch(gru), torch.nn.Linear(5, 3).double()
    with torch.no_grad():
        theirs[2].weight.copy_(torch.tensor(dense.weight.value.T))
        theirs[2].bias.copy_(torch.tensor(dense.bias.value))
    # the biases of torch that minidl leaves out are held where they are
    theirs[1].bias_hh_l0.register_hook(lambda grad: grad * (torch.arange(15) >= 10))
    optimizer = SGD(network, 0.5, momentum=0.5)
    their_optimizer = torch.optim.SGD(
        [parameter for layer in theirs for parameter in layer.parameters()], 0.5, momentum=0.5
    )
    loss = SoftmaxCrossEntropy()
    for _ in range(10):
        x, target = rng.normal(size=(8, 6, 4)), rng.integers(0, 3, 8)
        logits, caches = network.forward(x)
        value, cache = loss.forward(logits, target)
        network.backward_parameters(loss.backward(1.0, cache), caches)
        optimizer.step()
        their_optimizer.zero_grad()
        seen = attend(theirs[0], torch.tensor(x + encoding.encoding), None, True)
        their_logits = theirs[2](theirs[1](seen)[1][0])
        their_value = torch.nn.functional.cross_entropy(their_logits, torch.tensor(target))
        their_value.backward()
        their_optimizer.step()
        assert value == pytest.approx(their_value.item(), rel=1e-10)
    assert_close(attention.weight_qkv.value, theirs[0].in_proj_weight.detach().T)
    assert_close(attention.bias_value.value, theirs[0].in_proj_bias.detach()[8:])
    assert_close(gru.weight_hidden.value, theirs[1].weight_hh_l0.detach().T)
    assert_close(gru.bias_hidden.value, theirs[1].bias_hh_l0.detach()[10:])
    assert_close(dense.weight.value, theirs[2].weight.detach().T)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.ones((2, 4), bool), "must have the shape (2, 3), got (2, 4)"),
        (np.ones((3,), bool), "must have the shape (2, 3), got (3,)"),
        (np.ones((2, 3)), "must be booleans, got dtype float64"),
        ([[True] * 3] * 2, "must be a NumPy array, got list: call np.asarray first"),
    ],
)
def test_a_mask_of_another_shape_or_dtype_is_refused(mask, message):
    with pytest.raises((TypeError, ValueError)) as caught:
        MultiHeadAttention(4, 2).forward(np.zeros((2, 3, 4), np.float32), mask)
    assert (
        str(caught.value)
        == f"MultiHeadAttention(4, 2 heads): the mask of steps that count {message}"
    )


def test_what_does_not_fit_is_refused_with_what_it_got_and_needs():
    with pytest.raises(ValueError, match=r"MultiHeadAttention\(10, 4 heads\): 4 heads do not div"):
        MultiHeadAttention(10, 4)
    with pytest.raises(ValueError, match="input has 3 features, expected 4"):
        MultiHeadAttention(4, 2).forward(np.zeros((2, 5, 3)))
    with pytest.raises(ValueError, match="input has 5 steps, expected at most 3"):
        PositionalEncoding(4, 3).forward(np.zeros((2, 5, 4)))
    with pytest.raises(TypeError, match="causal must be True or False"):
        MultiHeadAttention(4, 2, causal="yes")


def test_an_attention_over_no_steps_is_empty():
    layer = MultiHeadAttention(4, 2)
    y, cache = layer.forward(np.zeros((2, 0, 4), np.float32))
    assert layer.backward(y, cache).shape == (2, 0, 4)
