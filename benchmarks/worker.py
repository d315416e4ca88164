"""A process of its own for each library, on the same cores, that works when it is its turn."""

import ctypes
import gc
import importlib
import os
import sys
import time
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

from benchmarks.work import NotHere

LIBRARIES = ("minidl", "plain", "torch", "sklearn", "jax", "thinc", "scipy")
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")


class Worker:
    """What the process of one library is asked through; ``version`` is None if it cannot run.

    With a folder, the library is imported from there, whichever is installed.
    """

    def __init__(self, library, folder=""):
        context = get_context("spawn")
        self.library = library
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, library, folder), daemon=True)
        self.process.start()
        theirs.close()

    def start(self):
        """Wait until the library is loaded; return its version, or None, and why not."""
        self.version, reason = self.connection.recv()
        return self.version, reason

    def ask(self, *question):
        self.connection.send(question)
        return self.connection.recv()

    def close(self):
        self.connection.close()
        self.process.join()


@contextmanager
def confined(threads):
    """Give the processes that are started here so many threads, on as many cores."""
    before, allowed = dict(os.environ), os.sched_getaffinity(0)
    os.environ.update(dict.fromkeys(THREADS, str(threads)))
    if threads == 1:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"
    os.sched_setaffinity(0, sorted(allowed)[-threads:])  # the first core is the busiest
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)
        os.environ.clear()
        os.environ.update(before)


def _serve(connection, library, folder):
    if folder:
        sys.path.insert(0, folder)
    try:
        peer = importlib.import_module(f"benchmarks.peers.{library}")
    except ImportError as error:
        connection.send((None, str(error)))
        return
    connection.send((peer.VERSION, ""))
    ready, answers = {}, {"ways": _ways, "prepare": _prepare, "turn": _turn, "drop": _drop}
    while True:
        try:
            name, *arguments = connection.recv()
        except EOFError:
            return
        connection.send(answers[name](peer, ready, *arguments))


def _ways(peer, ready, work):
    return list(peer.WAYS.get(type(work), {}))


def _prepare(peer, ready, work, name):
    """Prepare a way, run one turn to warm up, and tell the peak of the memory that it took."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    before = _reset_peak()
    try:
        ready[name] = fresh = peer.WAYS[type(work)][name](work)
        value = fresh()()
    except NotHere as reason:
        return {"reason": str(reason)}
    value = value.tolist() if hasattr(value, "tolist") else value  # no library's own type
    return {"value": value, "memory": _peak() - before}


def _turn(peer, ready, name):
    """Return the seconds of a turn, without garbage collection, and a count that it gives.

    On one core they are those of this process, less what other programs took in between.
    """
    clock = time.process_time if len(os.sched_getaffinity(0)) == 1 else time.perf_counter
    run = ready[name]()
    gc.collect()
    gc.disable()
    start = clock()
    value = run()
    seconds = clock() - start
    gc.enable()
    return seconds, value if isinstance(value, int) else None


def _drop(peer, ready):
    ready.clear()


def _reset_peak():
    """Start a new peak of the resident memory, and return what is resident, in bytes."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return float("nan")
    return _status("VmRSS")


def _peak():
    return _status("VmHWM")


def _status(name):
    """Return a figure of this process that Linux keeps, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))
