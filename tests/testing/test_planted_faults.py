"""Each law catches every layer that breaks it, and names the layer."""

import pytest

from minidl.testing import LAWS, check_layer
from tests.corpus.faults_of_laws import FAULTY


@pytest.mark.parametrize(
    ("law", "layer", "arguments", "inputs"),
    FAULTY,
    ids=[f"{law.__name__}-{layer.__name__}" for law, layer, _, _ in FAULTY],
)
def test_the_law_catches_the_layer_that_breaks_it(law, layer, arguments, inputs):
    with pytest.raises(AssertionError) as caught:
        law(layer(*arguments), *inputs)
    first, _, rest = str(caught.value).partition(":")
    assert rest.strip()
    if law.__name__ != "has_proven_gradients":
        assert first.startswith((layer.__name__, "Dense("))


def test_every_law_has_layers_that_break_it():
    assert {law for law, *_ in FAULTY} == set(LAWS)


CLASSES = list(dict.fromkeys(layer for _, layer, *_ in FAULTY))


@pytest.mark.parametrize("layer", CLASSES, ids=lambda layer: layer.__name__)
def test_check_layer_names_every_law_that_is_broken(layer):
    for law, faulty, arguments, inputs in FAULTY:
        if faulty is layer:
            with pytest.raises(AssertionError) as caught:
                check_layer(layer(*arguments), *inputs)
            assert f"\n  {law.__name__}: " in str(caught.value)
