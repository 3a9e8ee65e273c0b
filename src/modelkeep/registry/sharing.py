"""Versions brought from one registry to another: only the objects that the other side lacks are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from msgspec import structs

from modelkeep.policy import Policy
from modelkeep.registry import aliases, reading, writing
from modelkeep.registry.book import Book
from modelkeep.registry.records import Note, Settings, VersionRecord
from modelkeep.registry.version import Version

if TYPE_CHECKING:
    from modelkeep.registry.reader import Reader


class Destination(NamedTuple):
    """The book that versions are copied into, and who says so."""

    settings: Settings
    book: Book
    by: tuple[str, str]


def copy(book: Book, number: int, home: str, into: Destination, *, every: bool) -> list[Version]:
    """A version, or all of them with their aliases. ``home`` is the id of the registry that they come from."""
    numbers = [version.number for version in book.every()] if every else [number]
    made = {old: _copied(book, old, home, into) for old in numbers}
    if every:
        _copy_aliases(book, {old: version.number for old, version in made.items()}, into)
    return list(made.values())


def _copied(book: Book, number: int, home: str, into: Destination) -> Version:
    """A version as the next one of the other book; the same again if it was copied before.

    What was cut off in the middle goes on where it was: objects that are there are not written again.
    """
    record, note = book.record(number), book.notes(number).last()
    origin = record.origin or f"{home}/{book.name}:{number}"
    if (there := _already(into.book, origin, record)) is not None:
        return there
    said = writing.Said(
        metrics=note.metrics if note else record.metrics,
        tags=note.tags if note else record.tags,
        message=record.message,
        author=into.by[0],
        origin=origin,
    )
    whole = reading.artifact(book, number, Policy())
    version = writing.register(into.book.store, into.settings, into.book, whole, said, checked=False)
    if note and (note.card or note.signatures or note.certificates):
        _take_along(into, version.number, note)
    return version


def _already(other: Book, origin: str, record: VersionRecord) -> Version | None:
    state, count = other.state(), other.count()
    gone = set(state.deleted)
    for row in reversed(other.rows(count)):
        if row.origin == origin and row.artifact == record.artifact and row.number not in gone:
            return other.version(row.number, state)
    return None


def _take_along(into: Destination, number: int, note: Note) -> None:
    """The card and what others vouch for. A signature names the version: it holds where the number is the same."""

    def make(before: Note) -> Note:
        return structs.replace(before, card=note.card, signatures=note.signatures, certificates=note.certificates)

    writing.note(into.book, number, "copy", into.by, make)


def _copy_aliases(book: Book, numbers: dict[int, int], into: Destination) -> None:
    """The aliases of a book, where the other side has none of that name."""
    ours, theirs = book.state(), into.book.state()
    for alias, place in sorted(ours.aliases.items()):
        if place.version in numbers and alias not in theirs.aliases:
            new = numbers[place.version]
            writing.change(into.book, lambda alias=alias, new=new: aliases.point(into.book, alias, new, into.by))  # type: ignore[misc]


def push(registry: Reader, version: Version, target: str) -> Version:
    """A version as an artifact in an OCI registry."""
    from modelkeep.registry import oci

    oci.push(registry.artifact(version), version, target, card=registry.card(version))
    return version
