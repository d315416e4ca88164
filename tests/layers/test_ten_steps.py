"""Ten optimizer steps of networks of all these layers, beside torch's."""

import numpy as np
import pytest

from minidl import (
    ELU,
    GELU,
    SGD,
    Add,
    BatchNorm,
    Concatenate,
    Dense,
    Embedding,
    Flatten,
    LayerNorm,
    LeakyReLU,
    Reshape,
    Residual,
    Sequential,
    Sigmoid,
    SiLU,
    SoftmaxCrossEntropy,
    Softplus,
    Tanh,
    loss_and_gradients,
)
from minidl.parameters import Buffer, Parameter, unique
from tests.support.arrays import assert_close

torch = pytest.importorskip("torch")
nn = torch.nn


class TorchResidual(nn.Sequential):
    def forward(self, x):
        return x + super().forward(x)


class TorchBranches(nn.Module):
    def __init__(self, *branches, join):
        super().__init__()
        self.branches, self.join = nn.ModuleList(branches), join

    def forward(self, x):
        return self.join([branch(x) for branch in self.branches])


def side_by_side(outputs):
    return torch.cat(outputs, dim=-1)


def words():
    """Return a network on integers, and torch's, whose parameters stand in the same order."""
    rng = np.random.default_rng(0)
    d = {"rng": rng, "dtype": np.float64}
    ours = Sequential(
        Embedding(7, 3, **d),
        Flatten(),
        Dense(12, 8, **d),
        BatchNorm(8, dtype=np.float64),
        GELU(),
        Residual(Dense(8, 8, **d), LayerNorm(8, dtype=np.float64), SiLU()),
        Concatenate(Dense(8, 5, **d), ELU(0.8)),
        Dense(13, 4, **d),
    )
    theirs = nn.Sequential(
        nn.Embedding(7, 3),
        nn.Flatten(),
        nn.Linear(12, 8),
        nn.BatchNorm1d(8),
        nn.GELU(),
        TorchResidual(nn.Linear(8, 8), nn.LayerNorm(8), nn.SiLU()),
        TorchBranches(nn.Linear(8, 5), nn.ELU(0.8), join=side_by_side),
        nn.Linear(13, 4),
    )
    return ours, theirs, rng.integers(0, 7, (10, 20, 4))


def images():
    """Return a network on small images in which one layer stands twice, and torch's."""
    rng = np.random.default_rng(1)
    d = {"rng": rng, "dtype": np.float64}
    shared, their_shared = Dense(8, 8, **d), nn.Linear(8, 8)
    ours = Sequential(
        Reshape((2, 3, 3)),
        BatchNorm(2, dtype=np.float64),
        LeakyReLU(0.1),
        Flatten(),
        Dense(18, 8, **d),
        Add(Sequential(shared, Sigmoid()), Sequential(Tanh(), shared), Softplus()),
        GELU(approximate=True),
        Dense(8, 4, **d),
    )
    theirs = nn.Sequential(
        nn.Unflatten(1, (2, 3, 3)),
        nn.BatchNorm2d(2),
        nn.LeakyReLU(0.1),
        nn.Flatten(),
        nn.Linear(18, 8),
        TorchBranches(
            nn.Sequential(their_shared, nn.Sigmoid()),
            nn.Sequential(nn.Tanh(), their_shared),
            nn.Softplus(),
            join=sum,
        ),
        nn.GELU(approximate="tanh"),
        nn.Linear(8, 4),
    )
    return ours, theirs, rng.normal(size=(10, 20, 18))


@pytest.mark.parametrize("make", [words, images])
def test_ten_steps_of_training_agree_with_torch(make):
    ours, theirs, batches = make()
    theirs.double()
    ours_by_name, their_list = unique(ours, Parameter), list(theirs.parameters())

    def oriented(name, array):
        """Return a parameter as torch keeps it: the weight of a dense layer transposed."""
        return array.T if name.endswith("weight") and name != "layers.0.weight" else array

    with torch.no_grad():
        for (name, one), other in zip(ours_by_name.items(), their_list, strict=True):
            other.copy_(torch.tensor(oriented(name, one.value)))
    optimizer = SGD(ours, 0.1, momentum=0.9)
    their_optimizer = torch.optim.SGD(theirs.parameters(), 0.1, momentum=0.9)
    labels = np.random.default_rng(2).integers(0, 4, (10, 20))
    for x, y in zip(batches, labels, strict=True):
        value = loss_and_gradients(ours, SoftmaxCrossEntropy(), x, y)
        their_loss = nn.functional.cross_entropy(theirs(torch.tensor(x)), torch.tensor(y))
        assert_close(value, their_loss.detach())
        their_optimizer.zero_grad()
        their_loss.backward()
        optimizer.step()
        their_optimizer.step()
    for (name, one), other in zip(ours_by_name.items(), their_list, strict=True):
        assert_close(oriented(name, one.value), other.detach())
    statistics = [item for item in theirs.buffers() if item.ndim]
    for one, other in zip(unique(ours, Buffer).values(), statistics, strict=True):
        assert_close(one.value, other)
    theirs.eval()
    assert_close(ours(batches[0]), theirs(torch.tensor(batches[0])).detach())
