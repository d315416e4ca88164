"""A file is replaced as a whole or stays as it is, whatever fails, and whoever else writes."""

import errno
import importlib
import os
import signal
import stat
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest

from minidl import BusyError, Dense, load, save
from minidl.checkpoint import atomic as files
from minidl.checkpoint.atomic import AtomicFile, atomic_write

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="locks and signals are others there"
)

OLD, NEW = b"old" * 50, [b"new", b"", bytearray(b"er" * 5000), memoryview(np.arange(9))]
RESULT = b"".join(bytes(chunk) for chunk in NEW)
TEMPORARY = ".model.minidl-tmp"
CALLS = (
    "open", "fstat", "lstat", "stat", "ftruncate", "chmod", "write", "fsync", "replace", "close",
    "unlink", "flock",
)  # fmt: skip


class Shim:
    """The module os (or fcntl), in which one call, the n-th of all, goes otherwise."""

    def __init__(self, module, tally, instead):
        self.module, self.tally, self.instead = module, tally, instead

    def __getattr__(self, name):
        item = getattr(self.module, name)
        if name not in CALLS:
            return item

        def call(*arguments, **options):
            self.tally.append(name)
            return self.instead(len(self.tally) - 1, lambda: item(*arguments, **options))

        return call


def shimmed(monkeypatch, instead):
    tally = []
    monkeypatch.setattr(files, "os", Shim(os, tally, instead))
    monkeypatch.setitem(
        sys.modules, "fcntl", Shim(importlib.import_module("fcntl"), tally, instead)
    )
    return tally


@pytest.fixture
def path(tmp_path):
    (tmp_path / "model").write_bytes(OLD)
    return tmp_path / "model"


def system_calls(monkeypatch, path):
    with monkeypatch.context() as patch:
        tally = shimmed(patch, lambda number, call: call())
        atomic_write(path, NEW)
    path.write_bytes(OLD)
    return tally


def test_what_is_written_is_there(path, tmp_path):
    atomic_write(path, NEW)
    assert path.read_bytes() == RESULT
    atomic_write(str(tmp_path / "other"), [])
    assert (tmp_path / "other").read_bytes() == b""
    assert sorted(os.listdir(tmp_path)) == ["model", "other"]


def test_data_and_directory_are_on_the_disk_in_this_order(path, monkeypatch):
    calls = system_calls(monkeypatch, path)
    assert calls.index("write") < calls.index("fsync") < calls.index("replace")
    assert "fsync" in calls[calls.index("replace") :]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EACCES])
def test_an_error_of_any_system_call_leaves_the_old_file_and_no_temporary(
    number, path, tmp_path, monkeypatch
):
    calls = system_calls(monkeypatch, path)
    replaced = calls.index("replace")
    for place, name in enumerate(calls):
        path.write_bytes(OLD)

        def fail(now, call, place=place):
            if now == place:
                if calls[place] == "close":  # it fails, and closes all the same
                    call()
                raise OSError(number, os.strerror(number))
            return call()

        with monkeypatch.context() as patch:
            shimmed(patch, fail)
            with pytest.raises(OSError, match=os.strerror(number)):
                atomic_write(path, NEW)
        expected = OLD if place <= replaced else RESULT
        assert path.read_bytes() == expected, (place, name)
        assert os.listdir(tmp_path) == ["model"], (place, name)
        atomic_write(path, NEW)  # and nothing stays locked


def test_a_write_that_takes_only_a_part_is_gone_on_with(path, monkeypatch):
    real = os.write
    monkeypatch.setattr(files.os, "write", lambda descriptor, data: real(descriptor, data[:7]))
    atomic_write(path, NEW)
    assert path.read_bytes() == RESULT


def test_a_full_disk_in_the_middle_of_a_save_leaves_the_old_model(tmp_path, monkeypatch):
    path = tmp_path / "model"
    save(Dense(2, 2, rng=0), path)
    before, real, left = path.read_bytes(), os.write, [100]

    def write(descriptor, data):
        if left[0] == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        count = real(descriptor, data[: left[0]])
        left[0] -= count
        return count

    monkeypatch.setattr(files.os, "write", write)
    with pytest.raises(OSError, match="No space left"):
        save(Dense(20, 20, rng=1), path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["model"]


def in_a_child(work):
    """Run a function in a forked process; return the signal that ended it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # other threads are no matter here
        child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(0)
    return os.WTERMSIG(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("there", [False, True], ids=["a new file", "over an old file"])
def test_a_kill_at_any_system_call_leaves_a_whole_file_and_the_next_save_works(
    there, after, tmp_path, monkeypatch
):
    path = tmp_path / "model"
    old, new = Dense(2, 3, rng=0), Dense(2, 3, rng=1)
    if there:
        save(old, path)
    with monkeypatch.context() as patch:
        calls = shimmed(patch, lambda number, call: call())
        save(old, path)
    for place in range(len(calls)):
        path.unlink(missing_ok=True)
        if there:
            save(old, path)

        def die(now, call, place=place):
            try:
                return call() if now < place or after else None
            finally:
                if now == place:
                    os.kill(os.getpid(), signal.SIGKILL)

        def work(die=die):
            shimmed(monkeypatch, die)
            save(new, path)

        assert in_a_child(work) == signal.SIGKILL
        assert set(os.listdir(tmp_path)) <= {"model", TEMPORARY}
        if path.exists():
            weight = load(path).weight.value
            assert (weight == old.weight.value).all() or (weight == new.weight.value).all()
        else:
            assert not there
        save(new, path)
        assert os.listdir(tmp_path) == ["model"]
        assert (load(path).weight.value == new.weight.value).all()


def test_a_second_writer_is_told_that_the_file_is_busy(path, tmp_path):
    with AtomicFile(path):
        with pytest.raises(BusyError, match=f"^{path}: busy: "):
            atomic_write(path, NEW)
        assert os.listdir(tmp_path).count(TEMPORARY) == 1
    atomic_write(path, NEW)


def test_a_writer_that_writes_again_and_again_keeps_its_lock(path, tmp_path):
    with AtomicFile(path) as file:
        for content in (b"one", b"two", b"three"):
            file.write([content])
            assert path.read_bytes() == content
            for _ in range(2):
                with pytest.raises(BusyError):
                    atomic_write(path, NEW)
            assert os.listdir(tmp_path) == ["model"]
    atomic_write(path, NEW)


def test_a_lock_ends_with_its_process(path):
    def work():
        file = AtomicFile(path)
        file.write([b"half of a run"])
        file._acquire()
        os.kill(os.getpid(), signal.SIGKILL)

    assert in_a_child(work) == signal.SIGKILL
    atomic_write(path, NEW)
    assert path.read_bytes() == RESULT


def test_another_process_is_told_that_the_file_is_busy(path):
    code = f"from minidl.checkpoint.atomic import atomic_write; atomic_write({str(path)!r}, [b'x'])"
    with AtomicFile(path):
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 1
    assert "BusyError" in run.stderr
    assert path.read_bytes() == OLD


def test_of_many_threads_each_writes_a_whole_file_or_is_told_that_it_is_busy(path, tmp_path):
    wrong, written = [], []
    whole = {bytes([65 + k]) * 20_000 for k in range(4)} | {OLD}
    done = threading.Event()

    def write(own):
        for _ in range(40):
            try:
                atomic_write(path, [own[:7000], own[7000:]])
                written.append(own)
            except BusyError:
                pass
            except Exception as error:
                wrong.append(error)

    def watch():
        while not done.is_set():
            if path.read_bytes() not in whole:
                wrong.append("a torn file")

    watcher = threading.Thread(target=watch)
    writers = [threading.Thread(target=write, args=(own,)) for own in whole - {OLD}]
    for thread in [watcher, *writers]:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    watcher.join()
    assert wrong == []
    assert written
    assert os.listdir(tmp_path) == ["model"]


def test_through_a_symbolic_link_the_file_behind_it_is_replaced(path, tmp_path):
    (tmp_path / "folder").mkdir()
    link = tmp_path / "folder" / "link"
    link.symlink_to("../model")
    atomic_write(link, NEW)
    assert link.is_symlink()
    assert path.read_bytes() == RESULT
    dangling = tmp_path / "dangling"
    dangling.symlink_to(tmp_path / "new")
    atomic_write(dangling, NEW)
    assert (tmp_path / "new").read_bytes() == RESULT


def test_the_permissions_of_the_old_file_stay(path):
    path.chmod(0o640)
    atomic_write(path, NEW)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_what_is_no_plain_file_is_never_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "ring").symlink_to(tmp_path / "ring")
    for name in ("pipe", "folder", "ring"):
        with pytest.raises(OSError, match=f"{name}: is no plain file"):
            atomic_write(tmp_path / name, NEW)
    with pytest.raises(OSError, match="is no plain file"):
        atomic_write("/dev/null", NEW)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    assert sorted(os.listdir(tmp_path)) == ["folder", "pipe", "ring"]


def test_a_temporary_that_is_no_file_of_ours_is_left_alone(path, tmp_path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    for make in (os.symlink, os.link):
        make(victim, tmp_path / TEMPORARY)
        with pytest.raises(OSError):  # noqa: PT011 (the words are the system's)
            atomic_write(path, NEW)
        os.unlink(tmp_path / TEMPORARY)
    os.mkfifo(tmp_path / TEMPORARY)
    with pytest.raises(OSError, match="is no plain file: remove it"):
        atomic_write(path, NEW)
    assert victim.read_bytes() == b"precious"
    assert path.read_bytes() == OLD


def test_a_writer_may_be_closed_twice_and_does_not_miss_a_temporary_that_is_gone(path, tmp_path):
    with AtomicFile(path) as file:
        os.unlink(tmp_path / TEMPORARY)
        file.close()
    atomic_write(path, NEW)  # the lock is given back
    assert path.read_bytes() == RESULT


def test_a_missing_directory_and_a_name_that_cannot_be_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no directory"):
        atomic_write(tmp_path / "no" / "model", NEW)
    with pytest.raises(OSError, match="too long"):
        atomic_write(tmp_path / ("a" * 255), NEW)
    with pytest.raises(OSError, match="is no plain file"):
        atomic_write("", NEW)
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(sys.platform != "win32" and os.geteuid() == 0, reason="root may do all")
def test_a_directory_without_permission_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError):
        atomic_write(tmp_path / "model", NEW)
    tmp_path.chmod(0o700)


def test_an_interrupt_leaves_the_old_file(path, tmp_path):
    def chunks():
        yield b"some"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        atomic_write(path, chunks())
    assert path.read_bytes() == OLD
    assert os.listdir(tmp_path) == ["model"]


def test_no_descriptor_stays_open(path, monkeypatch):
    folder = Path("/proc/self/fd")
    if not folder.exists():
        pytest.skip("this system does not list them")
    before = len(os.listdir(folder))
    for _ in range(3):
        atomic_write(path, NEW)
        with AtomicFile(path) as file:
            file.write(NEW)
            file.write(NEW)
            with pytest.raises(BusyError):
                AtomicFile(path)
    assert len(os.listdir(folder)) == before
