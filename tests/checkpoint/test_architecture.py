"""What is not a layer says its configuration as layers do, so that a checkpoint can hold it."""

import pytest

import minidl
from minidl import (
    SGD,
    Adam,
    AdamW,
    ClipNorm,
    CosineDecay,
    Dense,
    EarlyStopping,
    ExponentialDecay,
    LinearDecay,
    RMSProp,
    Sequential,
    StepDecay,
    WarmUp,
)
from minidl.checkpoint.architecture import encode

NETWORK = Sequential(Dense(2, 2))
MADE = [
    lambda: SGD(NETWORK, 0.1),
    lambda: SGD(NETWORK, 0.2),
    lambda: SGD(NETWORK, 0.1, momentum=0.9),
    lambda: SGD(NETWORK, 0.1, momentum=0.9, nesterov=True),
    lambda: SGD(NETWORK, 0.1, weight_decay=0.1),
    lambda: SGD(NETWORK, 0.1, clip=ClipNorm(1.0)),
    lambda: SGD(NETWORK, 0.1, clip=ClipNorm(2.0)),
    lambda: SGD(NETWORK, 0.1, groups={"*.bias": {"weight_decay": 0.5}}),
    lambda: SGD(NETWORK, 0.1, groups={"*.bias": {"learning_rate": StepDecay(0.1, 2)}}),
    lambda: SGD(NETWORK, StepDecay(0.1, 3)),
    lambda: SGD(NETWORK, WarmUp(3, CosineDecay(0.1, 9))),
    lambda: SGD(NETWORK, WarmUp(3, LinearDecay(0.1, 9))),
    lambda: SGD(NETWORK, ExponentialDecay(0.1, 0.5)),
    lambda: Adam(NETWORK, 0.1),
    lambda: Adam(NETWORK, 0.1, beta1=0.5),
    lambda: AdamW(NETWORK, 0.1),
    lambda: RMSProp(NETWORK, 0.1),
    lambda: EarlyStopping(),
    lambda: EarlyStopping(patience=3),
]


def test_equal_configurations_give_equal_nodes_and_others_others():
    once, again = ([encode(make())[0] for make in MADE] for _ in range(2))
    assert once == again
    assert all(nodes not in once[:place] for place, nodes in enumerate(once))


def test_the_nodes_do_not_depend_on_how_far_training_is():
    optimizer = SGD(NETWORK, StepDecay(0.1, every=1))
    before = encode(optimizer)
    optimizer.step()
    assert encode(optimizer) == before


def test_a_learning_rate_of_your_own_needs_a_config():
    class Halved:
        config = ("start",)

        def __init__(self, start):
            self.start = start

        def __call__(self, step):
            return self.start * 0.5**step

    assert encode(SGD(NETWORK, Halved(0.1)))[0][0] == {"class": "Halved", "config": {"start": 0.1}}
    with pytest.raises(ValueError, match=r"SGD._rate is <function .* which cannot be saved"):
        encode(SGD(NETWORK, lambda step: 0.1))


@pytest.mark.parametrize("name", [name for name in minidl.__all__ if name[0].isupper()])
def test_whatever_has_a_config_has_the_arguments_of_its_constructor_in_it(name):
    kind = getattr(minidl, name)
    config = getattr(kind, "config", None)
    if config is not None:
        known = {
            key
            for base in kind.__mro__
            for key in getattr(vars(base).get("__init__"), "__annotations__", {})
        }
        drawn = {"rng", "dtype", "return", "network", "options", "forget_bias"}
        drawn |= {key for key in known if key.endswith("_initializer")}
        assert known - drawn == {{"_rate": "learning_rate"}.get(key, key) for key in config}
