"""The most memory that minidl's large step holds at one time: `python -m benchmarks memory`.

NumPy reports its arrays to tracemalloc. What a step needs is counted: parameters, gradients, the
optimizer's state, and the input and output of every layer.
"""

import tracemalloc

from benchmarks.peers.minidl import Fit, Loop
from benchmarks.work import LARGE, Training

TARGET = 1.3


def needed(trainer):
    """Return the bytes that a step cannot do without."""
    vectors = {"SGD": 2, "momentum": 3, "Adam": 4}[trainer.work.optimizer]
    x = trainer.x[: trainer.work.batch]
    activations = x.nbytes
    for layer in trainer.network:
        x = layer(x)
        activations += x.nbytes
    return vectors * trainer.optimizer.vector.value.nbytes + activations


def peak(kind, optimizer, widths=LARGE, batch=512):
    """Return (peak, needed) in bytes of two steps, from the making of the network on."""
    work = Training("", widths, batch=batch, steps=2, optimizer=optimizer)
    tracemalloc.start()
    try:
        trainer = kind(work)
        data = trainer.x.nbytes + trainer.y.nbytes
        tracemalloc.reset_peak()
        trainer.train(1)
        most = tracemalloc.get_traced_memory()[1]
        return most - data, needed(trainer)
    finally:
        tracemalloc.stop()


class Unrecoverable(Fit):
    def fit(self, **options):
        return super().fit(recover=False, **options)


def measure(optimizers=("SGD", "momentum", "Adam")):
    lines = ["### peak memory of the step of 1024-4096-4096-1000, batch 512", ""]
    for name, kind in (("fit, recover=False", Unrecoverable), ("loop", Loop)):
        for optimizer in optimizers:
            most, least = peak(kind, optimizer)
            verdict = "reached" if most <= TARGET * least else "**missed**"
            lines.append(
                f"- {name}, {optimizer}: {most / 2**20:.0f} MiB, {most / least:.2f} times the "
                f"{least / 2**20:.0f} MiB needed, target ≤ {TARGET}: {verdict}"
            )
    return "\n".join(lines)


def main():
    print(measure())


if __name__ == "__main__":
    main()
