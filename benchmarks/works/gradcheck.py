"""Gradient checkers side by side on wrong and awkward layers: `python -m benchmarks gradcheck`.

Every checker gets the same pair of functions over float64 arrays: the layer's forward, and its
backward from zeroed gradients. The others are helped where they would need it: float32 layers are
cast to float64, and generators and buffers are put back before each forward. Each layer is given to
all checkers in turn, in one process with one BLAS thread.

A planted fault is detected if the checker does anything but accept it; an awkward, correct layer is
a false alarm if it is rejected, and is refused if the checker breaks down over it.
"""

import os

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"  # before NumPy is imported

import argparse  # noqa: E402
import copy  # noqa: E402
import statistics  # noqa: E402
import time  # noqa: E402
import tracemalloc  # noqa: E402
import warnings  # noqa: E402

import numpy as np  # noqa: E402

from minidl import Buffer, Dense, Parameter, ParameterVector, Sequential, Tanh  # noqa: E402
from minidl.gradcheck import check_gradients  # noqa: E402
from minidl.parameters import unique  # noqa: E402
from tests.corpus.awkward import AWKWARD  # noqa: E402
from tests.corpus.faults import VISIBLE  # noqa: E402
from tests.corpus.oracle import GENERATORS, differentiable, named  # noqa: E402


class Rejected(Exception):  # noqa: N818
    """The checker's answer is no."""


class Counter:
    """The calls of forward and backward; it is not copied with the layer."""

    def __init__(self):
        self.forwards = self.backwards = 0

    def __deepcopy__(self, memo):
        return self


def counted(layer):
    """Make one layer count the calls of its forward and backward."""
    counter, kind = Counter(), type(layer)

    def forward(self, *inputs):
        counter.forwards += 1
        return kind.forward(self, *inputs)

    def backward(self, dy, cache):
        counter.backwards += 1
        return kind.backward(self, dy, cache)

    layer.__class__ = type(kind.__name__, (kind,), {"forward": forward, "backward": backward})
    return counter


class Pair:
    """A layer as two functions of its differentiable inputs and parameters."""

    def __init__(self, layer, inputs):
        self.layer = layer.astype(np.float64)
        self.inputs = [
            np.array(a, np.float64) if np.asarray(a).dtype.kind == "f" else a for a in inputs
        ]
        self.places = differentiable(layer, inputs)
        self.parameters = list(unique(self.layer, Parameter).values())
        self.arrays = [np.array(self.inputs[i]) for i in self.places]
        self.arrays += [parameter.value.copy() for parameter in self.parameters]
        state = unique(self.layer, (Buffer, *GENERATORS))
        self.state = [(item, copy.deepcopy(item)) for item in state.values()]
        self.seed = np.random.get_state()  # noqa: NPY002

    def _put(self, arrays):
        inputs = list(self.inputs)
        for i, array in zip(self.places, arrays, strict=False):
            inputs[i] = array
        for parameter, array in zip(self.parameters, arrays[len(self.places) :], strict=True):
            parameter.value[...] = array
            parameter.grad[...] = 0
        return inputs

    def forward(self, *arrays):
        inputs = self._put(arrays)
        np.random.set_state(self.seed)  # noqa: NPY002
        for item, saved in self.state:
            if isinstance(item, Buffer):
                item.value[...] = saved.value
            elif isinstance(item, np.random.Generator):
                item.bit_generator.state = saved.bit_generator.state
            else:
                item.set_state(saved.get_state())
        return self.layer.forward(*inputs)

    def backward(self, arrays, dy, cache):
        inputs = self._put(arrays)
        dx = self.layer.backward(dy, cache)
        return [
            np.array(g) if g is not None else None for g in named(self.layer, inputs, dx).values()
        ]


# --- the checkers -----------------------------------------------------------------------------


def minidl_checker(layer, inputs):
    if check_gradients(layer, *inputs).verdict == "fail":
        raise Rejected


def flat_functions(layer, inputs):
    """Return (f, gradient, start) over one vector; f is the output times a fixed random array."""
    pair = Pair(layer, inputs)
    shapes = [array.shape for array in pair.arrays]
    ends = np.cumsum([array.size for array in pair.arrays])
    y, _ = pair.forward(*pair.arrays)
    v = np.random.default_rng([0, 1]).normal(size=np.shape(y)) if np.ndim(y) else -1.7

    def split(vector):
        parts = np.split(np.asarray(vector, np.float64), ends[:-1])
        return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]

    def f(vector):
        return float(np.sum(v * pair.forward(*split(vector))[0]))

    def gradient(vector):
        arrays = split(vector)
        _, cache = pair.forward(*arrays)
        parts = pair.backward(arrays, np.array(v), cache)
        if any(np.shape(part) != shape for part, shape in zip(parts, shapes, strict=True)):
            raise Rejected
        return np.concatenate([part.ravel() for part in parts])

    return f, gradient, np.concatenate([array.ravel() for array in pair.arrays])


def scipy_checker(layer, inputs):
    """Reject if the norm of the difference exceeds 1e-6 of that of the gradient, or 1e-6."""
    from scipy.optimize import check_grad

    f, gradient, x = flat_functions(layer, inputs)
    if not check_grad(f, gradient, x) <= 1e-6 * max(1, np.linalg.norm(gradient(x))):
        raise Rejected


def cs231n_checker(layer, inputs):
    """Central differences with step 1e-5; reject a relative error above 1e-7."""
    f, gradient, x = flat_functions(layer, inputs)
    a, n = gradient(x), np.empty_like(x)
    for i, step in enumerate(1e-5 * np.eye(x.size)):
        n[i] = (f(x + step) - f(x - step)) / 2e-5
    if not (np.abs(a - n) / np.maximum(1e-8, np.abs(a) + np.abs(n)) <= 1e-7).all():
        raise Rejected


def notebook_checker(layer, inputs):
    """One-sided differences with step 1e-6; reject a relative difference of norms above 1e-4."""
    f, gradient, x = flat_functions(layer, inputs)
    a, start, n = gradient(x), f(x), np.empty_like(x)
    for i, step in enumerate(1e-6 * np.eye(x.size)):
        n[i] = (f(x + step) - start) / 1e-6
    if not np.linalg.norm(a - n) <= 1e-4 * (np.linalg.norm(a) + np.linalg.norm(n)):
        raise Rejected


def torch_checker(fast):
    import torch
    from torch.autograd.gradcheck import GradcheckError

    class Function(torch.autograd.Function):
        @staticmethod
        def forward(ctx, pair, *tensors):
            arrays = [tensor.detach().numpy() for tensor in tensors]
            y, ctx.cache = pair.forward(*arrays)
            ctx.pair, ctx.arrays = pair, arrays
            return torch.from_numpy(np.array(y))

        @staticmethod
        def backward(ctx, dy):
            gradients = ctx.pair.backward(ctx.arrays, dy.numpy(), ctx.cache)
            return None, *(None if g is None else torch.from_numpy(g) for g in gradients)

    def checker(layer, inputs):
        pair = Pair(layer, inputs)
        tensors = [torch.tensor(array, requires_grad=True) for array in pair.arrays]
        try:
            torch.autograd.gradcheck(lambda *t: Function.apply(pair, *t), tensors, fast_mode=fast)
        except GradcheckError as error:
            raise Rejected from error

    return checker


def jax_checker():
    import jax
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)

    def checker(layer, inputs):
        pair = Pair(layer, inputs)
        y, _ = pair.forward(*pair.arrays)
        output = jax.ShapeDtypeStruct(np.shape(y), np.float64)
        shapes = [jax.ShapeDtypeStruct(a.shape, np.float64) for a in pair.arrays]

        def run(*arrays):
            return np.asarray(pair.forward(*map(np.array, arrays))[0])

        def pull(dy, *arrays):
            arrays = [np.array(a) for a in arrays]
            _, cache = pair.forward(*arrays)
            return pair.backward(arrays, np.array(dy), cache)

        @jax.custom_vjp
        def function(*arrays):
            return jax.pure_callback(run, output, *arrays)

        function.defvjp(
            lambda *arrays: (function(*arrays), arrays),
            lambda arrays, dy: tuple(jax.pure_callback(pull, shapes, dy, *arrays)),
        )
        try:
            check_grads(function, tuple(pair.arrays), order=1, modes=["rev"])
        except AssertionError as error:
            raise Rejected from error

    return checker


def autograd_checker():
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    def checker(layer, inputs):
        pair = Pair(layer, inputs)

        @primitive
        def function(*arrays):
            return np.array(pair.forward(*arrays)[0])

        def pull(place):
            def vjp(answer, *arrays):
                def run(dy):
                    _, cache = pair.forward(*arrays)
                    return pair.backward(arrays, dy, cache)[place]

                return run

            return vjp

        defvjp(function, *(pull(i) for i in range(len(pair.arrays))))
        try:
            every = tuple(range(len(pair.arrays)))  # the default is the first argument only
            check_grads(function, argnum=every, modes=["rev"], order=1)(*pair.arrays)
        except AssertionError as error:
            raise Rejected from error

    return checker


def checkers():
    """Return {title: checker} of those that are installed."""
    found = {"minidl": minidl_checker}
    others = {
        "torch gradcheck, slow": lambda: torch_checker(False),
        "torch gradcheck, fast": lambda: torch_checker(True),
        "jax check_grads": jax_checker,
        "autograd check_grads": autograd_checker,
        "scipy check_grad, 1e-6": lambda: scipy_checker,
        "CS231n, 1e-7": lambda: cs231n_checker,
        "notebook, one-sided, 1e-4": lambda: notebook_checker,
    }
    for title, make in others.items():
        try:
            found[title] = make()
        except ImportError as error:
            print(f"{title}: left out, {error}")
    return found


# --- the comparison ---------------------------------------------------------------------------


def run(checker, make, seed):
    """Return (answer, forwards, backwards, milliseconds)."""
    layer, inputs = make(np.random.default_rng(seed))
    counter = counted(layer)
    started = time.perf_counter()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            checker(layer, inputs)
            answer = "accepts"
        except Rejected:
            answer = "rejects"
        except Exception:
            answer = "refuses"
    return answer, counter.forwards, counter.backwards, 1e3 * (time.perf_counter() - started)


def compare(seeds):
    found = checkers()
    for checker in found.values():  # what is imported or compiled at first use
        run(checker, AWKWARD[0].make, 0)
    wrong = {title: [] for title in found}
    right = {title: [] for title in found}
    for seed in seeds:
        for items, results in ((VISIBLE, wrong), (AWKWARD, right)):
            for item in items:
                for title, checker in found.items():
                    results[title].append(run(checker, item.make, seed))
    print(
        f"{len(VISIBLE)} wrong and {len(AWKWARD)} awkward layers, {len(seeds)} seeds; "
        "calls and ms are medians over the awkward layers\n"
    )
    print(
        f"{'checker':26} {'detected':>9} {'false alarms':>13} {'refused':>8} "
        f"{'forwards':>9} {'backwards':>10} {'ms':>7}"
    )
    for title in found:
        detected = sum(row[0] != "accepts" for row in wrong[title]) / len(wrong[title])
        alarms = sum(row[0] == "rejects" for row in right[title]) / len(right[title])
        refused = sum(row[0] == "refuses" for row in right[title]) / len(right[title])
        forwards, backwards, ms = (
            statistics.median(row[column] for row in right[title]) for column in (1, 2, 3)
        )
        print(
            f"{title:26} {detected:9.1%} {alarms:13.1%} {refused:8.1%} "
            f"{forwards:9.0f} {backwards:10.0f} {ms:7.2f}"
        )


# --- the cost of minidl's ---------------------------------------------------------------------


def line(what, value, target, met):
    print(f"{what:52} {value:>14}   target {target:12} {'met' if met else 'MISSED'}")


def median_ms(layer, *inputs, repeats=11):
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        report = check_gradients(layer, *inputs)
        times.append(1e3 * (time.perf_counter() - started))
    assert report.ok, report
    return statistics.median(times)


def costs():
    rng = np.random.default_rng(0)
    f64 = np.float64
    small = (
        ("Tanh on (5, 8)", Tanh(), rng.normal(size=(5, 8))),
        ("Dense(4 → 3) on (5, 4)", Dense(4, 3, rng=rng, dtype=f64), rng.normal(size=(5, 4))),
        (
            "Dense, Tanh, Dense on (2, 3)",
            Sequential(Dense(3, 4, rng=rng, dtype=f64), Tanh(), Dense(4, 3, rng=rng, dtype=f64)),
            rng.normal(size=(2, 3)),
        ),
    )
    print()
    for title, layer, x in small:
        size = x.size + sum(p.value.size for p in unique(layer, Parameter).values())
        counter = counted(layer)
        assert check_gradients(layer, x).ok
        target = 2 * size + 60
        line(
            f"forwards, {title}, n = {size}",
            counter.forwards,
            f"≤ {target}",
            counter.forwards <= target,
        )
    ms = median_ms(Dense(4, 4, rng=rng, dtype=f64), rng.normal(size=(5, 4)))
    line("Dense(4 → 4) on (5, 4), 40 coordinates", f"{ms:.1f} ms", "≤ 10 ms", ms <= 10)
    ms = median_ms(Dense(4, 4, rng=rng), rng.normal(size=(5, 4)).astype(np.float32))
    line("the same in float32", f"{ms:.1f} ms", "≤ 10 ms", ms <= 10)

    for dtype in (np.float64, np.float32):
        layer, x = Dense(256, 256, rng=rng, dtype=dtype), rng.normal(size=(32, 256)).astype(dtype)
        seconds = median_ms(layer, x, repeats=3) / 1e3
        line(
            f"Dense(256 → 256) on (32, 256), {np.dtype(dtype)}",
            f"{seconds:.2f} s",
            "≤ 1 s",
            seconds <= 1,
        )
        tracemalloc.start()
        check_gradients(layer, x)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        own = 2 * 8 * len(ParameterVector(layer)) + 2 * 8 * x.size  # values, gradients; x, y
        line(
            "  peak memory, of its own arrays in float64",
            f"{peak / own:.1f} x",
            "a few",
            peak < 10 * own,
        )


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m benchmarks gradcheck", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1, help="seeds for each layer")
    options = parser.parse_args(arguments)
    compare(range(options.seeds))
    costs()


if __name__ == "__main__":
    main()
