"""No number in a file makes memory be taken: what layers consist of is counted beforehand."""

import inspect
import tracemalloc

import pytest

from minidl import ModelFileError, load
from minidl.checkpoint.architecture import VOCABULARY, build, config_of
from tests.support.models import lay_out, seal
from tests.support.table import TABLE

SIZES = {
    "in_features", "out_features", "features", "hidden_features", "vocabulary", "max_length",
    "in_channels", "out_channels", "kernel_size",
}  # fmt: skip
POOLS = {"MaxPool2D", "AvgPool2D"}  # of any kernel: they have no arrays
CONFIGS = {}
for case in TABLE:
    config = {key: getattr(case.layer, key) for key in config_of(type(case.layer)) or ()}
    if not hasattr(case.layer, "layers"):
        plain = {
            key: list(value) if isinstance(value, tuple) else value for key, value in config.items()
        }
        CONFIGS[type(case.layer).__name__] = plain | (
            {"bias": True} if "bias" in config else {}
        )  # fmt: skip
LARGE = [
    (name, key)
    for name, config in CONFIGS.items()
    for key in config
    if key in SIZES and name not in POOLS
]


def content(*nodes):
    meta = {
        "format": "model",
        "version": "1",
        "architecture": {"nodes": list(nodes), "shared": {}},
        "state": {"generators": {}},
        "sha256": "",
    }
    return seal(*lay_out({"__metadata__": meta})[:1], b"")


def test_there_is_every_layer_that_could_take_memory():
    with_arrays = {
        name for name, kind in VOCABULARY.items() if "dtype" in inspect.signature(kind).parameters
    }
    assert with_arrays < {name for name, _ in LARGE}


@pytest.mark.parametrize("size", [2**23, 2**31, 2**62])
@pytest.mark.parametrize(("name", "key"), LARGE)
def test_a_size_that_is_too_large_is_refused_before_anything_is_made(name, key, size):
    large = [size, 2] if key == "kernel_size" else size
    node = {
        "class": name,
        "config": {
            **CONFIGS[name],
            key: large,
            **({"heads": 1} if name == "MultiHeadAttention" else {}),
        },
    }
    tracemalloc.start()
    with pytest.raises(ValueError, match="the layers need much more memory than the file has"):
        build([node], VOCABULARY, 0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("BatchNorm", {"features": 2**22, "axis": 1}),
        ("LayerNorm", {"features": 2**22}),
        ("PositionalEncoding", {"features": 2**11, "max_length": 2**11}),
        ("Dense", {"in_features": 2**11, "out_features": 2**11 - 1}),
        ("Embedding", {"vocabulary": 2**22, "features": 1}),
        ("MultiHeadAttention", {"features": 1000, "heads": 1}),
        ("Conv2D", {"in_channels": 1, "out_channels": 1, "kernel_size": [2**20, 4]}),
        ("RNN", {"in_features": 1, "hidden_features": 2040}),
        ("GRU", {"in_features": 1, "hidden_features": 1180}),
        ("LSTM", {"in_features": 1, "hidden_features": 1020}),
    ],
)
def test_the_largest_layer_that_is_built_from_a_small_file_takes_little_memory(
    name, changed, tmp_path
):
    node = {"class": name, "config": CONFIGS[name] | changed}
    (tmp_path / "model").write_bytes(content(node))
    tracemalloc.start()
    if name == "PositionalEncoding":  # whose array is in no file
        load(tmp_path / "model")
    else:
        with pytest.raises(ModelFileError, match="the file has no such array, its layer needs"):
            load(tmp_path / "model")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 160 * 2**20


def test_what_many_layers_take_is_added_up():
    norm = {"class": "LayerNorm", "config": {"features": 2**20, "eps": 1e-5}}
    dense = {"class": "Conv2D", "config": CONFIGS["Conv2D"] | {"kernel_size": [2**18, 1]}}
    for node in (norm, dense):
        with pytest.raises(ValueError, match="the layers need much more memory"):
            build([node] * 5, VOCABULARY, 0)


@pytest.mark.parametrize(("name", "key"), [(n, k) for n, own in CONFIGS.items() for k in own])
def test_a_list_of_hundreds_of_thousands_of_zeros_is_refused(name, key):
    config = {**CONFIGS[name], key: [0] * 400_000}
    with pytest.raises(ValueError, match=f"node 0: {key} is a list of 400000"):
        build([{"class": name, "config": config}], VOCABULARY, 0)


def test_a_parameter_is_not_shared_with_one_of_another_shape(tmp_path):
    dense = {"class": "Dense", "config": {"in_features": 2, "out_features": 2, "bias": True}}
    wide = {"class": "Dense", "config": {"in_features": 2, "out_features": 3, "bias": False}}
    both = {"class": "Sequential", "config": {"layers": [{"node": 0}, {"node": 1}]}}
    arrays = {"layers.0.weight": [2, 2], "layers.0.bias": [2]}
    meta = {
        "format": "model",
        "version": "1",
        "architecture": {
            "nodes": [dense, wide, both],
            "shared": {"layers.1.weight": "layers.0.weight"},
        },
        "state": {"generators": {}},
        "sha256": "",
    }
    header = {"__metadata__": meta} | {
        name: {"dtype": "F32", "shape": shape} for name, shape in arrays.items()
    }
    header, size = lay_out(header)
    (tmp_path / "model").write_bytes(seal(header, bytes(size)))
    with pytest.raises(ModelFileError, match=r"layers\.1\.weight cannot be what the file says"):
        load(tmp_path / "model")
