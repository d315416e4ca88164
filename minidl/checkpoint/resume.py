"""The checkpoint: all that a training run is made of, so that it goes on as if never stopped.

The file is the container of a model file. Its arrays are those of the network, the optimizer, the
callbacks and the history; its state says what has to be the same when the run is resumed (the
optimizer's configuration, the data, the seed …), how far the run is, and all single numbers.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from minidl.batching import Batches, digest
from minidl.callbacks import Callback, Hooks
from minidl.checkpoint.architecture import encode
from minidl.checkpoint.container import dumps, read, serialize
from minidl.checkpoint.files import AtomicFile, BusyError, opened
from minidl.checkpoint.generators import generator_with
from minidl.checkpoint.model import ModelFileError, contents, fields
from minidl.history import Steps
from minidl.keeper import Keeper
from minidl.parameters import Array, Buffer, Parameter, unique
from minidl.run import ForwardState, Recorder, Run, is_due

__all__ = ["Checkpoints"]

_PLAIN = (bool, int, float, str, type(None))
_DERIVED = ("network", "vector", "_stretches", "_frozen")
"""What an optimizer works out from its arguments."""
_LOG = logging.getLogger("minidl")


class Checkpoints(Keeper):
    """Write checkpoints of a run, and go on from one.

    Parameters
    ----------
    path : str, path-like or None
        Where to write; the file is locked until `close`.
    every : int or Steps
        How many epochs or steps pass between two.
    resume : str, path-like or None
        The checkpoint to go on from, if there is such a file.
    seed : int or None
        The seed that was asked for.
    run, recorder, data, callbacks
        The parts of the run.

    Raises
    ------
    BusyError
        If another run holds the lock.
    ModelFileError
        If the file is damaged or of another run, or this run cannot be written as data.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None,
        every: int | Steps,
        resume: str | os.PathLike[str] | None,
        seed: int | None,
        run: Run,
        recorder: Recorder,
        data: Batches,
        callbacks: Sequence[Callback],
    ) -> None:
        self._every, self._run, self._recorder = every, run, recorder
        self._stateful = [c for c in callbacks if hasattr(c, "state") and hasattr(c, "restore")]
        self._fixed = {k: v for k, v in vars(run.optimizer).items() if not _is_saved(v)}
        self._known = {name.lstrip("_") for name in (*run.optimizer.config, *_DERIVED)}
        self._loaded: tuple[Any, dict[str, Array]] | None = None
        self._path, self._resume = path, resume
        self._file = None if path is None else AtomicFile(path)
        try:
            with _named(path if resume is None else resume):
                self._same = self._identity(data)
                own = self._contents()
                if path is not None:
                    serialize("checkpoint", *own)  # what cannot be saved is found out now
            if resume is not None:
                self._load(resume, seed, own)
        except BaseException:
            self.close()
            raise

    def begin(self, hooks: Hooks) -> bool:
        """Restore everything, once all of it has been compared; callbacks after ``on_begin``."""
        if self._loaded is None:
            return hooks.call("on_begin")
        (state, arrays), moved = self._loaded, ForwardState(self._run.network)
        before = moved.take(), self._run.optimizer.snapshot()
        try:
            with _named(self._resume):
                self._restore(state, arrays)
            ended = hooks.call("on_begin")
            for place, callback in enumerate(self._stateful):
                with _named(self._resume):
                    own = state["callbacks"][place]
                    saved = {
                        **{name: _taken(own[name]) for name in own},
                        **_below(f"callbacks.{place}.", arrays),
                    }
                    ended |= hooks.judge(callback, callback.restore(saved))
        except BaseException:
            moved.restore(before[0])
            self._run.optimizer.restore(before[1])
            raise
        self._loaded = None
        return ended

    def after_step(self, epoch_ends: bool) -> bool:
        """Count a step; tell whether a checkpoint is due: by the plan, or at the end of the run."""
        self.batch = 0 if epoch_ends else self.batch + 1
        ends = self._run.epoch == self._run.epochs
        return self._file is not None and (ends or is_due(self._every, self._run, epoch_ends))

    def write(self) -> None:
        """Replace the checkpoint, in one step; if that fails the one before is as it was."""
        if self._file is not None:
            with _named(self._path):
                buffers = serialize("checkpoint", *self._contents(*self._stateful))
            self._file.write(buffers)

    def close(self) -> None:
        """Give the lock back."""
        if self._file is not None:
            self._file.close()

    def _identity(self, data: Batches) -> dict[str, Any]:
        """Return what has to be the same when the run is resumed, beside the network."""
        run, held_out = self._run, self._recorder.held_out
        return {
            "loss": _description(run.loss),
            "optimizer": _description(run.optimizer),
            "callbacks": [_description(callback) for callback in self._stateful],
            "metrics": list(self._recorder.sums)[1:],
            "data": data.fingerprint(),
            "validation": held_out and digest(*held_out),
            "seed": run.history.seed,
        }

    def _contents(self, *stateful: Callback) -> tuple[Any, dict[str, Any], dict[str, Array]]:
        """Return (architecture, state, arrays): the run, with these callbacks, as it is now."""
        run, history = self._run, self._run.history
        nodes, drawn, own, _ = contents(run.network)
        arrays = {f"network.{path}": array for path, array in own.items()}
        numbers = {}
        for name, item in vars(run.optimizer).items():
            if isinstance(item, np.ndarray):
                arrays[f"optimizer.{name}"] = item
            elif _is_saved(item):
                numbers[name] = item
            elif item is not self._fixed.get(name) or name.lstrip("_") not in self._known:
                raise ValueError(
                    f"{type(run.optimizer).__name__}.{name} is {item!r:.80}, which cannot be saved "
                    "or has been replaced during the run: numbers and arrays can"
                )
        callbacks = []
        for place, callback in enumerate(stateful):
            state = callback.state()
            found = {k: v for k, v in state.items() if isinstance(v, np.ndarray)}
            arrays |= {f"callbacks.{place}.{name}": array for name, array in found.items()}
            callbacks.append({k: _written(v) for k, v in state.items() if k not in found})
        arrays |= {f"history.{name}": _bits(curve) for name, curve in self._curves().items()}
        progress = {
            "epoch": run.epoch,
            "step": run.step,
            "batch": self.batch,
            "steps_per_epoch": history.steps_per_epoch,
            "count": self._recorder.count,
        }
        state = {"same": self._same, "progress": progress, "optimizer": numbers}
        return nodes, {**state, "callbacks": callbacks, **drawn}, arrays

    def _curves(self) -> dict[str, Iterable[float]]:
        history = self._run.history
        figures = {"training": history.training, "validation": history.validation}
        return {
            "step_loss": history.step_loss,
            "steps": history.steps,
            "sums": self._recorder.sums.values(),
            **{
                f"{kind}.{n}": curve
                for kind, curves in figures.items()
                for n, curve in curves.items()
            },
        }

    def _load(self, path: str | os.PathLike[str], seed: int | None, own: Any) -> None:
        """Read a checkpoint, if there is one, and compare it with this run."""
        self._run.history.resumed_from = 0
        try:
            with _named(path), opened(path) as (file, size):
                found = read(file, size, "checkpoint")
                self._compare(*found, seed, own)
        except FileNotFoundError:
            _LOG.warning("%s: there is no checkpoint yet: the run starts afresh", path)
        else:
            self._loaded = found[1:]

    def _compare(
        self, nodes: Any, state: Any, arrays: dict[str, Array], seed: int | None, own: Any
    ) -> None:
        """Raise a ValueError unless the checkpoint is one of this run."""
        kinds: Any = {"same": dict, "progress": dict, "optimizer": dict}
        same, progress, numbers, callbacks, generators = fields(
            state, **kinds, callbacks=list, generators=dict
        )
        mine = {"network": own[0], **self._same}
        theirs = {"network": nodes, **same}
        if seed is None:
            mine["seed"] = theirs.get("seed")
        for name in mine | theirs:
            there, here = dumps(theirs.get(name)), dumps(mine.get(name))
            if there != here:
                raise ValueError(f"is of a run with another {name}: {_difference(there, here)}")
        epoch, step, batch, _, _ = counts = fields(
            progress, **dict.fromkeys(("epoch", "step", "batch", "steps_per_epoch", "count"), int)
        )
        if epoch + (batch > 0) > self._run.epochs:
            raise ValueError(f"has gone on to epoch {epoch + 1}, but epochs={self._run.epochs}")
        known, given = _parts(own[1], own[2]), _parts(state, arrays)
        if known.keys() != given.keys() or len(callbacks) != len(self._stateful):
            raise ValueError(f"has other parts: {', '.join(known.keys() ^ given.keys())}")
        for name, item in known.items():
            if not _fits(given[name], item):
                raise ValueError(f"{name} does not fit this run")
        for path, generator in unique(self._run.network, np.random.Generator).items():
            wanted = generator.bit_generator.state["bit_generator"]
            if generator_with(generators[path]).bit_generator.state["bit_generator"] != wanted:
                raise ValueError(f"{path} is not of the kind {wanted}")
        curves = {name: len(_numbers(arrays[f"history.{name}"])) for name in self._curves()}
        lengths = dict.fromkeys(curves, curves["steps"])
        lengths |= {"step_loss": step, "sums": len(self._recorder.sums)}
        if min(counts) < 0 or numbers["steps"] < 0 or curves != lengths:
            raise ValueError("the history is not as long as the run")

    def _restore(self, state: Any, arrays: dict[str, Array]) -> None:
        """Go to where the checkpoint is; the callbacks follow."""
        run, history, recorder = self._run, self._run.history, self._recorder
        for path, item in unique(run.network, (Parameter, Buffer)).items():
            item.value = arrays[f"network.{path}"]
        for path, generator in unique(run.network, np.random.Generator).items():
            generator.bit_generator.state = state["generators"][path]
        for name, value in (state["optimizer"] | _below("optimizer.", arrays)).items():
            setattr(run.optimizer, "learning_rate" if name == "_rate" else name, value)
        run.epoch, run.step, self.batch, run.steps_per_epoch, recorder.count = state[
            "progress"
        ].values()
        history.resumed_from, history.steps_per_epoch = run.step, run.steps_per_epoch
        history.seed = self._same["seed"] = state["same"]["seed"]
        curves = {name: _numbers(arrays[f"history.{name}"]) for name in self._curves()}
        history.step_loss, history.steps = curves["step_loss"], [int(n) for n in curves["steps"]]
        recorder.sums = dict(zip(recorder.sums, curves["sums"], strict=True))
        history.training = {name: curves[f"training.{name}"] for name in history.training}
        history.validation = {name: curves[f"validation.{name}"] for name in history.validation}
        _LOG.info("resumed after step %s, in epoch %s", run.step, run.epoch + 1)


@contextmanager
def _named(path: Any) -> Iterator[None]:
    """Let what goes wrong with a file begin with its path."""
    try:
        yield
    except (FileNotFoundError, BusyError):
        raise
    except (ValueError, TypeError, LookupError, OSError, RecursionError) as error:
        raise ModelFileError(f"{os.fspath(path)}: {error}") from error


def _is_saved(item: Any) -> bool:
    return isinstance(item, np.ndarray) or type(item) in _PLAIN


def _description(thing: Any) -> Any:
    """Return the configuration of a loss, optimizer or callback; at least its class."""
    known = getattr(type(thing), "config", None) is not None
    return encode(thing)[0] if known else type(thing).__name__


def _difference(there: str, here: str) -> str:
    """Show two texts from a little before the place where they differ."""
    pairs = zip(there, here, strict=False)
    start = max(0, next((n for n, (a, b) in enumerate(pairs) if a != b), 0) - 40)
    return f"…{there[start : start + 120]}… there, …{here[start : start + 120]}… here"


def _below(prefix: str, arrays: dict[str, Array]) -> dict[str, Array]:
    """Return copies of the arrays whose names begin so, by the rest of their names."""
    own = {name: array for name, array in arrays.items() if name.startswith(prefix)}
    return {name.removeprefix(prefix): array.copy() for name, array in own.items()}


def _parts(state: Any, arrays: dict[str, Array]) -> dict[str, Any]:
    """Return what the file of one run has as that of another, by name; curves differ in length."""
    fixed = {
        name: array[:0] if name.startswith("history.") else array
        for name, array in arrays.items()
        if not name.startswith("callbacks.")
    }
    numbers = {f"optimizer.{k}": v for k, v in state["optimizer"].items() if k != "_rate"}
    return {**fixed, **numbers, **{f"generator {k}": v for k, v in state["generators"].items()}}


def _fits(given: Any, own: Any) -> bool:
    """Tell whether an item can take another's place; a velocity is None before the first step."""
    if isinstance(given, np.ndarray) and isinstance(own, np.ndarray):
        return (given.dtype, given.shape) == (own.dtype, own.shape)
    return given is None or own is None or type(given) is type(own)


def _bits(numbers: Iterable[float]) -> Array:
    """Return numbers, NaN and infinity among them, as twice as many finite ones."""
    return np.array(list(numbers), np.float64).view(np.uint32).astype(np.float64)


def _numbers(bits: Array) -> list[float]:
    """Return what `_bits` has written."""
    numbers: Array = bits.astype(np.uint32).view(np.float64)
    if bits.ndim != 1 or not np.array_equal(_bits(numbers), bits):
        raise ValueError("the history is not written as minidl writes it")
    found: list[float] = numbers.tolist()
    return found


def _written(value: Any) -> Any:
    """Return a single number of a callback as what JSON can hold, NaN and infinity too."""
    value = value.item() if isinstance(value, np.generic) else value
    if type(value) not in _PLAIN:
        raise ValueError(f"a callback's state holds {value!r:.80}: numbers, strings, arrays can be")
    return {"float": value.hex()} if type(value) is float else value


def _taken(value: Any) -> Any:
    return float.fromhex(value["float"]) if isinstance(value, dict) else value
