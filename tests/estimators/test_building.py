"""Network, optimizer and schedule as the parameters of an estimator say them."""

import numpy as np
import pytest

import minidl as m

pytest.importorskip("sklearn")

from tests.support.estimators import IRIS, classifier, network


@pytest.mark.parametrize(
    "options",
    [
        {"hidden": (), "optimizer": "sgd"},
        {"dropout": 0.1, "batch_norm": True, "activation": "gelu"},
        {"module": network},
        {"module": network(4, 3)},
        {"optimizer": lambda network: m.SGD(network, 0.1, momentum=0.9)},
        {"schedule": "cosine"},
        {"schedule": lambda step: 0.02},
        {"loss": m.Hinge()},
        {"early_stopping": True, "validation": 0.2},
        {"dtype": "float64", "activation": m.SiLU()},
        {"class_weight": "balanced"},
    ],
    ids=lambda options: ", ".join(options),
)
def test_tells_irises_apart(options):
    model = classifier(**options)
    assert model.fit(*IRIS).score(*IRIS) > 0.93
    assert model.predict_proba(IRIS[0]).shape == (150, 3)
    assert model.network_(np.zeros((1, 4), model.dtype)).dtype == model.dtype


def test_a_template_is_stored_as_it_is_and_never_trained():
    template = network(4, 3)
    before = template[0].weight.value.copy()
    model = classifier(module=template).fit(*IRIS)
    assert model.module is template
    assert model.network_ is not template
    np.testing.assert_array_equal(template[0].weight.value, before)


def test_the_pull_to_zero_is_two_over_the_number_of_samples():
    x, y = IRIS
    right = classifier(weight_decay=2 / 150).fit(x, y).predict_proba(x)
    np.testing.assert_array_equal(classifier().fit(x, y).predict_proba(x), right)
    for weight, counted in ((np.full(150, 3), 450), (np.full(150, 1 / 150), 150)):
        model = classifier(weight_decay=2 / counted).fit(x, y, weight)
        same = classifier().fit(x, y, weight)
        np.testing.assert_array_equal(same.predict_proba(x), model.predict_proba(x))
    parts, none = (
        classifier(weight_decay=decay).partial_fit(x, y, [0, 1, 2]) for decay in (None, 0)
    )
    np.testing.assert_array_equal(parts.predict_proba(x), none.predict_proba(x))


def test_the_rate_goes_to_zero_in_fit_and_stays_in_partial_fit():
    x, y = IRIS
    for method, rest, schedule in (
        ("fit", {}, "linear"),
        ("partial_fit", {"classes": [0, 1, 2]}, "constant"),
    ):
        left, named = (
            getattr(classifier(schedule=kind), method)(x, y, **rest).predict_proba(x)
            for kind in (None, schedule)
        )
        np.testing.assert_array_equal(left, named)


def test_an_optimizers_class_gets_learning_rate_and_decay():
    named, by_class = (
        classifier(optimizer=optimizer, weight_decay=0.01).fit(*IRIS)
        for optimizer in ("adamw", m.AdamW)
    )
    right = named.predict_proba(IRIS[0])
    np.testing.assert_array_equal(by_class.predict_proba(IRIS[0]), right)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"activation": "swish"}, "activation must be one of relu, "),
        ({"optimizer": "lbfgs"}, "optimizer must be one of adam, "),
        ({"schedule": "step"}, "schedule must be one of constant, cosine, linear"),
        ({"module": network(4, 5)}, r"\(1, 3\) is needed"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"validation": 1.5}, "validation must be less than 1"),
        ({"dropout": -1}, "dropout must be at least 0"),
        ({"hidden": (8, 0)}, "a size in hidden must be at least 1"),
    ],
)
def test_what_cannot_be_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        classifier(**options).fit(*IRIS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden": "8"}, "a size in hidden must be an integer"),
        ({"module": 3}, "module must be a layer or a function"),
        ({"module": lambda n_features, n_outputs: 3}, "module must be or return a Layer"),
        ({"optimizer": lambda network: 3}, "optimizer must return an Optimizer"),
        ({"loss": m.Hinge}, "the loss is a class: make an instance"),
    ],
)
def test_what_is_of_the_wrong_kind_is_named(options, message):
    with pytest.raises(TypeError, match=message):
        classifier(**options).fit(*IRIS)
