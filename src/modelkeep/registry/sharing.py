"""Versions brought from one registry to another: only the objects that the other side lacks are written."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import structs

from modelkeep.artifact import Artifact
from modelkeep.registry import aliases, writing
from modelkeep.registry.book import Book, deleted_of
from modelkeep.registry.records import Note, Settings, VersionRecord
from modelkeep.registry.version import Version
from modelkeep.store import Store

By = tuple[str, str]


def copied(
    book: Book, number: int, home: str, read: Callable[[], Artifact], into: tuple[Store, Settings, Book], author: str
) -> Version:
    """Version ``number`` of ``book`` as the next version of another book; again the same one if it was copied before.

    ``home`` is the id of the registry that it comes from. A copy that was cut off goes on where it was.
    """
    store, settings, other = into
    record, note = book.record(number), book.notes(number).last()
    origin = record.origin or f"{home}/{book.name}:{number}"
    if (there := _already(other, origin, record)) is not None:
        return there
    said = writing.Said(
        metrics=note.metrics if note else record.metrics,
        tags=note.tags if note else record.tags,
        message=record.message,
        author=author,
        origin=origin,
    )
    version = writing.register(store, settings, other, read(), said, checked=False)
    if note and (note.card or note.signatures or note.certificates):
        _take_along(other, version.number, note, (author, ""))
    return version


def _already(other: Book, origin: str, record: VersionRecord) -> Version | None:
    state, count = other.state(), other.count()
    gone = deleted_of(state)
    for row in reversed(other.rows(count)):
        if row.origin == origin and row.artifact == record.artifact and row.number not in gone:
            return other.version(row.number, state)
    return None


def _take_along(other: Book, number: int, note: Note, by: By) -> None:
    def make(before: Note) -> Note:
        return structs.replace(before, card=note.card, signatures=note.signatures, certificates=note.certificates)

    writing.note(other, number, "copy", by, make)


def aliases_copied(book: Book, other: Book, numbers: dict[int, int], by: By) -> None:
    """The aliases of a book whose versions were all copied, where the other side has none of that name."""
    ours, theirs = book.state(), other.state()
    for alias, place in sorted((ours.aliases if ours else {}).items()):
        if place.version in numbers and alias not in (theirs.aliases if theirs else {}):
            new = numbers[place.version]
            writing.change(other, lambda alias=alias, new=new: aliases.point(other, alias, new, by))  # type: ignore[misc]
