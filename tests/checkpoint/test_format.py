"""The safetensors package reads what minidl writes, and never refuses what minidl accepts."""

import numpy as np
import pytest

from minidl import ModelFileError, Parameter, load, save
from minidl.parameters import Buffer, unique
from tests.corpus.hostile import hostile_files
from tests.support.models import LONG, Scale, network
from tests.support.table import TABLE

safetensors = pytest.importorskip("safetensors")
safetensors_numpy = pytest.importorskip("safetensors.numpy")


@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=lambda d: d.__name__)
@pytest.mark.parametrize("case", TABLE, ids=repr)
def test_the_package_reads_every_file_and_finds_the_same_arrays(case, dtype, tmp_path):
    layer = case.layer.astype(dtype)
    save(layer, tmp_path / "model")
    found = safetensors_numpy.load_file(tmp_path / "model")
    own = unique(layer, (Parameter, Buffer))
    assert set(found) == set(own)
    for path, array in found.items():
        assert array.dtype == own[path].value.dtype
        assert array.shape == own[path].value.shape
        assert array.tobytes() == own[path].value.tobytes()
    with safetensors.safe_open(tmp_path / "model", "numpy") as file:
        assert list(file.metadata()) or not own
        assert set(file.metadata()) == {"format", "version", "architecture", "state", "sha256"}


def test_the_package_reads_arrays_without_numbers(tmp_path):
    layer = Scale(0)
    save(layer, tmp_path / "model")
    assert safetensors_numpy.load_file(tmp_path / "model")["gain"].shape == (0,)
    assert load(tmp_path / "model", layers={"Scale": Scale}).gain.value.shape == (0,)


def test_what_the_package_writes_is_refused_and_told_why(tmp_path):
    for metadata in (None, {"format": "pt"}, {"format": "model", "version": "1"}):
        safetensors_numpy.save_file({"weight": np.ones(3)}, tmp_path / "model", metadata)
        with pytest.raises(ModelFileError, match="metadata"):
            load(tmp_path / "model")


def test_the_package_accepts_much_that_minidl_refuses_but_never_the_other_way(tmp_path):
    path, lax = tmp_path / "model", 0
    save(network(), path)
    files = list(hostile_files(path.read_bytes()))
    for _, content in files if LONG else files[::5]:
        try:
            safetensors.deserialize(content)
            lax += 1
        except safetensors.SafetensorError:
            path.write_bytes(content)
            with pytest.raises(ModelFileError):
                load(path)
    assert lax > 100
