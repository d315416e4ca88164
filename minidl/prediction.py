"""Using a trained network: outputs, probabilities, classes, and how many of them are right."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minidl.data import as_inputs, first_place
from minidl.layer import Layer, input_dtype, title
from minidl.parameters import Array
from minidl.validation import integer

__all__ = ["accuracy", "predict", "predict_classes", "predict_proba"]


def predict(network: Layer, x: ArrayLike, *, batch_size: int = 1024) -> Array:
    """Return the outputs of a network for all samples, computed batch by batch.

    Parameters
    ----------
    network : Layer
        It infers: dropout is off, nothing is written.
    x : array_like, shape (N, …)
        The samples, cast to the network's dtype unless its first layer takes integers.
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
    x = as_inputs("x", x, input_dtype(network))
    outputs = [network(x[start : start + batch_size]) for start in range(0, len(x), batch_size)]
    if np.ndim(outputs[0]) == 0 or len(outputs[0]) != min(len(x), batch_size):
        raise ValueError(
            f"{title(network)} gives an output of shape {np.shape(outputs[0])} for "
            f"{min(len(x), batch_size)} samples, not a row for each"
        )
    output = outputs[0] if len(outputs) == 1 else np.concatenate(outputs)
    finite = np.isfinite(output)
    if not finite.all():
        place = first_place(~finite)
        raise ValueError(
            f"the output of {title(network)} is not finite at {place}: its parameters are not, or "
            "they are too large for such inputs"
        )
    return output


def predict_proba(network: Layer, x: ArrayLike, *, batch_size: int = 1024) -> Array:
    """Return the class probabilities: the softmax of the outputs over the last axis.

    A network with a single output, shape (N,) or (N, 1), tells two classes apart, as with
    `SigmoidCrossEntropy`: its output z is the logit of class 1, and the probabilities, of shape
    (N, 2), are σ(−z) and σ(z). Parameters are those of `predict`.

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

    Of a network with a single output, shape (N,) or (N, 1), it is 1 where that is above 0.
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
        Of outputs the largest counts. A single one, shape (N,) or (…, 1), that is not a whole
        number is the logit of class 1 against class 0.
    target : array_like, shape (…) of classes or (…, C) of probabilities
        The truth; for single outputs 0 or 1, or −1 or 1, in their shape or that without the last
        axis.

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
    if guess.dtype.kind == "f" and (guess.ndim == 1 or guess.shape[-1:] == (1,)):
        guess, truth = _two_classes(guess, truth)
    elif guess.ndim == truth.ndim + 1:
        guess = guess.argmax(axis=-1)
    elif guess.ndim > 1 and "f" in (guess.dtype.kind, truth.dtype.kind):  # rows against rows
        guess, truth = guess.argmax(axis=-1), truth.argmax(axis=-1)
    if guess.shape != truth.shape or guess.size == 0:
        raise ValueError(
            f"predictions of shape {np.shape(prediction)} cannot be counted against targets of "
            f"shape {np.shape(target)}"
        )
    return float(np.count_nonzero(guess == truth) / guess.size)


def _two_classes(guess: Array, truth: Array) -> tuple[Array, Array]:
    """Return single outputs and their targets as classes."""
    if guess.ndim > 1:
        truth = truth[..., 0] if truth.shape == guess.shape else truth
        guess = guess[..., 0]
    if ((guess == np.trunc(guess)) & (guess >= 0)).all():  # classes; logits are no whole numbers
        return guess, truth
    if truth.size and truth.max() > 1:
        raise ValueError(
            f"single outputs tell two classes apart, 0 (or −1) and 1, but the targets go up to "
            f"{truth.max()}"
        )
    return guess > 0, truth > 0.5
