"""Files that appear whole or not at all, whatever happens to the process, and files that are read in one piece."""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from modelkeep.errors import ContainerError, StorageError, quote

# Smaller files are read whole: a mapping costs more than it saves.
_MAP_FROM = 1 << 20
# O_NONBLOCK: opening a pipe must not wait for its writer; it means nothing for regular files.
_OPEN_FLAGS = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A new file that takes the place of ``path`` when the block ends without an error.

    It is written beside the target (a rename is atomic only within one file system), made durable, and renamed; the
    folder is made durable too, so that the new name survives a power cut. On any error the old file is as it was.
    """
    _refuse_nul(path)
    replaced = False
    try:
        target = Path(os.path.realpath(path))  # a link keeps being a link: what it points at is replaced
        # A name may have 255 bytes, and a character four.
        temporary = target.with_name(f".{target.name[:50]}.{secrets.token_hex(6)}.tmp")
        _refuse_target(target)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
        with open(os.open(temporary, flags, 0o666), "w+b", buffering=0) as file:
            try:
                _keep_mode(file.fileno(), target)
                yield file
                os.fsync(file.fileno())
                os.replace(temporary, target)
                replaced = True
            except BaseException:
                with contextlib.suppress(OSError):  # the first error is the one to tell
                    os.unlink(temporary)
                raise
        _sync_folder(target.parent)
    except OSError as error:
        raise storage_error(error, path, "make durable" if replaced else "write") from error


def install(place: str | os.PathLike[str], path: str | os.PathLike[str]) -> None:
    """Give a file or folder that is whole its name; what had the name before is replaced, a folder all at once.

    Between the two renames of a folder nothing has its name: no file system that is common replaces a full folder.
    """
    target = Path(os.path.realpath(path))
    if os.path.isdir(place):
        if os.path.isdir(target):
            os.replace(target, f"{os.fspath(place)}.old")
    else:
        _refuse_target(target)
    os.replace(place, target)
    _sync_folder(target.parent)


def _refuse_nul(path: str | os.PathLike[str]) -> None:
    if "\0" in os.fspath(path):
        raise StorageError(f"{quote(os.fspath(path))} can't be a path: it holds a NUL", hint="check the path")


def _refuse_target(target: Path) -> None:
    """Only a regular file that its owner lets be written is replaced: a rename would not ask."""
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is there, and is not a regular file")
    if not os.access(target, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _keep_mode(descriptor: int, target: Path) -> None:
    try:
        mode = stat.S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
        return
    if hasattr(os, "fchmod"):
        os.fchmod(descriptor, mode)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # a folder can't be opened there, and a rename is already in the journal
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_whole(path: str | os.PathLike[str], max_bytes: int) -> memoryview:
    """All bytes of a file, writable and private: read if small, mapped copy-on-write if large.

    The mapping is of the file that is open now; replacing the file by a rename does not disturb it.
    """
    _refuse_nul(path)
    try:
        with open(os.open(path, os.O_RDONLY | _OPEN_FLAGS), "rb", buffering=0) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise StorageError(f"can't read {quote(os.fspath(path))}: not a regular file", hint="name a file")
            size = status.st_size
            if size > max_bytes:
                raise too_large(size, max_bytes)
            if size >= _MAP_FROM:
                return memoryview(mmap.mmap(file.fileno(), size, access=mmap.ACCESS_COPY))
            data = bytearray(size)
            got = file.readinto(data) or 0
            return memoryview(data)[:got]
    except OSError as error:
        raise storage_error(error, path, "read") from error


def too_large(size: int, max_bytes: int) -> ContainerError:
    return ContainerError(
        f"the file has {size:,} bytes, and the policy allows {max_bytes:,}",
        hint="pass Policy(max_bytes=...) if a file of that size is expected",
    )


def storage_error(error: OSError, path: object, verb: str) -> StorageError:
    """An operating system's error in words that say what to do."""
    shown = quote(os.fspath(path) if isinstance(path, str | os.PathLike) else repr(path), 300)
    texts = {
        errno.ENOENT: ("no such file or folder", "check the path; relative paths start at the current folder"),
        errno.EISDIR: ("this is a folder, not a file", "name a file, as in model.keep"),
        errno.EACCES: ("permission denied", "check who may read and write there"),
        errno.EROFS: ("the disk is read-only", "choose another folder"),
        errno.ENOSPC: ("the disk is full", "free some space and save again"),
        errno.EDQUOT: ("the disk quota is used up", "free some space and save again"),
        errno.ENAMETOOLONG: ("the file name is too long", "choose a shorter name"),
    }
    code = error.errno or 0
    text, hint = texts.get(code, (_lower(error.strerror or str(error)), "check the disk and the path"))
    untouched = "; what was there before is untouched" if verb == "write" else ""
    return StorageError(f"can't {verb} {shown}: {text}{untouched}", hint=hint)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
