"""One seed, one result: however often, wherever and with whatever looking on."""

import hashlib
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from minidl import (
    Adam,
    BatchNorm,
    Dense,
    Dropout,
    EarlyStopping,
    GradientErrors,
    ReLU,
    Sequential,
    SoftmaxCrossEntropy,
    fit,
    predict,
)


def parts():
    rng = np.random.default_rng(0)
    network = Sequential(
        Dense(5, 16, rng=rng), BatchNorm(16), ReLU(), Dropout(0.3, rng=rng), Dense(16, 3, rng=rng)
    )
    return network, Adam(network, 0.01)


def digest(network=None, optimizer=None, **options):
    """Train, and return the digest of the final weights."""
    if network is None:
        network, optimizer = parts()
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(90, 5)), rng.integers(0, 3, 90)
    fit(network, SoftmaxCrossEntropy(), optimizer, x, y, epochs=3, batch_size=16, seed=5, **options)
    return hashlib.sha256(optimizer.vector.value.tobytes()).hexdigest()


def test_twice_gives_the_same():
    assert digest() == digest()


def test_another_process_gives_the_same():
    code = "from tests.stories.test_determinism import digest; print(digest())"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout.strip() == digest()


def test_what_was_pickled_gives_the_same():
    assert digest(*pickle.loads(pickle.dumps(parts()))) == digest()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_gives_the_same():
    code = """
import os
from tests.stories.test_determinism import digest, parts
own = parts()
if os.fork():
    os.wait()
print(digest(*own), flush=True)
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert run.stdout.split() == [digest(), digest()]


@pytest.mark.parametrize(
    "options",
    [
        {"progress": True},
        {"recover": False},
        {"metrics": {}},
        {"callbacks": [GradientErrors(every=4), EarlyStopping(patience=99, restore_best=False)]},
        {"validation": (np.ones((4, 5)), [0, 1, 2, 0])},
        {"threads": 1},
    ],
    ids=lambda options: next(iter(options)),
)
def test_looking_on_changes_nothing(options):
    assert digest(**options) == digest()


def test_threads_that_share_a_network_are_never_given_anothers_prediction():
    network = parts()[0]
    rng = np.random.default_rng(2)
    inputs = [rng.normal(size=(rng.integers(1, 9), 5)).astype(np.float32) for _ in range(40)]
    expected = [predict(network, x) for x in inputs]

    def wrong(start):
        order = np.random.default_rng(start).permutation(5000) % len(inputs)
        return sum(not np.array_equal(predict(network, inputs[k]), expected[k]) for k in order)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(wrong, range(8))) == 0  # of 40,000
