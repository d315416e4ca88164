"""Self-attention over sequences, and the encoding that tells it where in a sequence it is."""

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from minidl.arrays import Array
from minidl.checks.arguments import as_generator, boolean, integer
from minidl.initializers import RNG, Initializer, draw, glorot_uniform, zeros
from minidl.layer import Layer
from minidl.layers._checks import check_array, check_cotangent, check_input
from minidl.parameters import Parameter


class PositionalEncoding(Layer):
    """Adds to each step of a sequence where it stands: sines and cosines of many wavelengths.

    Forward, for sequences x of shape (N, T, features) and the steps t = 0 … T − 1::

        y[n, t, j] = x[n, t, j] + P[t, j]
        P[t, 2k] = sin(t / 10000^(2k / features))       P[t, 2k + 1] = cos(the same)

    Attention by itself does not know the order of the steps. Backward: P is constant, so
    dx = dy.

    Parameters
    ----------
    features : int
        The size of the last axis.
    max_length : int, default 1024
        The longest sequence that will come.

    Attributes
    ----------
    encoding : ndarray, shape (max_length, features)
        P; it is added in the dtype of x.

    Raises
    ------
    ValueError
        In `forward`, if x is not of shape (N, T, features) or longer than max_length.

    References
    ----------
    A. Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.5.

    Examples
    --------
    >>> import numpy as np
    >>> PositionalEncoding(4)(np.zeros((1, 2, 4), np.float32)).round(3)
    array([[[0.   , 1.   , 0.   , 1.   ],
            [0.841, 0.54 , 0.01 , 1.   ]]], dtype=float32)
    """

    config = ("features", "max_length")

    def __init__(self, features: int, max_length: int = 1024) -> None:
        self.features = integer("features", features, least=1)
        self.max_length = integer("max_length", max_length, least=1)
        j = np.arange(self.features)
        wavelength = 10000.0 ** ((j - j % 2) / self.features)
        angle = np.arange(self.max_length)[:, np.newaxis] / wavelength
        self.encoding = np.where(j % 2, np.cos(angle), np.sin(angle))

    def forward(self, x: Array) -> tuple[Array, tuple[int, ...]]:
        """Return (x + P, cache)."""
        check_input(self, x, axes=3, size=self.features)
        steps = x.shape[1]
        if steps > self.max_length:
            raise ValueError(f"{self}: input has {steps} steps, expected at most {self.max_length}")
        return x + self.encoding[:steps].astype(x.dtype, copy=False), x.shape

    def backward(self, dy: Array, shape: tuple[int, ...], /) -> Array:
        """Return dy."""
        check_cotangent(self, dy, shape)
        return dy

    def __repr__(self) -> str:
        return f"PositionalEncoding({self.features}, max_length={self.max_length})"


class MultiHeadAttention(Layer):
    """Self-attention: each step of a sequence becomes a mixture of all steps, by their likeness.

    Forward, for sequences x of shape (N, T, features), in each of `heads` heads of the size
    d = features / heads::

        Q = x W_q + b_q        K = x W_k              V = x W_v + b_v        (N, T, d)
        S = Q Kᵀ / √d          P = softmax of each row of S                  (N, T, T)
        O = P V                y = (O of all heads side by side) W_o + b_o

    Where a key is masked, or later than the query if `causal`, S is −∞ and P is 0; a row in
    which everything is masked mixes nothing: P = 0, O = 0, y = b_o. (A bias of K would add the
    same number to a whole row of S, which softmax does not see; so there is none.)

    Backward. W_o is a dense layer, dO = dy W_oᵀ. O = P V is a product, so dP = dO Vᵀ and
    dV = Pᵀ dO. A row p of P = softmax(s) has ∂pⱼ/∂sₖ = pⱼ (δⱼₖ − pₖ), hence::

        dS = P · (dP − row sums of dP · P)        dQ = dS K / √d        dK = dSᵀ Q / √d

    where Σⱼ dPⱼ Pⱼ = dO · Σⱼ Pⱼ Vⱼ = dO · O, row by row. Q, K and V are dense layers of x, whose
    dx add up. (Where P is 0, so is dS.)

    Parameters
    ----------
    features : int
        The size of the last axis of input and output.
    heads : int
        How many heads; divides features.
    causal : bool, default False
        Whether a step sees only itself and earlier ones.
    bias : bool, default True
        Whether the biases are added.
    weight_initializer, bias_initializer : function (rng, shape, dtype) -> ndarray
        The initial values, drawn for W_q, W_k, W_v and W_o one by one.
    rng : numpy.random.Generator, int or None
        What the initial values are drawn from: pass one generator to all layers of a network.
    dtype : float32 or float64, default float32
        The dtype of the parameters.

    Attributes
    ----------
    weight_qkv : Parameter, shape (features, 3 · features)
        (W_q, W_k, W_v) side by side, each with its heads side by side.
    weight_output : Parameter, shape (features, features)
    bias_query, bias_value, bias_output : Parameter, shape (features,), or None

    Raises
    ------
    ValueError
        If heads do not divide features; in `forward`, if x is not of shape (N, T, features) or
        the mask not of booleans of shape (N, T).

    References
    ----------
    A. Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.2.

    Examples
    --------
    >>> import numpy as np
    >>> layer = MultiHeadAttention(4, 2, causal=True, rng=0)
    >>> x = np.random.default_rng(0).normal(size=(1, 3, 4)).astype(np.float32)
    >>> later = x.copy()
    >>> later[0, 2] = 0
    >>> (layer(x) == layer(later)).all(axis=2), layer
    (array([[ True,  True, False]]), MultiHeadAttention(4, 2 heads, causal))
    """

    config = ("features", "heads", "causal", "bias")
    bias = property(lambda self: self.bias_output is not None)
    differentiable = 1

    def __init__(
        self,
        features: int,
        heads: int,
        *,
        causal: bool = False,
        bias: bool = True,
        weight_initializer: Initializer = glorot_uniform,
        bias_initializer: Initializer = zeros,
        rng: RNG = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.features = integer("features", features, least=1)
        self.heads = integer("heads", heads, least=1)
        self.causal = boolean("causal", causal)
        if self.features % self.heads:
            raise ValueError(f"{self}: {self.heads} heads do not divide {self.features} features")
        rng = as_generator(rng)
        square = (self.features, self.features)
        query, key, value, output = (
            draw(self, "weight", weight_initializer, rng, square, dtype) for _ in range(4)
        )
        qkv = np.concatenate([query.value, key.value, value.value], axis=1)
        self.weight_qkv, self.weight_output = Parameter(qkv, dtype), output
        self.bias_query, self.bias_value, self.bias_output = (
            draw(self, "bias", bias_initializer, rng, square[:1], dtype)
            if boolean("bias", bias)
            else None
            for _ in range(3)
        )

    def forward(self, x: Array, mask: Array | None = None) -> tuple[Array, Any]:
        """Return (the mixtures, cache).

        Parameters
        ----------
        x : ndarray, shape (N, T, features)
            The sequences.
        mask : ndarray of bool, shape (N, T), optional
            Which steps may be looked at: False where a sequence is padded.
        """
        check_input(self, x, axes=3, size=self.features)
        n, steps, _ = x.shape
        x = x.reshape(-1, self.features)
        qkv = np.dot(x, self.weight_qkv.value)
        if self.bias_query is not None and self.bias_value is not None:
            qkv[:, : self.features] += self.bias_query.value
            qkv[:, -self.features :] += self.bias_value.value
        q, k, v = self._heads(qkv, n, steps)
        scores = np.matmul(q, k.swapaxes(2, 3))
        scores *= 1 / math.sqrt(q.shape[3])
        if mask is not None:
            check_array(self, "the mask of steps that count", mask, "b", (n, steps))
            scores += np.where(mask, 0, -np.inf).astype(scores.dtype)[:, np.newaxis, np.newaxis]
        if self.causal:
            scores += np.triu(np.full((steps, steps), -np.inf, scores.dtype), 1)
        # the finite start keeps −∞ − (−∞) out of rows in which everything is masked
        scores -= scores.max(axis=3, keepdims=True, initial=np.finfo(scores.dtype).min)
        p = np.exp(scores, out=scores)
        total = p.sum(axis=3, keepdims=True)
        total += total == 0
        p /= total
        mixed = np.empty((n, steps, self.heads, q.shape[3]), p.dtype)
        np.matmul(p, v, out=mixed.transpose(0, 2, 1, 3))
        mixed = mixed.reshape(-1, self.features)
        y = np.dot(mixed, self.weight_output.value)
        if self.bias_output is not None:
            y += self.bias_output.value
        return y.reshape(n, steps, self.features), (x, qkv, p, mixed)

    def backward(self, dy: Array, cache: Any, /) -> Array:
        """Return the gradient of the sequences, and add to those of weights and biases."""
        x, qkv, p, mixed = cache
        n, _, steps, _ = p.shape
        check_cotangent(self, dy, (n, steps, self.features))
        dy = dy.reshape(-1, self.features)
        ones = np.ones(len(dy), dy.dtype)
        self.weight_output.grad += np.dot(mixed.T, dy)
        q, k, v = self._heads(qkv, n, steps)
        dmixed = np.dot(dy, self.weight_output.value.T)
        dmixed = dmixed.reshape(n, steps, self.heads, q.shape[3])
        do = dmixed.transpose(0, 2, 1, 3)
        dqkv = np.empty(qkv.shape, np.result_type(qkv, dy))
        dq, dk, dv = self._heads(dqkv, n, steps)
        np.matmul(p.swapaxes(2, 3), do, out=dv)
        ds = np.matmul(do, v.swapaxes(2, 3))
        o = mixed.reshape(dmixed.shape).transpose(0, 2, 1, 3)
        ds -= (do * o).sum(axis=3, keepdims=True)  # the sum of dP · P is that of dO · O
        # What rounding left of the sum would be multiplied with what all keys have in common.
        ds -= (p * ds).sum(axis=3, keepdims=True)
        ds *= p
        ds *= 1 / math.sqrt(q.shape[3])
        np.matmul(ds, k, out=dq)
        np.matmul(ds.swapaxes(2, 3), q, out=dk)
        self.weight_qkv.grad += np.dot(x.T, dqkv)
        gradients = dy, dqkv[:, : self.features], dqkv[:, -self.features :]
        biases = self.bias_output, self.bias_query, self.bias_value
        for bias, gradient in zip(biases, gradients, strict=True):
            if bias is not None:
                bias.grad += np.dot(ones, gradient)
        dx: Array = np.dot(dqkv, self.weight_qkv.value.T)
        return dx.reshape(n, steps, self.features)

    def _heads(self, qkv: Array, n: int, steps: int) -> Any:
        """Return views of Q, K and V as (N, heads, T, d)."""
        size = self.features // self.heads
        return qkv.reshape(n, steps, 3, self.heads, size).transpose(2, 0, 3, 1, 4)

    def __repr__(self) -> str:
        causal = ", causal" if self.causal else ""
        return f"MultiHeadAttention({self.features}, {self.heads} heads{causal})"
