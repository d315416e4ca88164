"""Files as a whole: replaced in one step or not at all, and read only if they are plain files."""

import os
import stat
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

# what a platform lacks counts 0; without O_NONBLOCK a pipe would be waited on
_READ, _WRITE, _DIRECTORY = (
    sum(getattr(os, name, 0) for name in ("O_NONBLOCK", "O_NOCTTY", "O_BINARY", *names))
    for names in ((), ("O_RDWR", "O_CREAT", "O_NOFOLLOW"), ("O_DIRECTORY",))
)


def _lock(descriptor: int) -> bool:
    """Lock an open file, for as long as it is open; tell whether nobody else had."""
    if sys.platform != "win32":  # there, a second writer goes unnoticed
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


class BusyError(OSError):
    """A file is being written by another process, thread or run."""

    __module__ = "minidl"


class AtomicFile:
    """A file whose contents are replaced in one step, by one writer at a time.

    The contents go to a temporary file beside it, ``.NAME.minidl-tmp``, which takes the file's
    place once they are on the disk. The writer holds a lock, from the beginning to `close`, that
    ends with its process; so a temporary file that a killed writer has left is taken over by the
    next. Through a symbolic link, the file that it points to is replaced.

    Parameters
    ----------
    path : str or path-like
        The file; it may not exist yet, its directory must.

    Raises
    ------
    BusyError
        If another writer holds the lock.
    OSError
        If there is no such directory, or the path is that of something else than a plain file.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "notes")
    >>> with AtomicFile(path) as file:
    ...     file.write([b"first ", b"try"])
    ...     file.write([b"second"])
    >>> path.read_bytes()
    b'second'
    """

    # The lock is on the temporary file, or once that has become the file itself, on this: flock
    # holds an inode, whatever its name. Whoever opens the temporary file anew looks at both.

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(os.path.realpath(path))
        self._temporary = self.path.with_name(f".{self.path.name}.minidl-tmp")
        if not self.path.parent.is_dir():
            raise FileNotFoundError(f"{path}: there is no directory {self.path.parent}")
        if os.path.lexists(self.path) and not self.path.is_file():  # nor a ring of links
            raise OSError(f"{path}: is no plain file")
        self._open: int | None = None
        self._written: int | None = None
        try:
            self._acquire()
            with suppress(FileNotFoundError), _descriptor(self.path, _READ) as descriptor:
                if not _lock(descriptor):
                    raise self._busy()
        except BaseException:
            self.close()
            raise

    def write(self, chunks: Iterable[Any]) -> None:
        """Replace the contents by the bytes of some buffers.

        If it fails the temporary file is removed and the file is as it was before. Only when the
        directory cannot be written to the disk, at the very end, is the new one in its place.
        """
        descriptor = self._acquire() if self._open is None else self._open
        os.ftruncate(descriptor, 0)
        with suppress(FileNotFoundError):
            os.chmod(self._temporary, stat.S_IMODE(os.stat(self.path).st_mode))
        for chunk in chunks:
            rest = memoryview(chunk).cast("B")
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
        if sys.platform == "win32":  # pragma: no cover (an open file cannot be renamed there)
            os.close(descriptor)
            self._open = None
        os.replace(self._temporary, self.path)
        before, self._written, self._open = self._written, self._open, None
        if before is not None:
            os.close(before)
        if sys.platform != "win32":
            with _descriptor(self.path.parent, _DIRECTORY) as directory:
                os.fsync(directory)

    def close(self) -> None:
        """Give the lock back, and remove the temporary file if there is one."""
        if self._open is not None:
            with suppress(FileNotFoundError):
                os.unlink(self._temporary)
        for descriptor in (self._open, self._written):
            if descriptor is not None:
                os.close(descriptor)
        self._open = self._written = None

    def __enter__(self) -> "AtomicFile":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _acquire(self) -> int:
        """Return the temporary file, open and locked."""
        patience = time.monotonic() + (0 if self._written is None else 10)
        while True:
            with suppress(FileNotFoundError):
                found = os.lstat(self._temporary)
                if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
                    raise OSError(f"{self._temporary}: is no plain file: remove it")
            self._open = descriptor = os.open(self._temporary, _WRITE, 0o666)
            locked = _lock(descriptor)
            with suppress(FileNotFoundError):  # its holder may just have renamed it
                if locked and os.path.samestat(os.lstat(self._temporary), os.fstat(descriptor)):
                    return descriptor
            self._open = None
            os.close(descriptor)
            if not locked and time.monotonic() >= patience:
                raise self._busy()
            time.sleep(0.001)  # if we have the file itself, who has the temporary one passes by

    def _busy(self) -> BusyError:
        return BusyError(f"{self.path}: busy: another process, thread or run is writing this file")


def atomic_write(path: str | os.PathLike[str], chunks: Iterable[Any]) -> None:
    """Replace the contents of a file in one step, or leave it as it is: see `AtomicFile`."""
    with AtomicFile(path) as file:
        file.write(chunks)


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[tuple[BinaryIO, int]]:
    """Open a plain file to be read, and tell its size; refuse all else, without waiting."""
    with _descriptor(path, _READ) as descriptor:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError("is no plain file")
        with open(descriptor, "rb", closefd=False) as file:
            yield file, found.st_size


@contextmanager
def _descriptor(path: str | os.PathLike[str], flags: int) -> Iterator[int]:
    descriptor = os.open(path, flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
