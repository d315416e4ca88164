"""No law calls a right layer wrong."""

from minidl.testing import parametrize_with_layer_checks
from tests.corpus.awkward_for_laws import AWKWARD


@parametrize_with_layer_checks(AWKWARD)
def test_a_right_layer_keeps_the_law(check):
    check()
