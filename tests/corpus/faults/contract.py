"""Faults that break the contract, whatever the numbers are; and those that nothing could see."""

import numpy as np

from minidl.testing import laws
from tests.corpus import reference as ref
from tests.corpus import samples
from tests.corpus.faults.catalogue import planted, planted_layer, with_methods


@planted_layer("relu", "mutates-input")
def rectifies_the_input_in_place(rng):
    def forward(self, x):
        y = np.maximum(x, 0, out=x)
        return y, y.copy()

    layer, inputs = samples.relu(rng)
    return with_methods(layer, forward=forward), inputs


@planted_layer("standardize", "mutates-input")
def centres_the_input_in_place(rng):
    def forward(self, x):
        x -= x.mean(axis=1, keepdims=True)
        return ref.Standardize.forward(self, x)

    layer, inputs = samples.standardize(rng)
    return with_methods(layer, forward=forward), inputs


@planted("dense", samples.dense, "mutates-input", "mutates-cache")
def scales_the_cached_input_in_place(self, dy, x):
    x *= 1.0001
    return ref.Dense.backward(self, dy, x)


@planted("dense", samples.dense, "mutates-parameter")
def takes_a_step_of_descent_inside_backward(self, dy, x):
    dx = ref.Dense.backward(self, dy, x)
    self.weight.value -= 0.01 * self.weight.grad
    return dx


@planted_layer("scale", "mutates-parameter")
def renormalises_its_gain_in_forward(rng):
    def forward(self, x):
        self.gain.value /= np.linalg.norm(self.gain.value) + 1
        return ref.Scale.forward(self, x)

    layer, inputs = samples.scale(rng)
    return with_methods(layer, forward=forward), inputs


@planted("tanh", samples.tanh, "mutates-upstream")
def multiplies_the_upstream_in_place(self, dy, y):
    dy *= 1 - y * y
    return dy


@planted_layer("dense", "overwritten-result")
def reuses_one_array_for_the_input_gradient(rng):
    def backward(self, dy, x):
        ref.Dense.backward(self, dy, x)
        if getattr(self, "room", None) is None or self.room.shape != x.shape:
            self.room = np.empty_like(x)
        return np.matmul(dy, self.weight.value.T, out=self.room)

    layer, inputs = samples.dense(rng)
    return with_methods(layer, backward=backward), inputs


@planted_layer("tanh", "overwritten-result", "stale-cache", "mutates-cache")
def reuses_one_array_for_the_output(rng):
    def forward(self, x):
        if getattr(self, "room", None) is None or self.room.shape != x.shape:
            self.room = np.empty_like(x)
        y = np.tanh(x, out=self.room)
        return y, y.copy()

    layer, inputs = samples.tanh(rng)
    return with_methods(layer, forward=forward), inputs


@planted("add", samples.add, "shared-memory")
def returns_one_array_for_both_inputs(self, dy, cache):
    dx = dy.copy()
    return dx, dx


@planted_layer("scale", "shared-memory", "ignores-upstream")
def returns_the_gain_itself(rng):
    def forward(self, x):
        return (x * self.gain.value).sum(), x

    def backward(self, dy, x):
        self.gain.grad += x * dy
        return self.gain.value

    return with_methods(ref.Scale(rng, 4), forward=forward, backward=backward), (
        rng.normal(size=4),
    )


@planted_layer("scale", "history-dependent-forward")
def warms_up_with_a_counter(rng):
    def forward(self, x):
        self.calls = getattr(self, "calls", 0) + 1
        return ref.Scale.forward(self, x * (1 - 0.5**self.calls))

    layer, inputs = samples.scale(rng)
    return with_methods(layer, forward=forward), inputs


@planted_layer("dropout", "history-dependent-forward")
def draws_from_a_generator_that_nobody_can_restore(rng):
    def forward(self, x):
        mask = (np.random.default_rng().random(x.shape) > 0.5) / 0.5
        return x * mask, mask

    layer, inputs = samples.dropout(rng)
    return with_methods(layer, forward=forward), inputs


@planted_layer("dense", "accumulates")
def adds_to_an_input_gradient_kept_on_the_layer(rng):
    def backward(self, dy, x):
        ref.Dense.backward(self, dy, x)
        self.total = getattr(self, "total", 0) + dy @ self.weight.value.T
        return self.total.copy()

    layer, inputs = samples.dense(rng)
    return with_methods(layer, backward=backward), inputs


@planted_layer("dense", "stale-cache")
def keeps_the_input_on_the_layer(rng):
    def forward(self, x):
        self.x = x
        return ref.Dense.forward(self, x)

    def backward(self, dy, cache):
        return ref.Dense.backward(self, dy, self.x)

    layer, inputs = samples.dense(rng)
    return with_methods(layer, forward=forward, backward=backward), inputs


@planted_layer("tanh", "stale-cache")
def keeps_the_first_output_for_ever(rng):
    def forward(self, x):
        y = np.tanh(x)
        if getattr(self, "y", None) is None or self.y.shape != y.shape:
            self.y = y
        return y, None

    def backward(self, dy, cache):
        return dy * (1 - self.y**2)

    layer, inputs = samples.tanh(rng)
    return with_methods(layer, forward=forward, backward=backward), inputs


@planted_layer("dense", "stale-cache", laws=[laws.has_proven_gradients])
def transposes_the_weight_once_and_for_all(rng):
    layer, inputs = samples.dense(rng)
    layer.transposed = layer.weight.value.T.copy()

    def backward(self, dy, x):
        ref.Dense.backward(self, dy, x)
        return dy @ self.transposed

    return with_methods(layer, backward=backward), inputs


@planted("softmax", samples.softmax, "memory-layout")
def flattens_the_upstream_in_memory_order(self, dy, y):
    dy = dy.ravel(order="A").reshape(dy.shape)
    return y * (dy - (dy * y).sum(axis=-1, keepdims=True))


@planted_layer("dense", "memory-layout")
def flattens_the_input_in_memory_order(rng):
    def forward(self, x):
        return ref.Dense.forward(self, x)[0], x

    def backward(self, dy, x):
        return ref.Dense.backward(self, dy, x.ravel(order="K").reshape(x.shape))

    layer, inputs = samples.dense(rng)
    return with_methods(layer, forward=forward, backward=backward), inputs


@planted("scale", samples.scale, "call-differs", method="__call__")
def forgets_the_shift_at_inference(self, x):
    return x * self.gain.value


@planted_layer("scale", "call-writes")
def remembers_the_last_input_at_inference(rng):
    layer, inputs = samples.scale(rng)
    layer.seen = 0

    def call(self, x):
        self.seen += len(x)
        return ref.Scale.forward(self, x)[0]

    return with_methods(layer, __call__=call), inputs


@planted("dense", samples.dense, "nonlinear")
def clips_the_input_gradient(self, dy, x):
    return np.clip(ref.Dense.backward(self, dy, x), -0.5, 0.5)


@planted("dense", samples.dense, "nonlinear")
def normalises_the_input_gradient(self, dy, x):
    dx = ref.Dense.backward(self, dy, x)
    return dx / np.linalg.norm(dx)


@planted("tanh", samples.tanh, "nonlinear")
def keeps_the_sign_of_the_upstream_only(self, dy, y):
    return np.sign(dy) * (1 - y * y)


@planted("tanh", samples.tanh, "nonlinear")
def replaces_small_gradients_by_zero(self, dy, y):
    dx = dy * (1 - y * y)
    return np.where(np.abs(dx) < 0.2, 0, dx)


@planted("sigmoid", samples.sigmoid, "ignores-upstream")
def returns_the_local_derivative(self, dy, y):
    return y * (1 - y)


@planted("sigmoid", samples.sigmoid, "zero")
def returns_zeros(self, dy, y):
    return np.zeros_like(y)


@planted("tanh", samples.tanh, "missing-gradient")
def returns_nothing(self, dy, y):
    dy * (1 - y * y)


@planted("sigmoid", samples.sigmoid, "low-precision")
def keeps_the_output_in_half_precision(self, dy, y):
    y = y.astype(np.float16).astype(np.float64)
    return (dy * y * (1 - y)).astype(np.float16).astype(np.float64)


@planted("tanh", samples.tanh, "wrong-region")
def gets_one_element_wrong(self, dy, y):
    dx = dy * (1 - y * y)
    dx[2, 1] *= 1.01
    return dx


@planted("tanh", samples.tanh, "wrong-region", "partial-samples")
def gets_the_last_sample_wrong(self, dy, y):
    dx = dy * (1 - y * y)
    dx[-1] = 0
    return dx


@planted("sigmoid", samples.sigmoid, "constant-factor")
def is_wrong_by_one_part_in_a_million(self, dy, y):
    return (1 + 1e-6) * dy * y * (1 - y)


@planted("tanh", samples.tanh, "large-input", "wrong-region")
def calls_the_gradient_zero_where_tanh_saturates(self, dy, y):
    return np.where(np.abs(y) > 0.995, 0, dy * (1 - y * y))


@planted("sigmoid", samples.sigmoid, unseen="1e-14 is below what float64 can show of a difference")
def is_wrong_by_less_than_rounding(self, dy, y):
    return (1 + 1e-14) * dy * y * (1 - y)


@planted(
    "relu", samples.relu, unseen="the wrong branch needs a batch of a thousand, this one has five"
)
def goes_wrong_for_large_batches(self, dy, x):
    return dy * (x > 0) if len(x) < 1000 else dy.copy()


@planted("tanh", samples.tanh, unseen="no input here, nor eight times one, comes near a million")
def goes_wrong_beyond_a_million(self, dy, y):
    return np.where(np.arctanh(np.clip(y, -0.9, 0.9)) > 1e6, 1, 1 - y * y) * dy


@planted_layer("dropout", unseen="p is 0 here: nothing is dropped and the mask is all ones")
def forgets_the_mask_when_nothing_is_dropped(rng):
    def backward(self, dy, mask):
        return dy.copy()

    return with_methods(ref.Dropout(p=0.0), backward=backward), (rng.normal(size=(6, 5)),)


@planted_layer("huber", unseen="delta is 1 here, and 1 is its own square")
def squares_a_delta_that_is_one(rng):
    def backward(self, dy, r):
        return dy * np.clip(r, -(self.delta**2), self.delta**2) / r.size

    layer, inputs = samples.huber(rng)
    return with_methods(layer, backward=backward), inputs


@planted_layer("scale", unseen="only one of two threads that share the layer would see it")
def lets_another_thread_read_what_it_keeps(rng):
    def backward(self, dy, x):
        self.room = dy * x
        self.gain.grad += self.room.sum(axis=0)
        self.shift.grad += dy.sum(axis=0)
        self.room = None
        return dy * self.gain.value

    layer, inputs = samples.scale(rng)
    layer.room = None
    return with_methods(layer, backward=backward), inputs
