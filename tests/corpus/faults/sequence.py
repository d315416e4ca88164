"""Faults in recurrent layers and attention."""

import numpy as np

from minidl.testing import laws
from tests.corpus import samples
from tests.corpus.faults.catalogue import planted


def rnn_backward(
    self, dy, cache, *, slope=lambda h: 1 - h * h, carry=lambda dh: dh, shift=0, steps=None
):
    """Do what the reference does, with places where a slip can be put in."""
    x, states = cache
    dx = np.zeros_like(x)
    dh = np.zeros_like(states[0])
    for t in reversed(range(x.shape[1])) if steps is None else steps:
        da = (dy[:, t] + carry(dh)) * slope(states[t + 1])
        self.weight.grad += x[:, t].T @ da
        self.recurrent.grad += states[t + shift].T @ da
        self.bias.grad += da.sum(axis=0)
        dx[:, t] = da @ self.weight.value.T
        dh = da @ self.recurrent.value.T
    return dx, dh


@planted(
    "rnn", samples.rnn, "unclassified", "missing-term", "cross-term-missing", "partial-samples"
)
def cuts_the_path_through_time(self, dy, cache):
    return rnn_backward(self, dy, cache, carry=lambda dh: 0 * dh)


@planted("rnn", samples.rnn, "unclassified", "missing-term", "wrong-formula")
def forgets_the_tanh(self, dy, cache):
    return rnn_backward(self, dy, cache, slope=lambda h: 1)


@planted("rnn", samples.rnn, "wrong-variable", "unclassified", "missing-term", "rearranged")
def uses_the_new_state_for_the_recurrent_weight(self, dy, cache):
    return rnn_backward(self, dy, cache, shift=1)


@planted("rnn", samples.rnn, "unclassified", "wrong-region", "jacobian-transposed", "rearranged")
def runs_through_time_forwards(self, dy, cache):
    return rnn_backward(self, dy, cache, steps=range(5))


@planted("rnn", samples.rnn, "wrong-region", "unclassified", "partial-samples")
def leaves_out_the_first_step(self, dy, cache):
    return rnn_backward(self, dy, cache, steps=[4, 3, 2, 1])


@planted("rnn", samples.rnn, "zero", "missing-gradient")
def returns_no_gradient_for_the_first_state(self, dy, cache):
    dx, dh = rnn_backward(self, dy, cache)
    return dx, np.zeros_like(dh)


@planted("rnn", samples.rnn, "assigns-gradient", "partial-samples", "overwritten-contributions")
def assigns_the_bias_gradient_at_each_step(self, dy, cache):
    x, states = cache
    dx = np.zeros_like(x)
    dh = np.zeros_like(states[0])
    for t in reversed(range(x.shape[1])):
        da = (dy[:, t] + dh) * (1 - states[t + 1] ** 2)
        self.weight.grad += x[:, t].T @ da
        self.recurrent.grad += states[t].T @ da
        self.bias.grad = da.sum(axis=0)
        dx[:, t] = da @ self.weight.value.T
        dh = da @ self.recurrent.value.T
    return dx, dh


@planted("rnn", samples.rnn, "parameter-rearranged")
def forgets_to_transpose_the_recurrent_weight(self, dy, cache):
    x, states = cache
    dx = np.zeros_like(x)
    dh = np.zeros_like(states[0])
    for t in reversed(range(x.shape[1])):
        da = (dy[:, t] + dh) * (1 - states[t + 1] ** 2)
        self.weight.grad += x[:, t].T @ da
        self.recurrent.grad += states[t].T @ da
        self.bias.grad += da.sum(axis=0)
        dx[:, t] = da @ self.weight.value.T
        dh = da @ self.recurrent.value
    return dx, dh


@planted("rnn", samples.rnn, "nonlinear")
def clips_the_gradient_at_each_step(self, dy, cache):
    return rnn_backward(self, dy, cache, carry=lambda dh: np.clip(dh, -0.1, 0.1))


@planted("rnn", samples.rnn, "mutates-cache", "accumulates", laws=[laws.adds_to_gradients])
def pops_the_states_from_the_cache(self, dy, cache):
    x, states = cache
    dx = np.zeros_like(x)
    dh = np.zeros_like(states[0])
    for t in reversed(range(x.shape[1])):
        if len(states) < 2:
            break
        da = (dy[:, t] + dh) * (1 - states.pop() ** 2)
        self.weight.grad += x[:, t].T @ da
        self.recurrent.grad += states[-1].T @ da
        self.bias.grad += da.sum(axis=0)
        dx[:, t] = da @ self.weight.value.T
        dh = da @ self.recurrent.value.T
    return dx, dh


def lstm_backward(self, dy, steps, *, through_cell=True, order="ifog", tanh=True, start=None):
    u = self.units
    dx = np.zeros((*dy.shape[:2], len(self.weight.value) - u), dy.dtype)
    dh = np.zeros_like(dy[:, 0])
    dc = np.zeros_like(dh)
    for t in reversed(range(len(steps))):
        z, i, f, o, g, before, c = steps[t]
        dh = dh + dy[:, t]
        tanh_c = np.tanh(c)
        dc = dc + dh * o * ((1 - tanh_c * tanh_c) if tanh else 1)
        previous = c if start == "new" else before
        parts = {
            "i": dc * g * i * (1 - i),
            "f": dc * previous * f * (1 - f),
            "o": dh * tanh_c * o * (1 - o),
            "g": dc * i * (1 - g * g),
        }
        da = np.concatenate([parts[name] for name in order], axis=1)
        self.weight.grad += z.T @ da
        self.bias.grad += da.sum(axis=0)
        dz = da @ self.weight.value.T
        dx[:, t], dh = dz[:, :-u], dz[:, -u:]
        dc = dc * f if through_cell else np.zeros_like(dc)
    return dx


@planted("lstm", samples.lstm, "unclassified", "missing-term")
def cuts_the_path_through_the_cell(self, dy, steps):
    return lstm_backward(self, dy, steps, through_cell=False)


@planted("lstm", samples.lstm, "unclassified", "rearranged")
def swaps_the_gates_i_and_f(self, dy, steps):
    return lstm_backward(self, dy, steps, order="fiog")


@planted("lstm", samples.lstm, "unclassified", "missing-term")
def forgets_the_tanh_of_the_cell(self, dy, steps):
    return lstm_backward(self, dy, steps, tanh=False)


@planted("lstm", samples.lstm, "unclassified", "wrong-variable")
def uses_the_new_cell_for_the_forget_gate(self, dy, steps):
    return lstm_backward(self, dy, steps, start="new")


def attention_backward(self, dy, cache, *, scale=None, scores=None):
    q, k, v, p = cache
    dv = p.swapaxes(1, 2) @ dy
    dp = dy @ v.swapaxes(1, 2)
    ds = p * (dp - (dp * p).sum(axis=-1, keepdims=True)) if scores is None else scores(p, dp)
    ds = ds / (np.sqrt(q.shape[-1]) if scale is None else scale(q))
    return ds @ k, ds.swapaxes(1, 2) @ q, dv


@planted("attention", samples.attention, "constant-factor")
def forgets_the_scale_of_attention(self, dy, cache):
    return attention_backward(self, dy, cache, scale=lambda q: 1)


@planted("attention", samples.attention, "constant-factor")
def scales_by_the_dimension_instead_of_its_root(self, dy, cache):
    return attention_backward(self, dy, cache, scale=lambda q: q.shape[-1])


@planted("attention", samples.attention, "unclassified", "cross-term-missing", "missing-term")
def keeps_the_diagonal_of_the_softmax_in_attention(self, dy, cache):
    return attention_backward(self, dy, cache, scores=lambda p, dp: p * (1 - p) * dp)


@planted("attention", samples.square_attention, "unclassified", "wrong-axis")
def sums_the_softmax_of_attention_over_the_queries(self, dy, cache):
    def scores(p, dp):
        return p * (dp - (dp * p).sum(axis=1, keepdims=True))

    return attention_backward(self, dy, cache, scores=scores)


@planted("attention", samples.square_attention, "swapped")
def swaps_the_gradients_of_query_and_key(self, dy, cache):
    dq, dk, dv = attention_backward(self, dy, cache)
    return dk, dq, dv


@planted("attention", samples.square_attention, "jacobian-transposed", "unclassified", "swapped")
def forgets_to_transpose_the_weights_of_the_values(self, dy, cache):
    *_, p = cache
    dq, dk, _ = attention_backward(self, dy, cache)
    return dq, dk, p @ dy


@planted("attention", samples.self_attention, "unclassified", "missing-term", "missing-skip")
def forgets_the_path_through_the_keys(self, dy, cache):
    x, inner = cache
    dq, dk, dv = self.attention.backward(dy, inner)
    self.query.grad += np.einsum("nti,ntj->ij", x, dq)
    self.key.grad += np.einsum("nti,ntj->ij", x, dk)
    self.value.grad += np.einsum("nti,ntj->ij", x, dv)
    return dq @ self.query.value.T + dv @ self.value.value.T


@planted("attention", samples.self_attention, "swapped")
def adds_the_gradients_of_query_and_key_to_each_other(self, dy, cache):
    x, inner = cache
    dq, dk, dv = self.attention.backward(dy, inner)
    self.query.grad += np.einsum("nti,ntj->ij", x, dk)
    self.key.grad += np.einsum("nti,ntj->ij", x, dq)
    self.value.grad += np.einsum("nti,ntj->ij", x, dv)
    return dq @ self.query.value.T + dk @ self.key.value.T + dv @ self.value.value.T
