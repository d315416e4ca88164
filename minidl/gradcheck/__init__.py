"""The gradient checker: proves hand-written gradients, and says what is wrong with a wrong one."""

from minidl.gradcheck.numerical import numerical_gradient, numerical_jacobian

__all__ = ["numerical_gradient", "numerical_jacobian"]
