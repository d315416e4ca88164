"""A run over a file larger than one would like to hold: `python -m benchmarks memory_map [GIB]`.

The same epoch over the same numbers, from a memory-mapped file and from an array, in turns, each
in a process of its own on one thread, with the file in the page cache. Printed are the times, the
anonymous memory (what the process itself holds: pages of the file do not count) and whether the
trained weights are the same to the last bit.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

FEATURES, BATCH, ROUNDS = 784, 128, 3
TARGETS = {"memory": 1.0, "time": 1.2}  # GiB of anonymous memory; times the array's time


def write(folder, gib):
    """Write x and y, a piece at a time."""
    samples = int(gib * 2**30) // (4 * FEATURES)
    x = np.lib.format.open_memmap(folder / "x.npy", "w+", np.float32, (samples, FEATURES))
    rng = np.random.default_rng(0)
    for start in range(0, samples, 4096):
        rows = x[start : start + 4096]
        rows[:] = rng.standard_normal(rows.shape, np.float32)
    x.flush()
    np.save(folder / "y.npy", rng.integers(0, 10, samples))


def anonymous():
    """Return the GiB of memory that belong to no file."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("RssAnon:")[1].split()[0]) / 2**20


class Watch:
    """Notes the most anonymous memory seen during a run."""

    most = 0.0

    def on_step(self, run):
        if run.step % 200 == 0:
            self.most = max(self.most, anonymous())


def train(folder, mapped):
    """Train for an epoch and print what it took."""
    from minidl import SGD, Dense, ReLU, Sequential, SoftmaxCrossEntropy, fit

    x = np.load(folder / "x.npy", mmap_mode="r" if mapped else None)
    y = np.load(folder / "y.npy")
    if mapped:
        for start in range(0, len(x), 65536):
            x[start : start + 65536].max()  # into the page cache
    rng = np.random.default_rng(0)
    network = Sequential(Dense(FEATURES, 256, rng=rng), ReLU(), Dense(256, 10, rng=rng))
    optimizer, watch = SGD(network, 0.01), Watch()
    start = time.perf_counter()
    fit(
        network, SoftmaxCrossEntropy(), optimizer, x, y, epochs=1, batch_size=BATCH, seed=0,
        metrics={}, progress=False, callbacks=[watch],
    )  # fmt: skip
    taken = time.perf_counter() - start
    digest = optimizer.vector.value.tobytes().hex()[-32:]
    print(json.dumps({"time": taken, "memory": watch.most, "digest": digest}))


def main():
    gib = float(sys.argv[1]) if len(sys.argv) > 1 else 4.0
    own = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    found = {"array": [], "map": []}
    with tempfile.TemporaryDirectory() as name:
        write(Path(name), gib)
        for _ in range(ROUNDS):
            for kind, runs in found.items():
                command = [sys.executable, "-m", "benchmarks.works.memory_map", name, kind]
                run = subprocess.run(command, env=own, check=True, capture_output=True, text=True)
                runs.append(json.loads(run.stdout))
    ratio = median(m["time"] / a["time"] for m, a in zip(found["map"], found["array"], strict=True))
    most = max(run["memory"] for run in found["map"])
    same = len({run["digest"] for runs in found.values() for run in runs}) == 1
    for kind, runs in found.items():
        seconds = median(run["time"] for run in runs)
        print(f"{kind}: {seconds:.1f} s, {max(run['memory'] for run in runs):.2f} GiB anonymous")
    print(f"{gib:g} GiB: {ratio:.2f} times the time of the array (target {TARGETS['time']}),")
    print(f"{most:.2f} GiB anonymous (target {TARGETS['memory']}), weights", end=" ")
    print("bit-identical" if same else "DIFFERENT")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        train(Path(sys.argv[1]), sys.argv[2] == "map")
    else:
        main()
