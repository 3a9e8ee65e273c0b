"""The book of one name: its versions, the log of its aliases and deletions, and the notes on each version."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import structs

from modelkeep.errors import HistoryError, NotFoundError, quote
from modelkeep.registry.names import Ref
from modelkeep.registry.records import BLOCK, Change, Note, Row, VersionRecord, nonce, timestamp
from modelkeep.registry.seen import Seen
from modelkeep.registry.sequence import Sequence, record_digest
from modelkeep.registry.version import Version
from modelkeep.store import Store

MODELS = "models"
_SHOWN = 10


class Book:
    """Everything that a registry knows of one name. Each read sees what was there at one moment."""

    def __init__(self, store: Store, name: str, seen: Seen) -> None:
        self.name, self.store, self._seen = name, store, seen
        self.folder = f"{MODELS}/{name}"
        self.versions = Sequence(store, f"{self.folder}/versions", VersionRecord)
        self.log = Sequence(store, f"{self.folder}/log", Change)

    def notes(self, number: int) -> Sequence[Note]:
        return Sequence(self.store, f"{self.folder}/notes/{number}", Note)

    # -- reading -------------------------------------------------------------------------------------------------------

    def count(self) -> int:
        """The number of the latest version, deleted or not; what this user saw before must still be there."""
        mark = self._seen.mark(self.name, "versions")
        number = self.versions.count()
        self._seen.compare(self.name, "versions", mark, number)
        return number

    def state(self) -> Change:
        """The last change, which holds the aliases and deletions as they are; ``NOTHING`` where there is none."""
        mark = self._seen.mark(self.name, "log")
        number = self.log.count()
        last, raw = self.log.linked(number) if number else (None, None)
        self._seen.compare(self.name, "log", mark, number, record_digest(raw), last.previous if last else "")
        return last or NOTHING

    def record(self, number: int) -> VersionRecord:
        """The record of a version."""
        return self.versions.linked(number)[0]

    def resolve(self, ref: Ref, state: Change) -> int:
        """The number of the version that ``ref`` means."""
        if ref.alias is not None:
            return self._pointed_at(ref.alias, state)
        count, deleted = self.count(), set(state.deleted)
        if not count:
            raise self.unknown()
        if ref.number is not None:
            self._refuse_absent(ref.number, count, deleted)
            return ref.number
        alive = next((number for number in range(count, 0, -1) if number not in deleted), None)
        if alive is None:
            raise NotFoundError(f"all versions of {self.name} were deleted", hint="register a new one")
        return alive

    def _pointed_at(self, alias: str, state: Change) -> int:
        """What an alias points at, which is never a version that was deleted."""
        number = aliased(self.name, alias, state)
        if number in state.deleted:
            raise HistoryError(
                f"{self.name}@{alias} points at version {number}, which was deleted",
                hint=f"move it: modelkeep alias {self.name} {alias} VERSION",
            )
        return number

    def unknown(self) -> NotFoundError:
        names = sorted(self.store.list(MODELS).folders)
        close = f"it has {listed(names)}" if names else "it has none yet"
        return NotFoundError(f"there is no model {self.name} in {self.store.url}: {close}", hint="run: modelkeep list")

    def _refuse_absent(self, number: int, count: int, deleted: set[int]) -> None:
        if 1 <= number <= count and number not in deleted:
            return
        what = "was deleted" if number in deleted else "does not exist"
        there = [str(n) for n in range(1, count + 1) if n not in deleted]
        raise NotFoundError(
            f"{self.name}:{number} {what}; there is {listed(there[::-1]) or 'no other'}",
            hint=f"run: modelkeep list {self.name}",
        )

    def version(self, number: int, state: Change) -> Version:
        return Version.of(self.name, self.record(number), self.notes(number).last(), names_of(number, state))

    def every(self) -> list[Version]:
        """All versions that were not deleted, in order."""
        return self.latest(self.count(), self.state())

    def latest(self, count: int, state: Change, most: int | None = None) -> list[Version]:
        """The last ``most`` of them, of ``count`` in all."""
        deleted = set(state.deleted)
        rows = [row for row in self.rows(count, most) if row.number not in deleted]
        if not rows and most:  # all late ones are deleted
            rows = [row for row in self.rows(count) if row.number not in deleted]
        noted = {int(name) for name in self.store.list(f"{self.folder}/notes").folders if name.isdecimal()}
        return [
            Version.of(
                self.name,
                row,
                self.notes(row.number).last() if row.number in noted else None,
                names_of(row.number, state),
            )
            for row in rows[-most if most else 0 :]
        ]

    def rows(self, count: int, most: int | None = None) -> list[Row]:
        """A row for every version up to ``count``, from the last record of each block; only late ones if ``most``."""
        found: list[Row] = []
        ends = [*range(BLOCK, count, BLOCK), count] if count else []
        for last in ends[-2:] if most else ends:
            record = self.record(last)
            block = [*record.recent, record.row()]
            if [row.number for row in block] != list(range((last - 1) // BLOCK * BLOCK + 1, last + 1)):
                raise HistoryError(
                    f"the record of {self.name}:{last} sums up other versions than those before it",
                    hint="run: modelkeep fsck --from ANOTHER_REGISTRY",
                )
            found += block
        return found

    # -- writing -------------------------------------------------------------------------------------------------------

    def register(self, make: Callable[[int], VersionRecord], after: int) -> VersionRecord:
        """Append a version after number ``after``, or after those that others append meanwhile.

        ``make`` gives the record for a number; what comes from the one before is added here.
        """

        def following(number: int, last: VersionRecord | None, previous: str) -> VersionRecord:
            made = make(number)
            same_block = last is not None and (number - 1) // BLOCK == (last.number - 1) // BLOCK
            recent = [*last.recent, last.row()] if last is not None and same_block else []
            return structs.replace(made, recent=recent, previous=previous)

        mark = self._seen.mark(self.name, "versions")
        record, raw = self.versions.append(following, after)
        self._seen.compare(self.name, "versions", mark, record.number, record_digest(raw), record.previous)
        return record

    def change(self, author: str, message: str, make: Callable[[Change, int], Change]) -> Change:
        """Append a change. ``make`` gives it for the state before and for its number, and refuses what can't be."""

        def following(number: int, last: Change | None, previous: str) -> Change:
            made = make(last or NOTHING, number)
            return structs.replace(
                made, number=number, previous=previous, time=timestamp(), author=author, message=message, nonce=nonce()
            )

        mark = self._seen.mark(self.name, "log")
        record, raw = self.log.append(following)
        self._seen.compare(self.name, "log", mark, record.number, record_digest(raw), record.previous)
        return record

    def note(self, number: int, author: str, make: Callable[[Note], Note]) -> Note:
        """Append a note on a version. ``make`` gets what holds so far."""
        first = self.record(number)

        def following(count: int, last: Note | None, previous: str) -> Note:
            before = last or Note(
                number=count, nonce="", time="", author="", tags=first.tags, metrics=first.metrics, previous=""
            )
            return structs.replace(
                make(before), number=count, nonce=nonce(), time=timestamp(), author=author, previous=previous
            )

        return self.notes(number).append(following)[0]


def aliased(name: str, alias: str, state: Change) -> int:
    aliases = state.aliases
    if alias not in aliases:
        there = f"it has {listed(sorted(aliases))}" if aliases else "it has none"
        raise NotFoundError(
            f"{name} has no alias {quote(alias)}: {there}", hint=f"run: modelkeep alias {name} {alias} VERSION"
        )
    return aliases[alias].version


def names_of(number: int, state: Change) -> list[str]:
    """The aliases that point at a version."""
    return [alias for alias, place in state.aliases.items() if place.version == number]


def listed(names: Iterable[str]) -> str:
    """Some of them, for an error.

    >>> listed(["a", "b"])
    'a, b'
    """
    every = list(names)
    more = f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else ""
    return ", ".join(every[:_SHOWN]) + more


#: The state of a name of which nothing was changed yet.
NOTHING = Change(
    number=0, nonce="", time="", author="", message="", event="", alias="", old=0, new=0, versions=[], before=None,
    checks=[], aliases={}, deleted=[], previous="",
)  # fmt: skip


def changed(event: str, state: Change, **facts: Any) -> Change:
    """A change of ``state``: what is not said stays, or is empty; the rest is filled in when it is appended."""
    plain = structs.replace(NOTHING, event=event, aliases=state.aliases, deleted=state.deleted)
    return structs.replace(plain, **facts)
