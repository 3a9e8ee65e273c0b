"""Heads: how far each name has come, so that a list of a thousand models takes a handful of reads.

The key ``heads/NAME.VERSIONS.CHANGES`` says how many records a name has, and holds a summary of it. ``index.json``
holds the summaries of all names; only where one has moved on since is its head read. Both can be made anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from modelkeep.errors import HistoryError
from modelkeep.registry import pins, records
from modelkeep.registry.book import MODELS, Book
from modelkeep.registry.names import is_name
from modelkeep.registry.records import Metrics
from modelkeep.registry.seen import Seen
from modelkeep.registry.version import Version
from modelkeep.store import Store

FOLDER, INDEX = "heads", "index.json"
#: So many of the latest versions are in a summary, for a line of their metrics.
TRAIL = 32
_Number = Annotated[int, msgspec.Meta(ge=0, lt=100_000_000)]
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


class _Facts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What ``Version.facts`` gives."""

    name: str
    time: str
    author: str
    message: str
    tags: dict[str, str]
    metrics: Metrics
    parent: str
    origin: str
    digest: str
    size: int
    model: str
    framework: str
    aliases: list[str]
    signatures: int
    stored: int | None


class _Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The summary of a name when it had so many versions and changes. ``latest`` is 0 where all are deleted."""

    counts: tuple[_Number, _Number]
    versions: _Number
    latest: _Number
    facts: _Facts | None
    aliases: dict[str, int]
    metrics: list[Metrics]
    check: str = ""


class _Index(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The summaries of all names."""

    names: dict[str, _Known]
    check: str = ""


Heads = dict[str, set[tuple[int, int]]]
for _kind in (_Known, _Index):
    records.known(_kind)


def touch(book: Book, *, versions: int | None = None) -> None:
    """Say how far a name has come; and write the index again if too many names have moved on since it was written.

    ``versions`` is how many it had a moment ago, which saves looking.
    """
    store, known = book.store, _known(book, versions)
    if known is None:
        return
    heads = _heads(store)
    mine = heads.get(book.name, set())
    if known.counts not in mine:
        store.put(_key(book.name, known.counts), records.encode(known))
    for old in mine:
        if old[0] <= known.counts[0] and old[1] <= known.counts[1] and old != known.counts:
            store.delete(_key(book.name, old))
    heads[book.name] = mine | {known.counts}
    index = _index(store)
    stale = _moved_on(heads, index)
    if len(stale) > max(_STALE, len(heads) // _ONE_IN):
        _write_index(store, {**index, **_read(store, heads, stale)}, set(heads))


def _moved_on(heads: Heads, index: dict[str, _Known]) -> set[str]:
    return {name for name, counts in heads.items() if name not in index or counts != {index[name].counts}}


def summaries(store: Store) -> list[Summary]:
    """Every name that has a version."""
    index, heads = _index(store), _heads(store)
    for pin in pins.held(store):  # somebody is writing it, or died while writing: it may be further than its head
        heads[pin.name] = set()
    kept = {name: index[name] for name in heads if name in index}
    found = kept | _read(store, heads, _moved_on(heads, index))
    return [_summary(name, each) for name, each in sorted(found.items()) if each.versions]


def rebuild(store: Store) -> None:
    """Say of every name how far it has come, where that is not known, and write the index anew."""
    heads = _heads(store)
    made = _read(store, {}, filter(is_name, store.list(MODELS).folders))
    for name, known in made.items():
        data = records.encode(known)
        if known.counts not in heads.get(name, set()) or bytes(store.get(_key(name, known.counts)) or b"") != data:
            store.put(_key(name, known.counts), data)
    if _index(store) != made:
        _write_index(store, made, set(made))


def _key(name: str, counts: tuple[int, int]) -> str:
    return f"{FOLDER}/{name}.{counts[0]}.{counts[1]}"


_HEAD = re.compile(r"(.+)\.([0-9]{1,8})\.([0-9]{1,8})")  # a name may have dots and digits too


def _heads(store: Store) -> Heads:
    """What the keys say of each name. Of two writers at once each may leave one."""
    found: Heads = {}
    for match in (_HEAD.fullmatch(entry.name) for entry in store.list(FOLDER).entries):
        if match and is_name(match[1]):
            found.setdefault(match[1], set()).add((int(match[2]), int(match[3])))
    return found


def _index(store: Store) -> dict[str, _Known]:
    raw = store.get(INDEX)
    try:
        return records.decode(_Index, raw, INDEX).names if raw is not None else {}
    except HistoryError:  # it is made anew from the records, like one that is not there
        return {}


def _write_index(store: Store, known: dict[str, _Known], alive: set[str]) -> None:
    """Whoever writes last wins: an older index only means that more names are read anew."""
    store.put(INDEX, records.encode(_Index({name: each for name, each in sorted(known.items()) if name in alive})))


def _read(store: Store, heads: Heads, wanted: Iterable[str]) -> dict[str, _Known]:
    """The summaries of some names: from their heads, and where these say several things or nothing, from the books."""

    def one(name: str) -> _Known | None:
        counts = heads.get(name, set())
        raw = store.get(_key(name, next(iter(counts)))) if len(counts) == 1 else None
        try:
            found = records.decode(_Known, raw, INDEX) if raw is not None else None
        except HistoryError:
            found = None
        # One that was put under another key says nothing of this name.
        if found is None or found.counts not in counts or (found.facts is not None and found.facts.name != name):
            return _known(Book(store, name, Seen("", keep=False)))
        return found

    names = sorted(wanted)
    if len(names) < 2:
        made = [one(name) for name in names]
    else:
        with ThreadPoolExecutor(_READERS) as pool:
            made = list(pool.map(one, names))
    return {name: known for name, known in zip(names, made, strict=True) if known is not None}


def _known(book: Book, versions: int | None = None) -> _Known | None:
    state, count = book.state(), book.count() if versions is None else versions
    if not count:
        return None
    alive = book.latest(count, state, TRAIL)
    return _Known(
        counts=(count, state.number),
        versions=count - sum(number <= count for number in set(state.deleted)),
        latest=alive[-1].number if alive else 0,
        facts=msgspec.convert(alive[-1].facts(), _Facts) if alive else None,
        aliases={alias: place.version for alias, place in sorted(state.aliases.items())},
        metrics=[version.metrics for version in alive],
    )


def _summary(name: str, known: _Known) -> Summary:
    facts = msgspec.to_builtins(known.facts) if known.facts is not None else None
    latest = Version.restored(known.latest, facts) if known.latest and facts else None
    return Summary(name, known.versions, latest, known.aliases, tuple(known.metrics))
