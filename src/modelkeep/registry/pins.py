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

from modelkeep.errors import ModelkeepError, StorageError
from modelkeep.registry.names import is_name
from modelkeep.registry.records import timestamp
from modelkeep.store import Entry, Store

FOLDER = "pins"
#: A pin this old was left by a writer that was killed. A writer gives up long before.
FORGOTTEN, LONGEST = 24 * 3600.0, 12 * 3600.0


class Held:
    """A pin that is there at the moment; ``stays`` says that it is to be left behind."""

    stays = False


class Pin(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The name that is being written, and the objects that the writer relies on."""

    name: str
    keys: list[str]


_PIN = msgspec.json.Decoder(Pin)


@contextlib.contextmanager
def pinned(store: Store, name: str, keys: Iterable[str] = ()) -> Iterator[Held]:
    key = f"{FOLDER}/{stamp()}"
    store.put(key, msgspec.json.encode(Pin(name, sorted(keys))))
    pin = Held()
    try:
        yield pin
    except StorageError:
        raise  # the record may be there all the same, and the head behind it: a list knows by the pin
    except ModelkeepError:  # refused before anything was written
        _unpin(store, key)
        raise
    if not pin.stays:
        _unpin(store, key)


def _unpin(store: Store, key: str) -> None:
    # What was done under the pin is done, and a pin that stays behind costs little: it is forgotten in a day.
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


def held(store: Store) -> list[Pin]:
    """The pins that still count."""
    now = time.time()
    return [
        pin for entry in store.list(FOLDER).entries if now - entry.written < FORGOTTEN for pin in _read(store, entry)
    ]


def _read(store: Store, entry: Entry) -> list[Pin]:
    data = store.get(f"{FOLDER}/{entry.name}")
    try:
        found = None if data is None else _PIN.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return []  # nothing that a writer of ours would have put there
    return [found] if found is not None and is_name(found.name) else []


def sweep(store: Store) -> None:
    """Remove what killed writers left."""
    now = time.time()
    for entry in store.list(FOLDER).entries:
        if now - entry.written >= FORGOTTEN:
            store.delete(f"{FOLDER}/{entry.name}")
