"""Records numbered 1, 2, 3 ... in a folder of a store: appended by whoever is first, and never changed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic

from blake3 import blake3

from modelkeep.errors import HistoryError, ModelkeepError
from modelkeep.registry.names import number_of, numbered
from modelkeep.registry.records import R, decode, encode
from modelkeep.store import Store

_READERS = 8
_LACKING = 1000


class Sequence(Generic[R]):
    """The records of one kind in ``folder``. Numbers have no gaps: a writer takes n+1 only after it saw n."""

    def __init__(self, store: Store, folder: str, kind: type[R]) -> None:
        self.store, self.folder, self.kind = store, folder, kind

    def key(self, number: int) -> str:
        return f"{self.folder}/{numbered(number)}"

    def numbers(self) -> list[int]:
        """The numbers that are there, in order."""
        numbers = [number_of(entry.name) for entry in self.store.list(self.folder).entries]
        return sorted(number for number in numbers if number)

    def count(self) -> int:
        """The highest number, 0 where there is none."""
        numbers = self.numbers()
        # A list may lack what is written while it is made; what lacks most of its numbers was not written by appending.
        if numbers and numbers[-1] > len(numbers) + _LACKING:
            raise HistoryError(
                f"there is a record {self.key(numbers[-1])}, and most of those before it are not there",
                hint="run: modelkeep fsck --from ANOTHER_REGISTRY",
            )
        return numbers[-1] if numbers else 0

    def raw(self, number: int) -> bytes | None:
        data = self.store.get(self.key(number))
        return None if data is None else bytes(data)

    def read(self, number: int) -> R:
        """A record that is known to be there."""
        return self.decoded(number, self.there(number))

    def decoded(self, number: int, raw: bytes) -> R:
        found = decode(self.kind, raw, self.key(number))
        if found.number != number:  # type: ignore[attr-defined]
            raise HistoryError(
                f"the record {self.key(number)} is another's", hint="run: modelkeep fsck --from ANOTHER_REGISTRY"
            )
        return found

    def linked(self, number: int) -> tuple[R, bytes]:
        """A record that is known to be there, and its bytes: a link of this chain, since others have such numbers, too.

        A neighbour that is damaged says nothing against it.
        """
        raw = self.there(number)
        found = self.decoded(number, raw)
        previous: str = found.previous  # type: ignore[attr-defined]
        beside = number - 1 if number > 1 else 2
        other = self.raw(beside)
        if number > 1:
            fits = previous == record_digest(other) or not self.is_sound(beside, other)
        else:
            fits = not previous
            if other is not None and self.is_sound(beside, other):
                fits = fits and self.decoded(beside, other).previous == record_digest(raw)  # type: ignore[attr-defined]
        if not fits:
            raise HistoryError(
                f"the records {self.key(number)} and {self.key(beside)} are of two histories: one is another's",
                hint="run: modelkeep fsck --from ANOTHER_REGISTRY",
            )
        return found, raw

    def is_sound(self, number: int, raw: bytes | None) -> bool:
        """Whether these bytes are a record of that number."""
        try:
            return raw is not None and self.decoded(number, raw) is not None
        except ModelkeepError:
            return False

    def there(self, number: int) -> bytes:
        """The bytes of a record that is known to be there."""
        raw = self.raw(number)
        if raw is None:
            raise HistoryError(
                f"the record {self.key(number)} is gone, and no program of modelkeep removes one",
                hint="run: modelkeep fsck --from ANOTHER_REGISTRY",
            )
        return raw

    def last(self) -> R | None:
        count = self.count()
        return self.linked(count)[0] if count else None

    def every(self) -> list[R]:
        """All of them, in order."""
        numbers = range(1, self.count() + 1)
        if len(numbers) < 2:
            return [self.read(number) for number in numbers]
        with ThreadPoolExecutor(_READERS) as pool:
            return list(pool.map(self.read, numbers))

    def append(self, make: Callable[[int, R | None, str], R], after: int | None = None) -> tuple[R, bytes]:
        """Write what ``make`` gives for a number, the record before it, and that one's digest.

        The loser of a race is asked again, with the winner's record before it; what ``make`` raises ends it. ``after``
        is a number that was the highest a moment ago, which saves looking.
        """
        number = self.count() if after is None else after
        while True:
            before = self.there(number) if number else None
            last = self.decoded(number, before) if before is not None else None
            made = make(number + 1, last, record_digest(before))
            data = encode(made)
            if self._won(self.key(number + 1), data):
                return made, data
            number += 1

    def _won(self, key: str, data: bytes) -> bool:
        if self.store.create(key, data):
            return True
        # A network may deliver a write and lose the reply; the store's next try then finds what we wrote ourselves.
        there = self.store.get(key)
        return there is not None and bytes(there) == data


def record_digest(raw: bytes | None) -> str:
    return "" if raw is None else blake3(raw).hexdigest()
