"""A folder as a store: keys are files below it, written beside and then moved or linked into place."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections.abc import Callable
from typing import TypeVar

from modelkeep.atomic import storage_error
from modelkeep.errors import StorageError, UsageError, quote
from modelkeep.ports import Buffer
from modelkeep.store import Entry, Listing
from modelkeep.stores import check_folder, check_key, check_range, disk, flat, is_part

#: The folder of files that are being written. No part of a key is like it, so it hides none.
TEMPORARY = ".tmp"
# A folder may be removed by whoever deletes the last key in it, just when a key is to be put there: then it is made
# again. It can't happen so often in a row by chance.
_TRIES = 50
_NO_LINKS = {errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP}

T = TypeVar("T")


class LocalStore:
    """Files below ``folder``, which may also be given as a ``file://`` URL.

    A key is created by a hard link, which is made once or not at all, also on a disk of the network. Large values are
    mapped: put over a key, and whoever reads the old value keeps it. Only a program that writes into the files
    themselves could disturb a reader.
    """

    def __init__(self, folder: str | os.PathLike[str], *, create: bool = True) -> None:
        self.url = self._root = os.path.abspath(_path_of(os.fspath(folder)))
        self._temporary = os.path.join(self._root, TEMPORARY)
        try:
            if create:
                disk.make_folders(self._root)
        except OSError as error:
            raise storage_error(error, self._root, "make") from error
        self._check_root()

    def get(self, key: str) -> memoryview | None:
        return self._there(disk.read(self._path(key)))

    def get_range(self, key: str, start: int, size: int) -> memoryview | None:
        check_range(start, size)
        return self._there(disk.read_range(self._path(key), start, size))

    def size(self, key: str) -> int | None:
        status = self._there(disk.status_of(self._path(key)))
        return None if status is None else status.st_size

    def fingerprint(self, key: str) -> str | None:
        status = self._there(disk.status_of(self._path(key)))
        return None if status is None else disk.print_of(status)

    def put(self, key: str, data: Buffer) -> None:
        path = self._path(key)

        def replace(temporary: str) -> bool:
            os.replace(temporary, path)
            return True

        self._write(path, data, replace)
        self._sync(os.path.dirname(path))

    def create(self, key: str, data: Buffer) -> bool:
        path = self._path(key)
        created = disk.status_of(path) is None and self._write(path, data, lambda temporary: _link(temporary, path))
        # Also where another was first, and may not have come so far: the caller builds on what is there.
        self._sync(os.path.dirname(path))
        return created

    def move(self, key: str, to: str) -> bool:
        source, target = self._path(key), self._path(to)
        status, there = self._there(disk.status_of(source)), disk.status_of(target)
        if status is None or source == target:
            return status is not None
        try:
            if there is not None and os.path.samestat(status, there):
                os.unlink(source)  # two names of one file, as tools make of equal files: a rename would leave both
            else:
                self._settle(target, lambda: os.replace(source, target), source)
        except FileNotFoundError:
            if disk.status_of(source) is None:  # another moved or deleted it meanwhile
                return False
            raise
        except OSError as error:
            raise storage_error(error, target, "write") from error
        self._sync(os.path.dirname(target))
        self._prune(os.path.dirname(source))
        return True

    def delete(self, key: str) -> None:
        path = self._path(key)
        if self._there(disk.status_of(path)) is None:
            return
        try:
            os.unlink(path)
        except FileNotFoundError:
            return  # another was faster
        except OSError as error:
            raise storage_error(error, path, "delete") from error
        self._prune(os.path.dirname(path))

    def list(self, folder: str) -> Listing:
        path = self._path(folder) if check_folder(folder) else self._root
        try:
            return _listing(path)
        except (FileNotFoundError, NotADirectoryError):
            self._check_root()
            return Listing([], [])
        except OSError as error:
            raise storage_error(error, path, "list") from error

    def sweep(self, older_than_seconds: float = 3600.0) -> int:
        """Remove what killed writers left; the number of files. A writer that lives changes its file all the time."""
        count = 0
        try:
            with os.scandir(self._temporary) as found:
                for item in found:
                    if item.stat().st_mtime < time.time() - older_than_seconds:
                        os.unlink(item.path)
                        count += 1
        except FileNotFoundError:  # nothing was ever written, or another sweeps at the same time
            return count
        except OSError as error:
            raise storage_error(error, self._temporary, "sweep") from error
        return count

    def _path(self, key: str) -> str:
        return os.path.join(self._root, check_key(key))

    def _there(self, found: T | None) -> T | None:
        """``found``. Where nothing was, that is an answer only if the store itself is there: not on a disk gone."""
        if found is None:
            self._check_root()
        return found

    def _check_root(self) -> None:
        if not os.path.isdir(self._root):
            raise StorageError(
                f"there is no folder {quote(self._root, 300)}",
                hint="check the path, and whether the disk is mounted; create=True makes a new folder",
            )

    def _write(self, path: str, data: Buffer, place: Callable[[str], bool]) -> bool:
        """Write a temporary file and ``place`` it; what ``place`` returns."""
        temporary = os.path.join(self._temporary, os.urandom(8).hex())
        try:
            self._settle(temporary, lambda: disk.write_new(temporary, flat(data)))
            try:
                return self._settle(path, lambda: place(temporary), temporary)
            finally:
                disk.discard(temporary)
        except OSError as error:
            self._check_root()
            raise storage_error(error, path, "write") from error

    def _settle(self, path: str, act: Callable[[], T], needs: str = "") -> T:
        """Do what ends in a file at ``path``, whatever is missing above it, or lies there without a key in it."""
        for _ in range(_TRIES):
            try:
                return act()
            except FileNotFoundError:
                if needs and not os.path.lexists(needs):
                    raise
                with contextlib.suppress(FileNotFoundError):  # removed again before it was made durable
                    disk.make_folders(os.path.dirname(path), self._root)
            except (IsADirectoryError, PermissionError):  # the second on Windows
                if not os.path.isdir(path) or _occupied(path):
                    raise
                _remove_folders(path)
        return act()

    def _sync(self, folder: str) -> None:
        try:
            disk.sync_folder(folder)
        except (FileNotFoundError, NotADirectoryError):
            return  # the key was deleted since, and the folder with it
        except OSError as error:
            raise storage_error(error, folder, "make durable") from error

    def _prune(self, folder: str) -> None:
        """Make a removal durable, and remove the folders that are empty by it: a folder in the way of a key is none."""
        while folder != self._root:
            try:
                os.rmdir(folder)
            except FileNotFoundError:
                pass  # another is doing the same
            except OSError:
                break  # it holds something else, which is the normal case; what can't be removed does no harm
            folder = os.path.dirname(folder)
        self._sync(folder)


def _path_of(text: str) -> str:
    if text[:7].lower() != "file://":
        return text
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    parts = urlsplit(text)
    if parts.netloc not in ("", "localhost") or not parts.path:
        raise UsageError(f"{quote(text)} names no folder of this machine", hint="write it as file:///folder/models")
    return url2pathname(parts.path)


def _link(temporary: str, path: str) -> bool:
    try:
        if os.name == "nt":  # there a rename never replaces
            os.rename(temporary, path)
        else:
            os.link(temporary, path)
    except FileExistsError:
        if os.path.isdir(path):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR)) from None
        # A disk of the network asks again where an answer was lost, and is told that its own link is there.
        return os.stat(temporary).st_nlink > 1
    except OSError as error:
        if error.errno in _NO_LINKS:
            raise StorageError(
                f"can't write {quote(path, 300)}: the file system has no hard links, which make a file only once",
                hint="keep the store on a file system that has them, as ext4, xfs, btrfs, zfs, apfs or nfs",
            ) from error
        raise
    return True


def _listing(path: str) -> Listing:
    listing = Listing([], [])
    with os.scandir(path) as found:
        for item in found:
            if not is_part(item.name):
                continue
            try:
                if item.is_file():
                    status = item.stat()
                    listing.entries.append(Entry(item.name, status.st_size, status.st_mtime))
                elif item.is_dir() and _occupied(item.path):
                    listing.folders.append(item.name)
            except FileNotFoundError:
                continue  # deleted since
            except OSError as error:
                if error.errno != errno.ELOOP:  # a link that leads to itself is no file
                    raise
    return listing


def _occupied(path: str) -> bool:
    """Whether there is a key below a folder. A writer that was killed may have left one without."""
    try:
        with os.scandir(path) as found:
            names = [item for item in found if is_part(item.name)]
    except (FileNotFoundError, NotADirectoryError):
        return False
    # Links are not followed further: two that lead back here would be walked without end.
    return any(item.is_file() for item in names) or any(
        item.is_dir() and (item.is_symlink() or _occupied(item.path)) for item in names
    )


def _remove_folders(path: str) -> None:
    with contextlib.suppress(OSError):  # another does the same, or has put a key there: the next try shows it
        for folder, _, _ in os.walk(path, topdown=False):
            os.rmdir(folder)
