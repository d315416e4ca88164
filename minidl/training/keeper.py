"""What a training run keeps on the disk: nothing, unless a checkpoint is asked for."""

from __future__ import annotations

import os
from collections.abc import Sequence

from minidl.training.batches import Batches
from minidl.training.callbacks import Callback, Hooks
from minidl.training.history import Steps
from minidl.training.run import Recorder, Run, as_plan


class Keeper:
    """What `fit` asks between its steps; this one keeps nothing.

    Attributes
    ----------
    batch : int
        How many batches of the current epoch are done before it begins: those of a run that is
        resumed in the middle of one.
    """

    batch = 0

    def begin(self, hooks: Hooks) -> bool:
        """Begin the run, or go on with an earlier one; tell whether it is to end at once."""
        return hooks.call("on_begin")

    def after_step(self, epoch_ends: bool) -> bool:
        """Count a step; tell whether the plan asks for a checkpoint now."""
        return False

    def write(self) -> None:
        """Write a checkpoint."""

    def close(self) -> None:
        """Let go of the file."""


def keeper_for(
    path: str | os.PathLike[str] | None,
    every: int | Steps,
    resume: str | os.PathLike[str] | None,
    seed: int | None,
    run: Run,
    recorder: Recorder,
    data: Batches,
    callbacks: Sequence[Callback],
) -> Keeper:
    """Return what the arguments of `fit` stand for, with the file locked and read; or raise."""
    every = as_plan("checkpoint_every", every)
    if path is None and resume is None:
        return Keeper()
    from minidl.training.checkpoints import Checkpoints  # all layers, for those who need it

    return Checkpoints(path, every, resume, seed, run, recorder, data, callbacks)
