"""Files as stores need them: written whole and durable, read without an error where there is none."""

from __future__ import annotations

import contextlib
import mmap
import os
import stat
import sys
import time

from modelkeep.atomic import read_whole, storage_error
from modelkeep.errors import StorageError

_EXTRA = getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _EXTRA
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _EXTRA  # without waiting for the writer of a pipe
# Shorter ranges are read: a mapping costs more than it saves.
_MAP_FROM = 1 << 20
# What the system says of a path at which there is no file: nothing, a file above it, a folder.
_ABSENT = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


def write_new(path: str, data: memoryview) -> None:
    """A new file with ``data`` in it, on the disk when the call returns. On an error there is none."""
    descriptor = open_new(path)
    try:
        try:
            write_all(descriptor, data)
            if os.utime in os.supports_fd:
                # The system's clock of files ticks in milliseconds, and inodes are used again: without this, a file
                # and the one that replaces its successor within a tick could look the same from outside.
                now = time.time_ns()
                os.utime(descriptor, ns=(now, now))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except BaseException:
        discard(path)
        raise


def open_new(path: str, mode: int = 0o666) -> int:
    """The descriptor of a file that was not there before, for writing."""
    return os.open(path, _NEW, mode)


def write_all(descriptor: int, data: memoryview) -> None:
    """All of ``data``: the system may take less at a time (Linux never takes more than 2 GiB)."""
    while data:
        data = data[os.write(descriptor, data) :]


def discard(path: str) -> None:
    """Remove a file of one's own. An error would hide the one that is being told, and a sweep comes later."""
    with contextlib.suppress(OSError):
        os.unlink(path)


def sync_folder(path: str) -> None:
    """Names in a folder outlive a power cut only once the folder itself is on the disk."""
    if os.name == "nt":  # a folder can't be opened there, and a rename is already in the journal
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folders(path: str, top: str = "") -> None:
    """The folder ``path`` and what is missing between ``top`` and it, each durable in the one above it.

    ``top`` itself is never made: it may be a disk that is not there at the moment.
    """
    missing: list[str] = []
    while path not in (top, *missing[-1:]) and not os.path.isdir(path):  # a drive is its own parent
        missing.append(path)
        path = os.path.dirname(path)
    for folder in reversed(missing):
        with contextlib.suppress(FileExistsError):  # another writer was faster; if it is a file, its user is told
            os.mkdir(folder)
        sync_folder(os.path.dirname(folder))


def read(path: str) -> memoryview | None:
    """All bytes of a file, mapped copy-on-write if it is large; ``None`` where there is no file."""
    try:
        return read_whole(path, sys.maxsize)
    except StorageError as error:
        if isinstance(error.__cause__, _ABSENT):
            return None
        raise


def read_range(path: str, start: int, size: int) -> memoryview | None:
    """The ``size`` bytes from ``start`` on, or those that there are; ``None`` where there is no file."""
    try:
        descriptor = os.open(path, _READ)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                return None
            return _range(descriptor, start, min(size, status.st_size - start))
        finally:
            os.close(descriptor)
    except _ABSENT:
        return None
    except OSError as error:
        raise storage_error(error, path, "read") from error


def _range(descriptor: int, start: int, size: int) -> memoryview:
    if size <= 0:
        return memoryview(bytearray())
    if size >= _MAP_FROM:
        before = start % mmap.ALLOCATIONGRANULARITY
        mapped = mmap.mmap(descriptor, size + before, access=mmap.ACCESS_COPY, offset=start - before)
        return memoryview(mapped)[before:]
    os.lseek(descriptor, start, os.SEEK_SET)
    data = bytearray()
    while len(data) < size:
        piece = os.read(descriptor, size - len(data))
        if not piece:  # cut by somebody since its size was asked
            break
        data += piece
    return memoryview(data)


def status_of(path: str) -> os.stat_result | None:
    """What the system knows of a file; ``None`` where there is no regular one."""
    try:
        status = os.stat(path)
    except _ABSENT:
        return None
    except OSError as error:
        raise storage_error(error, path, "read") from error
    return status if stat.S_ISREG(status.st_mode) else None


def print_of(status: os.stat_result) -> str:
    """A text that changes with every write: the time of the last change of status can't be set back by anybody."""
    numbers = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return "-".join(map(str, numbers))
