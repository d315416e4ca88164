"""Layers that each break a law: all laws, also those that no checker of gradients asks for."""

import copy

import numpy as np

from minidl import Buffer, Dense, Layer, Parameter
from minidl.testing import laws
from tests.corpus.faults.catalogue import plant
from tests.support import scale

X = np.array([[0.3, -1.2, 2.0], [1.5, 0.4, -0.7], [-0.2, 0.9, 1.1], [0.8, -0.5, 0.1]])
_SCRATCH = {}


def breaks(*laws, expect=(), inputs=(X,), arguments=()):
    """Plant a class of layers as one that breaks the laws, each of them on these inputs."""

    def register(layer):
        plant(layer.__name__, "laws", lambda rng: (layer(*arguments), inputs), expect, laws=laws)
        return layer

    return register


class Double(Layer):
    """A right layer, y = 2 x, for others to spoil."""

    def forward(self, x):
        return 2 * x, None

    def backward(self, dy, cache):
        return 2 * dy


class Scale(scale.Scale):
    """A right layer with a parameter, for others to spoil."""

    def __init__(self):
        super().__init__(3)
        self.gain.value[:] = [1.5, -0.5, 2.0]


@breaks(laws.keeps_shape_and_dtype)
class MultipliesByADouble(Double):
    def forward(self, x):
        return x * np.float64(2), None


@breaks(laws.keeps_shape_and_dtype)
class ComputesInSinglePrecision(Double):
    def forward(self, x):
        return 2 * x.astype(np.float32), None


@breaks(laws.keeps_shape_and_dtype)
class GradientInDoublePrecision(Double):
    def backward(self, dy, cache):
        return dy * np.full(3, 2.0)


@breaks(laws.keeps_shape_and_dtype, expect=["wrong-shape"])
class KeepsTheReducedAxis(Layer):
    def forward(self, x):
        return x.sum(axis=1), None

    def backward(self, dy, cache):
        return dy[:, np.newaxis]


@breaks(laws.keeps_shape_and_dtype, expect=["wrong-shape", "call-differs"])
class InfersAnotherShape(Double):
    def __call__(self, x):
        return (2 * x).ravel()


@breaks(laws.keeps_shape_and_dtype)
class ReturnsAList(Double):
    def forward(self, x):
        return (2 * x).tolist(), None


@breaks(laws.keeps_shape_and_dtype, expect=["missing-gradient"])
class ReturnsNoGradient(Double):
    def backward(self, dy, cache):
        return None


@breaks(laws.leaves_its_arguments_alone, expect=["mutates-input"])
class RectifiesInPlace(Layer):
    def forward(self, x):
        return np.maximum(x, 0, out=x), x > 0

    def backward(self, dy, mask):
        return dy * mask


@breaks(laws.leaves_its_arguments_alone)
class ConvertsAndWrites(Layer):
    """Writes into x only if it is float32 already: np.asarray copies otherwise."""

    def forward(self, x):
        y = np.asarray(x, np.float32)
        y *= 2
        return y.astype(x.dtype), None

    def backward(self, dy, cache):
        return 2 * dy


@breaks(laws.leaves_its_arguments_alone, expect=["mutates-upstream"])
class ScalesTheCotangent(Double):
    def backward(self, dy, cache):
        dy *= 2
        return dy


@breaks(laws.leaves_its_arguments_alone, expect=["mutates-cache"])
class WritesIntoItsCache(Layer):
    def forward(self, x):
        return np.tanh(x), {"deep": [np.tanh(x)]}

    def backward(self, dy, cache):
        y = cache["deep"][0]
        y *= y
        return dy * (1 - y)


@breaks(laws.leaves_its_arguments_alone, expect=["mutates-cache"])
class WritesIntoItsOutput(Layer):
    def forward(self, x):
        y = np.tanh(x)
        return y, lambda: y

    def backward(self, dy, cache):
        y = cache()
        np.subtract(1, y * y, out=y)
        return dy * y


@breaks(laws.leaves_its_arguments_alone, expect=["mutates-parameter"])
class TrainsItself(Scale):
    def backward(self, dy, x):
        dx = super().backward(dy, x)
        self.gain.value -= 0.1 * self.gain.grad
        return dx


@breaks(laws.leaves_its_arguments_alone, expect=["mutates-input"])
class WritesWhenCalled(Double):
    def __call__(self, x):
        x *= 2
        return x


@breaks(laws.leaves_its_arguments_alone, expect=["mutates-upstream"])
class WritesWithoutDx(Scale):
    def backward_parameters(self, dy, x):
        dy *= x
        self.gain.grad += dy.sum(axis=0)


@breaks(laws.leaves_its_arguments_alone, expect=["mutates-gradient"])
class PutsPenaltyIntoGradientsInForward(Scale):
    def forward(self, x):
        self.gain.grad += 0.01 * self.gain.value
        return super().forward(x)


def scratch(name, array):
    kept = _SCRATCH.setdefault((name, array.shape, array.dtype), np.empty_like(array))
    kept[...] = array
    return kept


@breaks(laws.keeps_what_it_handed_out, expect=["overwritten-result"])
class ReusesItsOutput(Double):
    def forward(self, x):
        return scratch("y", 2 * x), None


@breaks(laws.keeps_what_it_handed_out, expect=["overwritten-result"])
class ReusesItsGradient(Double):
    def backward(self, dy, cache):
        return scratch("dx", 2 * dy)


@breaks(laws.keeps_what_it_handed_out, expect=["overwritten-result"])
class ReusesItsCache(Layer):
    def forward(self, x):
        return np.tanh(x), (scratch("cache", np.tanh(x)),)

    def backward(self, dy, cache):
        return dy * (1 - cache[0] ** 2)


@breaks(laws.keeps_what_it_handed_out, expect=["overwritten-result"])
class ReusesWhatACallGave(Double):
    def __call__(self, x):
        return scratch("call", 2 * x)


@breaks(laws.keeps_no_state, laws.is_reentrant, expect=["stale-cache", "state"])
class KeepsItsInput(Layer):
    def forward(self, x):
        self.x = x
        return x**2, None

    def backward(self, dy, cache):
        return 2 * self.x * dy


@breaks(laws.keeps_no_state, expect=["state", "call-writes"])
class Counts(Double):
    calls = 0

    def forward(self, x):
        self.calls += 1
        return 2 * x, None


@breaks(laws.keeps_no_state, expect=["state", "call-writes"])
class CountsOnItsClass(Double):
    calls = 0

    def forward(self, x):
        type(self).calls += 1
        return 2 * x, None


@breaks(laws.keeps_no_state)
class KeepsAHistory(Double):
    def __init__(self):
        self.log = {"shapes": [[]]}

    def backward(self, dy, cache):
        self.log["shapes"][0].append(dy.shape)
        return 2 * dy


@breaks(laws.keeps_no_state, expect=["state", "call-writes"])
class KeepsStatisticsInAnArray(Double):
    def __init__(self):
        self.mean = np.zeros(3)

    def forward(self, x):
        self.mean += x.mean(axis=0)
        return 2 * x, None


@breaks(laws.keeps_no_state, expect=["global-generator", "call-writes"])
class DrawsFromTheGlobalGenerator(Double):
    def forward(self, x):
        return 2 * x + 0 * np.random.rand(), None  # noqa: NPY002


@breaks(laws.is_reentrant, expect=["stale-cache"])
class PushesAndPops(Layer):
    """A stack on the layer is right only if backward runs in reverse order."""

    def __init__(self):
        self.stack = []

    def forward(self, x):
        self.stack.append(x)
        return x**2, None

    def backward(self, dy, cache):
        return 2 * self.stack.pop() * dy


@breaks(laws.is_reentrant, expect=["stale-cache", "accumulates"])
class Queues(PushesAndPops):
    """A queue is right only if it runs in the same order."""

    def backward(self, dy, cache):
        return 2 * self.stack.pop(0) * dy


@breaks(laws.is_reentrant, expect=["stale-cache", "call-writes"])
class RemembersTheValidationPass(KeepsItsInput):
    """Right as long as no inference runs between forward and backward."""

    def forward(self, x):
        y, _ = super().forward(x)
        return y, x

    def backward(self, dy, x):
        return 2 * x * dy * np.sign(self.seen)

    seen = 1.0

    def __call__(self, x):
        self.seen = -1.0
        return x**2


@breaks(laws.adds_to_gradients, expect=["assigns-gradient"])
class AssignsItsGradient(Scale):
    def backward(self, dy, x):
        self.gain.grad = (dy * x).sum(axis=0)
        return dy * self.gain.value


@breaks(laws.adds_to_gradients, expect=["assigns-gradient"])
class ClearsItsGradientFirst(Scale):
    def backward(self, dy, x):
        self.gain.grad[:] = 0
        return super().backward(dy, x)


@breaks(laws.adds_to_gradients, expect=["accumulates"])
class EmptiesItsCache(Layer):
    def forward(self, x):
        return x**2, [x]

    def backward(self, dy, cache):
        return 2 * cache.pop() * dy


@breaks(laws.adds_to_gradients, expect=["accumulates"])
class AddsUpItsInputGradient(Layer):
    def forward(self, x):
        return 2 * x, {"dx": 0}

    def backward(self, dy, cache):
        cache["dx"] = cache["dx"] + 2 * dy
        return cache["dx"]


@breaks(laws.is_linear_in_the_cotangent, expect=["nonlinear"])
class Clips(Double):
    def backward(self, dy, cache):
        return np.clip(2 * dy, -1, 1)


@breaks(laws.is_linear_in_the_cotangent, expect=["nonlinear"])
class ClipsFarOut(Double):
    def backward(self, dy, cache):
        return np.clip(2 * dy, -50, 50)


@breaks(laws.is_linear_in_the_cotangent, expect=["nonlinear"])
class Normalises(Double):
    def backward(self, dy, cache):
        return 2 * dy / (1e-8 + np.sqrt((dy**2).sum()))


@breaks(laws.is_linear_in_the_cotangent, expect=["ignores-upstream"])
class IgnoresTheCotangent(Double):
    def backward(self, dy, cache):
        return np.full_like(dy, 2)


@breaks(laws.is_linear_in_the_cotangent, expect=["hidden-penalty", "weight-decay"])
class DecaysItsWeight(Scale):
    def backward(self, dy, x):
        self.gain.grad += 1e-4 * self.gain.value
        return super().backward(dy, x)


@breaks(laws.is_linear_in_the_cotangent, expect=["nonlinear"])
class SignsTheCotangent(Double):
    def backward(self, dy, cache):
        return 2 * abs(dy)


@breaks(
    laws.leaves_the_same_gradients_without_dx,
    arguments=(3, 2),
    expect=["backward-parameters-differs"],
)
class ForgetsWithoutDx(Dense):
    def backward_parameters(self, dy, x):
        self.weight.grad += x.T @ dy

    def backward(self, dy, x):
        super().backward_parameters(dy, x)
        return dy @ self.weight.value.T


@breaks(laws.leaves_the_same_gradients_without_dx)
class ReturnsDxAllTheSame(Scale):
    def backward_parameters(self, dy, x):
        return self.backward(dy, x)


@breaks(laws.repeats_itself_at_inference, expect=["call-writes"])
class DropsAtInference(Layer):
    def __init__(self):
        self.rng = np.random.default_rng(0)

    def forward(self, x):
        mask = self.rng.random(x.shape) < 0.5
        return x * mask, mask

    def backward(self, dy, mask):
        return dy * mask


@breaks(laws.repeats_itself_at_inference, expect=["call-writes"])
class DrawsAtInference(DropsAtInference):
    def __call__(self, x):
        self.rng.random()
        return 0.5 * x


@breaks(laws.repeats_itself_at_inference, expect=["call-writes"])
class CountsAtInference(Double):
    def __init__(self):
        self.calls = Buffer(0.0)

    def __call__(self, x):
        self.calls.value += 1
        return 2 * x


@breaks(laws.repeats_itself_at_inference, expect=["call-differs"])
class InfersSomethingElse(Double):
    def __call__(self, x):
        return 2.001 * x


@breaks(laws.takes_any_memory_layout, expect=["memory-layout"])
class ReadsMemoryInOrder(Layer):
    def forward(self, x):
        return x * x.ravel(order="K")[:3], x

    def backward(self, dy, x):
        return dy * x


@breaks(laws.takes_any_memory_layout, expect=["memory-layout"])
class AssumesContiguousRows(Double):
    def forward(self, x):
        size = x.itemsize
        rows = np.lib.stride_tricks.as_strided(x, x.shape, (x.shape[1] * size, size))
        return 2 * rows, None


@breaks(laws.takes_any_memory_layout, expect=["memory-layout"])
class AssumesAContiguousCotangent(Double):
    def backward(self, dy, cache):
        flat = dy.view()
        flat.shape = (-1,)
        return (2 * flat).reshape(dy.shape)


@breaks(laws.takes_any_memory_layout)
class MakesItsInputWriteable(Double):
    def forward(self, x):
        x.flags.writeable = True
        x += 0
        return 2 * x, None


@breaks(laws.takes_any_memory_layout, expect=["memory-layout"])
class NeedsAWriteableCotangent(Double):
    def backward(self, dy, cache):
        dy += 0
        return 2 * dy


@breaks(laws.takes_a_batch_of_one)
class SqueezesTheBatchAway(Layer):
    def forward(self, x):
        return np.squeeze(2 * x), x.shape

    def backward(self, dy, shape):
        return (2 * dy).reshape(shape)


@breaks(laws.takes_a_batch_of_one)
class DividesByOneLessThanTheBatch(Layer):
    def forward(self, x):
        with np.errstate(all="ignore"):
            return x / np.float32(len(x) - 1), len(x) - 1

    def backward(self, dy, count):
        return dy / dy.dtype.type(count)


@breaks(laws.takes_a_batch_of_one)
class FitsALineThroughTheBatch(Double):
    def forward(self, x):
        if len(x) == 1:
            raise ValueError("more than one sample is needed")
        return 2 * x, None


@breaks(laws.takes_an_empty_batch)
class FindsTheLargest(Double):
    def forward(self, x):
        return 2 * x, x.max()


@breaks(laws.takes_an_empty_batch)
class ReshapesWithoutASize(Layer):
    def forward(self, x):
        return x.reshape(len(x), -1), x.shape

    def backward(self, dy, shape):
        return dy.reshape(shape)


@breaks(laws.takes_an_empty_batch, expect=["partial-samples", "upstream-passed-through"])
class AddsOneToAnEmptyBatch(Layer):
    def forward(self, x):
        return x[[0]] + 0 * x if len(x) else np.zeros((1, 3), x.dtype), None

    def backward(self, dy, cache):
        return dy


@breaks(laws.takes_an_empty_batch, expect=["constant-factor"])
class AveragesOverNothing(Scale):
    def backward(self, dy, x):
        self.gain.grad += (dy * x).mean(axis=0)
        return dy * self.gain.value / len(x)


@breaks(laws.takes_an_empty_batch, expect=["call-writes"])
class ForgetsItsStatistics(Double):
    def __init__(self):
        self.mean = Buffer(np.ones(3))

    def forward(self, x):
        self.mean.value *= 0.9
        self.mean.value += 0.1 * x.sum(axis=0) / max(len(x), 1)
        return 2 * x, None


@breaks(laws.takes_an_empty_batch)
class LossThatFailsOnNothing(Layer):
    def forward(self, x):
        if not x.size:
            raise ZeroDivisionError("nothing to average")
        return x.mean(), x.shape

    def backward(self, dy, shape):
        return np.full(shape, dy / np.prod(shape))


@breaks(laws.takes_an_empty_batch, expect=["constant-factor", "batch-of-one"])
class LossOfNothing(Layer):
    def forward(self, x):
        return x.sum() / max(x.size, 1), x.shape

    def backward(self, dy, shape):
        return np.full(shape, dy / 12)


@breaks(laws.takes_an_empty_batch)
class ReturnsARowForNothing(Double):
    def backward(self, dy, cache):
        return 2 * dy if len(dy) else np.zeros((1, 3), dy.dtype)


@breaks(laws.treats_samples_independently)
class SubtractsTheMeanOfTheBatch(Layer):
    def forward(self, x):
        return x - x.mean(axis=0), None

    def backward(self, dy, cache):
        return dy - dy.mean(axis=0)


@breaks(laws.treats_samples_independently, expect=["missing-term", "mean-path"])
class MixesGradients(Double):
    def backward(self, dy, cache):
        return 2 * dy + 1e-4 * dy.sum(axis=0)


@breaks(laws.treats_samples_independently)
class AddsUpTheBatch(Layer):
    def forward(self, x):
        return np.cumsum(x, axis=0), None

    def backward(self, dy, cache):
        return np.cumsum(dy[::-1], axis=0)[::-1]


@breaks(laws.treats_samples_independently)
class LosesItsBatchAxis(Layer):
    def forward(self, x):
        return x.ravel(), x.shape

    def backward(self, dy, shape):
        return dy.reshape(shape)


@breaks(laws.agrees_in_both_precisions, inputs=(100 + X,))
class LogSumExpWithoutTheShift(Layer):
    def forward(self, x):
        with np.errstate(over="ignore"):
            powers = np.exp(x)
        total = powers.sum(axis=1, keepdims=True)
        return np.log(total), (powers, total)

    def backward(self, dy, cache):
        return dy * cache[0] / cache[1]


@breaks(laws.agrees_in_both_precisions, inputs=(3000 + X,))
class VarianceFromSquares(Layer):
    def forward(self, x):
        mean = x.mean(axis=1, keepdims=True)
        return (x * x).mean(axis=1, keepdims=True) - mean * mean, x - mean

    def backward(self, dy, centred):
        return 2 * dy * centred / centred.shape[1]


@breaks(laws.agrees_in_both_precisions)
class EpsilonForDoublePrecisionOnly(Layer):
    def forward(self, x):
        y = np.tanh(x)
        return y, y if x.dtype == np.float64 else (1 + 1e-3) * y

    def backward(self, dy, y):
        return dy * (1 - y * y)


@breaks(laws.can_be_copied)
class CopiesItself(Scale):
    def __deepcopy__(self, memo):
        twin = type(self)()
        twin.gain = copy.copy(self.gain) if self.gain.value.dtype == np.float32 else self.gain
        return twin


@breaks(laws.can_be_copied)
class RefusesToBeCopied(Double):
    def __deepcopy__(self, memo):
        raise RuntimeError("once is enough")


@breaks(laws.can_be_pickled)
class HoldsALambda(Double):
    def __init__(self):
        self.function = lambda x: 2 * x


@breaks(laws.can_be_pickled)
class ForgetsItsGain(Scale):
    def __reduce_ex__(self, protocol):
        return ForgetsItsGain, ()

    def __deepcopy__(self, memo):
        twin = Scale.__new__(ForgetsItsGain)
        twin.gain = copy.deepcopy(self.gain, memo)
        return twin

    def __init__(self):
        self.gain = Parameter(np.random.default_rng().normal(size=3))


@breaks(laws.can_be_copied, laws.can_be_pickled)
class ComesBackAsAnother(Scale):
    def __reduce_ex__(self, protocol):
        return Double, ()


@breaks(laws.can_be_pickled)
class LosesAParameter(Scale):
    def __getstate__(self):
        return {"options": ()}

    def forward(self, x):
        return (x * self.gain.value if hasattr(self, "gain") else x), x

    def backward(self, dy, x):
        return super().backward(dy, x) if hasattr(self, "gain") else dy


@breaks(laws.can_be_pickled)
class LosesItsGenerator(DropsAtInference):
    def __reduce_ex__(self, protocol):
        return LosesItsGenerator, ()

    def __deepcopy__(self, memo):
        twin = LosesItsGenerator.__new__(LosesItsGenerator)
        twin.rng = copy.deepcopy(self.rng, memo)
        return twin

    def __init__(self):
        self.rng = np.random.default_rng()

    def __call__(self, x):
        return 0.5 * x


@breaks(laws.has_proven_gradients, expect=["constant-factor", "upstream-passed-through"])
class HalvesItsGradient(Double):
    def backward(self, dy, cache):
        return dy


@breaks(laws.has_proven_gradients, expect=["partial-samples"])
class ForgetsTheBatchSum(Scale):
    def backward(self, dy, x):
        self.gain.grad += (dy * x)[0]
        return dy * self.gain.value
