"""One correct instance of every reference layer with its inputs, drawn from a generator."""

import numpy as np

from minidl import Sequential
from tests.corpus import reference as ref


def normal(make, *shapes):
    """Return a factory: make(rng), and one array of normal numbers for each shape."""
    return lambda rng: (make(rng), tuple(rng.normal(size=shape) for shape in shapes))


def labelled(loss, samples=5, classes=4):
    def factory(rng):
        return loss(), (rng.normal(size=(samples, classes)), rng.integers(classes, size=samples))

    return factory


dense = normal(lambda rng: ref.Dense(rng, 4, 3), (5, 4))
square_dense = normal(lambda rng: ref.Dense(rng, 4, 4), (5, 4))
affine = normal(lambda rng: ref.Affine(), (5, 4), (4, 3), (3,))
linear = normal(lambda rng: ref.Linear(rng, 4, 4), (5, 4))
scale = normal(lambda rng: ref.Scale(rng, 4), (5, 4))
bilinear = normal(lambda rng: ref.Bilinear(rng, 3, 4, 2), (5, 3), (5, 4))
multiply = normal(lambda rng: ref.Multiply(), (5, 4), (5, 4))
add = normal(lambda rng: ref.Add(), (5, 4), (5, 4))
matmul = normal(lambda rng: ref.Matmul(), (5, 4), (4, 3))
tied = normal(lambda rng: ref.Tied(rng, 5, 3), (6, 5))
quadratic = normal(lambda rng: ref.Quadratic(rng, 4), (5, 4))


def divide(rng):
    return ref.Divide(), (rng.normal(size=(5, 4)), rng.uniform(0.5, 2, size=(5, 4)))


def embedding(rng):
    return ref.Embedding(rng, 6, 3), (np.array([1, 4, 1, 0, 4, 1, 5]),)


def elementwise(make):
    return normal(lambda rng: make(), (5, 4))


def spread(make):
    """Inputs evenly over [−3, 3], in random order: every piece of a function is met."""
    return lambda rng: (make(), (rng.permutation(np.linspace(-3, 3, 20)).reshape(5, 4),))


relu = spread(ref.ReLU)
leaky_relu = elementwise(ref.LeakyReLU)
prelu = normal(lambda rng: ref.PReLU(4), (7, 4))
elu = elementwise(ref.ELU)
gelu = elementwise(ref.GELU)
silu = elementwise(ref.SiLU)
softplus = elementwise(ref.Softplus)
sigmoid = elementwise(ref.Sigmoid)
tanh = elementwise(ref.Tanh)
hard_tanh = spread(ref.HardTanh)
absolute = elementwise(ref.Abs)
softsign = elementwise(ref.Softsign)
square = elementwise(ref.Square)
exp = elementwise(ref.Exp)
log = elementwise(ref.Log)
softmax = elementwise(ref.Softmax)
log_softmax = elementwise(ref.LogSoftmax)
dropout = normal(lambda rng: ref.Dropout(), (6, 5))

batch_norm = normal(lambda rng: ref.BatchNorm(rng, 4), (6, 4))
layer_norm = normal(lambda rng: ref.LayerNorm(rng, 5), (4, 5))
rms_norm = normal(lambda rng: ref.RMSNorm(rng, 5), (4, 5))
unit_rows = normal(lambda rng: ref.UnitRows(), (5, 4))
standardize = normal(lambda rng: ref.Standardize(), (4, 5))

conv2d = normal(lambda rng: ref.Conv2D(rng, 2, 3, 3, padding=1), (2, 2, 4, 5))
conv2d_valid = normal(lambda rng: ref.Conv2D(rng, 2, 3, 2), (2, 2, 4, 5))
conv2d_strided = normal(lambda rng: ref.Conv2D(rng, 2, 2, 3, stride=2, padding=1), (2, 2, 5, 5))
conv1d = normal(lambda rng: ref.Conv1D(rng, 3), (3, 8))
max_pool = normal(lambda rng: ref.MaxPool2D(), (2, 2, 4, 4))
overlapping_max_pool = normal(lambda rng: ref.MaxPool2D(3, 1), (2, 1, 5, 5))
avg_pool = normal(lambda rng: ref.AvgPool2D(), (2, 2, 4, 6))
global_avg_pool = normal(lambda rng: ref.GlobalAvgPool(), (3, 2, 4, 5))
max_over_axis = normal(lambda rng: ref.MaxOverAxis(), (5, 4))
upsample = normal(lambda rng: ref.Upsample(), (2, 2, 3, 2))

rnn = normal(lambda rng: ref.RNN(rng, 3, 2), (4, 5, 3), (4, 2))
lstm = normal(lambda rng: ref.LSTM(rng, 3, 2), (4, 3, 3))
attention = normal(lambda rng: ref.Attention(), (2, 4, 3), (2, 5, 3), (2, 5, 2))
square_attention = normal(lambda rng: ref.Attention(), *[(2, 4, 4)] * 3)
self_attention = normal(lambda rng: ref.SelfAttention(rng, 3), (2, 4, 3))

softmax_ce = labelled(ref.SoftmaxCE)
hinge = labelled(ref.Hinge)
mse = normal(lambda rng: ref.MSE(), (5, 3), (5, 3))
huber = normal(lambda rng: ref.Huber(), (6, 3), (6, 3))
l1 = normal(lambda rng: ref.L1(), (5, 3), (5, 3))
cosine = normal(lambda rng: ref.Cosine(), (5, 4), (5, 4))


def weighted_softmax_ce(rng):
    loss, inputs = softmax_ce(rng)
    return loss, (*inputs, rng.uniform(0.2, 2, size=5))


def bce(rng):
    return ref.BCE(), (rng.normal(size=(5, 3)), rng.integers(2, size=(5, 3)).astype(float))


identity = elementwise(ref.Identity)
flatten = normal(lambda rng: ref.Flatten(), (3, 2, 4))
transpose = normal(lambda rng: ref.Transpose(0, 2, 1), (2, 3, 3))
cumsum = elementwise(ref.CumSum)
mean = elementwise(ref.Mean)
product = elementwise(ref.Product)
gather = normal(lambda rng: ref.Gather([2, 0, 2, 3, 2]), (5, 4))
concat = normal(lambda rng: ref.Concat(), (5, 3), (5, 3))
residual = normal(lambda rng: ref.Residual(ref.Dense(rng, 4, 4)), (5, 4))
concatenate = normal(
    lambda rng: ref.Concatenate(ref.Dense(rng, 4, 3), Sequential(ref.Dense(rng, 4, 2), ref.Tanh())),
    (5, 4),
)
gate = normal(lambda rng: ref.Gate(*(ref.Dense(rng, 4, 3) for _ in range(3))), (5, 4))
network = normal(
    lambda rng: Sequential(ref.Dense(rng, 4, 5), ref.Tanh(), ref.Dense(rng, 5, 3)), (6, 4)
)

CORRECT = {
    name: factory
    for name, factory in list(vars().items())
    if callable(factory)
    and not name.startswith("_")
    and name not in ("normal", "labelled", "elementwise", "spread", "Sequential")
}
