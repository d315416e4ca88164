"""Coverage-guided fuzzing of the loader: python -m tests.tools.fuzz [-runs=100000].

Needs atheris (python -m pip install atheris) and safetensors. Whatever bytes a file holds, `load`
returns a network or raises ModelFileError; what it accepts the safetensors package accepts too, and
it is saved again as the same bytes. Half of the mutants get a right length, digest and canonical
JSON, so that they come through to the rules behind.
"""

import os
import random
import sys
import tempfile
import warnings

import atheris

with atheris.instrument_imports(include=["minidl.checkpoint"]):
    from minidl.checkpoint import model

import numpy as np
import safetensors

from minidl import ModelFileError
from tests.corpus.hostile import hostile_files
from tests.support.models import network, parts, raw_file, seal

FOLDER = tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
PATH, AGAIN = os.path.join(FOLDER, "model"), os.path.join(FOLDER, "again")
ACCEPTED = [0, 0]
WORDS = ["Dense", "ReLU", "Add", "GRU", "Reshape", "layers.0.weight", "F64", "MT19937", "shared"]


def one_input(content):
    with open(PATH, "wb") as file:
        file.write(content)
    ACCEPTED[1] += 1
    if ACCEPTED[1] % 50_000 == 0:
        print(f"{ACCEPTED[1]} files tried, {ACCEPTED[0]} accepted", flush=True)
    try:
        loaded = model.load(PATH)
    except ModelFileError as error:
        if not str(error).startswith(PATH):
            raise AssertionError("a message without the path") from error
        return
    ACCEPTED[0] += 1
    safetensors.deserialize(content)
    model.save(loaded, AGAIN)
    with open(AGAIN, "rb") as file:
        if file.read() != content:
            raise AssertionError("saved again it is another file")


def leaves(value):
    """Yield every container of a JSON value with every key of it."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in list(items):
        yield value, key
        if isinstance(item, (dict, list)):
            yield from leaves(item)


def changed(value, draw):
    """Return a JSON value that a hostile writer could think of in place of another."""
    choices = [None, True, 0, 1, -1, 2, 3, 0.5, 2**31, 2**63, "", [], {}, draw.choice(WORDS)]
    if type(value) in (int, float):
        choices += [value + 1, value - 1, -value, float(value), value * 2, str(value)]
    if isinstance(value, str):
        choices += [value + " ", value[:-1], value.upper(), [value]]
    if isinstance(value, list):
        choices += [value * 2, value[::-1], value[1:], value[:-1], [value], [*value, 0]]
    if isinstance(value, dict):
        choices += [dict(reversed(list(value.items()))), {**value, "x": 0}]
    return draw.choice(choices)


def mutate(content, size, seed):
    draw = random.Random(seed)
    kind = draw.random()
    if kind < 0.25:
        return bytes(atheris.Mutate(content, size))
    try:
        header, data = parts(content)
        if kind < 0.4:  # any change of the header's text
            text = content[8 : len(content) - len(data)]
            return raw_file(bytes(atheris.Mutate(text, size)), data)[:size]
        if kind < 0.5:
            return seal(header, bytes(atheris.Mutate(data, len(data) + 16)))[:size]
        for _ in range(draw.choice([1, 1, 1, 2, 3])):
            inside, key = draw.choice(list(leaves(header)))
            if draw.random() < 0.1:
                inside.pop(key)
            else:
                inside[key] = changed(inside[key], draw)
        return seal(header, data)[:size]
    except Exception:
        return bytes(atheris.Mutate(content, size))


def main():
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    corpus = os.path.join(FOLDER, "corpus")
    os.mkdir(corpus)
    model.save(network(), PATH)
    with open(PATH, "rb") as file:
        valid = file.read()
    seeds = [valid, *(content for _, content in hostile_files(valid))]
    for place, content in enumerate(seeds):
        if len(content) < 8192:
            with open(os.path.join(corpus, str(place)), "wb") as file:
                file.write(content)
    arguments = [sys.argv[0], "-max_len=8192", "-timeout=20", "-rss_limit_mb=4096", *sys.argv[1:]]
    atheris.Setup([*arguments, corpus], one_input, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
