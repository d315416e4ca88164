"""Softmax and its logarithm."""

import numpy as np
import pytest

from minidl import (
    LogSoftmax,
    Sequential,
    Softmax,
)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_softmax_far_out_gives_certainty_and_its_logarithm_the_difference(dtype):
    x = np.array([[-1e4, 1e4, 0]], dtype)
    np.testing.assert_array_equal(Softmax()(x), [[0, 1, 0]])
    np.testing.assert_array_equal(LogSoftmax()(x), [[-2e4, 0, -1e4]])
    dy = np.array([[1, 2, 3]], dtype)
    np.testing.assert_array_equal(Softmax().backward(dy, Softmax().forward(x)[1]), [[0, 0, 0]])
    dx = LogSoftmax().backward(dy, LogSoftmax().forward(x)[1])
    np.testing.assert_array_equal(dx, [[1, -4, 3]])


def test_the_gradient_of_softmax_is_that_of_its_jacobian():
    x, dy = np.array([[0.5, -1.0, 2.0]]), np.array([[1.0, 3.0, -2.0]])
    p = np.exp(x[0]) / np.exp(x).sum()
    _, cache = Softmax().forward(x)
    jacobian = np.diag(p) - np.outer(p, p)
    np.testing.assert_allclose(Softmax().backward(dy, cache), dy @ jacobian, atol=1e-15)
    _, cache = LogSoftmax().forward(x)
    jacobian = np.eye(3) - np.outer(np.ones(3), p)
    np.testing.assert_allclose(LogSoftmax().backward(dy, cache), dy @ jacobian, atol=1e-15)


@pytest.mark.parametrize("layer", [Softmax(), LogSoftmax(), Softmax(1), LogSoftmax(2)], ids=repr)
def test_softmax_needs_something_along_its_axis(layer):
    shapes = [(), (3, 0)] if layer.axis == -1 else [(3,), (3, 0)]
    for shape in shapes:
        with pytest.raises(ValueError, match=r"Softmax\(\d?\): nothing along axis .*input shape"):
            Sequential(layer)(np.zeros(shape))


@pytest.mark.parametrize("kind", [Softmax, LogSoftmax])
def test_softmax_never_runs_along_the_samples(kind):
    with pytest.raises(ValueError, match=rf"{kind.__name__}\(0\): axis 0 is that of the samples"):
        kind(0)
    for layer, shape in ((kind(), (3,)), (kind(-2), (5, 3)), (kind(-3), (2, 3, 4))):
        with pytest.raises(ValueError, match=r"Softmax\(.*\): the samples are along axis -\d"):
            layer.forward(np.zeros(shape))
