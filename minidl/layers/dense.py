"""The fully connected layer."""

import numpy as np
from numpy.typing import DTypeLike

from minidl.arrays import Array, ones
from minidl.checks.arguments import as_generator, boolean, integer
from minidl.initializers import RNG, Initializer, draw, glorot_uniform, zeros
from minidl.layer import Layer
from minidl.layers._checks import check_cotangent, check_input


class Dense(Layer):
    """An affine map of the last axis: y = x W + b.

    Forward, for a batch x of shape (N, in_features)::

        y[n, j] = Σᵢ x[n, i] W[i, j] + b[j]            y = x W + 1 bᵀ

    Backward. W[i, j] reaches the loss L through y[n, j] of every sample n, with the factor
    x[n, i]; b[j] through the same with the factor 1; x[n, i] through y[n, j] of every j, with
    the factor W[i, j]. By the chain rule, with dy = ∂L/∂y::

        ∂L/∂W[i, j] = Σₙ x[n, i] dy[n, j]              dW = xᵀ dy
        ∂L/∂b[j]    = Σₙ dy[n, j]                      db = 1ᵀ dy
        ∂L/∂x[n, i] = Σⱼ dy[n, j] W[i, j]              dx = dy Wᵀ

    Parameters
    ----------
    in_features, out_features : int
        The sizes of the last axis of input and output.
    bias : bool, default True
        Whether b is added.
    weight_initializer, bias_initializer : function (rng, shape, dtype) -> ndarray
        The initial values, see `minidl.initializers`.
    rng : numpy.random.Generator, int or None
        What the initial values are drawn from: pass one generator to all layers of a network.
        (The same integer for each would give layers of the same shape the same weights.)
    dtype : float32 or float64, default float32
        The dtype of the parameters.

    Attributes
    ----------
    weight : Parameter, shape (in_features, out_features)
    bias : Parameter, shape (out_features,), or None

    Raises
    ------
    ValueError
        In `forward`, if the last axis of x is not in_features long.

    Examples
    --------
    >>> import numpy as np
    >>> layer = Dense(2, 3, weight_initializer=lambda rng, shape, dtype: np.ones(shape, dtype))
    >>> layer(np.array([[1, 2], [3, 4]], np.float32))
    array([[3., 3., 3.],
           [7., 7., 7.]], dtype=float32)
    >>> layer
    Dense(2 → 3)
    """

    config = ("in_features", "out_features", "bias")

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        bias: bool = True,
        weight_initializer: Initializer = glorot_uniform,
        bias_initializer: Initializer = zeros,
        rng: RNG = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.in_features = integer("in_features", in_features, least=1)
        self.out_features = integer("out_features", out_features, least=1)
        boolean("bias", bias)
        rng = as_generator(rng)
        shape = self.in_features, self.out_features
        self.weight = draw(self, "weight", weight_initializer, rng, shape, dtype)
        self.bias = draw(self, "bias", bias_initializer, rng, shape[1:], dtype) if bias else None

    def forward(self, x: Array) -> tuple[Array, Array]:
        """Return (x W + b, cache)."""
        check_input(self, x, self.in_features)
        y: Array = x.dot(self.weight.value)
        if self.bias is not None:
            rows = y[0] if len(y) == 1 and y.ndim == 2 else y  # a single row needs no broadcast
            rows += self.bias.value
        return y, x

    def __call__(self, x: Array) -> Array:
        """Return x W + b."""
        return self.forward(x)[0]

    def backward(self, dy: Array, x: Array, /) -> Array:
        """Return dy Wᵀ, and add xᵀ dy and 1ᵀ dy to the gradients."""
        self.backward_parameters(dy, x)
        dx: Array = dy.dot(self.weight.value.T)
        return dx

    def backward_parameters(self, dy: Array, x: Array, /) -> None:
        """Add xᵀ dy and 1ᵀ dy to the gradients."""
        check_cotangent(self, dy, (*x.shape[:-1], self.out_features))
        if dy.ndim != 2:
            x = x.reshape(-1, self.in_features)
            dy = dy.reshape(-1, self.out_features)
        grad = self.weight.grad
        grad += x.T.dot(dy)
        if self.bias is not None:
            grad = self.bias.grad
            # as a product with ones several times as fast as the sum over an axis
            grad += dy[0] if len(dy) == 1 else ones(len(dy), dy.dtype).dot(dy)

    def __repr__(self) -> str:
        bias = "" if getattr(self, "bias", True) else ", no bias"
        return f"Dense({self.in_features} → {self.out_features}{bias})"
