"""The port of storage: what a registry needs of a folder, a bucket, or memory."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from modelkeep.ports import Buffer


class Entry(NamedTuple):
    """One key of a store, seen from its folder: the last part of the key, the bytes, and when it was written.

    ``written`` is in seconds since 1970 by the store's own clock.
    """

    name: str
    size: int
    written: float


class Listing(NamedTuple):
    """What lies in one folder of a store, in no order: its keys, and the names of the folders in it."""

    entries: list[Entry]
    folders: list[str]


class Store(Protocol):
    """Flat keys to bytes: a folder, a bucket, memory. The smallest set that all of them have.

    A key is parts joined by ``/``, each of ``[A-Za-z0-9_][A-Za-z0-9._-]*`` with at most 255 characters. A folder is
    the beginning of a key up to a ``/`` (without it; ``""`` is the top); it is there as long as a key is in it.

    Every write is whole and durable when the call returns; where it fails, what was there before is there. Nobody
    ever reads half of it. What can't be reached raises ``StorageError``; a key that is not there is ``None``.
    """

    #: How a user names the store, without secrets.
    url: str

    def get(self, key: str) -> memoryview | None:
        """All bytes, perhaps mapped; nothing that happens to the key later changes them."""

    def get_range(self, key: str, start: int, size: int) -> memoryview | None:
        """The ``size`` bytes from ``start`` on; fewer where the value ends before."""

    def size(self, key: str) -> int | None:
        """The number of bytes, without reading them."""

    def fingerprint(self, key: str) -> str | None:
        """A text that changes whenever somebody writes the bytes, in whatever way. ``None``: there is no such text."""

    def put(self, key: str, data: Buffer) -> None:
        """Write, over whatever is there."""

    def create(self, key: str, data: Buffer) -> bool:
        """Write if nothing is there. Of any number at once, exactly one is told that it did."""

    def move(self, key: str, to: str) -> bool:
        """The same bytes under another key, over whatever is there. At each moment they are under one of the two.

        False where ``key`` is not there.
        """

    def delete(self, key: str) -> None:
        """Remove the key. It is no error if it is not there."""

    def list(self, folder: str) -> Listing:
        """What lies directly in a folder."""
