"""Recurrent layers: a state reads a sequence step by step; backpropagation through time."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike

from minidl.arrays import Array
from minidl.checks.arguments import as_generator, boolean, integer, number
from minidl.initializers import RNG, Initializer, draw, glorot_uniform, zeros
from minidl.layer import Layer
from minidl.layers._checks import check_array, check_cotangent, check_input
from minidl.parameters import Parameter


class _Recurrent(Layer):
    """The base of recurrent layers: everything outside the loop over time.

    Arrays inside have time first, (T, N, …): a step is then contiguous. The inputs of all gates
    at all steps are one matrix product, and so is each gradient of the weights.
    """

    config = ("in_features", "hidden_features", "last")
    differentiable = 1
    gates: ClassVar[int]
    hidden_bias: ClassVar[bool] = False

    def __init__(
        self,
        in_features: int,
        hidden_features: int,
        *,
        last: bool = False,
        weight_initializer: Initializer = glorot_uniform,
        bias_initializer: Initializer = zeros,
        rng: RNG = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.in_features = integer("in_features", in_features, least=1)
        self.hidden_features = hidden = integer("hidden_features", hidden_features, least=1)
        self.last = boolean("last", last)
        rng = as_generator(rng)

        def gate(name: str, initializer: Initializer, *shape: int) -> Parameter:
            """Draw the gates one by one: each is a layer of its own to the initializer."""
            drawn = [
                draw(self, name, initializer, rng, shape, dtype).value for _ in range(self.gates)
            ]
            return Parameter(np.concatenate(drawn, axis=-1), dtype)

        self.weight_input = gate("weight", weight_initializer, self.in_features, hidden)
        self.weight_hidden = gate("weight", weight_initializer, hidden, hidden)
        self.bias = gate("bias", bias_initializer, hidden)
        if self.hidden_bias:
            self.bias_hidden = draw(self, "bias", bias_initializer, rng, (hidden,), dtype)

    def forward(self, x: Array, lengths: Array | None = None) -> tuple[Array, Any]:
        """Return (the states of all steps or the last one, cache).

        Parameters
        ----------
        x : ndarray, shape (N, T, in_features)
            The sequences.
        lengths : ndarray of integers, shape (N,), optional
            How many steps of each sequence count, from 0 to T; all by default.
        """
        check_input(self, x, axes=3, size=self.in_features)
        n, steps, _ = x.shape
        beyond = None if lengths is None else self._beyond(lengths, n, steps)
        x = np.ascontiguousarray(x.transpose(1, 0, 2))
        projected = np.dot(x.reshape(-1, self.in_features), self.weight_input.value)
        projected += self.bias.value
        states = np.zeros((steps + 1, n, self.hidden_features), projected.dtype)
        kept = self._run(projected.reshape(steps, n, projected.shape[1]), states)
        # A state depends on no later step. So that a sequence ends need not be known before here.
        if self.last:
            given: Any = -1 if lengths is None else (lengths, np.arange(n))
        else:
            given = slice(1, None)
        y = states[given]
        if beyond is not None and not self.last:
            y = y.copy()
            y[beyond] = 0
        y = y.swapaxes(0, -2)  # (T, N, H) → (N, T, H); (N, H) stays as it is
        return y, (x, given, beyond, states, kept, y.shape)

    def backward(self, dy: Array, cache: Any, /) -> Array:
        """Return the gradient of the sequences, and add to those of weights and biases."""
        da = self._backward(dy, cache)
        dx: Array = np.dot(da.reshape(-1, da.shape[2]), self.weight_input.value.T)
        return dx.reshape(cache[0].shape).transpose(1, 0, 2)

    def backward_parameters(self, dy: Array, cache: Any, /) -> None:
        """Add to the gradients of weights and biases."""
        self._backward(dy, cache)

    def _backward(self, dy: Array, cache: Any) -> Array:
        x, given, beyond, states, kept, shape = cache
        check_cotangent(self, dy, shape)
        dstates = np.zeros(states.shape, dy.dtype)
        dstates[given] = dy.swapaxes(0, -2)
        if beyond is not None and not self.last:
            dstates[1:][beyond] = 0
        da = np.empty((*x.shape[:2], len(self.bias.value)), np.result_type(states, dstates))
        da_hidden = self._run_back(da, dstates, states, kept)
        flat = da.reshape(-1, da.shape[2])
        before = states[:-1].reshape(-1, self.hidden_features)
        self.weight_input.grad += np.dot(x.reshape(-1, self.in_features).T, flat)
        self.weight_hidden.grad += np.dot(before.T, da_hidden.reshape(flat.shape))
        self.bias.grad += np.dot(np.ones(len(flat), flat.dtype), flat)
        return da

    @abstractmethod
    def _run(self, projected: Array, states: Array) -> Any:
        """Fill states[1:] from x W + b, which may be overwritten; return what `_run_back` needs."""

    @abstractmethod
    def _run_back(self, da: Array, dstates: Array, states: Array, kept: Any) -> Array:
        """Fill da, the gradient of x W + b, and dstates; return the gradient of h U."""

    def _backwards(self, da: Array, dstates: Array) -> Iterator[tuple[int, Array]]:
        """Yield, from the last step on, t and dhₜ; what comes of it, da Uᵀ, goes to hₜ₋₁."""
        for t in reversed(range(len(da))):
            yield t, dstates[t + 1]
            dstates[t] += np.dot(da[t], self.weight_hidden.value.T)

    def _beyond(self, lengths: Array, n: int, steps: int) -> Array:
        """Return (T, N) booleans: which steps are beyond the end of their sequence."""
        check_array(self, "lengths", lengths, "iu", (n,))
        wrong = np.flatnonzero((lengths < 0) | (lengths > steps))[:5]
        if wrong.size:
            raise ValueError(
                f"{self}: lengths {lengths[wrong]} at {wrong} are not from 0 to {steps}"
            )
        beyond: Array = np.arange(steps)[:, np.newaxis] >= lengths
        return beyond

    def __repr__(self) -> str:
        last = ", last" if self.last else ""
        return f"{type(self).__name__}({self.in_features} → {self.hidden_features}{last})"


class RNN(_Recurrent):
    """The simple recurrent layer (Elman): the state is a dense layer of input and earlier state.

    Forward, for sequences x of shape (N, T, in_features), from the state h₀ = 0 on, for the steps
    t = 1 … T::

        aₜ = xₜ W + hₜ₋₁ U + b        hₜ = tanh aₜ        y[:, t] = hₜ

    Backward through time. The loss depends on hₜ through y[:, t] and through hₜ₊₁, so from the
    last step to the first, with daₜ₊₁ = 0 at the end::

        dhₜ = dy[:, t] + daₜ₊₁ Uᵀ        daₜ = dhₜ (1 − hₜ²)

    and, as W, U and b are the same at all steps, their gradients are sums over time::

        dW = Σₜ xₜᵀ daₜ        dU = Σₜ hₜ₋₁ᵀ daₜ        db = Σₜ 1ᵀ daₜ        dxₜ = daₜ Wᵀ

    Parameters
    ----------
    in_features, hidden_features : int
        The sizes of the last axis of input and output, D and H.
    last : bool, default False
        Whether the output is only the last state, of shape (N, hidden_features), instead of all
        of them, of shape (N, T, hidden_features).
    weight_initializer, bias_initializer : function (rng, shape, dtype) -> ndarray
        The initial values of W and U, and of b.
    rng : numpy.random.Generator, int or None
        What the initial values are drawn from: pass one generator to all layers of a network.
    dtype : float32 or float64, default float32
        The dtype of the parameters.

    Attributes
    ----------
    weight_input : Parameter, shape (in_features, hidden_features)
    weight_hidden : Parameter, shape (hidden_features, hidden_features)
    bias : Parameter, shape (hidden_features,)

    Raises
    ------
    ValueError
        In `forward`, if x is not of shape (N, T, in_features), or lengths are no integers from 0
        to T, one for each sequence.

    Notes
    -----
    Sequences of different lengths are padded to the longest with any finite numbers, and their
    lengths given as a second, constant input. Beyond its length the outputs of a sequence are 0,
    its last state is the one at its length (h₀ for length 0), and no gradient comes from or goes
    to those steps.

    References
    ----------
    J. Elman, "Finding structure in time", Cognitive Science 14, 1990. P. Werbos,
    "Backpropagation through time: what it does and how to do it", Proceedings of the IEEE 78,
    1990.

    Examples
    --------
    >>> import numpy as np
    >>> layer = RNN(1, 1, weight_initializer=lambda rng, shape, dtype: np.ones(shape))
    >>> x = np.array([[[1.0], [0.0], [0.0]]], np.float32)
    >>> layer(x).round(3).ravel(), layer(x, np.array([2])).round(3).ravel()
    (array([0.762, 0.642, 0.566], dtype=float32), array([0.762, 0.642, 0.   ], dtype=float32))
    >>> RNN(1, 1, last=True)(x).shape
    (1, 1)
    """

    gates = 1

    def _run(self, projected: Array, states: Array) -> None:
        for t, a in enumerate(projected):
            a += np.dot(states[t], self.weight_hidden.value)
            np.tanh(a, out=states[t + 1])

    def _run_back(self, da: Array, dstates: Array, states: Array, kept: None) -> Array:
        slopes = 1 - states[1:] * states[1:]
        for t, dh in self._backwards(da, dstates):
            np.multiply(dh, slopes[t], out=da[t])
        return da


class GRU(_Recurrent):
    """The gated recurrent unit: gates decide how much of the state is replaced.

    Forward, for sequences x of shape (N, T, in_features), from h₀ = 0 on, with σ the logistic
    function and · elementwise::

        r = σ(xₜ Wᵣ + hₜ₋₁ Uᵣ + bᵣ)                  the reset gate
        z = σ(xₜ W_z + hₜ₋₁ U_z + b_z)               the update gate
        q = hₜ₋₁ Uₙ + b_h
        m = tanh(xₜ Wₙ + bₙ + r · q)                 the candidate
        hₜ = (1 − z) · m + z · hₜ₋₁ = y[:, t]

    This is the variant that PyTorch and cuDNN compute: the reset gate stands after the product
    with Uₙ (Keras: ``reset_after=True``).

    Backward through time, from the last step to the first, with dh = dy[:, t] + what step t + 1
    sends back, and σ′ = σ (1 − σ)::

        dz = dh · (hₜ₋₁ − m)        dm = dh · (1 − z)
        daₙ = dm · (1 − m²)         dq = daₙ · r
        da_z = dz · z · (1 − z)     daᵣ = daₙ · q · r · (1 − r)
        sent to hₜ₋₁:  dh · z + daᵣ Uᵣᵀ + da_z U_zᵀ + dq Uₙᵀ

    and, with da = (daᵣ, da_z, daₙ) and dg = (daᵣ, da_z, dq) side by side, dW = Σₜ xₜᵀ da,
    dU = Σₜ hₜ₋₁ᵀ dg, db = Σₜ 1ᵀ da, db_h = Σₜ 1ᵀ dq, dxₜ = da Wᵀ.

    Parameters
    ----------
    in_features, hidden_features : int
        The sizes of the last axis of input and output, D and H.
    last : bool, default False
        Whether the output is only the last state, see `RNN`.
    weight_initializer, bias_initializer : function (rng, shape, dtype) -> ndarray
        The initial values; drawn for each gate by itself.
    rng : numpy.random.Generator, int or None
        What the initial values are drawn from: pass one generator to all layers of a network.
    dtype : float32 or float64, default float32
        The dtype of the parameters.

    Attributes
    ----------
    weight_input : Parameter, shape (in_features, 3 · hidden_features)
        (Wᵣ, W_z, Wₙ) side by side.
    weight_hidden : Parameter, shape (hidden_features, 3 · hidden_features)
        (Uᵣ, U_z, Uₙ) side by side.
    bias : Parameter, shape (3 · hidden_features,)
        (bᵣ, b_z, bₙ).
    bias_hidden : Parameter, shape (hidden_features,)
        b_h, which the reset gate silences together with the earlier state.

    Raises
    ------
    ValueError
        In `forward`, as `RNN`, whose notes on lengths hold here too.

    References
    ----------
    K. Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical
    machine translation", EMNLP 2014.

    Examples
    --------
    >>> import numpy as np
    >>> layer = GRU(3, 5, rng=0)
    >>> layer(np.ones((2, 4, 3), np.float32)).shape, layer
    ((2, 4, 5), GRU(3 → 5))
    """

    gates = 3
    hidden_bias = True

    def _run(self, projected: Array, states: Array) -> tuple[Array, Array]:
        size = self.hidden_features
        inner = np.empty_like(states[1:])
        for t, a in enumerate(projected):
            from_state = np.dot(states[t], self.weight_hidden.value)
            r, z, m = _split(a, size)
            gates, q, h = a[:, : 2 * size], inner[t], states[t + 1]
            gates += from_state[:, : 2 * size]
            _sigmoid(gates)
            np.add(from_state[:, 2 * size :], self.bias_hidden.value, out=q)
            m += r * q
            np.tanh(m, out=m)
            np.subtract(states[t], m, out=h)
            h *= z
            h += m  # m + z (hₜ₋₁ − m)
        return projected, inner

    def _run_back(self, da: Array, dstates: Array, states: Array, kept: Any) -> Array:
        (activated, inner), size = kept, self.hidden_features
        r, z, m = _split(activated, size)
        # what does not depend on dh is computed for all steps at once
        to_candidate = (1 - z) * (1 - m * m)
        to_reset = inner * r * (1 - r)
        to_update = (states[:-1] - m) * z * (1 - z)
        dg = np.empty_like(da)
        da_r, da_z, dq = _split(dg, size)
        da_n = da[:, :, 2 * size :]
        for t, dh in self._backwards(dg, dstates):
            np.multiply(dh, to_candidate[t], out=da_n[t])
            np.multiply(da_n[t], r[t], out=dq[t])
            np.multiply(da_n[t], to_reset[t], out=da_r[t])
            np.multiply(dh, to_update[t], out=da_z[t])
            dstates[t] += dh * z[t]
        da[:, :, : 2 * size] = dg[:, :, : 2 * size]
        flat = dq.reshape(-1, size)
        self.bias_hidden.grad += np.dot(np.ones(len(flat), flat.dtype), flat)
        return dg


class LSTM(_Recurrent):
    """Long short-term memory: a cell that is added to, behind gates that open and close.

    Forward, for sequences x of shape (N, T, in_features), from h₀ = c₀ = 0 on, with σ the
    logistic function and · elementwise::

        i = σ(xₜ Wᵢ + hₜ₋₁ Uᵢ + bᵢ)         the input gate
        f = σ(xₜ W_f + hₜ₋₁ U_f + b_f)      the forget gate
        g = tanh(xₜ W_g + hₜ₋₁ U_g + b_g)   the candidate
        o = σ(xₜ Wₒ + hₜ₋₁ Uₒ + bₒ)         the output gate
        cₜ = f · cₜ₋₁ + i · g               hₜ = o · tanh cₜ = y[:, t]

    Backward through time, from the last step to the first, with dh = dy[:, t] and dc = 0 plus
    what step t + 1 sends back, and σ′ = σ (1 − σ)::

        dc += dh · o · (1 − tanh² cₜ)
        daᵢ = dc · g · i · (1 − i)          da_f = dc · cₜ₋₁ · f · (1 − f)
        da_g = dc · i · (1 − g²)            daₒ = dh · tanh cₜ · o · (1 − o)
        sent to cₜ₋₁:  dc · f               sent to hₜ₋₁:  da Uᵀ

    and, with da = (daᵢ, da_f, da_g, daₒ) side by side, dW = Σₜ xₜᵀ da, dU = Σₜ hₜ₋₁ᵀ da,
    db = Σₜ 1ᵀ da, dxₜ = da Wᵀ. Along the cells the gradient is only multiplied with forget
    gates, which may stay near 1: that is what the layer is for.

    Parameters
    ----------
    in_features, hidden_features : int
        The sizes of the last axis of input and output, D and H.
    last : bool, default False
        Whether the output is only the last state, see `RNN`.
    forget_bias : float, default 1
        What is added to the initial b_f, so that the cells remember at first.
    weight_initializer, bias_initializer : function (rng, shape, dtype) -> ndarray
        The initial values; drawn for each gate by itself.
    rng : numpy.random.Generator, int or None
        What the initial values are drawn from: pass one generator to all layers of a network.
    dtype : float32 or float64, default float32
        The dtype of the parameters.

    Attributes
    ----------
    weight_input : Parameter, shape (in_features, 4 · hidden_features)
        (Wᵢ, W_f, W_g, Wₒ) side by side.
    weight_hidden : Parameter, shape (hidden_features, 4 · hidden_features)
        (Uᵢ, U_f, U_g, Uₒ) side by side.
    bias : Parameter, shape (4 · hidden_features,)
        (bᵢ, b_f, b_g, bₒ).

    Raises
    ------
    ValueError
        In `forward`, as `RNN`, whose notes on lengths hold here too.

    References
    ----------
    S. Hochreiter and J. Schmidhuber, "Long short-term memory", Neural Computation 9, 1997.
    F. Gers, J. Schmidhuber and F. Cummins, "Learning to forget", Neural Computation 12, 2000.
    R. Jozefowicz, W. Zaremba and I. Sutskever, "An empirical exploration of recurrent network
    architectures", ICML 2015 (the forget bias).

    Examples
    --------
    >>> import numpy as np
    >>> layer = LSTM(3, 5, last=True, rng=0)
    >>> layer(np.ones((2, 4, 3), np.float32)).shape, layer
    ((2, 5), LSTM(3 → 5, last))
    """

    gates = 4

    def __init__(
        self,
        in_features: int,
        hidden_features: int,
        *,
        last: bool = False,
        forget_bias: float = 1.0,
        weight_initializer: Initializer = glorot_uniform,
        bias_initializer: Initializer = zeros,
        rng: RNG = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__(
            in_features,
            hidden_features,
            last=last,
            weight_initializer=weight_initializer,
            bias_initializer=bias_initializer,
            rng=rng,
            dtype=dtype,
        )
        size = self.hidden_features
        self.bias.value[size : 2 * size] += number("forget_bias", forget_bias)

    def _run(self, projected: Array, states: Array) -> tuple[Array, Array, Array]:
        size = self.hidden_features
        cells = np.zeros_like(states)
        squashed = np.empty_like(states[1:])  # tanh c
        for t, a in enumerate(projected):
            a += np.dot(states[t], self.weight_hidden.value)
            i, f, g, o = _split(a, size)
            _sigmoid(a[:, : 2 * size])
            np.tanh(g, out=g)
            _sigmoid(o)
            np.multiply(f, cells[t], out=cells[t + 1])
            cells[t + 1] += i * g
            np.tanh(cells[t + 1], out=squashed[t])
            np.multiply(o, squashed[t], out=states[t + 1])
        return projected, cells, squashed

    def _run_back(self, da: Array, dstates: Array, states: Array, kept: Any) -> Array:
        activated, cells, squashed = kept
        i, f, g, o = _split(activated, self.hidden_features)
        # what does not depend on dh and dc is computed for all steps at once
        slopes = activated * (1 - activated)
        _split(slopes, self.hidden_features)[2][...] = 1 - g * g
        to_cell = o * (1 - squashed * squashed)
        da_i, da_f, da_g, da_o = _split(da, self.hidden_features)
        dc = np.zeros_like(dstates[0])
        for t, dh in self._backwards(da, dstates):
            dc += dh * to_cell[t]
            np.multiply(dc, g[t], out=da_i[t])
            np.multiply(dc, cells[t], out=da_f[t])
            np.multiply(dc, i[t], out=da_g[t])
            np.multiply(dh, squashed[t], out=da_o[t])
            da[t] *= slopes[t]
            dc *= f[t]
        return da


def _split(gates: Array, size: int) -> list[Array]:
    """Return views of the gates that stand side by side in the last axis."""
    return [gates[..., k : k + size] for k in range(0, gates.shape[-1], size)]


def _sigmoid(a: Array) -> None:
    """Replace a by σ(a) = (1 + tanh(a / 2)) / 2, which cannot overflow."""
    a *= 0.5
    np.tanh(a, out=a)
    a += 1
    a *= 0.5
