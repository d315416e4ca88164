"""An independent and simple judge of a layer: plain central differences and the written contract.

It is deliberately naive, and right only for smooth float64 layers at generic points: good enough
to show that a planted fault is a fault and a reference layer is not.
"""

import copy

import numpy as np

from minidl import Buffer, Parameter
from minidl.parameters import unique

GENERATORS = (np.random.Generator, np.random.RandomState)


def fresh(layer, *inputs):
    """Return an independent copy of the layer with zeroed gradients, and of the inputs."""
    layer = copy.deepcopy(layer)
    inputs = tuple(copy.deepcopy(array) for array in inputs)
    for parameter in unique(layer, Parameter).values():
        parameter.grad[...] = 0
    return layer, inputs


def differentiable(layer, inputs):
    """Return the positions of the inputs that carry a gradient."""
    count = len(inputs) if layer.differentiable is None else layer.differentiable
    return [i for i in range(count) if np.asarray(inputs[i]).dtype.kind == "f"]


def gradients(layer, inputs, dy_seed=0):
    """Run one forward and one backward on copies; return ({name: gradient}, upstream)."""
    layer, inputs = fresh(layer, *inputs)
    y, cache = layer.forward(*inputs)
    dy = cotangent(y, dy_seed)
    dx = layer.backward(dy, cache)
    return named(layer, inputs, dx), dy


def cotangent(y, seed=0):
    if np.ndim(y) == 0:
        return np.asarray(y).dtype.type(-1.7)
    rng = np.random.default_rng([seed, 2718])  # not the numbers that seed 0 gives a sample
    return rng.normal(size=np.shape(y)).astype(np.asarray(y).dtype)


def named(layer, inputs, dx):
    """Return what backward gave under the names `input 0`, …, and the parameters' paths."""
    wanted = differentiable(layer, inputs)
    given = dx if isinstance(dx, tuple) else (dx,) + (None,) * (len(inputs) - 1)
    result = {f"input {i}": given[i] if i < len(given) else None for i in wanted}
    for path, parameter in unique(layer, Parameter).items():
        result[path] = parameter.grad
    return result


def numerical(layer, inputs, dy, step=1e-5):
    """Return {name: central-difference gradient of Σ dy·y}."""

    def value(target, index, shift):
        twin, arrays = fresh(layer, *inputs)
        array = arrays[target] if isinstance(target, int) else unique(twin, Parameter)[target].value
        array[index] += shift
        with np.errstate(all="ignore"):
            return np.sum(dy * np.asarray(twin.forward(*arrays)[0], dtype=np.float64))

    def gradient(target, shape):
        result = np.zeros(shape)
        for index in np.ndindex(shape):
            rise = value(target, index, step) - value(target, index, -step)
            result[index] = rise / (2 * step)
        return result

    result = {f"input {i}": gradient(i, np.shape(inputs[i])) for i in differentiable(layer, inputs)}
    for path, parameter in unique(layer, Parameter).items():
        result[path] = gradient(path, parameter.value.shape)
    return result


def numerically_wrong(layer, inputs, tolerance=1e-6):
    """Return the names of the gradients that differ from central differences in shape or value."""
    with np.errstate(all="ignore"):
        analytic, dy = gradients(layer, inputs)
    return [
        name
        for name, expected in numerical(layer, inputs, dy).items()
        if np.shape(analytic[name]) != expected.shape
        or analytic[name] is None
        or not np.allclose(
            analytic[name],
            expected,
            rtol=tolerance,
            atol=tolerance * (1 + np.abs(expected).max(initial=0)),
        )
    ]


def breaches(layer, inputs):
    """Return which rules of the contract the layer breaks, in words."""
    with np.errstate(all="ignore"):
        return [rule.__name__ for rule in RULES if not rule(layer, inputs)]


def same(a, b):
    """Compare nested caches, arrays and numbers bit for bit."""
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if a is None or isinstance(a, np.ndarray) or np.isscalar(a):
        return (a is None) == (b is None) and np.array_equal(a, b)
    return True


def state(layer):
    """Return everything on the layer but the gradients."""
    found = {f"{p} value": q.value for p, q in unique(layer, (Parameter, Buffer)).items()}
    for path, generator in unique(layer, GENERATORS).items():
        found[path] = repr(
            generator.bit_generator.state
            if isinstance(generator, np.random.Generator)
            else generator.get_state()
        )
    for name, item in vars(layer).items():
        if isinstance(item, (int, float, np.ndarray, list, tuple)):
            found[name] = item
    return copy.deepcopy(found)


def forward_leaves_inputs_parameters_and_attributes_alone(layer, inputs):
    layer, arrays = fresh(layer, *inputs)
    before = {k: v for k, v in state(layer).items() if k.endswith(" value") and "running" not in k}
    layer.forward(*arrays)
    after = state(layer)
    return same(arrays, inputs) and all(same(v, after[k]) for k, v in before.items())


def forward_repeats_itself_with_its_generators_restored(layer, inputs):
    first, arrays = fresh(layer, *inputs)
    for generator in unique(first, GENERATORS).values():
        saved = copy.deepcopy(generator)
    results = []
    for _ in range(2):
        for generator in unique(first, GENERATORS).values():
            if isinstance(generator, np.random.Generator):
                generator.bit_generator.state = saved.bit_generator.state
            else:
                generator.set_state(saved.get_state())
        results.append(copy.deepcopy(first.forward(*arrays)[0]))
    return same(*results)


def backward_leaves_upstream_cache_inputs_and_parameters_alone(layer, inputs):
    layer, arrays = fresh(layer, *inputs)
    y, cache = layer.forward(*arrays)
    dy = cotangent(y)
    before = copy.deepcopy((dy, cache, arrays, y)), state(layer)
    layer.backward(dy, cache)
    return same((dy, cache, arrays, y), before[0]) and same(state(layer), before[1])


def backward_repeats_itself_and_adds(layer, inputs):
    layer, arrays = fresh(layer, *inputs)
    y, cache = layer.forward(*arrays)
    dy = cotangent(y)
    once = copy.deepcopy(named(layer, arrays, layer.backward(dy, cache)))
    twice = named(layer, arrays, layer.backward(dy, cache))
    return all(
        (once[k] is None) == (twice[k] is None)
        and (
            once[k] is None
            or np.allclose(twice[k], once[k] if "input" in k else 2 * once[k], equal_nan=True)
        )
        for k in once
    )


def results_handed_out_stay_as_they_were(layer, inputs):
    layer, arrays = fresh(layer, *inputs)
    y, cache = layer.forward(*arrays)
    dx = layer.backward(cotangent(y), cache)
    kept = copy.deepcopy((y, dx))
    other = tuple(a * 1.1 if np.asarray(a).dtype.kind == "f" else a for a in arrays)
    y2, cache2 = layer.forward(*other)
    layer.backward(cotangent(y2, 1), cache2)
    return same((y, dx), kept)


def an_old_cache_serves_after_a_new_forward(layer, inputs):
    layer, arrays = fresh(layer, *inputs)
    y, cache = layer.forward(*arrays)
    expected, _ = gradients(layer, inputs)
    other = tuple(a * 1.37 + 0.1 if np.asarray(a).dtype.kind == "f" else a for a in arrays)
    layer.forward(*other)
    got = named(layer, arrays, layer.backward(cotangent(y), cache))
    return all(
        got[k] is None or np.allclose(got[k], expected[k], equal_nan=True)
        for k in got
        if not unique(layer, GENERATORS)
    )


def backward_is_linear(layer, inputs):
    layer, arrays = fresh(layer, *inputs)
    y, cache = layer.forward(*arrays)

    def run(dy):
        for parameter in unique(layer, Parameter).values():
            parameter.grad[...] = 0
        return copy.deepcopy(named(layer, arrays, layer.backward(dy, copy.deepcopy(cache))))

    v, w = cotangent(y, 0), cotangent(y, 1) * 1.3
    one, two, three = run(v.copy()), run(w.copy()), run(-3 * v + 20 * w)
    return all(
        one[k] is None
        or np.allclose(three[k], -3 * one[k] + 20 * two[k], equal_nan=True, atol=1e-5, rtol=1e-4)
        for k in one
    )


def gradients_share_no_memory(layer, inputs):
    layer, arrays = fresh(layer, *inputs)
    y, cache = layer.forward(*arrays)
    found = list(named(layer, arrays, layer.backward(cotangent(y), cache)).values())
    found = [np.asarray(g) for g in found if g is not None]
    owned = [np.asarray(a) for a in arrays]
    owned += [p.value for p in unique(layer, Parameter).values()]
    pairs = [(a, b) for i, a in enumerate(found) for b in found[:i] + owned]
    return not any(np.shares_memory(a, b) for a, b in pairs)


def gradients_have_the_form_of_what_they_belong_to(layer, inputs):
    layer, arrays = fresh(layer, *inputs)
    y, cache = layer.forward(*arrays)
    dx = layer.backward(cotangent(y), cache)
    if isinstance(dx, tuple) and len(dx) != len(differentiable(layer, arrays)):
        return False
    return all(
        value is not None
        and (not name.startswith("input ") or value.shape == arrays[int(name[6:])].shape)
        and (not name.startswith("input ") or value.dtype == arrays[int(name[6:])].dtype)
        and np.isfinite(value).all()
        for name, value in named(layer, arrays, dx).items()
    )


def memory_layout_does_not_matter(layer, inputs):
    expected, dy = gradients(layer, inputs)
    layer, arrays = fresh(layer, *inputs)
    arrays = tuple(np.asfortranarray(a) if np.ndim(a) > 1 else a for a in arrays)
    _, cache = layer.forward(*arrays)
    got = named(layer, arrays, layer.backward(np.asfortranarray(dy) if dy.ndim > 1 else dy, cache))
    return all(got[k] is None or np.allclose(got[k], expected[k], equal_nan=True) for k in got)


def call_agrees_with_forward_and_writes_nothing(layer, inputs):
    layer, arrays = fresh(layer, *inputs)
    before = state(layer)
    y = layer(*arrays)
    if not same(state(layer), before):
        return False
    if unique(layer, (Buffer, *GENERATORS)):
        return True
    return np.allclose(y, layer.forward(*arrays)[0])


def backward_parameters_adds_what_backward_adds(layer, inputs):
    expected, dy = gradients(layer, inputs)
    layer, arrays = fresh(layer, *inputs)
    _, cache = layer.forward(*arrays)
    layer.backward_parameters(dy, cache)
    return all(
        np.allclose(parameter.grad, expected[path], equal_nan=True)
        for path, parameter in unique(layer, Parameter).items()
    )


RULES = (
    forward_leaves_inputs_parameters_and_attributes_alone,
    forward_repeats_itself_with_its_generators_restored,
    backward_leaves_upstream_cache_inputs_and_parameters_alone,
    backward_repeats_itself_and_adds,
    results_handed_out_stay_as_they_were,
    an_old_cache_serves_after_a_new_forward,
    backward_is_linear,
    gradients_share_no_memory,
    gradients_have_the_form_of_what_they_belong_to,
    memory_layout_does_not_matter,
    call_agrees_with_forward_and_writes_nothing,
    backward_parameters_adds_what_backward_adds,
)


# --- at other points ------------------------------------------------------------------------------


def changed(inputs, change, places):
    return tuple(change(a) if i in places else a for i, a in enumerate(inputs))


def views(layer, inputs):
    """Yield the layer and inputs at points where a fault may show that is hidden here."""
    places = differentiable(layer, inputs)
    yield layer, inputs
    if all(np.ndim(a) > 0 and len(a) == len(inputs[0]) for a in inputs):
        yield layer, tuple(a[:1] for a in inputs)
    yield (
        layer,
        changed(inputs, lambda a: np.where(np.arange(np.shape(a)[-1]) == 1, 0.0, a), places),
    )
    yield layer, changed(inputs, lambda a: 8.0 * a, places)
    moved, inputs = fresh(layer, *inputs)
    for parameter in unique(moved, Parameter).values():
        parameter.value *= 1.3
    yield moved, inputs


def counts_ties_twice(layer, inputs):
    """Tell whether a common shift of tied inputs changes the output by more than <g, 1>.

    Shifting everything together keeps the ties, so that the output is smooth along the way.
    """
    places = differentiable(layer, inputs)
    tied = changed(inputs, lambda a: np.round(a) + 0.1, places)
    analytic, dy = gradients(layer, tied)
    claimed = sum(np.sum(analytic[f"input {i}"]) for i in places)

    def value(shift):
        twin, arrays = fresh(layer, *changed(tied, lambda a: a + shift, places))
        return np.sum(dy * twin.forward(*arrays)[0])

    return not np.isclose(claimed, (value(1e-4) - value(-1e-4)) / 2e-4, rtol=1e-6, atol=1e-6)


def precisely_wrong(layer, inputs):
    """Compare at two steps with Richardson's extrapolation: wrong by more than 1e-8."""
    analytic, dy = gradients(layer, inputs)
    coarse, fine = (numerical(layer, inputs, dy, step) for step in (4e-4, 2e-4))
    best = {name: (4 * fine[name] - coarse[name]) / 3 for name in fine}
    return [k for k in best if np.abs(analytic[k] - best[k]).max() > 1e-8 * np.abs(best[k]).max()]


def shows(layer, inputs):
    """Tell whether a fault shows anywhere: here, at another point, at ties, or in the contract."""
    with np.errstate(all="ignore"):
        return bool(
            any(numerically_wrong(*view) for view in views(layer, inputs))
            or breaches(layer, inputs)
            or counts_ties_twice(layer, inputs)
            or precisely_wrong(layer, inputs)
        )


def outside_one_sided_slopes(layer, inputs):
    """Return the gradients that lie outside the one-sided slopes at every one of many steps.

    Each output has its own two slopes along a coordinate; the gradient of Σ dy·y lies between the
    sums of the smaller and of the greater ones. Wide tolerances: this shows that an awkward layer
    is right, not how right. Float32 layers are taken in float64, generators and NumPy's global
    state are put back before each forward.
    """
    wide = layer.astype(np.float64)
    inputs = tuple(
        np.asarray(a, np.float64) if np.asarray(a).dtype.kind == "f" else a for a in inputs
    )
    with np.errstate(all="ignore"):
        return _outside(wide, inputs)


def _outside(layer, inputs):
    def forward(name=None, index=None, shift=0.0):
        np.random.seed(0)  # noqa: NPY002  (one awkward layer draws from it)
        twin, arrays = fresh(layer, *inputs)
        if name is not None:
            array = (
                arrays[int(name[6:])]
                if name.startswith("input ")
                else unique(twin, Parameter)[name].value
            )
            array[index] += shift
        return np.asarray(twin.forward(*arrays)[0], np.float64)

    np.random.seed(0)  # noqa: NPY002
    analytic, dy = gradients(layer, inputs)
    y = forward()
    wrong = []
    for name, gradient in analytic.items():
        size = max(np.abs(gradient).max(initial=0), 1e-300)
        for index in list(np.ndindex(gradient.shape))[:12]:
            if not any(
                _within(gradient[index], dy, y, forward, (name, index), step, size)
                for step in 10.0 ** np.array([-4, -2, -6, -8, -10, -5, -3, -1, 1, 3, 5])
            ):
                wrong.append(f"{name}{list(index)}")
    return wrong


def _within(claimed, dy, y, forward, place, step, size):
    rise = dy * (forward(*place, step) - y) / step
    fall = dy * (y - forward(*place, -step)) / step
    low, high = np.minimum(rise, fall).sum(), np.maximum(rise, fall).sum()
    rounding = 4 * 2.2e-16 * np.abs(dy * y).sum() / step
    slack = 1e-3 * max(abs(low), abs(high)) + min(rounding, 0.1 * size) + 1e-12 * size
    slack += 1e-9 * np.abs(rise).sum() + 1e-15 * np.abs(dy * y).sum()  # slopes that cancel
    return low - slack <= claimed <= high + slack
