"""Training: batches, the loss and gradients of one, and the loop over all."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minidl.audit import audited, first_not_finite
from minidl.callbacks import HOOKS, Callback, progress_callbacks
from minidl.data import as_inputs, as_targets, as_weights
from minidl.history import History, Steps
from minidl.interrupt import Interrupt
from minidl.layer import Layer, input_dtype
from minidl.optimizers import Optimizer
from minidl.parameters import Parameter, network_dtype, unique
from minidl.prediction import accuracy
from minidl.run import ForwardState, Metric, Recorder, Run
from minidl.validation import as_generator, integer, seed_entropy

if TYPE_CHECKING:
    from numpy.random import Generator

__all__ = ["DivergenceError", "batches", "fit", "loss_and_gradients"]

Array: TypeAlias = NDArray[Any]


class DivergenceError(ArithmeticError):
    """The loss is no longer a finite number.

    Attributes
    ----------
    step : int
        The number of steps completed before the one that failed.
    epoch : int
        The epoch it belongs to, counted from 1.
    last_loss : float or None
        The last finite loss.
    history : History or None
        The curves up to there.
    """

    step: int = 0
    epoch: int = 0
    last_loss: float | None = None
    history: History | None = None


def batches(
    x: ArrayLike, y: ArrayLike, size: int, rng: Generator | int | None
) -> Iterator[tuple[Array, Array]]:
    """Go once through a data set in random order, batch by batch.

    Parameters
    ----------
    x, y : array_like, shape (N, …)
        Samples and targets; they are not changed.
    size : int
        The number of samples in a batch; the last one is shorter if N is no multiple of it.
    rng : numpy.random.Generator, int or None
        What the order is drawn from. Pass one generator to every call of a training loop.

    Yields
    ------
    (x, y)
        Copies of the rows of a batch.

    Raises
    ------
    ValueError, TypeError
        At the call: if there are no samples, the lengths differ, or size is no positive integer.

    Examples
    --------
    >>> import numpy as np
    >>> [len(x) for x, y in batches(np.zeros((10, 2)), np.zeros(10), 4, rng=0)]
    [4, 4, 2]
    """
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim == 0 or y.ndim == 0 or len(x) != len(y) or len(x) == 0:
        raise ValueError(
            f"batches needs as many targets as samples, and some: got x of shape {x.shape} "
            f"and y of shape {y.shape}"
        )
    size = integer("size", size, least=1)
    order = as_generator(rng).permutation(len(x))
    return ((x[rows], y[rows]) for rows in _cut(order, size))


def _cut(order: Array, size: int) -> Iterator[Array]:
    return (order[start : start + size] for start in range(0, len(order), size))


def loss_and_gradients(
    network: Layer,
    loss: Layer,
    x: ArrayLike,
    y: ArrayLike,
    sample_weight: ArrayLike | None = None,
    scale: float = 1.0,
) -> Any:
    """Compute the loss of a batch, and add its gradients to those of the parameters.

    Parameters
    ----------
    network, loss : Layer
        The prediction is ``network.forward(x)``; the loss compares it with y.
    x, y : array_like, shape (N, …)
        The samples and their targets; a floating x is cast to the network's dtype, or to
        integers if its first layer takes integers.
    sample_weight : array_like, shape (N,), optional
        The weights that the loss takes the mean with.
    scale : float, default 1.0
        What the gradients are multiplied by: for k equal micro-batches between two updates take
        1/k. The loss that is returned is not scaled.

    Returns
    -------
    number
        The loss.

    Raises
    ------
    DivergenceError
        If the loss is not finite; the gradients are then unchanged.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import SGD, Dense, SoftmaxCrossEntropy, loss_and_gradients
    >>> network = Dense(2, 2, rng=0)
    >>> optimizer = SGD(network, learning_rate=0.1)
    >>> x, y = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([0, 1])
    >>> before = loss_and_gradients(network, SoftmaxCrossEntropy(), x, y)
    >>> optimizer.step()
    >>> bool(loss_and_gradients(network, SoftmaxCrossEntropy(), x, y) < before)
    True
    """
    x = np.asarray(x)
    if x.dtype.kind == "f":
        dtype = input_dtype(network) or x.dtype
        x = as_inputs("x", x, dtype) if dtype.kind == "i" else x.astype(dtype, copy=False)
    value, _ = _gradients(network, loss, x, y, sample_weight, scale)
    return value


def _gradients(
    network: Layer, loss: Layer, x: Any, y: Any, weight: Any, scale: float
) -> tuple[Any, Any]:
    """Return (loss, prediction) and add the gradients, unless the loss is not finite."""
    prediction, cache = network.forward(x)
    value, loss_cache = loss.forward(prediction, *_targets(y, weight))
    if not math.isfinite(value):
        raise DivergenceError(f"the loss is {value}")
    network.backward_parameters(loss.backward(scale, loss_cache), cache)
    return value, prediction


@np.errstate(over="ignore", invalid="ignore")  # the loop itself looks for what is not finite
def fit(
    network: Layer,
    loss: Layer,
    optimizer: Optimizer,
    x: ArrayLike,
    y: ArrayLike,
    *,
    epochs: int,
    batch_size: int,
    validation: tuple[ArrayLike, ArrayLike] | None = None,
    validate_every: int | Steps = 1,
    sample_weight: ArrayLike | None = None,
    metrics: Mapping[str, Metric] | None = None,
    seed: int | None = None,
    callbacks: Sequence[Callback] = (),
    progress: bool | None = None,
    recover: bool = True,
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
        its first layer takes integers.
    epochs : int
        How often to go through the data.
    batch_size : int
        The number of samples in a step; 1 is classic stochastic gradient descent, N or more is
        gradient descent. The last batch of an epoch may be shorter.
    validation : (x, y), optional
        Held-out data.
    validate_every : int or Steps, default 1
        How many epochs (or steps: ``Steps(50)``) pass between two entries in the history.
    sample_weight : array_like, shape (N,), optional
        The weight of each sample in the mean of its batch.
    metrics : dict of str to function (prediction, target) -> float, optional
        What to record beside the loss; by default the accuracy, if the loss is for classification.
    seed : int, optional
        What the order of the data is drawn from; None draws one (see ``History.seed``).
    callbacks : sequence, optional
        Objects with any of the methods ``on_begin``, ``on_gradients``, ``on_step``, ``on_epoch``,
        ``on_end``, each called with the `Run`; one that returns True ends the run.
    progress : bool, optional
        Whether to show a progress bar; None shows it on a terminal if Rich is installed.
    recover : bool, default True
        Whether to keep a copy of the state at the start of each epoch, to go back to it should
        the loss diverge.

    Returns
    -------
    History
        The curves.

    Raises
    ------
    ValueError, TypeError
        For arguments or data that do not fit, before anything has changed.
    DivergenceError
        If the loss is not finite. Parameters, buffers, generators and optimizer are then as they
        were at the start of the epoch.

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
    batch_size = integer("batch_size", batch_size, least=1)
    seed = seed_entropy(seed)
    _check_parts(network, loss, optimizer)
    hooks = _check_callbacks(callbacks)
    dtype = network_dtype(network)
    x = as_inputs("x", x, input_dtype(network))
    # An inference on the first batch: it finds what is wrong with shapes before anything changes.
    sample = network(x[:batch_size])
    y = as_targets("y", y, x, loss, sample)
    weight = None if sample_weight is None else as_weights("sample_weight", sample_weight, x, dtype)
    loss.forward(sample, *_targets(y[:batch_size], None if weight is None else weight[:batch_size]))
    held_out = _check_validation(validation, loss, x, input_dtype(network), sample)
    if metrics is None:
        counted = getattr(loss, "accuracy", accuracy)
        metrics = {"accuracy": counted} if getattr(loss, "classification", False) else {}
    for name, metric in metrics.items():
        metric(sample, y[:batch_size])
        if name == "loss":
            raise ValueError("metrics: the name 'loss' is taken by the loss itself")

    steps_per_epoch = math.ceil(len(x) / batch_size)
    every = integer("validate_every", validate_every, least=1)
    if not isinstance(validate_every, Steps):
        every *= steps_per_epoch
    history = History(seed, steps_per_epoch)
    run = Run(network, loss, optimizer, history, epochs, steps_per_epoch)
    hooks = [*hooks, *_check_callbacks(progress_callbacks(progress))]
    recorder = Recorder(run, dict(metrics), held_out, every)

    def call(hook: str) -> bool:
        ended = False
        for callback in hooks:
            if getattr(callback, hook, _nothing)(run) is True:
                history.stopped_by = history.stopped_by or type(callback).__name__
                ended = True
        return ended

    optimizer.clear()
    try:
        with Interrupt() as interrupt:
            ended = call("on_begin")
            state = ForwardState(network)
            while not ended and run.epoch < epochs:
                start = (state.take(), optimizer.snapshot()) if recover else None
                order = np.random.default_rng([seed, run.epoch]).permutation(len(x))
                for rows in _cut(order, batch_size):
                    run.batch = x[rows], y[rows], None if weight is None else weight[rows]
                    ended = _step(run, state, start, recorder, call)
                    if recorder.due():
                        recorder.validate()
                    ended |= call("on_step")
                    history.interrupted = interrupt.requested
                    if ended or interrupt.requested:
                        break
                else:
                    run.epoch += 1
                if not np.isfinite(optimizer.vector.value).all():
                    raise _diverged(DivergenceError("a parameter is not finite"), run, state, start)
                if run.step == run.epoch * steps_per_epoch:
                    ended |= call("on_epoch")
                ended |= history.interrupted
            recorder.validate()
            call("on_end")
    finally:
        optimizer.clear()
        for callback in hooks:
            getattr(callback, "close", _nothing)(run)
    return history


def _nothing(run: Run) -> None:
    pass


def _targets(y: Any, weight: Any) -> tuple[Any, ...]:
    return (y,) if weight is None else (y, weight)


def _step(
    run: Run, state: ForwardState, start: Any, recorder: Recorder, call: Callable[[str], bool]
) -> bool:
    """Take one step; if it fails, leave everything as it was before (or at the epoch's start)."""
    before = state.take()
    x, y, weight = run.batch
    try:
        with audited(run.network) if run.step == 0 else nullcontext():
            value, prediction = _gradients(run.network, run.loss, x, y, weight, 1.0)
        ended = call("on_gradients")
        run.optimizer.step()
    except DivergenceError as error:
        state.restore(before)
        raise _diverged(error, run, state, start) from None
    except BaseException:
        state.restore(before)
        raise
    run.step += 1
    recorder.add(float(value), prediction, y)
    return ended


def _diverged(error: DivergenceError, run: Run, state: ForwardState, start: Any) -> DivergenceError:
    """Say in the error what happened, and go back to the start of the epoch if it was kept."""
    losses = run.history.step_loss
    error.step, error.epoch, error.history = run.step, run.epoch + 1, run.history
    error.last_loss = losses[-1] if losses else None
    culprit = first_not_finite(run.network, run.batch[0]) or "all outputs are finite"
    last = f"; the last finite loss was {losses[-1]:.4g}" if losses else ""
    if start is not None:
        state.restore(start[0])
        run.optimizer.restore(start[1])
    where = "after the last step" if start is None else "at the start of that epoch"
    error.args = (
        f"{error} in step {run.step + 1}, epoch {run.epoch + 1}: {culprit}{last}. The network is "
        f"as it was {where}. Try a smaller learning rate (it is {run.optimizer.learning_rate:g}), "
        "inputs scaled to about 1, or another initializer",
    )
    return error


def _check_parts(network: Any, loss: Any, optimizer: Any) -> None:
    for name, part, kind in (
        ("network", network, Layer),
        ("loss", loss, Layer),
        ("optimizer", optimizer, Optimizer),
    ):
        if not isinstance(part, kind):
            raise TypeError(f"fit: the {name} must be a {kind.__name__}, got {part!r}")
    optimizer.vector.require_current()
    own = list(unique(network, Parameter).values())
    packed = optimizer.vector.parameters
    if len(own) != len(packed) or any(a is not b for a, b in zip(own, packed, strict=True)):
        raise ValueError(
            "fit: the optimizer was built for the parameters of another network: build it for "
            f"this one, {type(optimizer).__name__}(network, …)"
        )


def _check_callbacks(callbacks: Any) -> list[Any]:
    if not isinstance(callbacks, (list, tuple)):
        raise TypeError(f"callbacks must be a list, got {callbacks!r}")
    for callback in callbacks:
        if not any(hasattr(callback, hook) for hook in HOOKS):
            raise TypeError(f"a callback needs one of {', '.join(HOOKS)}; {callback!r} has none")
    return list(callbacks)


def _check_validation(
    validation: Any, loss: Layer, x: Array, dtype: Any, sample: Array
) -> tuple[Array, Array] | None:
    if validation is None:
        return None
    if not isinstance(validation, (tuple, list)) or len(validation) != 2:
        raise TypeError("validation must be a pair (x, y)")
    held_out = as_inputs("validation x", validation[0], dtype)
    if held_out.shape[1:] != x.shape[1:]:
        raise ValueError(
            f"validation x has samples of shape {held_out.shape[1:]}, but x of {x.shape[1:]}"
        )
    return held_out, as_targets("validation y", validation[1], held_out, loss, sample)
