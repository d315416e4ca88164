"""Every loss against torch: value and gradient to 1e-10 over random shapes and options."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from minidl import (
    Hinge,
    Huber,
    MeanAbsoluteError,
    MeanSquaredError,
    SigmoidCrossEntropy,
    SoftmaxCrossEntropy,
)
from tests.support.losses import Case, value_and_gradient

torch = pytest.importorskip("torch")
functional = torch.nn.functional

shapes = st.lists(st.integers(1, 5), min_size=1, max_size=3).map(tuple)
scores = st.tuples(
    st.lists(st.integers(1, 5), min_size=0, max_size=2).map(tuple), st.integers(2, 7)
).map(lambda parts: (*parts[0], parts[1]))
seeds = st.integers(0, 2**32 - 1)
spreads = st.sampled_from([1e-3, 1.0, 30.0, 1e4])
positive = st.floats(1e-3, 1e3)


def agree(case, shape, seed, spread, weighted, losses_of, scale=1.0):
    prediction, target, weight = case.draw(shape, seed=seed, spread=spread)
    constants = (target, weight) if weighted else (target,)
    value, gradient = value_and_gradient(case.loss, prediction, *constants)
    theirs = torch.tensor(prediction, requires_grad=True)
    losses = losses_of(theirs, torch.tensor(target))
    share = torch.tensor(weight).reshape(losses.shape) if weighted else torch.ones_like(losses)
    their_value = (losses * share).sum() / share.sum()
    their_value.backward()
    assert_allclose(value, their_value.item(), rtol=1e-10, atol=1e-13 * scale)
    assert_allclose(gradient, theirs.grad.numpy(), rtol=1e-10, atol=1e-14 * scale)


@given(
    shape=scores,
    seed=seeds,
    spread=spreads,
    weighted=st.booleans(),
    form=st.sampled_from(["indices", "rows"]),
    smoothing=st.one_of(st.just(0.0), st.floats(0, 0.99)),
)
def test_softmax_cross_entropy(shape, seed, spread, weighted, form, smoothing):
    def losses(logits, target):
        classes = logits.shape[-1]
        target = target.reshape(-1) if form == "indices" else target.reshape(-1, classes)
        return functional.cross_entropy(
            logits.reshape(-1, classes), target, reduction="none", label_smoothing=smoothing
        )

    case = Case(SoftmaxCrossEntropy(label_smoothing=smoothing), form)
    agree(case, shape, seed, spread, weighted, losses)


@given(
    shape=scores,
    seed=seeds,
    smoothing=st.sampled_from([0.0, 0.1]),
    ignored=st.sampled_from([-100, 0, 2, 255]),
)
def test_softmax_cross_entropy_that_ignores_an_index(shape, seed, smoothing, ignored):
    case = Case(SoftmaxCrossEntropy(smoothing, ignore_index=ignored), "indices")
    logits, target, _ = case.draw(shape, seed=seed)
    target = np.where(np.random.default_rng(seed).random(target.shape) < 0.3, ignored, target)
    if (target == ignored).all():
        return  # torch gives NaN there, minidl 0
    value, gradient = value_and_gradient(case.loss, logits, target)
    theirs = torch.tensor(logits, requires_grad=True)
    their_value = functional.cross_entropy(
        theirs.reshape(-1, shape[-1]),
        torch.tensor(target).reshape(-1),
        ignore_index=ignored,
        label_smoothing=smoothing,
    )
    their_value.backward()
    assert_allclose(value, their_value.item(), rtol=1e-10, atol=1e-13)
    assert_allclose(gradient, theirs.grad.numpy(), rtol=1e-10, atol=1e-14)


@given(
    shape=shapes,
    seed=seeds,
    spread=spreads,
    weighted=st.booleans(),
    form=st.sampled_from(["labels", "soft"]),
    pos_weight=positive,
    by_label=st.booleans(),
)
def test_sigmoid_cross_entropy(shape, seed, spread, weighted, form, pos_weight, by_label):
    factor = pos_weight
    if by_label and len(shape) > 1:
        factor = pos_weight * np.arange(1, shape[-1] + 1)

    class Soft(Case):
        def draw(self, *args, **options):
            prediction, target, weight = super().draw(*args, **options)
            rng = np.random.default_rng(seed)
            return prediction, rng.random(target.shape), weight

    case = (Case if form == "labels" else Soft)(SigmoidCrossEntropy(factor), "labels")
    agree(
        case,
        shape,
        seed,
        spread,
        weighted,
        lambda z, t: functional.binary_cross_entropy_with_logits(
            z, t.double(), reduction="none", pos_weight=torch.tensor(factor, dtype=torch.float64)
        ),
        scale=1 + np.max(factor),  # torch takes the difference of two terms of that size
    )


@given(shape=shapes, seed=seeds, spread=spreads, weighted=st.booleans())
def test_mean_squared_error(shape, seed, spread, weighted):
    case = Case(MeanSquaredError(), "numbers")
    agree(
        case,
        shape,
        seed,
        spread,
        weighted,
        lambda z, t: functional.mse_loss(z, t, reduction="none"),
    )


@given(shape=shapes, seed=seeds, spread=spreads, weighted=st.booleans())
def test_mean_absolute_error(shape, seed, spread, weighted):
    case = Case(MeanAbsoluteError(), "numbers")
    agree(
        case, shape, seed, spread, weighted, lambda z, t: functional.l1_loss(z, t, reduction="none")
    )


@given(shape=shapes, seed=seeds, spread=spreads, weighted=st.booleans(), delta=positive)
def test_huber(shape, seed, spread, weighted, delta):
    agree(
        Case(Huber(delta), "numbers"),
        shape,
        seed,
        spread,
        weighted,
        lambda z, t: functional.huber_loss(z, t, reduction="none", delta=delta),
    )


@given(shape=shapes, seed=seeds, spread=spreads, weighted=st.booleans(), margin=positive)
def test_hinge_of_two_classes(shape, seed, spread, weighted, margin):
    """With s z for the distance of a dissimilar pair, torch's hinge embedding is the hinge."""
    agree(
        Case(Hinge(margin), "signs"),
        shape,
        seed,
        spread,
        weighted,
        lambda z, t: functional.hinge_embedding_loss(
            z * t, -torch.ones_like(z), margin=margin, reduction="none"
        ),
    )


@given(shape=scores, seed=seeds, spread=spreads, weighted=st.booleans(), margin=positive)
def test_hinge_of_several_classes(shape, seed, spread, weighted, margin):
    """torch divides by the number of classes."""
    classes = shape[-1]
    agree(
        Case(Hinge(margin), "indices"),
        shape,
        seed,
        spread,
        weighted,
        lambda z, t: (
            classes
            * functional.multi_margin_loss(
                z.reshape(-1, classes), t.reshape(-1), margin=margin, reduction="none"
            )
        ),
    )
