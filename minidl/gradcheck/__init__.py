"""The gradient checker: proves hand-written gradients, and says what is wrong with a wrong one.

`check_gradients` checks a layer, a network or a loss; `check_vjp`, `check_forward_backward` and
`check_scalar` gradients written outside minidl; `numerical_gradient` and `numerical_jacobian`
differentiate any function, with a bound of the error.
"""

from minidl.contract.finding import Finding
from minidl.gradcheck.check import check_forward_backward, check_gradients, check_scalar, check_vjp
from minidl.gradcheck.numerical import numerical_gradient, numerical_jacobian
from minidl.gradcheck.report import GradientError, Report, TensorReport

__all__ = [
    "Finding",
    "GradientError",
    "Report",
    "TensorReport",
    "check_forward_backward",
    "check_gradients",
    "check_scalar",
    "check_vjp",
    "numerical_gradient",
    "numerical_jacobian",
]
