"""Using a trained network: outputs, probabilities, classes, and how many of them are right."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minidl.arrays import Array
from minidl.checks.arguments import integer, refuse
from minidl.checks.data import as_array, as_inputs
from minidl.layer import Layer
from minidl.naming import title
from minidl.parameters import input_dtype

__all__ = ["accuracy", "predict", "predict_classes", "predict_proba"]


def predict(network: Layer, x: ArrayLike, *, batch_size: int = 1024) -> Array:
    """Return the outputs of a network for all samples, computed batch by batch.

    Parameters
    ----------
    network : Layer
        It infers: dropout is off, nothing is written.
    x : array_like, shape (N, …)
        The samples, cast to the network's dtype unless its first layer takes integers. A
        `numpy.memmap` is read block by block.
    batch_size : int, default 1024
        How many samples to take at once; it bounds the memory that hidden layers need.

    Raises
    ------
    ValueError, TypeError
        For inputs that are empty, not finite, not real, or of the wrong shape; for outputs that
        are not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import Dense, predict
    >>> predict(Dense(2, 3, rng=0), np.zeros((5, 2))).shape
    (5, 3)
    """
    if not isinstance(network, Layer):
        raise TypeError(f"predict needs a layer or network, got {network!r}")
    batch_size = integer("batch_size", batch_size, least=1)
    dtype, lazy = input_dtype(network), isinstance(x, np.memmap)
    x = as_array("x", x) if lazy else as_inputs("x", x, dtype)
    outputs = []
    for start in range(0, len(x), batch_size):
        part = x[start : start + batch_size]
        if lazy:
            part = as_inputs(f"x[{start}:{start + batch_size}]", part, dtype)
        outputs.append(network(part))
    if np.ndim(outputs[0]) == 0 or len(outputs[0]) != min(len(x), batch_size):
        raise ValueError(
            f"{title(network)} gives an output of shape {np.shape(outputs[0])} for "
            f"{min(len(x), batch_size)} samples, not a row for each"
        )
    output = outputs[0] if len(outputs) == 1 else np.concatenate(outputs)
    finite = np.isfinite(output)
    if not finite.all():
        cause = "its parameters are not, or they are too large for such inputs"
        what = f"the output of {title(network)} is not finite at {{index}}: {cause}"
        refuse(~finite, output, what)
    return output


def predict_proba(network: Layer, x: ArrayLike, *, batch_size: int = 1024) -> Array:
    """Return the class probabilities: the softmax of the outputs over the last axis.

    A network with a single output, shape (N,) or (N, 1), tells two classes apart, as with
    `SigmoidCrossEntropy`: its output z is the logit of class 1, and the probabilities, of shape
    (N, 2), are σ(−z) and σ(z). Parameters are those of `predict`.

    Several labels a sample, trained with `SigmoidCrossEntropy`, are no choice among classes: the
    probability of each is the sigmoid of its own output, ``Sigmoid()(predict(network, x))``.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import Dense, predict_proba
    >>> predict_proba(Dense(2, 3, rng=0), np.zeros((5, 2))).sum(axis=1)
    array([1., 1., 1., 1., 1.], dtype=float32)
    """
    logits = _scores(predict(network, x, batch_size=batch_size))
    probabilities: Array = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probabilities /= probabilities.sum(axis=-1, keepdims=True)
    return probabilities


def predict_classes(network: Layer, x: ArrayLike, *, batch_size: int = 1024) -> NDArray[np.intp]:
    """Return the index of the largest output of each sample.

    Of a network with a single output, shape (N,) or (N, 1), it is 1 where that is above 0. Of
    several labels a sample those are present whose output is above 0: ``predict(network, x) > 0``.
    Parameters are those of `predict`.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import Dense, predict_classes
    >>> eye = Dense(2, 2, weight_initializer=lambda rng, shape, dtype: np.eye(2))
    >>> predict_classes(eye, [[3.0, 1.0], [1.0, 2.0]])
    array([0, 1])
    """
    scores = _scores(predict(network, x, batch_size=batch_size))
    classes: NDArray[np.intp] = scores.argmax(axis=-1)
    return classes


def _scores(outputs: Array) -> Array:
    """Return outputs with a column a class: a single one, the logit of class 1, gets a 0 beside."""
    if outputs.ndim > 1 and outputs.shape[-1] > 1:
        return outputs
    logit = outputs if outputs.ndim == 1 else outputs[..., 0]
    return np.stack([np.zeros_like(logit), logit], axis=-1)


def accuracy(prediction: ArrayLike, target: ArrayLike) -> float:
    """Return the fraction of predictions that are right.

    Parameters
    ----------
    prediction : array_like, shape (…, C) of outputs or probabilities, or (…) of classes
        Of outputs the largest counts. A single one, shape (N,) or (…, 1), is the logit of class 1
        against class 0.
    target : array_like, shape (…) of classes or (…, C) of probabilities
        The truth; for single outputs 0 or 1, or −1 or 1, in their shape or that without the last
        axis. Several labels a sample, shape (…, C) of 0 and 1, are counted one by one.

    Raises
    ------
    ValueError
        If the shapes do not fit, or there is nothing to count.

    Examples
    --------
    >>> from minidl import accuracy
    >>> accuracy([[0.9, 0.1], [0.4, 0.6]], [0, 0])
    0.5
    """
    guess, truth = np.asarray(prediction), np.asarray(target)
    for name, array in (("predictions", guess), ("targets", truth)):
        if array.dtype.kind not in "fiub" or (array.dtype.kind == "f" and np.isnan(array).any()):
            raise ValueError(f"accuracy: the {name} must be numbers, got {array!r}")
    if guess.ndim > 1 and guess.shape[-1] == 1:
        guess, truth = guess[..., 0], truth[..., 0] if truth.ndim == guess.ndim else truth
    if guess.ndim == truth.ndim + 1 or (guess.shape == truth.shape and _are_distributions(truth)):
        truth = truth if truth.ndim < guess.ndim else truth.argmax(axis=-1)
        guess = guess.argmax(axis=-1)
    elif guess.dtype.kind == "f" and guess.shape == truth.shape and guess.size:
        if np.abs(truth).max() <= 1:
            guess, truth = guess > 0, truth > 0.5
        elif (guess != np.trunc(guess)).any():
            raise ValueError(
                "accuracy: single outputs tell two classes apart, 0 (or −1) and 1, but the "
                f"targets go up to {truth.max()}"
            )
    if guess.shape != truth.shape or guess.size == 0:
        raise ValueError(
            f"predictions of shape {np.shape(prediction)} cannot be counted against targets of "
            f"shape {np.shape(target)}"
        )
    return float(np.count_nonzero(guess == truth) / guess.size)


def _are_distributions(rows: Array) -> bool:
    if rows.ndim < 2 or rows.shape[-1] < 2:
        return False
    return bool((rows >= 0).all() and (np.abs(rows.sum(axis=-1) - 1) < 1e-3).all())
