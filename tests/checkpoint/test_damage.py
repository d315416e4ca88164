"""Damage is noticed, wherever it is: every byte of a file counts."""

import pytest

from minidl import Dense, Dropout, ModelFileError, Sequential, load, save
from tests.support.models import LONG

SPOILT = {
    "cut short": lambda content, place: content[:place],
    "a byte lost": lambda content, place: content[:place] + content[place + 1 :],
    "a byte doubled": lambda content, place: content[: place + 1] + content[place:],
    "a byte zero": lambda content, place: content[:place] + b"\0" + content[place + 1 :],
    "two bytes exchanged": lambda content, place: (
        content[:place] + content[place : place + 2][::-1] + content[place + 2 :]
    ),
    **{
        f"bit {bit} turned": lambda content, place, bit=bit: (
            content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :]
        )
        for bit in range(8)
    },
}


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    path = tmp_path_factory.mktemp("small") / "model"
    save(Sequential(Dense(1, 2, rng=0), Dropout(0.5, rng=0)), path)
    return path.read_bytes()


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_a_file_that_is_damaged_in_one_place_is_refused(spoil, content, tmp_path):
    path, accepted, tried = tmp_path / "model", [], 0
    step = 3 if spoil in list(SPOILT.values())[-8:] and not LONG else 1
    for place in range(0, len(content), step):
        spoilt = spoil(content, place)
        if spoilt != content:
            tried += 1
            path.write_bytes(spoilt)
            try:
                load(path)
            except ModelFileError:
                continue
            accepted.append(place)
    assert accepted == []
    assert tried > len(content) / step / 2
