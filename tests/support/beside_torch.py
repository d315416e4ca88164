"""Running a layer and torch's counterpart on the same numbers."""

import numpy as np

from minidl.parameters import Parameter, unique
from tests.support.arrays import assert_close


def assert_agrees(layer, theirs, x, dy, pairs=(), tolerance=1e-10):
    """Assert that output and gradients agree with torch's.

    `theirs` maps a tensor to a tensor; `pairs` are our parameters beside their tensors. Integer
    x carries no gradient.
    """
    import torch

    for ours, their in pairs:
        with torch.no_grad():
            their.copy_(torch.tensor(ours.value))
        their.grad = None
    for parameter in unique(layer, Parameter).values():
        parameter.grad.fill(0)
    y, cache = layer.forward(x)
    dx = layer.backward(dy, cache)
    floating = x.dtype.kind == "f"
    # in C order: torch 2.13's batch norm errs for some other ones with axes of length 1
    their_x = torch.tensor(np.array(x, order="C"), requires_grad=floating)
    their_y = theirs(their_x)
    their_y.backward(torch.tensor(np.array(dy, order="C")))
    assert_close(y, their_y.detach(), tolerance)
    if floating:
        assert_close(dx, np.zeros(x.shape) if their_x.grad is None else their_x.grad, tolerance)
    else:
        assert dx is None
    for ours, their in pairs:
        assert_close(ours.grad, their.grad, tolerance)
