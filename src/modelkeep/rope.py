"""Bytes in several pieces of memory that read as one: a file whose parts come from different objects."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Iterator, Sequence


class Rope:
    """The pieces one behind the other, none of them empty. A slice inside one piece is a view of it.

    >>> bytes(Rope([memoryview(b"model"), memoryview(b"keep")])[3:7])
    b'elke'
    """

    def __init__(self, pieces: Sequence[memoryview]) -> None:
        self.pieces = list(pieces)
        self._ends = list(itertools.accumulate(len(piece) for piece in pieces))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, wanted: slice) -> memoryview:
        begin, end, _ = wanted.indices(len(self))
        return self.read(begin, end)

    def read(self, begin: int, end: int) -> memoryview:
        """The bytes from ``begin`` to ``end``: a view where they lie in one piece, else a copy that is writable."""
        found = list(self._within(begin, end))
        if len(found) == 1:
            return found[0]
        return memoryview(bytearray(b"".join(found)))

    def _within(self, begin: int, end: int) -> Iterator[memoryview]:
        i = bisect_right(self._ends, begin)
        while begin < end:
            start = self._ends[i] - len(self.pieces[i])
            stop = min(end, self._ends[i])
            yield self.pieces[i][begin - start : stop - start]
            begin, i = stop, i + 1


Bytes = memoryview | Rope


def pieces_of(data: bytes | bytearray | Bytes) -> list[memoryview]:
    return data.pieces if isinstance(data, Rope) else [memoryview(data)]
