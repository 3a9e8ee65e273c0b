"""The contract of a store where several use it at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar, TypeVar

from modelkeep.store import Store

T = TypeVar("T")


class StoreRaces:
    """The part of ``StoreSuite`` with threads in it, and the hooks of all of it."""

    prefix: ClassVar[str] = "suite/"

    def make(self, tmp_path: Path) -> Store:
        raise NotImplementedError("return a store without a key in it")

    def raw_get(self, store: Store, key: str) -> bytes | None:
        raise NotImplementedError("return the bytes of a key")

    def raw_put(self, store: Store, key: str, data: bytes) -> None:
        raise NotImplementedError("write the bytes of a key as another program would")

    def key(self, rest: str) -> str:
        return self.prefix + rest

    def test_exactly_one_creates(self, tmp_path: Path) -> None:
        store, threads = self.make(tmp_path), 8
        for number in range(10):
            key, start = self.key(f"{number}/a"), threading.Barrier(threads)

            def create(who: int, key: str = key, start: threading.Barrier = start) -> bool:
                start.wait()
                return store.create(key, b"%d" % who * 1000)

            told = _at_once(create, range(threads))
            assert sum(told) == 1, told
            assert self.raw_get(store, key) == b"%d" % told.index(True) * 1000

    def test_nobody_reads_half_of_a_value(self, tmp_path: Path) -> None:
        store, key, done = self.make(tmp_path), self.key("a"), threading.Event()
        values = [b"x" * (3 << 20), b"y" * ((3 << 20) + 77)]
        store.put(key, values[0])

        def write(_: int) -> int:
            try:
                for number in range(20):
                    store.put(key, values[number % 2])
            finally:
                done.set()
            return 0

        def read(_: int) -> int:
            torn = 0
            while not done.is_set():
                found = bytes_of(store.get(key))
                torn += found != values[0] and found != values[1]
            return torn

        assert _at_once(lambda who: (read if who else write)(who), range(3)) == [0, 0, 0]

    def test_a_moved_value_is_never_lost(self, tmp_path: Path) -> None:
        store, rounds = self.make(tmp_path), range(30)
        pairs = [(self.key(f"from{number}/a"), self.key(f"to{number}/a")) for number in rounds]
        for source, _ in pairs:
            store.put(source, b"moved")
        start = threading.Barrier(2)

        def move(_: int) -> bool:
            start.wait()
            return all(store.move(*pair) for pair in pairs)

        def read(_: int) -> bool:
            start.wait()
            return all(store.get(source) or store.get(target) for source, target in pairs for _ in range(3))

        assert _at_once(lambda who: (read if who else move)(who), range(2)) == [True, True]

    def test_a_folder_that_empties_takes_no_new_key_along(self, tmp_path: Path) -> None:
        store = self.make(tmp_path)

        def work(who: int) -> bool:
            key = self.key(f"shared/deep/{who}")
            good = True
            for _ in range(25):
                good &= store.create(key, b"1") is True and bytes_of(store.get(key)) == b"1"
                store.delete(key)
            return good

        assert _at_once(work, range(4)) == [True] * 4
        assert names_in(store, "") == ([], [])


def bytes_of(view: memoryview | None) -> bytes | None:
    return None if view is None else bytes(view)


def names_in(store: Store, folder: str) -> tuple[list[str], list[str]]:
    listing = store.list(folder)
    return sorted(entry.name for entry in listing.entries), sorted(listing.folders)


def _at_once(work: Callable[[int], T], whom: Iterable[int]) -> list[T]:
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(work, whom))
