"""Time functions side by side: one thread each, in turns, medians, so that a noisy machine is fair.

Import this before NumPy: the number of threads is read when it is loaded.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"

import statistics
import time
import tracemalloc

import numpy as np
import torch

torch.set_num_threads(1)


def medians(*functions, rounds=60):
    """Call the functions in turns and return the median milliseconds of each."""
    times = [[] for _ in functions]
    for function in functions:
        function()
    for _ in range(rounds):
        for function, record in zip(functions, times, strict=True):
            start = time.perf_counter()
            function()
            record.append(time.perf_counter() - start)
    return [1e3 * statistics.median(record) for record in times]


def peak_bytes(function):
    """Return the most memory that NumPy held at one time during a call."""
    function()
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def row(name, ours, theirs, rounds=60):
    """Print the medians of a minidl function and a torch function, and how many times as fast."""
    mine, torchs = medians(ours, theirs, rounds=rounds)
    print(f"{name:44} {mine:8.3f} {torchs:8.3f} {torchs / mine:7.2f}")
    return torchs / mine


def header():
    """Print what the columns are."""
    print(f"{'one thread, float32; medians of turns':44} {'minidl':>8} {'torch':>8} {'ratio':>7}")
    print(f"{f'NumPy {np.__version__}, torch {torch.__version__}':44} {'ms':>8} {'ms':>8}")


def layer_row(name, layer, module, shape, rounds=60):
    """Print a row for forward plus backward of one layer, gradient of the input included."""
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    y, _ = layer.forward(x)
    dy = np.ones(y.shape, np.float32)
    their_x, their_dy = torch.tensor(x, requires_grad=True), torch.tensor(dy)

    def ours():
        _, cache = layer.forward(x)
        layer.backward(dy, cache)

    def theirs():
        out = module(their_x)
        (out[0] if isinstance(out, tuple) else out).backward(their_dy)

    return row(f"{name} {shape}", ours, theirs, rounds)
