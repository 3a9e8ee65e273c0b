"""fsck: every record and every byte of a registry, and what is damaged brought back from another one."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from modelkeep.errors import HistoryError, LoadError, ModelkeepError, NotFoundError
from modelkeep.registry import access, codecs, collecting, objects, opening
from modelkeep.registry.book import Book
from modelkeep.registry.records import Stored, VersionRecord
from modelkeep.registry.sequence import Sequence, record_digest
from modelkeep.store import Store

#: A record of so high a number that the others can't all be looked for is one problem, and not millions.
_LOOKED_AT = 10_000
_DAMAGED = "the record is gone, damaged or another one"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: the key, what it is, which versions it touches, and whether it was repaired."""

    key: str
    what: str
    versions: tuple[str, ...] = ()
    repaired: bool = False


@dataclass(frozen=True)
class Examined:
    """What was read, and what is wrong with it; true if nothing is left that is."""

    records: int
    versions: int
    objects: int
    bytes: int
    problems: tuple[Problem, ...]

    def __bool__(self) -> bool:
        return all(problem.repaired for problem in self.problems)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as ``--json`` shows them."""
        return {"clean": bool(self), **asdict(self)}


def examine(store: Store, source: Store | None = None) -> Examined:
    """Read everything. What is damaged is taken from ``source``, another registry that has it, where one is given."""
    return _Examiner(store, source).run()


class _Examiner:
    def __init__(self, store: Store, source: Store | None) -> None:
        self.store, self.source = store, source
        self.problems: list[Problem] = []
        self.records = self.versions = self.bytes = 0
        self.users: dict[Stored, list[str]] = {}
        self.seen_records: list[tuple[str, VersionRecord]] = []

    def run(self) -> Examined:
        self._settings()
        for book in collecting.books(self.store):
            self._book(book)
        collecting.restore_needed(self.store, {stored.key for stored in self.users})
        for stored, users in self.users.items():
            self._object(stored, tuple(users))
        damaged = {user for problem in self.problems if not problem.repaired for user in problem.versions}
        for ref, record in self.seen_records:
            if ref not in damaged:
                self._version(ref, record)
        return Examined(self.records, self.versions, len(self.users), self.bytes, tuple(self.problems))

    def _book(self, book: Book) -> None:
        log = self._chain(book.log, book.name)
        gone = set(log[-1].deleted) if log else set()
        records = self._chain(book.versions, book.name)
        for record in records:
            ref = f"{book.name}:{record.number}"
            self._chain(book.notes(record.number), ref)
            if record.number not in gone:
                self.versions += 1
                self.seen_records.append((ref, record))
                for stored in record.objects:
                    self.users.setdefault(stored, []).append(ref)
        if log:
            there = {record.number for record in records} - gone
            for alias, place in log[-1].aliases.items():
                if place.version not in there:
                    self._problem(book.log.folder, f"{book.name}@{alias} points at no version that is there")

    def _settings(self) -> None:
        """There must be settings; those that can't be read are taken from the other registry."""
        try:
            opening.existing(self.store)
        except (NotFoundError, HistoryError):
            if self.source is None or opening.settings(self.source) is None:
                raise
            self._take_over(opening.KEY)
            self._problem(opening.KEY, "the settings are gone or damaged", repaired=True)

    def _chain(self, sequence: Sequence[Any], where: str) -> list[Any]:
        """The records of a sequence that can be read. Each is vouched for by the next one, which has its digest."""
        found, digest, numbers = [], None, sequence.numbers()
        lacking = set(range(1, numbers[-1] + 1 if numbers else 1)[-_LOOKED_AT:]) - set(numbers)
        if numbers and numbers[-1] > len(numbers) + len(lacking):
            self._problem(sequence.folder, "most of its records are gone, or one has too high a number", (where,))
        for number in sorted({*numbers, *lacking}, reverse=True):
            raw, record = self._read(sequence, number)
            right = record is not None and digest in (None, record_digest(raw))
            if not right and self._is_there(sequence.key(number), digest):
                self._take_over(sequence.key(number))
                raw, record = self._read(sequence, number)
                right = record is not None
                self._problem(sequence.key(number), _DAMAGED, (where,), repaired=right)
            elif not right:
                self._problem(sequence.key(number), _DAMAGED, (where,))
            # A damaged record vouches for none.
            digest = record.previous if right else None
            self.records += 1
            if record is not None:
                found.append(record)
        return found[::-1]

    def _read(self, sequence: Sequence[Any], number: int) -> tuple[bytes | None, Any]:
        """The bytes of a record, and what they say, if it is one that can have this number."""
        raw = sequence.raw(number)
        try:
            record = sequence.decoded(number, raw) if raw is not None else None
        except ModelkeepError:
            return raw, None
        fits = record is not None and record.number == number and bool(record.previous) == (number > 1)
        return raw, record if fits else None

    def _is_there(self, key: str, digest: str | None) -> bool:
        """Whether the other registry is a copy of this one, and has a record that the next one vouches for."""
        if self.source is None:
            return False
        settings, others = opening.settings(self.store), opening.settings(self.source)
        data = self.source.get(key)
        if data is None or settings is None or others is None or settings.id != others.id:
            return False
        return digest in (None, record_digest(bytes(data)))

    def _take_over(self, key: str) -> None:
        data = self.source.get(key) if self.source is not None else None
        if data is not None:
            self.store.put(key, data)

    def _object(self, stored: Stored, users: tuple[str, ...]) -> None:
        what = self._wrong(self.store, stored)
        if what:
            self._problem(stored.key, what, users, repaired=self._repaired(stored))
        self.bytes += stored.size

    def _wrong(self, store: Store, stored: Stored) -> str:
        access.forget(store, [stored.key])  # what counts is what lies there, not what was kept of it here
        try:
            content = objects.fetch(store, stored)
        except LoadError as error:
            return "the object is gone" if store.size(stored.key) is None else str(error)
        return "" if objects.is_intact(stored, content) else "a byte is not what was registered"

    def _repaired(self, stored: Stored) -> bool:
        """Take the object from the other registry, in whatever way it is coded there."""
        for codec in codecs.CODECS if self.source is not None else ():
            other = Stored(stored.digest, stored.size, codec)
            assert self.source is not None
            if self.source.size(other.key) is not None and not self._wrong(self.source, other):
                self.store.put(stored.key, codecs.encode(objects.fetch(self.source, other), stored.codec))
                return True
        return False

    def _version(self, ref: str, record: VersionRecord) -> None:
        """The whole artifact: its manifest and every file, put together as a load does."""
        try:
            objects.opened(self.store, record).verify()
        except (LoadError, NotFoundError) as error:
            self._problem(ref, str(error), (ref,))

    def _problem(self, key: str, what: str, versions: tuple[str, ...] = (), *, repaired: bool = False) -> None:
        self.problems.append(Problem(key, what, versions, repaired))
