"""A local folder before a store that is far away: values that never change are fetched once."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
import time

from modelkeep.errors import StorageError
from modelkeep.ports import Buffer
from modelkeep.store import Listing, Store
from modelkeep.stores import check_key, check_range, disk

#: Only what lies below this folder never changes, and is kept.
KEPT = "objects/"
_PIECE = 8 << 20
# A use is noted once a minute: reading must not write all the time.
_MINUTE = 60.0
# A file that was being written so long ago is one of a process that was killed.
_HOUR = 3600.0
# Room is made for more than one value at a time, because looking through the folder takes long.
_ROOMY = 0.9
_USED, _NEW = ".used", ".new"


class CachedStore:
    """``inner``, with the values below ``objects/`` kept as files in ``folder``, up to ``limit_bytes`` of them.

    Only reading a whole value fills the folder; writing never does. What is kept is believed to be there still:
    ``size``, ``list`` and every write ask ``inner``. Several processes may share a folder, for any number of stores:
    ``namespace``, which is the URL of ``inner`` unless given, keeps them apart.
    """

    def __init__(
        self, inner: Store, folder: str | os.PathLike[str], limit_bytes: int, *, namespace: str | None = None
    ) -> None:
        self.url = inner.url
        self._inner = inner
        self._folder = os.path.abspath(os.fspath(folder))
        self._limit = limit_bytes
        self._namespace = inner.url if namespace is None else namespace
        self._noted: dict[str, float] = {}
        self._lock = threading.Lock()
        self._total = 0
        self._counted = -_MINUTE

    def get(self, key: str) -> memoryview | None:
        if not check_key(key).startswith(KEPT):
            return self._inner.get(key)
        path = self._path(key)
        found = self._read(path)
        if found is None:
            return self._fetch(key, path)
        self._note_use(path)
        return found

    def get_range(self, key: str, start: int, size: int) -> memoryview | None:
        check_range(start, size)
        if check_key(key).startswith(KEPT):
            path = self._path(key)
            with contextlib.suppress(StorageError):  # as in _read
                found = disk.read_range(path, start, size)
                if found is not None:
                    self._note_use(path)
                    return found
        return self._inner.get_range(key, start, size)

    def size(self, key: str) -> int | None:
        return self._inner.size(key)

    def fingerprint(self, key: str) -> str | None:
        """That of the file which is read, so that damage to it shows; else that of the value in ``inner``."""
        if check_key(key).startswith(KEPT):
            with contextlib.suppress(StorageError):  # then it is not what is read either
                status = disk.status_of(self._path(key))
                if status is not None:
                    return disk.print_of(status)
        return self._inner.fingerprint(key)

    def put(self, key: str, data: Buffer) -> None:
        try:
            self._inner.put(key, data)
        finally:  # an error does not say that nothing was written
            self.forget(key)

    def create(self, key: str, data: Buffer) -> bool:
        return self._inner.create(key, data)

    def move(self, key: str, to: str) -> bool:
        try:
            return self._inner.move(key, to)
        finally:
            self.forget(key)
            self.forget(to)

    def delete(self, key: str) -> None:
        try:
            self._inner.delete(key)
        finally:
            self.forget(key)

    def list(self, folder: str) -> Listing:
        return self._inner.list(folder)

    def forget(self, key: str) -> None:
        """Drop what is kept of a key, because its bytes turned out to be damaged or will be others."""
        path = self._path(check_key(key))
        disk.discard(path)
        disk.discard(path + _USED)

    # -- the folder ----------------------------------------------------------------------------------------------------

    def _path(self, key: str) -> str:
        name = hashlib.sha256(f"{self._namespace}\0{key}".encode()).hexdigest()
        return os.path.join(self._folder, name)

    def _read(self, path: str) -> memoryview | None:
        with contextlib.suppress(StorageError):  # what can't be read here can be read there
            return disk.read(path)
        return None

    def _fetch(self, key: str, path: str) -> memoryview | None:
        first = self._inner.get_range(key, 0, _PIECE)
        if first is None:
            return None
        size = len(first) if len(first) < _PIECE else self._inner.size(key)
        found = self._read(path) if size is not None and self._keep(key, path, first, size) else None
        if found is not None:
            return found
        return first if size == len(first) else self._inner.get(key)

    def _keep(self, key: str, path: str, first: memoryview, size: int) -> bool:
        """Write the value into the folder, piece by piece, so that it is never in memory as a whole."""
        if size > self._limit:
            return False
        temporary = f"{path}.{os.urandom(6).hex()}{_NEW}"
        try:
            self._make_room(size)
            # Only for its owner: who may read this folder need not have a right to the store.
            with open(disk.open_new(temporary, 0o600), "wb", buffering=0) as file:
                disk.write_all(file.fileno(), first)
                for start in range(len(first), size, _PIECE):
                    wanted = min(_PIECE, size - start)
                    piece = self._inner.get_range(key, start, wanted)
                    if piece is None or len(piece) < wanted:
                        return False  # it was deleted meanwhile: let the store itself say
                    disk.write_all(file.fileno(), piece)
                # Without this, a power cut could leave a name with nothing, or with zeros, behind it.
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except OSError:
            # A full disk, a folder of somebody else: a cache that can't be written is slow, and no reason to fail.
            return False
        finally:
            disk.discard(temporary)
        with self._lock:
            self._total += size
        return True

    def _note_use(self, path: str) -> None:
        """The time of the last use is that of a file beside the value, whose own fingerprint must stay as it is."""
        now = time.monotonic()
        if now - self._noted.get(path, -_MINUTE) < _MINUTE:
            return
        self._noted[path] = now
        with contextlib.suppress(OSError):  # a folder that may only be read is a cache all the same
            os.close(os.open(path + _USED, os.O_WRONLY | os.O_CREAT, 0o666))
            os.utime(path + _USED)

    def _make_room(self, size: int) -> None:
        """Remove what was not used for longest until ``size`` bytes more are within the limit."""
        with self._lock:
            now = time.monotonic()
            # Other processes write too, so that the own count is only good for a while.
            if self._total + size <= self._limit and now - self._counted < _MINUTE:
                return
            disk.make_folders(self._folder)
            self._total = self._evict(self._limit - size)
            self._counted = now

    def _evict(self, goal: int) -> int:
        """The bytes that are left, at most ``goal``. Others may evict at the same time; a file that is gone is gone.

        Who has mapped a file that is removed keeps its bytes. Windows does not let it be removed, and it stays.
        """
        kept, used = {}, {}
        with os.scandir(self._folder) as found:
            for item in found:
                with contextlib.suppress(FileNotFoundError):
                    status = item.stat()
                    if item.name.endswith(_USED):
                        used[item.path.removesuffix(_USED)] = status.st_mtime
                    elif not item.name.endswith(_NEW):
                        kept[item.path] = status
                    elif status.st_mtime < time.time() - _HOUR:
                        disk.discard(item.path)
        for path in used.keys() - kept.keys():
            disk.discard(path + _USED)
        total = sum(status.st_size for status in kept.values())
        if total <= goal:
            return total
        for path in sorted(kept, key=lambda path: max(kept[path].st_mtime, used.get(path, 0.0))):
            if total <= goal * _ROOMY:
                break
            try:
                os.unlink(path)
            except FileNotFoundError:
                pass  # another was faster, and the room is there
            except OSError:
                continue  # it is in use, on Windows, or belongs to somebody else
            total -= kept[path].st_size
            disk.discard(path + _USED)
        return total
