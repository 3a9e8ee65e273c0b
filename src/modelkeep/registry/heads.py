"""Heads: how far each name has come, so that a list of a thousand models takes a handful of reads.

An empty key ``heads/NAME.VERSIONS.CHANGES`` says how many records a name has. ``index.json`` holds a summary of every
name for such numbers; an entry that has others is read anew. Both can be made again from the records at any time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import msgspec

from modelkeep.registry import pins
from modelkeep.registry.book import MODELS, Book, deleted_of
from modelkeep.registry.records import Metrics
from modelkeep.registry.seen import Seen
from modelkeep.registry.version import Version
from modelkeep.store import Store

FOLDER, INDEX = "heads", "index.json"
#: So many of the latest versions are in a summary, for a line of their metrics.
TRAIL = 32
#: The index is written again when so many names have moved on, or one in so many.
_STALE, _ONE_IN = 3, 250
_READERS = 8


@dataclass(frozen=True)
class Summary:
    """A model in a line: its latest version (None: all are deleted), its aliases, and the metrics of late versions."""

    name: str
    versions: int
    latest: Version | None
    aliases: dict[str, int]
    metrics: tuple[Metrics, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as ``--json`` shows them."""
        latest = self.latest.as_dict() if self.latest is not None else None
        return {
            "name": self.name,
            "versions": self.versions,
            "latest": latest,
            "aliases": self.aliases,
            "metrics": list(self.metrics),
        }


class _Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The summary of a name when it had so many versions and changes. ``latest`` is 0 where all are deleted."""

    counts: tuple[int, int]
    versions: int
    latest: int
    facts: dict[str, Any]
    aliases: dict[str, int]
    metrics: list[Metrics]


_INDEX = msgspec.json.Decoder(dict[str, _Known])


def touch(store: Store, name: str, *, versions: int = 0, changes: int = 0) -> None:
    """A name has come so far, or further; and the index is written again if too many names have moved on."""
    listed = _listed(store)
    mine = [counts for other, counts in listed if other == name]
    counts = max([versions, *(v for v, _ in mine)]), max([changes, *(c for _, c in mine)])
    if counts not in mine:
        store.put(_key(name, counts), b"")
    for old in mine:
        if old != counts:
            store.delete(_key(name, old))
    heads = _furthest([*listed, (name, counts)])
    known = _index(store)
    stale = [other for other, now in heads.items() if other not in known or known[other].counts != now]
    if len(stale) > max(_STALE, len(heads) // _ONE_IN):
        _write_index(store, {**known, **_read(store, stale)}, set(heads))


def summaries(store: Store) -> list[Summary]:
    """Every name that has a version."""
    known, heads = _index(store), _heads(store)
    # A name that somebody is writing, or died while writing, may have come further than its head says.
    stale = {name for name, counts in heads.items() if name not in known or known[name].counts != counts}
    stale |= {pin.name for pin in pins.held(store)}
    found = {**{name: known[name] for name in heads if name in known}, **_read(store, sorted(stale))}
    return [_summary(name, each) for name, each in sorted(found.items()) if each.versions]


def rebuild(store: Store) -> None:
    """Say of every name how far it has come, where that is not known, and write the index anew."""
    made, heads = _read(store, store.list(MODELS).folders), _heads(store)
    for name, known in made.items():
        versions, changes = heads.get(name, (0, 0))
        if known.counts[0] > versions or known.counts[1] > changes:
            store.put(_key(name, known.counts), b"")
    if _index(store) != made:
        _write_index(store, made, set(made))


def _key(name: str, counts: tuple[int, int]) -> str:
    return f"{FOLDER}/{name}.{counts[0]}.{counts[1]}"


_HEAD = re.compile(r"(.+)\.([0-9]+)\.([0-9]+)")  # a name may have dots and digits too


def _listed(store: Store) -> list[tuple[str, tuple[int, int]]]:
    """The names and counts that the keys say."""
    found = (_HEAD.fullmatch(entry.name) for entry in store.list(FOLDER).entries)
    return [(match[1], (int(match[2]), int(match[3]))) for match in found if match]


def _heads(store: Store) -> dict[str, tuple[int, int]]:
    return _furthest(_listed(store))


def _furthest(listed: Iterable[tuple[str, tuple[int, int]]]) -> dict[str, tuple[int, int]]:
    """How far each name has come. Of two writers at once each may leave a key; the greatest of each number counts."""
    found: dict[str, tuple[int, int]] = {}
    for name, (versions, changes) in listed:
        other = found.get(name, (0, 0))
        found[name] = max(versions, other[0]), max(changes, other[1])
    return found


def _index(store: Store) -> dict[str, _Known]:
    raw = store.get(INDEX)
    try:
        return _INDEX.decode(raw) if raw is not None else {}
    except msgspec.DecodeError:  # it is made anew from the records, like one that is not there
        return {}


def _write_index(store: Store, known: dict[str, _Known], alive: set[str]) -> None:
    """Whoever writes last wins: an older index only means that more names are read anew."""
    store.put(INDEX, msgspec.json.encode({name: each for name, each in sorted(known.items()) if name in alive}))


def _read(store: Store, wanted: Iterable[str]) -> dict[str, _Known]:
    """What the books of some names say now."""
    books = [Book(store, name, Seen("", keep=False)) for name in wanted]
    with ThreadPoolExecutor(_READERS) as pool:
        made = list(pool.map(_known, books)) if len(books) > 1 else [_known(book) for book in books]
    return {book.name: known for book, known in zip(books, made, strict=True) if known is not None}


def _known(book: Book) -> _Known | None:
    state, count = book.state(), book.count()
    if not count:
        return None
    alive = book.latest(TRAIL)
    return _Known(
        counts=(count, state.number if state else 0),
        versions=count - len(deleted_of(state)),
        latest=alive[-1].number if alive else 0,
        facts=alive[-1].facts() if alive else {},
        aliases={alias: place.version for alias, place in sorted((state.aliases if state else {}).items())},
        metrics=[version.metrics for version in alive],
    )


def _summary(name: str, known: _Known) -> Summary:
    latest = Version.restored(known.latest, known.facts) if known.latest else None
    return Summary(name, known.versions, latest, known.aliases, tuple(known.metrics))
