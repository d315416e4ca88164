"""The test kit: the laws of a layer, for minidl's layers and for yours.

A layer of your own joins with two lines, in any test runner::

    def test_scale():
        check_layer(Scale(3), np.ones((4, 3)))

With pytest, `parametrize_with_layer_checks` makes one test of every layer and law; with
Hypothesis, `minidl.testing.strategies` draws layers, networks and their inputs.
"""

from minidl.testing import laws
from minidl.testing.cases import Case, Check, check_layer, parametrize_with_layer_checks
from minidl.testing.laws import LAWS

__all__ = ["LAWS", "Case", "Check", "check_layer", "laws", "parametrize_with_layer_checks"]
