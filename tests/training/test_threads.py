"""How many threads products may use, during a run alone."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from tests.support.seventy import X, Y, trained


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
