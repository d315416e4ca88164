"""Training: the loop over all batches, step by step."""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from minidl.checks.arguments import boolean, integer, seed_entropy
from minidl.layer import Layer
from minidl.optimizers import Optimizer
from minidl.training.array_batches import ArrayBatches
from minidl.training.batches import Batches
from minidl.training.callbacks import call
from minidl.training.checks import Task, check_callbacks, check_parts
from minidl.training.divergence import Guard
from minidl.training.first_step import audit
from minidl.training.history import History, Steps
from minidl.training.interrupt import Interrupt
from minidl.training.iterable_batches import IterableBatches
from minidl.training.progress import progress_callbacks
from minidl.training.recorder import Metric, Recorder
from minidl.training.run import Run, as_plan
from minidl.training.step import add_gradients
from minidl.training.threads import blas_threads


@np.errstate(over="ignore", invalid="ignore")  # the loop itself looks for what is not finite
def fit(
    network: Layer,
    loss: Layer,
    optimizer: Optimizer,
    x: ArrayLike | Iterable[Any],
    y: ArrayLike | None = None,
    *,
    epochs: int,
    batch_size: int | None = None,
    validation: tuple[ArrayLike, ...] | None = None,
    validate_every: int | Steps = 1,
    sample_weight: ArrayLike | None = None,
    metrics: Mapping[str, Metric] | None = None,
    seed: int | None = None,
    callbacks: Sequence[Any] = (),
    progress: bool | None = None,
    recover: bool = True,
    threads: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int | Steps = 1,
    resume: str | os.PathLike[str] | None = None,
) -> History:
    """Train a network.

    Every epoch goes once through the data, in an order that depends on seed and epoch alone; every
    step takes the gradients of one batch and updates the parameters.

    Parameters
    ----------
    network, loss : Layer
        ``loss.forward(network.forward(x)[0], y)`` is what is made small.
    optimizer : Optimizer
        Built for this network.
    x, y : array_like, shape (N, …)
        The samples and their targets; x is cast to the network's dtype, or to integers if
        its first layer takes integers. A `numpy.memmap` is gathered and checked batch by batch,
        with the same results. Without y, x is an iterable of batches, (x, y) or (x, y, weight),
        that is gone through once an epoch, in its own order.
    epochs : int
        How often to go through the data.
    batch_size : int
        The number of samples in a step; 1 is classic stochastic gradient descent, N or more is
        gradient descent. The last batch of an epoch may be shorter. An iterable has its own.
    validation : (x, y) or (x, y, weight), optional
        Held-out data; weights are those of the mean that is its loss (metrics count all alike).
    validate_every : int or Steps, default 1
        How many epochs (or steps: ``Steps(50)``) pass between two entries in the history.
    sample_weight : array_like, shape (N,), optional
        The weight of each sample in the mean of its batch.
    metrics : dict of str to function (prediction, target) -> float, optional
        What to record beside the loss; by default the accuracy, if the loss is for classification.
    seed : int, optional
        What the order of the data is drawn from; None draws one (see ``History.seed``).
    callbacks : sequence, optional
        What watches the run, and may end it: objects with any of the methods of a `Callback`.
    progress : bool, optional
        Whether to show a progress bar; None shows it on a terminal if Rich is installed.
    recover : bool, default True
        Whether to keep a copy of the state at the start of each epoch, to go back to it should
        the loss diverge.
    threads : int, optional
        How many threads the matrix products may use (needs the extra ``threads``). None leaves it
        to NumPy, which takes one for small products and all for wide ones; 1 is wise where
        another process keeps the cores busy.
    checkpoint : str or path-like, optional
        A file that the state of the run is written to, in one step, so that it can be resumed. A
        file that is there is replaced; it is locked as long as the run lasts.
    checkpoint_every : int or Steps, default 1
        How many epochs (or steps) pass between two checkpoints; there is one more at the end.
    resume : str or path-like, optional
        The checkpoint to go on from; epochs is the total. All other arguments must be as they
        were: then the weights are, bit for bit, those of a run that was never stopped. Without
        such a file the run starts afresh, says so in a warning of the logger "minidl", and
        ``history.resumed_from`` is 0. So the same call with the same file as checkpoint and
        resume starts a run, goes on with it, and of one that is complete gives the result.

    Returns
    -------
    History
        The curves.

    Raises
    ------
    ValueError, TypeError
        For arguments or data that do not fit, before anything has changed.
    ModelFileError
        If the checkpoint to go on from is damaged, or that of another network, optimizer, loss,
        seed or data set; if a part of the run cannot be written as data.
    BusyError
        If another run has the same checkpoint.
    DivergenceError
        If the loss is not finite. Parameters, buffers, generators and optimizer are then as they
        were at the start of the epoch, or where it was resumed; a checkpoint stays as it is.

    Notes
    -----
    Gradients that were accumulated before are cleared at the start, and again at the end.

    Ctrl-C ends the run after the current step: `fit` returns, and ``history.interrupted`` is
    True. A second Ctrl-C raises KeyboardInterrupt.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import SGD, Dense, SoftmaxCrossEntropy, fit
    >>> x = np.random.default_rng(0).normal(size=(100, 2))
    >>> network = Dense(2, 2, rng=0)
    >>> history = fit(
    ...     network, SoftmaxCrossEntropy(), SGD(network, 0.5), x, (x[:, 0] > x[:, 1]).astype(int),
    ...     epochs=5, batch_size=10, seed=0,
    ... )
    >>> len(history.step_loss), history.training["accuracy"][-1] > 0.95
    (50, True)
    """
    epochs = integer("epochs", epochs, least=1)
    drawn = seed_entropy(seed)
    check_parts(network, loss, optimizer)
    callbacks, limited = check_callbacks(callbacks), blas_threads(threads)
    validate_every = as_plan("validate_every", validate_every)
    checkpoint_every = as_plan("checkpoint_every", checkpoint_every)
    recover = boolean("recover", recover)
    # With an inference on a first batch: it finds what is wrong before anything changes.
    task = Task(network, loss)
    data = _batches(task, x, y, sample_weight, batch_size, epochs)
    _, first_y, first_weight = data.first
    task.check_loss(first_y, first_weight)
    held_out = task.held_out(validation)
    metrics = task.metrics(metrics, first_y)

    history = History(drawn, data.steps_per_epoch)
    run = Run(network, loss, optimizer, history, epochs)
    guard, recorder = Guard(run, recover), Recorder(run, metrics, held_out, validate_every)
    bars, savers = progress_callbacks(progress), list[Any]()
    if checkpoint is not None or resume is not None:
        from minidl.training.checkpoints import Checkpoints  # with all layers that there are

        parts = run, recorder, guard, data, callbacks
        savers = [Checkpoints(checkpoint, checkpoint_every, resume, seed, *parts)]
    watchers = [recorder, *callbacks, *bars]

    optimizer.clear()
    try:
        with limited(), Interrupt(history):
            call([*watchers, *savers], "on_begin", run)
            while not run.ended:
                guard.begin_epoch()
                epoch = data.epoch(history.seed, run.epoch, run.done)
                for run.batch, run.epoch_ends in epoch:
                    _step(run, guard, watchers)
                    call(watchers, "on_step", run)
                    if run.epoch_ends:
                        call(watchers, "on_epoch", run)
                    run.ended |= history.interrupted  # asked once: what follows must agree
                    call(savers, "on_step", run)
                    if run.ended:
                        guard.require_finite()
                        break
            call(watchers, "on_end", run)
    finally:
        optimizer.clear()
        for part in (*bars, *savers):
            part.close()
    return history


def _batches(task: Task, x: Any, y: Any, weight: Any, batch_size: Any, epochs: int) -> Batches:
    """Make the batches that the arguments of `fit` ask for; the task is begun with the first."""
    if y is None and not hasattr(x, "__array__"):
        for name, given in (("batch_size", batch_size), ("sample_weight", weight)):
            if given is not None:
                raise ValueError(
                    f"{name} belongs to arrays: without y, x is an iterable of batches"
                )
        return IterableBatches(task, x, epochs)
    for name, given in (("y", y), ("batch_size", batch_size)):
        if given is None:
            raise TypeError(f"fit: with an array x, {name} is needed")
    return ArrayBatches(task, x, y, weight, integer("batch_size", batch_size, least=1))


def _step(run: Run, guard: Guard, watchers: list[Any]) -> None:
    """Take one step, and count it; if it fails, all is as before, or as the guard says."""
    run.prediction = None  # so that there are never two in memory
    guard.begin_step()
    try:
        if run.step == (run.history.resumed_from or 0):
            with audit(run.network):
                value, run.prediction = add_gradients(run.network, run.loss, *run.batch)
            check_parts(run.network, run.loss, run.optimizer)  # a layer may have replaced some
        else:
            value, run.prediction = add_gradients(run.network, run.loss, *run.batch)
        call(watchers, "on_gradients", run)
        run.optimizer.step()
    except BaseException as error:
        guard.undo_step(error)
        raise
    run.step += 1
    run.done += 1
    run.history.step_loss.append(float(value))
    if run.epoch_ends:
        guard.require_finite()
        run.history.steps_per_epoch = run.done
        run.epoch, run.done = run.epoch + 1, 0
        run.ended |= run.epoch >= run.epochs
