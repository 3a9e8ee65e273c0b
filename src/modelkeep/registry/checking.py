"""fsck: every record and every byte of a registry, and what is damaged brought back from another one."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from modelkeep.errors import LoadError, ModelkeepError, NotFoundError
from modelkeep.registry import codecs, collecting, objects, opening
from modelkeep.registry.book import Book
from modelkeep.registry.records import Stored, VersionRecord
from modelkeep.registry.sequence import Sequence, record_digest
from modelkeep.store import Store


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
        opening.existing(self.store)
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

    def _chain(self, sequence: Sequence[Any], where: str) -> list[Any]:
        """The records of a sequence that can be read, each compared with what the next one says of it."""
        found, before = [], ""
        for number in range(1, sequence.count() + 1):
            key = sequence.key(number)
            raw = sequence.raw(number)
            try:
                record = sequence.read(number)
                wrong = record.number != number or record.previous != before
            except ModelkeepError:
                record, wrong = None, True
            if wrong and self._taken_over(key):
                self._problem(key, "the record is gone, damaged or another one", (where,), repaired=True)
                raw, record = sequence.raw(number), sequence.read(number)
            elif wrong:
                self._problem(key, "the record is gone, damaged or another one", (where,))
            before = record_digest(raw)
            self.records += 1
            if record is not None:
                found.append(record)
        return found

    def _taken_over(self, key: str) -> bool:
        """Take a record from the other registry, if that is a copy of this one."""
        if self.source is None:
            return False
        settings, others = opening.settings(self.store), opening.settings(self.source)
        data = self.source.get(key)
        if data is None or settings is None or others is None or settings.id != others.id:
            return False
        self.store.put(key, data)
        return True

    def _object(self, stored: Stored, users: tuple[str, ...]) -> None:
        what = self._wrong(self.store, stored)
        if what:
            self._problem(stored.key, what, users, repaired=self._repaired(stored))
        self.bytes += stored.size

    def _wrong(self, store: Store, stored: Stored) -> str:
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
