"""How much the outputs jitter: the noise that limits every difference.

The fourth difference of a smooth function falls by 1e-8 when the step falls by 1e-2, that of a
function with a kink by 1e-2. What stays flat is neither: it is rounding, and its level is the
noise. (Hamming's difference table, as in J. Moré and S. Wild, "Estimating computational noise",
SIAM J. Sci. Comput. 33, 2011.)
"""

from collections.abc import Callable

import numpy as np

from minidl.arrays import Array
from minidl.contract.compare import is_single

# Where the differences are taken: incommensurate, lest the rounding of a coarse grid cancel.
NODES = (-2.0, -0.7639, 1.2361, 1.8541)


def _fourth_difference(nodes: Array) -> Array:
    gaps = nodes[:, np.newaxis] - nodes
    weights = 1 / np.prod(gaps + np.eye(len(nodes)), axis=1)
    unit: Array = weights / np.linalg.norm(weights)
    return unit


WEIGHTS = _fourth_difference(np.array([0.0, *NODES]))


def provisional_noise(y: Array, eps: float) -> Array:
    """Guess the noise of every output from its magnitude: a few roundings."""
    largest = np.abs(y).max(initial=0)
    noise: Array = 4 * eps * np.maximum(np.abs(y), 0.1 * largest)
    return noise


def measure_noise(line: Callable[[float], Array], y: Array, eps: float) -> tuple[Array, bool]:
    """Measure the noise of every output along a line; 16 evaluations.

    Parameters
    ----------
    line : function
        From a step, 1 being the natural scale, to the outputs there as a vector.
    y : ndarray, shape (m,)
        The outputs at step 0.
    eps : float
        The machine epsilon of the computation.

    Returns
    -------
    noise : ndarray, shape (m,)
        The noise, at least twice the rounding of y itself.
    single : bool
        Whether all outputs met were float32 numbers: a computation in float32 is hidden inside.
    """
    levels, still, met = [], [], [y]
    with np.errstate(all="ignore"):
        for step in (1e-2, 1e-4, 1e-6, 1e-8):
            near = [line(node * step) for node in NODES]
            levels.append(np.abs(WEIGHTS[0] * y + np.tensordot(WEIGHTS[1:], near, 1)))
            still.append(np.all([z == y for z in near], axis=0))
            met += near
        t, quiet = np.stack(levels), np.stack(still)
        plateau = np.zeros_like(y)
        open_ = np.ones(y.shape, bool)
        for k in range(3):
            level = t[k + 1]
            flat = level > 0.05 * t[k]
            lasting = ((t[k + 1 :] > 0.05 * level) | quiet[k + 1 :]).all(axis=0)
            # a staircase of rounding inside a smooth function is quiet below its treads
            lasting |= level <= 5e-7 * np.abs(y).max(initial=0)
            found = open_ & flat & lasting
            plateau[found] = t[k + 1 :].max(axis=0)[found]
            open_ &= ~found
    return 2 * np.maximum(eps * np.abs(y), plateau), is_single(np.stack(met))
