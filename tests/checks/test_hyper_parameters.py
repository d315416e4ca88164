"""What a layer or loss is made of is refused by its name if it is nothing that it can be."""

import inspect
import re

import numpy as np
import pytest

from minidl import SGD, Adam, AdamW, RMSProp
from minidl.checkpoint.architecture import VOCABULARY, config_of
from tests.support.table import TABLE

SIZES = {
    "in_features", "out_features", "features", "hidden_features", "vocabulary", "max_length",
    "heads", "in_channels", "out_channels", "kernel_size", "stride",
}  # fmt: skip
CASES = {}
for case in TABLE:
    kind = type(case.layer)
    parameters = inspect.signature(kind).parameters.values()
    if not any(each.kind is each.VAR_POSITIONAL for each in parameters):
        config = {name: getattr(case.layer, name) for name in config_of(kind) or ()}
        CASES |= {f"{kind.__name__}, {name}": (kind, config, name) for name in config}
every_one = pytest.mark.parametrize(("kind", "config", "name"), CASES.values(), ids=CASES)


@every_one
@pytest.mark.parametrize("wrong", [object(), -0.1, 1 + 1j], ids=["object", "-0.1", "complex"])
def test_what_is_no_such_number_is_refused_by_name(kind, config, name, wrong):
    with pytest.raises((TypeError, ValueError), match=f"^{name} must be "):
        kind(**{**config, name: wrong})


@pytest.mark.parametrize("case", [case for case, (*_, name) in CASES.items() if name in SIZES])
def test_a_size_of_nothing_is_refused_by_name(case):
    kind, config, name = CASES[case]
    for wrong in (0, -1, *([(0, 1), (1, 0)] if name in ("kernel_size", "stride") else [])):
        with pytest.raises(ValueError, match=f"^{name} must be at least 1, got"):
            kind(**{**config, name: wrong})


def documented_defaults():
    """Yield (class, argument, default) for each "default …" of a docstring."""
    for kind in (*VOCABULARY.values(), SGD, Adam, AdamW, RMSProp):
        known = inspect.signature(kind).parameters
        for names, said in re.findall(r"^ *([\w, ]+) : .*default (.+)$", kind.__doc__, re.M):
            names, values = names.split(", "), said.replace("−", "-").split(" and ")
            for name, value in zip(names, values * (len(names) // len(values)), strict=True):
                if name in known:
                    yield kind, name, value


@pytest.mark.parametrize(("kind", "name", "said"), [*documented_defaults()])
def test_a_default_is_the_one_that_the_docstring_gives(kind, name, said):
    default = inspect.signature(kind).parameters[name].default
    if said == "kernel_size":
        assert default is None
    elif type(default) in (int, float):
        assert default == float(said)
    else:
        assert getattr(default, "__name__", str(default)) == said


DRAWN = [
    (kind, {**config, "bias": True} if "bias" in config else config, f"{which}_initializer")
    for kind, config in {kind: config for kind, config, _ in CASES.values()}.items()
    for which in ("weight", "bias")
    if f"{which}_initializer" in str(inspect.signature(kind))
]


@pytest.mark.parametrize(("kind", "config", "name"), DRAWN)
def test_an_initializer_is_named_whichever_of_its_arrays_is_wrong(kind, config, name):
    calls = 0

    def initializer(rng, shape, dtype):
        nonlocal calls
        calls += 1
        return np.full(shape if calls != wrong else (7, *shape), bad)

    wrong, bad = 0, 1.0
    kind(**config, **{name: initializer})
    assert calls
    for number in range(1, calls + 1):
        calls, wrong = 0, number
        with pytest.raises(ValueError, match=rf"^{kind.__name__}\(.*\): {name} returned shape"):
            kind(**config, **{name: initializer})
    wrong, bad = 0, np.nan
    with pytest.raises(ValueError, match=rf"^{kind.__name__}\(.*\): {name} .* not finite"):
        kind(**config, **{name: initializer})
