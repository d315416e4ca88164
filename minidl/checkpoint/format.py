"""The container: a safetensors file, by rules that are stricter than those of the format.

A file is 8 bytes, the length of the header; the header, in JSON, padded with spaces to a multiple
of 8; and the arrays one after the other, little-endian. The header gives each array's dtype, shape
and place, and under ``__metadata__`` what the file is. Of all the ways in which JSON can say the
same, only the one in which it is written here is read.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

from minidl.arrays import Array

VERSION = "1"

_LARGEST_HEADER = 2**20

_DTYPES: dict[str, np.dtype[Any]] = {f"F{8 * n}": np.dtype(f"<f{n}") for n in (4, 8)}

_METADATA = ["format", "version", "architecture", "state", "sha256"]

_NO_DIGEST = "0" * 64


def dumps(value: Any, **options: Any) -> str:
    """Write JSON in the one way in which it is read."""
    return json.dumps(value, **options, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def loads(text: str) -> Any:
    """Read JSON, and refuse what `dumps` would write in another way."""
    value = json.loads(text)
    if dumps(value) != text:
        raise ValueError("the JSON is not written as minidl writes it")
    return value


def serialize(kind: str, architecture: Any, state: Any, arrays: Mapping[str, Array]) -> list[Any]:
    """Return a file as a list of buffers.

    Parameters
    ----------
    kind : str
        The format: model, checkpoint or estimator.
    architecture, state
        What JSON can hold.
    arrays : dict of str to ndarray
        In the order in which they are to stand; they are copied.

    Raises
    ------
    ValueError
        If a number is not finite, a dtype has no name in the format, or the header is too long.
    """
    texts = (kind, VERSION, dumps(architecture), dumps(state), _NO_DIGEST)
    metadata = dict(zip(_METADATA, texts, strict=True))
    header: dict[str, Any] = {"__metadata__": metadata}
    codes = {dtype: code for code, dtype in _DTYPES.items()}
    data, offset = [], 0
    for name, array in arrays.items():
        little = array.dtype.newbyteorder("<")
        if name in header or little not in codes:
            raise ValueError(f"{name} of dtype {little} cannot be saved: float32 and float64 can")
        copy = array.astype(little, order="C")
        _require_finite(name, copy)
        header[name] = _entry(codes[little], list(copy.shape), offset)
        offset += copy.nbytes
        data.append(copy.reshape(-1).view(np.uint8).data)
    digest = hashlib.sha256(_front(header))
    for part in data:
        digest.update(part)
    metadata["sha256"] = digest.hexdigest()
    return [_front(header), *filter(len, data)]


def read(file: BinaryIO, size: int, kind: str) -> tuple[Any, Any, dict[str, Array]]:
    """Return (architecture, state, arrays) of a file; the arrays are read-only.

    Parameters
    ----------
    file : binary file
        At its beginning.
    size : int
        How long the file is: no more than that is ever allocated.
    kind : str
        The format that is expected.

    Raises
    ------
    ValueError
        If the file is not, to the last bit, one that `serialize` has written.
    """
    start = file.read(8)
    length = int.from_bytes(start, "little")
    if length > min(size - 8, _LARGEST_HEADER):
        raise ValueError("is no model file, or has lost its end: the header is longer than it")
    start += file.read(length)
    header = json.loads(start[8:].decode("utf-8"))
    metadata = header.get("__metadata__") if isinstance(header, dict) else None
    if not isinstance(metadata, dict) or type(metadata.get("version")) is not str:
        raise ValueError("is no model file of minidl: the metadata are others")
    if metadata["version"] != VERSION:
        other = metadata["version"]
        raise ValueError(f"is of version {other!r:.40}, but this minidl reads version {VERSION!r}")
    if list(metadata) != _METADATA or not all(type(text) is str for text in metadata.values()):
        raise ValueError(f"the metadata must be {', '.join(_METADATA)}")
    if metadata["format"] != kind:
        raise ValueError(f"is of the format {metadata['format']!r:.40}, not {kind!r}")
    if _front(header) != start:
        raise ValueError("the header is not written as minidl writes it")

    offset = 0
    for name, entry in list(header.items())[1:]:
        match entry:
            case {"dtype": str(code), "shape": list(shape)} if code in _DTYPES and all(
                type(size) is int and 0 <= size < 2**63 for size in shape
            ):
                right = _entry(code, shape, offset)
            case {"dtype": "F16"}:
                raise ValueError(f"{name} is float16: networks are float32 or float64")
            case _:
                raise ValueError(f"{name}: there is no such dtype or shape")
        if dumps(entry) != dumps(right):
            raise ValueError(f"{name}: it is not just a dtype, a shape and the place that follows")
        offset = right["data_offsets"][1]
    if size != len(start) + offset:
        raise ValueError(f"has {size} bytes, but {len(start) + offset} are needed: it is damaged")

    digest = hashlib.sha256(_front({**header, "__metadata__": {**metadata, "sha256": _NO_DIGEST}}))
    arrays = {}
    for name, entry in list(header.items())[1:]:
        first, end = entry["data_offsets"]
        data = file.read(end - first)
        digest.update(data)
        flat = np.frombuffer(data, _DTYPES[entry["dtype"]], math.prod(entry["shape"]))
        arrays[name] = flat.reshape(entry["shape"])
    if digest.hexdigest() != metadata["sha256"]:
        raise ValueError("the SHA-256 digest is another one: the file is damaged")
    for name, array in arrays.items():
        _require_finite(name, array)
    return loads(metadata["architecture"]), loads(metadata["state"]), arrays


def _front(header: dict[str, Any]) -> bytes:
    text = dumps(header).encode("utf-8")
    text += b" " * (-len(text) % 8)
    if len(text) > _LARGEST_HEADER:
        raise ValueError(f"the header takes {len(text)} bytes, more than {_LARGEST_HEADER}")
    return len(text).to_bytes(8, "little") + text


def _entry(code: str, shape: list[int], offset: int) -> dict[str, Any]:
    end = offset + _DTYPES[code].itemsize * math.prod(shape)
    return {"dtype": code, "shape": shape, "data_offsets": [offset, end]}


def _require_finite(name: str, array: Array) -> None:
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds numbers that are not finite")
