"""The gradient checker: proves hand-written gradients, and says what is wrong with a wrong one."""

from minidl.gradcheck.checker import check_gradients
from minidl.gradcheck.numerical import numerical_gradient, numerical_jacobian
from minidl.gradcheck.report import Finding, GradientError, Report, TensorReport

__all__ = [
    "Finding",
    "GradientError",
    "Report",
    "TensorReport",
    "check_gradients",
    "numerical_gradient",
    "numerical_jacobian",
]
