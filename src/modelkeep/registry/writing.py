"""The walk of a registration: objects under a pin, then the record, which alone makes them a version."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from msgspec import structs

from modelkeep.artifact import Artifact
from modelkeep.errors import HistoryError, ModelkeepError, StorageError
from modelkeep.registry import facts, heads, ledger, objects, pins
from modelkeep.registry.book import Book, changed
from modelkeep.registry.cutting import Cut, cut
from modelkeep.registry.records import Change, Metrics, Note, Settings, Stored, VersionRecord, nonce, timestamp
from modelkeep.registry.version import Version
from modelkeep.store import Store

_ATTEMPTS = 3


@dataclass(frozen=True)
class Said:
    """What the caller says of a version. ``made_from`` is the record of ``parent``."""

    metrics: Metrics
    tags: dict[str, str]
    message: str
    author: str
    parent: str = ""
    made_from: VersionRecord | None = None
    origin: str = ""


def register(store: Store, settings: Settings, book: Book, artifact: Artifact, said: Said, *, checked: bool) -> Version:
    """The next version of a name. ``checked`` says that the model was just alive, so its inside needs no look."""
    began = time.monotonic()
    for attempt in range(_ATTEMPTS):
        # Objects of earlier versions may be collected at this moment; the last attempt relies on none of them.
        count = book.count()
        _refuse_gap(book, count)
        earlier = [] if attempt == _ATTEMPTS - 1 else _earlier(book, count, said)
        made = cut(artifact, earlier, settings.compress)
        with pins.pinned(store, book.name, [stored.key for stored in made.objects]) as pin:
            stored = objects.put(store, made)
            kept = [each for each in made.objects if each.key not in made.new]
            if objects.lacking(store, [each.key for each in kept]) or _some_decayed(store, kept, earlier):
                continue
            pins.refuse_late(began)
            record = book.register(lambda number, made=made: _record(number, artifact, made, said), count)  # type: ignore[misc]
            _touch(book, pin, versions=record.number)
        if checked:
            ledger.Entry(store, record).remember()
        return Version.of(book.name, record, stored=stored)
    raise StorageError(f"objects vanish from {store.url} while they are written", hint="run: modelkeep fsck")


def _refuse_gap(book: Book, count: int) -> None:
    """A version must not get a number that the log already speaks of: nobody could load it, if that one was deleted."""
    state = book.state()
    most = max([*state.deleted, *(place.version for place in state.aliases.values())], default=0)
    if most > count and most > book.count():  # others may have registered and deleted it since ``count`` was taken
        raise HistoryError(
            f"the log of {book.name} speaks of versions whose records are gone",
            hint="run: modelkeep fsck --from ANOTHER_REGISTRY",
        )


def _some_decayed(store: Store, kept: Iterable[Stored], earlier: Iterable[VersionRecord]) -> bool:
    """Whether an object of an earlier version is not what it was; not asked of versions that were verified here."""
    known = {each for record in earlier if ledger.Entry(store, record).is_known for each in record.objects}
    return any(objects.has_decayed(store, each) for each in kept if each not in known)


def _touch(book: Book, pin: pins.Held, *, versions: int | None = None) -> None:
    """The record is there, whatever becomes of the head: that must not look like a write that failed."""
    try:
        heads.touch(book, versions=versions)
    except ModelkeepError:
        pin.stays = True  # so that lists know that the head may be behind


def _earlier(book: Book, count: int, said: Said) -> list[VersionRecord]:
    """The versions whose tensors this one may share: the latest, and the one that it was made from."""
    return [*([book.record(count)] if count else []), *([said.made_from] if said.made_from else [])]


def _record(number: int, artifact: Artifact, made: Cut, said: Said) -> VersionRecord:
    manifest = artifact.manifest
    return VersionRecord(
        number=number,
        nonce=nonce(),
        time=timestamp(),
        author=said.author,
        message=said.message,
        tags=said.tags,
        metrics=said.metrics,
        parent=said.parent,
        origin=said.origin,
        artifact=artifact.digest,
        size=len(manifest.encode()) + sum(entry.size for entry in manifest.files.values()),
        model=manifest.model,
        framework=manifest.framework,
        objects=made.objects,
        files=made.files,
        spans=made.spans,
        recent=[],
        previous="",
    )


def change(book: Book, make: Callable[[], Change]) -> Change:
    """Make a change of the log, with the name pinned meanwhile: a list knows that it may be about to move."""
    with pins.pinned(book.store, book.name) as pin:
        made = make()
        _touch(book, pin)
    return made


def note(book: Book, number: int, event: str, by: tuple[str, str], make: Callable[[Note], Note]) -> None:
    """Say something of a version: a note on it, and an event in the history."""
    with pins.pinned(book.store, book.name) as pin:
        book.note(number, by[0], make)
        book.change(*by, lambda state, _: changed(event, state, versions=[number]))
        _touch(book, pin)


def tag(book: Book, number: int, by: tuple[str, str], tags: Mapping[str, str | None], metrics: Metrics) -> None:
    """Add tags and metrics to a version; a tag that is None goes."""
    added = facts.tags_of({key: value for key, value in tags.items() if value is not None})
    gone = {key for key, value in tags.items() if value is None}

    def make(before: Note) -> Note:
        kept = {key: value for key, value in before.tags.items() if key not in gone}
        return structs.replace(
            before, tags=facts.tags_of(kept | added), metrics=facts.metrics_of(before.metrics | metrics)
        )

    note(book, number, "tag", by, make)
