"""Garbage collection: what no version needs goes, and never what a running writer relies on.

No lock is taken. A collector first moves what it takes for garbage into a folder of its own, then looks at pins and
versions once more, brings back what is needed after all, and only then removes the rest. A writer pins its objects,
looks whether they are there, and writes its record. So if the writer saw an object before it was moved, the collector
sees the pin (or, that being gone, the record) when it looks again; and if after, the writer puts it there once more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from modelkeep.errors import HistoryError
from modelkeep.registry import heads, objects, pins
from modelkeep.registry.book import MODELS, Book
from modelkeep.registry.seen import Seen
from modelkeep.registry.sequence import record_digest
from modelkeep.store import Entry, Store

OBJECTS = "objects"


@dataclass(frozen=True)
class Collected:
    """What a collection removed, or would. ``kept`` counts the objects that stay."""

    objects: int
    bytes: int
    kept: int
    kept_bytes: int
    dry_run: bool

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as ``--json`` shows them."""
        return asdict(self)


def collect(store: Store, *, dry_run: bool = False) -> Collected:
    """Remove the objects that no version needs."""
    there = store.list(OBJECTS).entries  # before the needed ones are read: what comes later is not looked at
    needed = needed_keys(store)
    garbage = [entry for entry in there if f"{OBJECTS}/{entry.name}" not in needed]
    kept = [entry for entry in there if f"{OBJECTS}/{entry.name}" in needed]
    if not dry_run:
        garbage = _remove(store, garbage)
        _finish_dead(store)
        heads.rebuild(store)
        pins.sweep(store)  # a name under a pin is read anew by every list; now its head is right
        sweep = getattr(store, "sweep", None)  # a folder has files that killed writers left half-written
        if sweep is not None:
            sweep(pins.FORGOTTEN)
    return Collected(len(garbage), _bytes(garbage), len(kept), _bytes(kept), dry_run)


def needed_keys(store: Store) -> set[str]:
    """The keys of the objects that a pin or a version names. Pins first: a writer unpins after its record is there."""
    found = {key for pin in pins.held(store) for key in pin.keys}
    for book in books(store):
        gone, digest = set(book.state().deleted), ""
        for number in range(1, book.versions.count() + 1):
            raw = book.versions.there(number)
            record = book.versions.decoded(number, raw)
            if record.previous != digest:  # what the right record needs is not known
                raise HistoryError(
                    f"the record of {book.name}:{number} does not follow the one before it, so nothing is removed",
                    hint="run: modelkeep fsck --from ANOTHER_REGISTRY",
                )
            digest = record_digest(raw)
            if number not in gone:
                found.update(stored.key for stored in record.objects)
    return found


def books(store: Store) -> Iterator[Book]:
    return (Book(store, name, Seen("", keep=False)) for name in sorted(store.list(MODELS).folders))


def _bytes(entries: list[Entry]) -> int:
    return sum(entry.size for entry in entries)


def _remove(store: Store, garbage: list[Entry]) -> list[Entry]:
    """The entries that were removed for good."""
    run = f"{objects.TRASH}/{pins.stamp()}"
    moved = [entry for entry in garbage if store.move(f"{OBJECTS}/{entry.name}", f"{run}/{entry.name}")]
    needed = needed_keys(store) if moved else set()
    removed = []
    for entry in moved:
        if f"{OBJECTS}/{entry.name}" in needed:
            _restore(store, run, entry.name)
        else:
            store.delete(f"{run}/{entry.name}")
            removed.append(entry)
    return removed


def _restore(store: Store, run: str, name: str) -> None:
    if store.size(f"{OBJECTS}/{name}") is None:
        store.move(f"{run}/{name}", f"{OBJECTS}/{name}")
    else:  # its writer was faster
        store.delete(f"{run}/{name}")


def restore_needed(store: Store, needed: set[str]) -> list[str]:
    """Bring back what a killed collector moved away and a version needs; always safe, whoever does it."""
    restored = []
    for run in store.list(objects.TRASH).folders:
        for entry in store.list(f"{objects.TRASH}/{run}").entries:
            if f"{OBJECTS}/{entry.name}" in needed:
                _restore(store, f"{objects.TRASH}/{run}", entry.name)
                restored.append(f"{OBJECTS}/{entry.name}")
    return restored


def _finish_dead(store: Store) -> None:
    """Do what collectors that were killed left undone: what they moved away is removed when a day has passed."""
    runs = store.list(objects.TRASH).folders
    if not runs:
        return
    restore_needed(store, needed_keys(store))
    for run in runs:
        if pins.age(run) > pins.FORGOTTEN:
            for entry in store.list(f"{objects.TRASH}/{run}").entries:
                store.delete(f"{objects.TRASH}/{run}/{entry.name}")
