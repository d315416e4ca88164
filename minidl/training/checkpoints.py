"""The checkpoint: all that a training run is made of, so that it goes on as if never stopped.

The file is the container of a model file. Everything in it has a name that begins with network,
optimizer, run or callbacks; what is no array stands among the numbers of its state, beside what has
to be the same when the run is resumed: the optimizer's configuration, the data, the seed …
"""

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from minidl.arrays import Array
from minidl.checkpoint.architecture import encode
from minidl.checkpoint.atomic import AtomicFile, opened
from minidl.checkpoint.format import dumps, read, serialize
from minidl.checkpoint.generators import generator_with
from minidl.checkpoint.model import ModelFileError, contents, fields
from minidl.checks.arguments import integer
from minidl.parameters import Buffer, Parameter, unique
from minidl.training.batches import Batches, digest
from minidl.training.callbacks import Callback, heed
from minidl.training.divergence import Guard
from minidl.training.history import Steps
from minidl.training.recorder import Recorder
from minidl.training.run import ForwardState, Run

_PLAIN = (bool, int, float, str, type(None))

_DERIVED = {"network", "vector", "_stretches", "_frozen"}
"""Attributes of an optimizer that follow from its arguments."""

_PROGRESS = ("epoch", "step", "batch", "steps_per_epoch", "count")

_LOG = logging.getLogger("minidl")


class Checkpoints(Callback):
    """Goes on from the checkpoint of a run, and writes new ones: the last that watches it.

    Whoever makes one has to `close` it.

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
    run, recorder, guard, data, callbacks
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
        guard: Guard,
        data: Batches,
        callbacks: Sequence[Any],
    ) -> None:
        self._path, self._every, self._resume = path, every, resume
        self._run, self._recorder, self._guard = run, recorder, guard
        self._stateful = [c for c in callbacks if hasattr(c, "state") and hasattr(c, "restore")]
        self._fixed = {k: v for k, v in run.optimizer.variables().items() if not _is_saved(v)}
        self._loaded: dict[str, Any] = {}
        self._undo: Callable[[], None] | None = None
        self._file = None if path is None else AtomicFile(path)
        try:
            with _named(path if resume is None else resume):
                self._same = self._identity(data)
                self._buffers()  # so that what cannot be saved is found out now
            if resume is not None:
                self._go_on(resume, seed)
        except BaseException:
            self.close()
            raise

    def on_begin(self, run: Run) -> None:
        """Restore the callbacks, once they have begun."""
        for index, callback in enumerate(self._stateful if self._loaded else ()):
            with _named(self._resume):
                answer = callback.restore(_below(f"callbacks.{index}.", self._loaded))
            heed(callback, answer, run)
        self._loaded, self._undo = {}, None

    def on_step(self, run: Run) -> None:
        """Write a checkpoint, in one step, if it is time, or the run is at its end."""
        if self._file is not None and (run.ended or run.is_due(self._every)):
            self._guard.require_finite()
            with _named(self._path):
                buffers = self._buffers(*self._stateful)
            self._file.write(buffers)

    def close(self) -> None:
        """Give the lock back; if the run has not begun, nothing has changed."""
        if self._undo is not None:
            self._undo()
        if self._file is not None:
            self._file.close()

    def _identity(self, data: Batches) -> dict[str, Any]:
        """Describe the run: it has to be the same when it is resumed."""
        run, held_out = self._run, self._recorder.held_out
        return {
            "network": contents(run.network)[0],
            "loss": _description(run.loss),
            "optimizer": _description(run.optimizer),
            "callbacks": [_description(callback) for callback in self._stateful],
            "metrics": list(self._recorder.sums)[1:],
            "data": data.fingerprint(),
            "validation": held_out and digest(*held_out),
            "seed": run.history.seed,
        }

    def _parts(self, *stateful: Any) -> dict[str, Any]:
        """Return the arrays and numbers of the run, with these callbacks, as it is now."""
        run, history, optimizer = self._run, self._run.history, self._run.optimizer
        _, state, arrays, _ = contents(run.network)
        variables, own = optimizer.variables(), type(optimizer).__name__
        for name, item in variables.items():
            if not _is_saved(item) and item is not self._fixed.get(name):
                raise ValueError(
                    f"{own}.{name} is {item!r:.80}, which cannot be saved and is another than at "
                    "the beginning: numbers and arrays can"
                )
        for name in vars(optimizer).keys() - variables.keys() - _DERIVED:
            raise ValueError(
                f"{own}.{name} would be lost: name an array in the state of the class, a number in "
                "its config"
            )
        counts = run.epoch, run.step, run.done, history.steps_per_epoch, self._recorder.count
        progress = dict(zip(_PROGRESS, counts, strict=True))
        parts = {
            "network": arrays | state["generators"],
            "optimizer": {k: v for k, v in variables.items() if _is_saved(v)},
            "run": progress | {name: _bits(curve) for name, curve in self._curves().items()},
            **{f"callbacks.{index}": item.state() for index, item in enumerate(stateful)},
        }
        return {f"{part}.{k}": item for part, items in parts.items() for k, item in items.items()}

    def _buffers(self, *stateful: Any) -> list[Any]:
        parts = self._parts(*stateful)
        arrays = {name: item for name, item in parts.items() if isinstance(item, np.ndarray)}
        numbers = {name: _written(name, parts[name]) for name in parts if name not in arrays}
        same = {**self._same}
        return serialize(
            "checkpoint", same.pop("network"), {"same": same, "numbers": numbers}, arrays
        )

    def _curves(self) -> dict[str, Iterable[float]]:
        history, sums = self._run.history, self._recorder.sums.values()
        curves: dict[str, Any] = {
            "step_loss": history.step_loss,
            "steps": history.steps,
            "sums": sums,
        }
        training = {f"training.{name}": curve for name, curve in history.training.items()}
        held_out = {f"validation.{name}": curve for name, curve in history.validation.items()}
        return {**curves, **training, **held_out}

    def _go_on(self, path: str | os.PathLike[str], seed: int | None) -> None:
        """Read a checkpoint, if there is one; if it is of this run, go to where it is."""
        self._run.history.resumed_from = 0
        try:
            with _named(path), opened(path) as (file, size):
                self._loaded = self._compared(*read(file, size, "checkpoint"), seed)
        except FileNotFoundError:
            _LOG.warning("%s: there is no checkpoint yet: the run starts afresh", path)
            return
        moved, optimizer = ForwardState(self._run.network), self._run.optimizer
        state, snapshot = moved.take(), optimizer.snapshot()

        def undo() -> None:
            moved.restore(state)
            optimizer.restore(snapshot)

        self._undo = undo
        with _named(path):
            self._restore(self._loaded)

    def _compared(
        self, nodes: Any, state: Any, arrays: dict[str, Array], seed: int | None
    ) -> dict[str, Any]:
        """Return the parts of a checkpoint, if it is one of this run, or raise a ValueError."""
        same, numbers = fields(state, same=dict, numbers=dict)
        same["network"] = nodes
        if seed is None:
            self._same["seed"] = integer("the seed", same.get("seed"), least=0)
        for name in self._same | same:
            there, here = dumps(same.get(name)), dumps(self._same.get(name))
            if there != here:
                raise ValueError(f"is of a run with another {name}: {_difference(there, here)}")
        given = arrays | {name: _taken(number) for name, number in numbers.items()}
        known = self._parts()
        for name in known.keys() | given.keys():
            if not name.startswith(("callbacks.", "optimizer._rate")) and not (
                name in known and name in given and _fits(name, given[name], known[name])
            ):
                raise ValueError(f"{name} is none that this run can have")
        epoch, step, batch, *counts = [given[f"run.{name}"] for name in _PROGRESS]
        if (begun := epoch + (batch > 0)) > self._run.epochs:
            raise ValueError(f"has gone on to epoch {begun}, but epochs={self._run.epochs}")
        curves = {name: len(_numbers(given[f"run.{name}"])) for name in self._curves()}
        lengths = dict.fromkeys(curves, curves["steps"])
        lengths |= {"step_loss": step, "sums": len(self._recorder.sums)}
        if min(epoch, step, batch, *counts, given["optimizer.steps"]) < 0 or curves != lengths:
            raise ValueError("the history is not as long as the run")
        return given

    def _restore(self, parts: dict[str, Any]) -> None:
        """Go to where the checkpoint is; the callbacks follow."""
        run, history, recorder = self._run, self._run.history, self._recorder
        for path, item in unique(run.network, (Parameter, Buffer)).items():
            item.value = parts[f"network.{path}"]
        for path, generator in unique(run.network, np.random.Generator).items():
            generator.bit_generator.state = parts[f"network.{path}"]
        for name, value in _below("optimizer.", parts).items():
            setattr(run.optimizer, "learning_rate" if name == "_rate" else name, value)
        run.epoch, run.step, run.done, history.steps_per_epoch, recorder.count = (
            parts[f"run.{name}"] for name in _PROGRESS
        )
        run.ended = run.epoch >= run.epochs
        history.resumed_from = run.step
        history.seed = self._same["seed"]
        curves = {name: _numbers(parts[f"run.{name}"]) for name in self._curves()}
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
    except FileNotFoundError:
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
    """Show two texts from a little before where they differ."""
    pairs = enumerate(zip(there, here, strict=False))
    start = max(0, next((index for index, (a, b) in pairs if a != b), 0) - 40)
    return f"…{there[start : start + 120]}… there, …{here[start : start + 120]}… here"


def _below(prefix: str, parts: dict[str, Any]) -> dict[str, Any]:
    """Return copies of the parts whose names begin with a prefix, by the rest of their names."""
    own = {name.removeprefix(prefix): parts[name] for name in parts if name.startswith(prefix)}
    return {k: v.copy() if isinstance(v, np.ndarray) else v for k, v in own.items()}


def _fits(name: str, given: Any, own: Any) -> bool:
    """Tell whether a part of a file can be that of a run; a velocity is None before a step."""
    if isinstance(given, np.ndarray) and isinstance(own, np.ndarray):
        return given.dtype == own.dtype and (name[:4] == "run." or given.shape == own.shape)
    if isinstance(given, dict) and isinstance(own, dict):  # generators
        kind: str = type(generator_with(given).bit_generator).__name__
        return bool(kind == own["bit_generator"])
    return given is None or own is None or type(given) is type(own)


def _bits(numbers: Iterable[float]) -> Array:
    """Return numbers, NaN and infinity among them, as twice as many finite ones."""
    return np.array(list(numbers), np.float64).view(np.uint32).astype(np.float64)


def _numbers(bits: Array) -> list[float]:
    """Return the numbers that `_bits` has written."""
    numbers: Array = bits.astype(np.uint32).view(np.float64)
    if bits.ndim != 1 or not np.array_equal(_bits(numbers), bits):
        raise ValueError("the history is not written as minidl writes it")
    found: list[float] = numbers.tolist()
    return found


def _written(name: str, value: Any) -> Any:
    """Return a number (NaN and infinity too) or the state of a generator as JSON can hold it."""
    value = value.item() if isinstance(value, np.generic) else value
    if type(value) not in (*_PLAIN, dict):
        raise ValueError(f"{name} is {value!r:.80}: numbers, strings and arrays can be saved")
    return {"float": value.hex()} if type(value) is float else value


def _taken(value: Any) -> Any:
    return float.fromhex(value["float"]) if isinstance(value, dict) and "float" in value else value
