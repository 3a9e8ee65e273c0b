"""Memory as a store: for tests, and for what shall leave no trace."""

from __future__ import annotations

import threading
import time
from typing import NamedTuple

from modelkeep.errors import StorageError, UsageError, quote
from modelkeep.ports import Buffer
from modelkeep.store import Entry, Listing
from modelkeep.stores import check_folder, check_key, check_range, flat, is_part


class _Value(NamedTuple):
    data: bytes
    written: float
    number: int


class _Values(dict[str, _Value]):
    """The values of one store, and the lock and the count of writes that belong to them."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.count = 0

    def write(self, key: str, data: bytes) -> None:
        self.count += 1
        self[key] = _Value(data, time.time(), self.count)


_NAMED: dict[str, _Values] = {}
_NAMING = threading.Lock()


class MemoryStore:
    """Values in memory: those of ``memory://NAME`` for the whole process, those of ``memory://`` for one store."""

    def __init__(self, url: str = "memory://", *, create: bool = True) -> None:
        name = url.partition("://")[2]
        if name and not is_part(name):
            raise UsageError(f"{quote(url)} names no store", hint="name it as in memory://models")
        self.url = f"memory://{name}"
        with _NAMING:
            values = _NAMED.get(name) if name else _Values()
            if values is None:
                if not create:
                    raise StorageError(f"there is no store {quote(url)} in this process", hint="check the name")
                values = _NAMED[name] = _Values()
        self._values = values

    def get(self, key: str) -> memoryview | None:
        value = self._values.get(check_key(key))
        return None if value is None else memoryview(bytearray(value.data))

    def get_range(self, key: str, start: int, size: int) -> memoryview | None:
        check_range(start, size)
        value = self._values.get(check_key(key))
        return None if value is None else memoryview(bytearray(value.data[start : start + size]))

    def size(self, key: str) -> int | None:
        value = self._values.get(check_key(key))
        return None if value is None else len(value.data)

    def fingerprint(self, key: str) -> str | None:
        value = self._values.get(check_key(key))
        return None if value is None else str(value.number)

    def put(self, key: str, data: Buffer) -> None:
        check_key(key)
        copy = bytes(flat(data))
        with self._values.lock:
            self._values.write(key, copy)

    def create(self, key: str, data: Buffer) -> bool:
        check_key(key)
        copy = bytes(flat(data))
        with self._values.lock:
            if key in self._values:
                return False
            self._values.write(key, copy)
        return True

    def move(self, key: str, to: str) -> bool:
        check_key(key), check_key(to)
        with self._values.lock:
            value = self._values.get(key)
            if value is None:
                return False
            self._values.write(to, value.data)
            if key != to:
                del self._values[key]
        return True

    def delete(self, key: str) -> None:
        with self._values.lock:
            self._values.pop(check_key(key), None)

    def list(self, folder: str) -> Listing:
        start = f"{folder}/" if check_folder(folder) else ""
        entries: dict[str, Entry] = {}
        folders = set()
        with self._values.lock:
            below = [(key[len(start) :], value) for key, value in self._values.items() if key.startswith(start)]
        for rest, value in below:
            name, slash, _ = rest.partition("/")
            if slash:
                folders.add(name)
            else:
                entries[name] = Entry(name, len(value.data), value.written)
        return Listing([*entries.values()], [*folders])
