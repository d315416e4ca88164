"""What the comparisons of layers with torch share."""

import numpy as np


def assert_close(ours, theirs, tolerance=1e-10):
    """Assert that two arrays differ by less than the tolerance times the largest number."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape
    scale = max(1e-3, np.abs(theirs).max(initial=0))
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * scale)


def any_order(rng, array):
    """Return the same numbers in an array of random memory order, read-only, perhaps with gaps."""
    axes = rng.permutation(array.ndim)
    gaps = rng.integers(1, 3, array.ndim)
    store = np.full(np.multiply(array.shape, gaps)[axes], np.nan)
    view = store.transpose(np.argsort(axes))[tuple(slice(None, None, gap) for gap in gaps)]
    view[...] = array
    view.flags.writeable = False
    return view


def normal(rng, shape, dtype):
    """Draw all of a layer's parameters from N(0, 1), so that no term is hidden by a zero."""
    return rng.normal(size=shape)
