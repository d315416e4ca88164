"""How many threads products may use, during a run alone."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from minidl import (
    SGD,
    Dense,
    Dropout,
    ReLU,
    Sequential,
    SoftmaxCrossEntropy,
    fit,
)

RNG = np.random.default_rng(7)

X = RNG.normal(size=(70, 4)).astype(np.float32)

Y = (X[:, 0] > 0).astype(np.int64)


def network():
    rng = np.random.default_rng(0)
    return Sequential(Dense(4, 8, rng=rng), ReLU(), Dropout(0.2, rng=rng), Dense(8, 2, rng=rng))


def trained(*data, **options):
    own = network()
    optimizer = SGD(own, 0.1, momentum=0.9)
    history = fit(own, SoftmaxCrossEntropy(), optimizer, *data, seed=3, **options)
    return optimizer.vector.value.copy(), history


class Threads:
    """Notes how many threads the products may use during a run."""

    def on_step(self, run):
        self.seen = {
            pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"
        }


def test_the_threads_of_products_are_limited_during_the_run_alone():
    before = [pool["num_threads"] for pool in threadpool_info()]
    watch = Threads()
    expected, _ = trained(X, Y, epochs=1, batch_size=16)
    got, _ = trained(X, Y, epochs=1, batch_size=16, threads=1, callbacks=[watch])
    assert watch.seen == {1}
    assert [pool["num_threads"] for pool in threadpool_info()] == before
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(("threads", "kind"), [(0, ValueError), (1.5, TypeError), ("2", TypeError)])
def test_threads_that_are_no_number_are_refused(threads, kind):
    with pytest.raises(kind, match="threads"):
        trained(X, Y, epochs=1, batch_size=16, threads=threads)
