"""The life of a model: whatever is done to it, in whatever order, its twin on disk is its equal."""

import copy
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from minidl import (
    SGD,
    Adam,
    BatchNorm,
    Dense,
    Dropout,
    ModelFileError,
    ReLU,
    Sequential,
    SoftmaxCrossEntropy,
    fit,
    load,
    predict,
    save,
)

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(23, 3)), RNG.integers(0, 2, 23)
OPTIMIZERS = {"SGD": lambda n: SGD(n, 0.05, momentum=0.9), "Adam": lambda n: Adam(n, 0.01)}


class Stop:
    """Ends a run, or fails, after some steps."""

    def __init__(self, step, fails):
        self.step, self.fails, self.count = step, fails, 0

    def on_step(self, run):
        self.count += 1
        if self.count == self.step and self.fails:
            raise RuntimeError("planned")
        return self.count == self.step


class Life(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())

    def teardown(self):
        shutil.rmtree(self.folder)

    @initialize(seed=st.integers(0, 99), optimizer=st.sampled_from(sorted(OPTIMIZERS)))
    def build(self, seed, optimizer):
        rng = np.random.default_rng(seed)
        self.network = Sequential(
            Dense(3, 5, rng=rng), BatchNorm(5), ReLU(), Dropout(0.3, rng=rng), Dense(5, 2, rng=rng)
        )
        self.make, self.saved, self.begun = OPTIMIZERS[optimizer], None, None
        self.optimizer = self.make(self.network)

    def train(self, network, optimizer, **options):
        return fit(
            network, SoftmaxCrossEntropy(), optimizer, X, Y, batch_size=5, seed=1,
            **{"epochs": 2, **options},
        )  # fmt: skip

    @rule(stop=st.integers(1, 12), fails=st.booleans())
    def trains(self, stop, fails):
        try:
            self.train(self.network, self.optimizer, callbacks=[Stop(stop, fails)])
        except RuntimeError:
            assert fails
        assert not self.optimizer.vector.grad.any()

    @rule()
    def is_copied(self):
        self.network, self.optimizer = copy.deepcopy((self.network, self.optimizer))

    @rule()
    def is_saved(self):
        save(self.network, self.folder / "model")
        self.saved = predict(self.network, X)

    @precondition(lambda self: self.saved is not None)
    @rule()
    def is_loaded(self):
        self.network = load(self.folder / "model")
        self.optimizer = self.make(self.network)
        np.testing.assert_array_equal(predict(self.network, X), self.saved)

    @precondition(lambda self: self.saved is not None)
    @rule(place=st.integers(0, 10**6), bit=st.integers(0, 7))
    def its_file_is_damaged(self, place, bit):
        content = bytearray((self.folder / "model").read_bytes())
        content[place % len(content)] ^= 1 << bit
        (self.folder / "damaged").write_bytes(content)
        with pytest.raises(ModelFileError):
            load(self.folder / "damaged")

    @rule(stop=st.integers(1, 9))
    def begins_a_run_that_is_stopped(self, stop):
        """A twin runs through; the one that was stopped has to end with its bits."""
        (self.folder / "run").unlink(missing_ok=True)
        self.begun = copy.deepcopy((self.network, self.optimizer))
        every = {"checkpoint": self.folder / "run", "checkpoint_every": 1}
        self.train(self.network, self.optimizer, **every)
        expected = self.optimizer.vector.value.copy()
        network, optimizer = self.begun
        (self.folder / "run").unlink()
        start = copy.deepcopy((network, optimizer))
        with pytest.raises(RuntimeError, match="planned"):
            self.train(network, optimizer, callbacks=[Stop(stop, fails=True)], **every)
        self.network, self.optimizer = start
        self.train(self.network, self.optimizer, resume=self.folder / "run")
        np.testing.assert_array_equal(self.optimizer.vector.value, expected)

    @rule(x=st.sampled_from([X[:, :2], X * np.nan, X.astype(str), X[:0]]))
    def is_given_what_it_cannot_take(self, x):
        before = self.optimizer.vector.value.copy()
        with pytest.raises((ValueError, TypeError)):
            fit(self.network, SoftmaxCrossEntropy(), self.optimizer, x, Y, epochs=1, batch_size=5)
        np.testing.assert_array_equal(self.optimizer.vector.value, before)

    @invariant()
    def predicts_the_same_twice(self):
        first = predict(self.network, X)
        assert np.isfinite(first).all()
        np.testing.assert_array_equal(predict(self.network, X), first)


Life.TestCase.settings = settings(
    settings.default,
    max_examples=max(5, settings.default.max_examples // 5),
    stateful_step_count=12,
)
TestLife = Life.TestCase
