"""SciPy's check of a gradient, given the gradient that one derives by hand."""

import numpy as np
import scipy
from scipy.optimize import check_grad

from benchmarks.peers import accepted
from benchmarks.work import Check

VERSION = scipy.__version__


def check(work):
    arrays = work.arrays()
    ends = np.cumsum([array.size for array in arrays])[:-1]
    dy = np.random.default_rng(0).normal(size=arrays[0].shape)

    def split(vector):
        parts = np.split(vector, ends)
        return [part.reshape(array.shape) for part, array in zip(parts, arrays, strict=True)]

    def f(vector):
        x, weight, bias = split(vector)
        return np.sum(dy * (x @ weight + bias))

    def gradient(vector):
        x, weight, _ = split(vector)
        return np.concatenate([(dy @ weight.T).ravel(), (x.T @ dy).ravel(), dy.sum(axis=0)])

    start = np.concatenate([array.ravel() for array in arrays])
    scale = np.linalg.norm(gradient(start))
    return accepted(lambda: check_grad(f, gradient, start) <= 1e-4 * scale)


WAYS = {Check: {"scipy check_grad": check}}
