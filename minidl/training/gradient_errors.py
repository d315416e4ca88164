"""A callback that compares the gradients of a run with numerical ones."""

import numpy as np

from minidl.arrays import Array
from minidl.checks.arguments import integer
from minidl.training.callbacks import Callback
from minidl.training.run import ForwardState, Run
from minidl.vector import ParameterVector


class GradientErrors(Callback):
    """Compare the gradients of a run with numerical ones, at the weights they were taken at.

    The numerical gradient g is taken in float64 on a copy of the network, before the update, with
    the batch and the random numbers of that step. Recorded is ‖a − g‖ / max(‖a‖, ‖g‖), where a is
    the gradient that the layers computed.

    Parameters
    ----------
    every : int, default 1
        How many steps pass between two checks.
    coordinates : int, default 100
        How many parameters to check each time, drawn at random if there are more.

    Attributes
    ----------
    steps : list of int
        After how many steps each check took place.
    errors : list of float
        The relative errors: about 1e-10 for right gradients in float64, 1e-6 in float32.

    Examples
    --------
    >>> import numpy as np
    >>> from minidl import SGD, Dense, GradientErrors, SoftmaxCrossEntropy, fit
    >>> network = Dense(2, 2, rng=0, dtype=np.float64)
    >>> watch = GradientErrors(every=5)
    >>> x = np.random.default_rng(0).normal(size=(20, 2))
    >>> history = fit(network, SoftmaxCrossEntropy(), SGD(network, 0.1), x, [0, 1] * 10,
    ...               epochs=1, batch_size=2, callbacks=[watch])
    >>> watch.steps, max(watch.errors) < 1e-8
    ([0, 5], True)
    """

    config = ("every", "coordinates")

    def __init__(self, every: int = 1, coordinates: int = 100) -> None:
        self.every = integer("every", every, least=1)
        self.coordinates = integer("coordinates", coordinates, least=1)
        self.steps: list[int] = []
        self.errors: list[float] = []

    def on_begin(self, run: Run) -> None:
        """Forget an earlier run."""
        self.steps, self.errors = [], []
        self._rng = np.random.default_rng(0)
        self._remember(run)

    def on_step(self, run: Run) -> None:
        """Remember what a forward moves, before one whose gradients are to be checked."""
        self._remember(run)

    def _remember(self, run: Run) -> None:
        if run.step % self.every == 0:
            self._before = ForwardState(run.network).take()

    def on_gradients(self, run: Run) -> None:
        """Check the gradients of this step."""
        from minidl.gradcheck import numerical_gradient  # a whole package, for those who check

        if run.step % self.every:
            return
        twin = run.network.astype(np.float64)
        moved, vector = ForwardState(twin), ParameterVector(twin)
        x, y, weight = run.batch
        targets = (y,) if weight is None else (y, weight)
        x = x.astype(np.float64) if x.dtype.kind == "f" else x
        chosen = np.arange(len(vector))
        if len(chosen) > self.coordinates:
            chosen = self._rng.choice(len(chosen), self.coordinates, replace=False)
        start = vector.value.copy()

        def loss_at(values: Array) -> float:
            vector.value[:] = start
            vector.value[chosen] = values
            moved.restore(self._before)
            return float(run.loss.forward(twin.forward(x)[0], *targets)[0])

        numerical, _ = numerical_gradient(loss_at, start[chosen])
        analytic = run.optimizer.vector.grad[chosen]
        scale = max(np.linalg.norm(analytic), np.linalg.norm(numerical))
        difference = float(np.linalg.norm(analytic - numerical))
        self.steps.append(run.step)
        self.errors.append(difference / float(scale) if scale else 0.0)
