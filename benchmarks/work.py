"""What is timed: the same work for every library, down to the initial weights and the data."""

import gzip
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np

FLOOR, INLINE = "np.dot alone", "written inline"
FIT, LOOP = "minidl fit", "minidl loop"


class NotHere(Exception):  # noqa: N818
    """A library cannot do this work, or not on this machine; the message says why."""


@dataclass(frozen=True)
class Target:
    """How many times as long as ours a peer should take; for the floor, how many times ours may."""

    peer: str
    bound: float
    ours: tuple[str, ...] = (FIT, LOOP)


@dataclass(frozen=True)
class Training:
    """Epochs over data in fresh random order, with the loss of every step; or as many as it takes.

    A turn is ``epochs`` epochs of a network that is trained on and on, and its time is given a
    step; with a ``goal`` it is a training from the initial weights until so much of the held-out
    data is told right, tested after each epoch.
    """

    title: str
    widths: tuple[int, ...] = ()  # none: the small convolutional network on images of 28 × 28
    batch: int = 32
    steps: int = 100  # in an epoch
    epochs: int = 1
    optimizer: str = "SGD"  # or "momentum", "Adam"
    learning_rate: float = 0.01
    digits: bool = False
    goal: float | None = None
    targets: tuple[Target, ...] = ()
    quick: int = 0  # the epochs of a turn when it must be quick; 0: leave it out
    floor = FLOOR

    @property
    def unit(self):
        return "run" if self.goal else "step"

    @property
    def count(self):
        """How many units a turn has."""
        return 1 if self.goal else self.steps * self.epochs

    def data(self):
        """Return (x, y) to train on and (x, y) held out."""
        if self.digits:
            return digits()
        rng = np.random.default_rng(1)
        shape = (self.steps * self.batch, *(self.widths[:1] or (1, 28, 28)))
        x = rng.standard_normal(shape, np.float32)
        classes = self.widths[-1] if self.widths else 10
        y = rng.integers(0, classes, len(x))
        y[:classes] = np.arange(classes)[: len(x)]  # every class occurs
        return x, y, x[: self.batch], y[: self.batch]

    def initial(self):
        """Return the initial weights and biases, [W, b, W, b, …], W of shape (in, out)."""
        rng = np.random.default_rng(2)
        shapes = [*zip(self.widths, self.widths[1:], strict=False)]
        for shape in shapes or [(8, 1, 3, 3), (16, 8, 3, 3), (16 * 7 * 7, 10)]:
            fan_in = shape[0] if len(shape) == 2 else np.prod(shape[1:])
            yield rng.standard_normal(shape, np.float32) * np.float32(fan_in**-0.5)
            yield np.zeros(shape[1] if len(shape) == 2 else shape[0], np.float32)


@dataclass(frozen=True)
class Prediction:
    """The scores of samples, by a network of digits' size."""

    title: str
    samples: int
    calls: int  # in a turn
    targets: tuple[Target, ...] = ()
    widths: tuple[int, ...] = (64, 64, 10)
    unit, quick, floor = "call", True, None

    @property
    def count(self):
        return self.calls

    def x(self):
        return np.random.default_rng(1).random((self.samples, self.widths[0]), np.float32)

    def network(self):
        """Return a training whose initial weights are those to predict with."""
        return Training("", self.widths, batch=1, steps=self.widths[-1])


@dataclass(frozen=True)
class Check:
    """A proof of all gradients, of the input and the parameters, of one dense layer in float64."""

    title: str
    features: int
    samples: int
    targets: tuple[Target, ...] = ()
    unit, count, quick, floor = "check", 1, True, None

    def arrays(self):
        """Return x, weight and bias."""
        rng = np.random.default_rng(1)
        size = self.features
        return [rng.normal(size=shape) for shape in ((self.samples, size), (size, size), size)]


def digits():
    """Return 1,400 digits to train on and 397 held out.

    The file is read without importing scikit-learn: it would load SciPy, whose BLAS disturbs.
    """
    package = importlib.util.find_spec("sklearn")
    if package is None:
        raise NotHere("the digits are those of scikit-learn, which is not installed")
    path = Path(package.origin).parent / "datasets/data/digits.csv.gz"
    with gzip.open(path) as file:
        table = np.loadtxt(file, delimiter=",", dtype=np.float32)
    table = table[np.random.default_rng(0).permutation(len(table))]
    x, y = table[:, :-1] / 16, table[:, -1].astype(np.int64)
    return x[:1400], y[:1400], x[1400:], y[1400:]


TORCH, COMPILED, SKLEARN = "torch eager", "torch.compile", "scikit-learn"
JAX = "jax.jit, a call a step"
TINY, MIDDLE, LARGE = (2, 16, 16, 2), (784, 512, 256, 10), (1024, 4096, 4096, 1000)
DIGITS = {"widths": (64, 64, 10), "batch": 64, "steps": 22, "digits": True}
ALL_DIGITS = (Target(TORCH, 4), Target(SKLEARN, 4), Target(JAX, 1.5))

WORK = (
    Training(
        "2-16-16-2, batch 32",
        TINY,
        epochs=10,
        quick=5,
        targets=(Target(TORCH, 6), Target(SKLEARN, 4), Target(JAX, 1)),
    ),
    Training(
        "784-512-256-10, batch 128",
        MIDDLE,
        batch=128,
        steps=50,
        epochs=6,
        quick=1,
        targets=(
            Target(TORCH, 1),
            Target(COMPILED, 1),
            Target(SKLEARN, 1.6),
            Target(FLOOR, 1.2),
        ),
    ),
    Training(
        "1024-4096-4096-1000, batch 512",
        LARGE,
        batch=512,
        steps=20,
        targets=(Target(TORCH, 0.9), Target(FLOOR, 1.06)),
    ),
    Training(
        "2-16-16-2, batch 32, Adam",
        TINY,
        epochs=10,
        optimizer="Adam",
        learning_rate=0.001,
        targets=(Target(TORCH, 6), Target(SKLEARN, 4)),
    ),
    Training(
        "784-512-256-10, batch 128, Adam",
        MIDDLE,
        batch=128,
        steps=50,
        epochs=6,
        optimizer="Adam",
        learning_rate=0.001,
        targets=(Target(TORCH, 1),),
    ),
    *(
        Training(
            f"digits 64-64-10, batch 64, {name}, {what}",
            epochs=20,
            optimizer=name,
            learning_rate=rate,
            goal=goal,
            targets=ALL_DIGITS,
            quick=5 if name == "momentum" else 0,
            **DIGITS,
        )
        for what, goal in (("many epochs", None), ("to 97 % held-out", 0.97))
        for name, rate in (("momentum", 0.1), ("Adam", 0.005))
    ),
    Training(
        "2-16-3, a sample a step",
        (2, 16, 3),
        batch=1,
        steps=500,
        epochs=2,
        quick=1,
        targets=(Target(TORCH, 6), Target(SKLEARN, 3), Target(INLINE, 1)),
    ),
    Prediction(
        "prediction of one sample by 64-64-10",
        samples=1,
        calls=1000,
        targets=(
            Target(TORCH, 4, ("minidl network(x)",)),
            Target(SKLEARN, 8, ("minidl predict",)),
        ),
    ),
    Prediction(
        "prediction of 10,000 by 64-64-10",
        samples=10_000,
        calls=10,
        targets=(
            Target(TORCH, 0.8, ("minidl predict",)),
            Target(SKLEARN, 1.8, ("minidl predict",)),
        ),
    ),
    Check("gradient check of Dense(64, 64), 8 samples", features=64, samples=8),
    Training("a small CNN on 28 × 28, batch 64", batch=64, steps=10, epochs=2, quick=1),
)
