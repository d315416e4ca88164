"""Each law catches every layer that breaks it, and names the layer."""

import numpy as np
import pytest

from minidl.naming import title
from minidl.testing import LAWS, check_layer, laws
from tests.corpus.faults import FAULTS

BROKEN = {
    f"{law.__name__}-{fault.name}": (law, fault)
    for fault in FAULTS
    for law in fault.laws
    # what the checker proves of the other faults stands in tests/gradcheck/test_corpus.py
    if law is not laws.has_proven_gradients or fault.family == "laws"
}


@pytest.mark.parametrize(("law", "fault"), BROKEN.values(), ids=BROKEN)
def test_the_law_catches_the_layer_that_breaks_it(law, fault):
    layer, inputs = fault.make(np.random.default_rng(0))
    with pytest.raises(AssertionError) as caught:
        law(layer, *inputs)
    first, _, rest = str(caught.value).partition(":")
    assert rest.strip()
    if law is not laws.has_proven_gradients:
        assert first.startswith(title(layer))


def test_every_law_has_layers_that_break_it():
    assert {law for law, _ in BROKEN.values()} == set(LAWS)


ALL_LAWS = [fault for fault in FAULTS if fault.family == "laws"]


@pytest.mark.parametrize("fault", ALL_LAWS, ids=lambda fault: fault.name)
def test_check_layer_names_every_law_that_is_broken(fault):
    layer, inputs = fault.make(np.random.default_rng(0))
    with pytest.raises(AssertionError) as caught:
        check_layer(layer, *inputs)
    for law in fault.laws:
        assert f"\n  {law.__name__}: " in str(caught.value)
