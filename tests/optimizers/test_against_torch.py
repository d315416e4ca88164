"""Ten steps of every optimizer against torch's, to 1e-10, over random hyper-parameters."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from minidl import SGD, Adam, AdamW, ClipNorm, ClipValue, CosineDecay, RMSProp
from tests.support.points import network, parameters

torch = pytest.importorskip("torch")

seeds = st.integers(0, 2**32 - 1)
sizes = st.lists(st.integers(1, 5), min_size=2, max_size=4)
rates = st.floats(1e-5, 1.0)
decays = st.one_of(st.just(0.0), st.floats(0, 1.0))
betas = st.floats(0, 0.9999)
epsilons = st.floats(1e-10, 1e-2)
gradient_scales = st.sampled_from([1e-6, 1.0, 1e4])


def ten_steps(layers, seed, scale, optimizer, theirs, their_optimizer, after=lambda: None):
    rng = np.random.default_rng(seed)
    ours = parameters(layers)
    for _ in range(10):
        for parameter, their in zip(ours, theirs, strict=True):
            gradient = scale * rng.normal(size=parameter.value.shape)
            parameter.grad += gradient
            their.grad = torch.tensor(gradient)
        after()
        optimizer.step()
        their_optimizer.step()
    for parameter, their in zip(ours, theirs, strict=True):
        assert_allclose(parameter.value, their.detach().numpy(), rtol=1e-10, atol=1e-12)


def twins(seed, sizes):
    layers = network(seed, sizes)
    return layers, [torch.tensor(p.value.copy(), requires_grad=True) for p in parameters(layers)]


@given(
    seed=seeds,
    sizes=sizes,
    scale=gradient_scales,
    rate=rates,
    momentum=st.one_of(st.just(0.0), st.floats(0.01, 0.99)),
    nesterov=st.booleans(),
    decay=decays,
)
def test_sgd(seed, sizes, scale, rate, momentum, nesterov, decay):
    layers, theirs = twins(seed, sizes)
    options = {
        "momentum": momentum,
        "nesterov": nesterov and momentum > 0,
        "weight_decay": decay,
    }
    ours = SGD(layers, rate, **options)
    ten_steps(layers, seed, scale, ours, theirs, torch.optim.SGD(theirs, lr=rate, **options))


@pytest.mark.parametrize("pair", [(Adam, torch.optim.Adam), (AdamW, torch.optim.AdamW)])
@given(
    seed=seeds,
    sizes=sizes,
    scale=gradient_scales,
    rate=rates,
    beta1=betas,
    beta2=betas,
    epsilon=epsilons,
    decay=decays,
)
def test_adam_and_adamw(pair, seed, sizes, scale, rate, beta1, beta2, epsilon, decay):
    layers, theirs = twins(seed, sizes)
    ours = pair[0](layers, rate, beta1, beta2, epsilon, decay)
    their_optimizer = pair[1](
        theirs, lr=rate, betas=(beta1, beta2), eps=epsilon, weight_decay=decay
    )
    ten_steps(layers, seed, scale, ours, theirs, their_optimizer)


@given(
    seed=seeds,
    sizes=sizes,
    scale=gradient_scales,
    rate=rates,
    alpha=betas,
    momentum=st.one_of(st.just(0.0), st.floats(0.01, 0.99)),
    epsilon=epsilons,
    decay=decays,
)
def test_rmsprop(seed, sizes, scale, rate, alpha, momentum, epsilon, decay):
    layers, theirs = twins(seed, sizes)
    ours = RMSProp(layers, rate, alpha, momentum, epsilon, decay)
    their_optimizer = torch.optim.RMSprop(
        theirs, lr=rate, alpha=alpha, momentum=momentum, eps=epsilon, weight_decay=decay
    )
    ten_steps(layers, seed, scale, ours, theirs, their_optimizer)


PAIRS = {
    "SGD": (
        lambda layers, rate, **o: SGD(layers, rate, momentum=0.9, **o),
        lambda groups, rate, decay: torch.optim.SGD(
            groups, lr=rate, momentum=0.9, weight_decay=decay
        ),
    ),
    "Adam": (Adam, lambda groups, rate, decay: torch.optim.Adam(groups, rate, weight_decay=decay)),
    "AdamW": (
        AdamW,
        lambda groups, rate, decay: torch.optim.AdamW(groups, rate, weight_decay=decay),
    ),
    "RMSProp": (
        RMSProp,
        lambda groups, rate, decay: torch.optim.RMSprop(groups, rate, weight_decay=decay),
    ),
}


@pytest.mark.parametrize("name", PAIRS)
@given(seed=seeds, rate=rates, decay=decays, own_rate=rates, own_decay=decays)
def test_groups(name, seed, rate, decay, own_rate, own_decay):
    """The first layer's weight has its own rate, biases their own decay, the last is frozen."""
    ours_of, theirs_of = PAIRS[name]
    layers, theirs = twins(seed, (3, 4, 2, 3))
    last = [p.value.copy() for p in parameters(layers)[4:]]
    groups = {
        "layers.2.*": {"learning_rate": 0},
        "layers.0.weight": {"learning_rate": own_rate},
        "*.bias": {"weight_decay": own_decay},
    }
    ours = ours_of(layers, rate, weight_decay=decay, groups=groups)
    their_groups = [
        {"params": [theirs[0]], "lr": own_rate},
        {"params": [theirs[1], theirs[3]], "weight_decay": own_decay},
        {"params": [theirs[2]]},
    ]
    their_optimizer = theirs_of(their_groups, rate, decay)
    ten_steps(layers, seed, 1.0, ours, theirs, their_optimizer)
    for parameter, before in zip(parameters(layers)[4:], last, strict=True):
        assert_allclose(parameter.value, before, rtol=0, atol=0)


@given(seed=seeds, scale=st.sampled_from([1e-3, 1.0, 1e3]), maximum=st.floats(1e-3, 1e3))
def test_clipping_by_norm(seed, scale, maximum):
    """torch divides by the norm + 1e-6: its own norm is compared, and the exact quotient."""
    layers, theirs = twins(seed, (3, 4, 2))
    norms = []
    clip = ClipNorm(maximum)
    ours = SGD(layers, 0.1, clip=lambda gradient: norms.append(clip(gradient)))

    def clip_theirs():
        norm = torch.nn.utils.get_total_norm([p.grad for p in theirs])
        for parameter in theirs:
            parameter.grad *= min(1.0, maximum / norm.item())
        their_norms.append(norm.item())

    their_norms = []
    ten_steps(layers, seed, scale, ours, theirs, torch.optim.SGD(theirs, lr=0.1), clip_theirs)
    assert_allclose(norms, their_norms, rtol=1e-12)


@given(seed=seeds, maximum=st.floats(1e-3, 3))
def test_clipping_by_value(seed, maximum):
    layers, theirs = twins(seed, (3, 4, 2))
    ten_steps(
        layers,
        seed,
        1.0,
        Adam(layers, 0.1, clip=ClipValue(maximum)),
        theirs,
        torch.optim.Adam(theirs, lr=0.1),
        lambda: torch.nn.utils.clip_grad_value_(theirs, maximum),
    )


@given(seed=seeds, start=rates, steps=st.integers(1, 15))
def test_a_schedule(seed, start, steps):
    layers, theirs = twins(seed, (3, 2))
    their_optimizer = torch.optim.AdamW(theirs, lr=start)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        their_optimizer, lambda step: (1 + np.cos(np.pi * min(step / steps, 1))) / 2
    )

    class Both:
        def step(self):
            their_optimizer.step()
            schedule.step()

    ten_steps(layers, seed, 1.0, AdamW(layers, CosineDecay(start, steps)), theirs, Both())


@pytest.mark.parametrize("name", PAIRS)
def test_long_vectors_whose_length_is_no_multiple_of_a_block(name):
    ours_of, theirs_of = PAIRS[name]
    layers, theirs = twins(0, (300, 250, 3))  # 76 003 numbers, more than two blocks of 32 Ki
    ten_steps(
        layers,
        0,
        1.0,
        ours_of(layers, 0.01),
        theirs,
        theirs_of(theirs, 0.01, {"AdamW": 0.01}.get(name, 0)),
    )
