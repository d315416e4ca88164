"""Small training runs that may be stopped anywhere, and the digest of all that they leave.

``python -m tests.support.runs NAME FILE`` goes on with one, as a process that may be killed.
"""

import hashlib
import sys
from pathlib import Path

import numpy as np

from minidl import (
    SGD,
    Adam,
    BatchNorm,
    ClipNorm,
    CosineDecay,
    Dense,
    Dropout,
    EarlyStopping,
    MeanSquaredError,
    ReLU,
    RMSProp,
    Sequential,
    SoftmaxCrossEntropy,
    Steps,
    WarmUp,
    fit,
)
from minidl.parameters import Buffer, unique

X = np.random.default_rng(0).normal(size=(22, 3)).astype(np.float32)
Y = (X[:, 0] > X[:, 1]).astype(np.intp)
STEPS = 12  # 3 epochs of 4 batches, the last one shorter


def plain():
    return Sequential(Dense(3, 4, rng=1), ReLU(), Dense(4, 2, rng=2))


def stochastic():
    parts = Dense(3, 6, rng=1), BatchNorm(6), ReLU(), Dropout(0.5, rng=3), Dense(6, 2, rng=2)
    return Sequential(*parts)


class Pairs:
    """An iterable of batches that does not tell its length."""

    def __iter__(self):
        return ((X[i : i + 6], Y[i : i + 6]) for i in range(0, len(X), 6))


def memory_map(folder):
    path = Path(folder, "x.raw")
    if not path.exists():
        X.tofile(path)
    return np.memmap(path, np.float32, "r", shape=X.shape)


def nan(prediction, target):
    return float("nan")


HELD_OUT = {"validation": (X[:9], Y[:9]), "validate_every": Steps(3)}
WEIGHTED = {"validation": (X[:9], Y[:9], np.linspace(0, 1, 9))}
GROUPS = {"*.bias": {"weight_decay": 0, "learning_rate": CosineDecay(0.1, 9)}}
# name: (network, optimizer, further arguments), all made anew at each call
RUNS = {
    "momentum": lambda: (plain, lambda n: SGD(n, 0.3, momentum=0.9), {}),
    "momentum, float64": lambda: (
        lambda: plain().astype(np.float64),
        lambda n: SGD(n, 0.3, momentum=0.9, nesterov=True),
        {},
    ),
    "no momentum": lambda: (plain, lambda n: SGD(n, 0.3), {"metrics": {"nan": nan}}),
    "schedules and groups": lambda: (
        plain,
        lambda n: SGD(n, WarmUp(3, CosineDecay(0.5, 12)), 0.5, groups=GROUPS, clip=ClipNorm(0.5)),
        {"sample_weight": np.linspace(0, 1, len(X))},
    ),
    "noise": lambda: (stochastic, lambda n: Adam(n, 0.05, weight_decay=1e-3), HELD_OUT),
    "RMSProp": lambda: (stochastic, lambda n: RMSProp(n, 0.05, momentum=0.5), {"recover": False}),
    "early stopping": lambda: (
        stochastic,
        lambda n: Adam(n, 0.3),
        {**WEIGHTED, "validate_every": Steps(1), "callbacks": [EarlyStopping(patience=3)]},
    ),
    "early stopping, too patient": lambda: (
        stochastic,
        lambda n: SGD(n, 0.5),
        {**HELD_OUT, "callbacks": [EarlyStopping("accuracy", patience=9)]},
    ),
    "iterable": lambda: (stochastic, lambda n: Adam(n, 0.05), {"x": Pairs()}),
    "memory-map": lambda: (stochastic, lambda n: Adam(n, 0.05), {"x": memory_map}),
    "regression": lambda: (
        plain,
        lambda n: Adam(n, 0.05),
        {"y": X[:, :2], "loss": MeanSquaredError(), "validate_every": 2},
    ),
}


def train(name, folder, *, callbacks=(), network=None, optimizer=None, **changes):
    """Run, or go on with the checkpoint in the folder; return network, optimizer and history."""
    make, rule, own = RUNS[name]()
    network = make() if network is None else network
    optimizer = rule(network) if optimizer is None else optimizer
    path = Path(folder, "run.safetensors")
    arguments = {"y": Y, "x": X, "batch_size": 6, "epochs": 3, "seed": 7, "checkpoint": path}
    arguments |= {"checkpoint_every": Steps(1), "loss": SoftmaxCrossEntropy(), **own, **changes}
    if isinstance(arguments["x"], Pairs):
        arguments |= {"y": None, "batch_size": None}
    if callable(arguments["x"]):
        arguments["x"] = arguments["x"](folder)
    arguments["callbacks"] = [*own.get("callbacks", ()), *callbacks]
    loss = arguments.pop("loss")
    history = fit(network, loss, optimizer, arguments.pop("x"), arguments.pop("y"), **arguments)
    return network, optimizer, history


def resume(name, folder, **changes):
    return train(name, folder, resume=Path(folder, "run.safetensors"), **changes)


def digest(network, optimizer, history):
    """Return a digest of all bits of a run but where it was resumed."""
    total = hashlib.sha256()
    for buffer in unique(network, Buffer).values():
        total.update(buffer.value.tobytes())
    generators = unique(network, np.random.Generator).values()
    total.update(repr([generator.bit_generator.state for generator in generators]).encode())
    total.update(optimizer.vector.value.tobytes())
    for key, item in vars(optimizer).items():
        if key not in ("network", "vector"):
            shown = item.tobytes() if isinstance(item, np.ndarray) else repr(item).encode()
            total.update(key.encode() + shown)
    curves = (history.step_loss, history.steps, history.training, history.validation)
    total.update(repr((*curves, history.seed, history.steps_per_epoch)).encode())
    return total.hexdigest()


class Ready:
    """Tell whoever is to kill this process that the run begins."""

    def on_begin(self, run):
        print("ready", flush=True)


if __name__ == "__main__":
    name, folder, epochs = sys.argv[1:]
    parts = resume(name, folder, epochs=int(epochs), callbacks=[Ready()])
    print(digest(*parts), flush=True)
