"""No law calls a right layer wrong."""

import numpy as np
import pytest

from minidl.testing import check_layer
from tests.corpus.awkward import AWKWARD


@pytest.mark.parametrize("item", AWKWARD, ids=lambda item: item.name)
def test_a_right_layer_keeps_every_law_that_it_promises(item):
    layer, inputs = item.make(np.random.default_rng(0))
    check_layer(layer, *inputs, without=item.without)
