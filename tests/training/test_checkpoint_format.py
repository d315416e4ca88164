"""What version 1 of the files says, word for word: another wording needs another version."""

from minidl import Dense, Dropout, ReLU, Sequential, save
from tests.support.models import parts
from tests.support.runs import train

NODES = [
    {"class": "Dense", "config": {"in_features": 3, "out_features": 6, "bias": True}},
    {"class": "BatchNorm", "config": {"features": 6, "axis": 1, "momentum": 0.1, "eps": 1e-5}},
    {"class": "ReLU", "config": {}},
    {"class": "Dropout", "config": {"rate": 0.5}},
    {"class": "Dense", "config": {"in_features": 6, "out_features": 2, "bias": True}},
    {"class": "Sequential", "config": {"layers": [{"node": place} for place in range(5)]}},
]
STOPPING = {"monitor": "accuracy", "patience": 9, "restore_best": True}
SGD = {
    "_rate": 0.5,
    "weight_decay": 0.0,
    "groups": [],
    "clip": None,
    "momentum": 0.0,
    "nesterov": False,
}
LOSS = {"label_smoothing": 0.0, "ignore_index": None}
NUMBERS = {
    "optimizer.momentum": {"float": "0x0.0p+0"},
    "optimizer.nesterov": False,
    "optimizer.steps": 12,
    "optimizer._rate": {"float": "0x1.0000000000000p-1"},
    "optimizer.weight_decay": {"float": "0x0.0p+0"},
    "optimizer.clip": None,
    "optimizer.velocity": None,
    "run.epoch": 3,
    "run.step": 12,
    "run.batch": 0,
    "run.steps_per_epoch": 4,
    "run.count": 0,
}
NETWORK = [
    "layers.0.weight",
    "layers.0.bias",
    "layers.1.gain",
    "layers.1.bias",
    "layers.1.running_mean",
    "layers.1.running_variance",
    "layers.4.weight",
    "layers.4.bias",
]
CURVES = [
    "step_loss",
    "steps",
    "sums",
    "training.loss",
    "training.accuracy",
    "validation.loss",
    "validation.accuracy",
]


def test_a_model_file_says_what_it_always_said(tmp_path):
    save(Sequential(Dense(2, 1, rng=0), Dropout(0.5, rng=1)), tmp_path / "model")
    header, data = parts((tmp_path / "model").read_bytes())
    metadata = header.pop("__metadata__")
    generators = metadata["state"].pop("generators")
    assert header == {
        "layers.0.weight": {"dtype": "F32", "shape": [2, 1], "data_offsets": [0, 8]},
        "layers.0.bias": {"dtype": "F32", "shape": [1], "data_offsets": [8, 12]},
    }
    assert (metadata["format"], metadata["version"], metadata["state"]) == ("model", "1", {})
    assert metadata["architecture"] == {
        "nodes": [
            {"class": "Dense", "config": {"in_features": 2, "out_features": 1, "bias": True}},
            {"class": "Dropout", "config": {"rate": 0.5}},
            {"class": "Sequential", "config": {"layers": [{"node": 0}, {"node": 1}]}},
        ],
        "shared": {},
    }
    assert list(generators) == ["layers.1.rng"]
    assert generators["layers.1.rng"]["bit_generator"] == "PCG64"
    assert len(data) == 12


def test_the_arrays_begin_at_a_multiple_of_eight_bytes(tmp_path):
    for layers in range(1, 9):
        save(Sequential(*[ReLU() for _ in range(layers)]), tmp_path / "model")
        length = int.from_bytes((tmp_path / "model").read_bytes()[:8], "little")
        assert length % 8 == 0


def test_a_checkpoint_says_what_it_always_said(tmp_path):
    train("early stopping, too patient", tmp_path)
    header, _ = parts((tmp_path / "run.safetensors").read_bytes())
    metadata = header.pop("__metadata__")
    same, numbers = (metadata["state"].pop(name) for name in ("same", "numbers"))
    assert (metadata["format"], metadata["version"], metadata["state"]) == ("checkpoint", "1", {})
    assert metadata["architecture"] == {"nodes": NODES, "shared": {}}

    samples, _, digest = same.pop("data").rpartition(" ")
    assert samples == "22 samples in batches of 6, SHA-256 of some"
    assert len(digest) == len(same.pop("validation")) == 64
    assert same == {
        "loss": [{"class": "SoftmaxCrossEntropy", "config": LOSS}],
        "optimizer": [{"class": "SGD", "config": SGD}],
        "callbacks": [[{"class": "EarlyStopping", "config": STOPPING}]],
        "metrics": ["accuracy"],
        "seed": 7,
    }

    assert numbers.pop("network.layers.3.rng")["bit_generator"] == "PCG64"
    assert {name: numbers[name] for name in NUMBERS} == NUMBERS
    others = ["best", "best_step", "_seen", "_waited"]
    assert list(numbers) == [*NUMBERS, *(f"callbacks.0.{name}" for name in others)]
    arrays = [f"network.{name}" for name in NETWORK] + [f"run.{name}" for name in CURVES]
    assert list(header) == [*arrays, "callbacks.0.0", "callbacks.0.1", "callbacks.0.2"]
