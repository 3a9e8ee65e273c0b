"""Pins: a writer says which objects it will rely on before it looks whether they are there.

A collector moves what it takes for garbage into a folder of its own, and looks at pins and versions once more before it
removes anything for good. So whatever a writer pinned is either still there when the writer looks, or comes back.
"""

from __future__ import annotations

import contextlib
import datetime
import secrets
import time
from collections.abc import Iterable, Iterator

import msgspec

from modelkeep.errors import StorageError
from modelkeep.registry.records import timestamp
from modelkeep.store import Store

FOLDER = "pins"
#: A pin this old was left by a writer that was killed. A writer gives up long before.
FORGOTTEN, LONGEST = 24 * 3600.0, 12 * 3600.0

_KEYS = msgspec.json.Decoder(list[str])


@contextlib.contextmanager
def pinned(store: Store, keys: Iterable[str]) -> Iterator[None]:
    key = f"{FOLDER}/{stamp()}"
    store.put(key, msgspec.json.encode(sorted(keys)))
    try:
        yield
    finally:
        # What was done under the pin is done, and a pin that stays behind costs nothing: it is forgotten in a day.
        with contextlib.suppress(StorageError):
            store.delete(key)


def refuse_late(began: float) -> None:
    """Before the record is written: a pin that is about to be forgotten protects nothing."""
    if time.monotonic() - began > LONGEST:
        raise StorageError(
            "writing the objects took longer than a pin holds", hint="register again: what is there stays"
        )


def stamp() -> str:
    """A new name that sorts by time."""
    return f"{timestamp().replace(':', '').replace('-', '')}-{secrets.token_hex(6)}"


def age(name: str) -> float:
    """The seconds since ``stamp`` gave this name; without end where it did not."""
    try:
        made = datetime.datetime.strptime(name.partition("-")[0], "%Y%m%dT%H%M%S.%fZ")
    except ValueError:
        return float("inf")
    return (datetime.datetime.now(datetime.UTC) - made.replace(tzinfo=datetime.UTC)).total_seconds()


def held(store: Store) -> set[str]:
    """The keys under pins that still count."""
    now, found = time.time(), set()
    for entry in store.list(FOLDER).entries:
        if now - entry.written < FORGOTTEN:
            data = store.get(f"{FOLDER}/{entry.name}")
            if data is not None:
                found.update(_KEYS.decode(data))
    return found


def sweep(store: Store) -> None:
    """Remove what killed writers left."""
    now = time.time()
    for entry in store.list(FOLDER).entries:
        if now - entry.written >= FORGOTTEN:
            store.delete(f"{FOLDER}/{entry.name}")
