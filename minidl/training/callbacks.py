"""Callbacks: what may watch a training run, and end it."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from minidl.training.run import Run

HOOKS = ("on_begin", "on_gradients", "on_step", "on_epoch", "on_end")


class Callback:
    """Something that watches a run of `fit`: here every method does nothing.

    Derive from it, and define what you need. Each method is given the `Run`: the network, the loss,
    the optimizer, the history, the counts, and the current batch. One that returns True ends the
    run, after the current step; any other answer is ignored. An object that has some of the methods
    without being derived from this class is a callback as well.

    A callback that has to remember something across a checkpoint gets two more methods:
    ``state()``, which returns a dict of numbers, strings and floating arrays, and
    ``restore(state)``, which is given it when the run is resumed, after ``on_begin``; it may return
    True as well.

    Notes
    -----
    In each of these moments the history is written first; then the callbacks are called, in the
    order in which `fit` was given them; then the progress bar is drawn, and last of all, once
    nothing else is to happen in a step, a checkpoint is written.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import SGD, Callback, Dense, SoftmaxCrossEntropy, fit
    >>> class Enough(Callback):
    ...     def on_step(self, run):
    ...         return run.history.step_loss[-1] < 0.1
    ...
    ...     def on_end(self, run):
    ...         print("enough" if run.epoch < run.epochs else "not yet")
    >>> x = np.random.default_rng(0).normal(size=(100, 2))
    >>> network = Dense(2, 2, rng=0)
    >>> history = fit(
    ...     network, SoftmaxCrossEntropy(), SGD(network, 1.0), x, (x[:, 0] > 0).astype(int),
    ...     epochs=100, batch_size=20, seed=0, callbacks=[Enough()],
    ... )
    enough
    >>> history.stopped_by
    'Enough'
    """

    def on_begin(self, run: Run) -> bool | None:
        """Before the first step: the counts are 0, or those of the checkpoint that is gone on with.

        An error here leaves everything as it was before `fit`.
        """

    def on_gradients(self, run: Run) -> bool | None:
        """In a step, between the gradients and the update.

        ``run.batch`` has been sent through the network, ``run.prediction`` is what it gave,
        ``run.optimizer.vector.grad`` are the gradients; ``run.step`` does not count this step yet.
        """

    def on_step(self, run: Run) -> bool | None:
        """After a step: ``run.step`` counts it, and ``run.history.step_loss`` has its loss.

        If ``run.epoch_ends``, ``run.epoch`` counts the epoch already. If the history has been
        written, its last entries are those of this step.
        """

    def on_epoch(self, run: Run) -> bool | None:
        """After the last step of an epoch, and its `on_step`: ``run.epoch`` counts the epoch."""

    def on_end(self, run: Run) -> bool | None:
        """After the last step, unless an error has ended the run; the history is complete."""


def call(watchers: Iterable[Any], hook: str, run: Run) -> None:
    """Call a method of all that have it."""
    for watcher in watchers:
        method = getattr(watcher, hook, None)
        answer = None if method is None else method(run)
        if answer is not None:
            heed(watcher, answer, run)


def heed(watcher: Any, answer: Any, run: Run) -> None:
    """End the run if a watcher has answered True; the first that does is noted."""
    if isinstance(answer, (bool, np.bool)) and answer:
        run.ended = True
        run.history.stopped_by = run.history.stopped_by or type(watcher).__name__
