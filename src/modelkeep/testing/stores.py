"""The contract of a store."""

from __future__ import annotations

import array
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from modelkeep.errors import UsageError
from modelkeep.testing.store_races import StoreRaces, bytes_of, names_in

_LARGE = 20 << 20
_REFUSED = (
    "", "/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/./b", ".a", "-a", "a/-b", "a b", "a\n", "a\0", "a\\b",
    "a:b", "a%2Fb", "a?b", "a*", "é", "a" * 256, "a/" + "b" * 256,
)  # fmt: skip
_ALLOWED = ("a", "A1", "_", "0", "a.b", "a..b", "a-", "a.", "x" * 255, "/".join("abcdefghij"), "tmp/a", "objects/tmp/x")


class StoreSuite(StoreRaces):
    """Subclass it, and say how to ``make`` an empty store, and how to reach what is in it beside the code under test.

    All keys begin with ``prefix``, for a store that treats some folders in its own way.
    """

    # -- single keys ---------------------------------------------------------------------------------------------------

    def test_it_has_a_name(self, tmp_path: Path) -> None:
        assert self.make(tmp_path).url

    def test_a_key_that_is_not_there_is_none(self, tmp_path: Path) -> None:
        store = self.make(tmp_path)
        for key in (self.key("a"), self.key("folder/a")):
            for found in (store.get(key), store.get_range(key, 0, 5), store.get_range(key, 0, 0), store.size(key)):
                assert found is None
            assert store.fingerprint(key) is None
            store.delete(key)
            assert store.move(key, self.key("b")) is False
            assert store.get(self.key("b")) is None

    def test_a_folder_is_not_a_key(self, tmp_path: Path) -> None:
        store = self.make(tmp_path)
        store.put(self.key("a/b"), b"1")
        folder = self.key("a")
        for found in (store.get(folder), store.get_range(folder, 0, 1), store.size(folder), store.fingerprint(folder)):
            assert found is None
        assert store.move(folder, self.key("c")) is False
        store.delete(folder)
        assert bytes_of(store.get(self.key("a/b"))) == b"1"

    def test_what_is_written_is_there(self, tmp_path: Path) -> None:
        store, key = self.make(tmp_path), self.key("a/b")
        for data in (b"first", b"", b"a longer one", b"s"):
            store.put(key, data)
            assert self.raw_get(store, key) == data
            assert bytes_of(store.get(key)) == data
            assert store.size(key) == len(data)
        store.delete(key)
        assert self.raw_get(store, key) is None
        assert store.get(key) is None

    def test_what_others_wrote_is_read(self, tmp_path: Path) -> None:
        store, key = self.make(tmp_path), self.key("a/b")
        self.raw_put(store, key, b"others")
        assert bytes_of(store.get(key)) == b"others"
        assert store.size(key) == 6
        assert store.create(key, b"mine") is False
        assert self.raw_get(store, key) == b"others"

    def test_create_writes_once(self, tmp_path: Path) -> None:
        store, key = self.make(tmp_path), self.key("a/b")
        for data in (b"first", b""):
            assert store.create(key, data) is True
            assert store.create(key, b"second") is False
            assert self.raw_get(store, key) == data
            store.delete(key)

    def test_ranges(self, tmp_path: Path) -> None:
        store, key = self.make(tmp_path), self.key("a")
        store.put(key, b"0123456789")
        for start, size in (
            (0, 10),
            (0, 4),
            (3, 4),
            (9, 1),
            (5, 100),
            (10, 1),
            (11, 5),
            (1 << 70, 1),
            (4, 0),
            (0, 1 << 70),
        ):
            assert bytes_of(store.get_range(key, start, size)) == b"0123456789"[start : start + size], (start, size)
        store.put(key, b"")
        assert bytes_of(store.get_range(key, 0, 5)) == b""
        for start, size in ((-1, 5), (0, -1)):
            _refuses(store.get_range, key, start, size)

    def test_every_kind_of_data_is_written(self, tmp_path: Path) -> None:
        store, key = self.make(tmp_path), self.key("a")
        numbers = array.array("d", [1.5, 2.5, 3.5, 4.5])
        grid = memoryview(numbers).cast("B").cast("d", (2, 2))
        every_other = memoryview(bytes(range(100)))[::2]
        kinds: list[Any] = [b"a", bytearray(b"ab"), memoryview(b"abc"), memoryview(numbers), grid, every_other]
        for data in kinds:
            whole = memoryview(data).tobytes()
            store.put(key, data)
            assert self.raw_get(store, key) == whole
            store.delete(key)
            assert store.create(key, data) is True
            assert self.raw_get(store, key) == whole

    def test_large_values(self, tmp_path: Path) -> None:
        store, key = self.make(tmp_path), self.key("a")
        data = os.urandom(_LARGE)
        store.put(key, data)
        assert bytes_of(store.get(key)) == data
        assert bytes_of(store.get_range(key, 1_000_003, 10_000_000)) == data[1_000_003:11_000_003]
        assert bytes_of(store.get_range(key, _LARGE - 5, _LARGE)) == data[-5:]
        assert store.create(self.key("b"), data) is True
        assert store.create(self.key("b"), data) is False
        assert bytes_of(store.get(self.key("b"))) == data

    def test_what_was_read_stays(self, tmp_path: Path) -> None:
        store, key = self.make(tmp_path), self.key("a")
        for data in (b"x" * 100, b"y" * (3 << 20)):
            store.put(key, data)
            views = [store.get(key), store.get_range(key, 0, len(data))]
            store.put(key, b"z" * len(data))
            store.delete(key)
            assert all(bytes_of(view) == data for view in views)

    def test_memory_is_not_shared(self, tmp_path: Path) -> None:
        store, key = self.make(tmp_path), self.key("a")
        for size in (100, 3 << 20):
            data = bytearray(b"x" * size)
            store.put(key, data)
            data[:5] = b"other"
            for view in (store.get(key), store.get_range(key, 0, size)):
                assert view is not None
                if not view.readonly:
                    view[:5] = b"other"
            assert bytes_of(store.get(key)) == b"x" * size

    def test_a_fingerprint_changes_with_every_write(self, tmp_path: Path) -> None:
        store, key = self.make(tmp_path), self.key("a")
        store.put(key, b"1")
        if store.fingerprint(key) is None:
            return
        seen = set()
        for number in range(20):
            data = b"%02d" % number
            self.raw_put(store, key, data) if number % 3 == 2 else store.put(key, data)
            assert store.fingerprint(key) == store.fingerprint(key)
            seen.add(store.fingerprint(key))
        assert len(seen) == 20
        assert None not in seen

    # -- keys and folders ----------------------------------------------------------------------------------------------

    def test_every_key_of_the_grammar_is_allowed(self, tmp_path: Path) -> None:
        for number, rest in enumerate(_ALLOWED):
            store, key = self.make(tmp_path / str(number)), self.prefix + rest
            store.put(key, b"1")
            assert store.create(key, b"2") is False
            folder, _, name = key.rpartition("/")
            assert [(entry.name, entry.size) for entry in store.list(folder).entries] == [(name, 1)]
            assert self.raw_get(store, key) == b"1"

    def test_no_other_key_is(self, tmp_path: Path) -> None:
        store = self.make(tmp_path)
        store.put("a", b"1")
        calls: list[tuple[Callable[..., object], tuple[object, ...]]] = [
            (store.get, ()), (store.get_range, (0, 1)), (store.size, ()), (store.fingerprint, ()),
            (store.put, (b"",)), (store.create, (b"",)), (store.move, ("b",)), (store.delete, ()),
        ]  # fmt: skip
        for key in _REFUSED:
            for call, rest in calls:
                _refuses(call, key, *rest)
            if key:
                _refuses(store.list, key)
        _refuses(store.move, "a", ".b")
        assert names_in(store, "") == (["a"], [])

    def test_a_listing_has_one_level(self, tmp_path: Path) -> None:
        store = self.make(tmp_path)
        for rest in ("a/1", "a/22", "a/b/3", "a/b/c/4", "a/d/5", "ab/6", "a.b"):
            store.put(self.key(rest), rest.encode())
        assert names_in(store, self.key("a")) == (["1", "22"], ["b", "d"])
        assert names_in(store, self.key("a/b")) == (["3"], ["c"])
        assert names_in(store, self.prefix.rstrip("/")) == (["a.b"], ["a", "ab"])
        assert names_in(store, "") == ([], [self.prefix.partition("/")[0]])
        entries = {entry.name: entry for entry in store.list(self.key("a")).entries}
        assert [entries[name].size for name in ("1", "22")] == [3, 4]
        assert all(entry.written > 1e9 for entry in entries.values())

    def test_many_keys_are_all_listed(self, tmp_path: Path) -> None:
        store = self.make(tmp_path)
        names = {f"{number:05}" for number in range(1_100)}  # more than a page of S3
        for name in names:
            self.raw_put(store, self.key(f"many/{name}"), b"")
        assert {entry.name for entry in store.list(self.key("many")).entries} == names

    def test_a_folder_is_there_as_long_as_a_key_is_in_it(self, tmp_path: Path) -> None:
        store = self.make(tmp_path)
        assert names_in(store, self.key("a")) == ([], [])
        store.put(self.key("a/b/c"), b"1")
        assert names_in(store, self.key("a/b/c")) == ([], [])
        store.put(self.key("x"), b"2")
        assert store.move(self.key("a/b/c"), self.key("d/e")) is True
        assert names_in(store, self.prefix.rstrip("/")) == (["x"], ["d"])
        store.delete(self.key("d/e"))
        assert names_in(store, self.prefix.rstrip("/")) == (["x"], [])
        store.put(self.key("a"), b"3")
        assert store.create(self.key("d"), b"4") is True
        assert names_in(store, self.prefix.rstrip("/")) == (["a", "d", "x"], [])

    def test_moving(self, tmp_path: Path) -> None:
        store = self.make(tmp_path)
        a, b = self.key("one/a"), self.key("two/b")
        for there in (None, b"was there"):
            store.put(a, b"moved")
            if there is not None:
                store.put(b, there)
            assert store.move(a, b) is True
            assert self.raw_get(store, a) is None
            assert self.raw_get(store, b) == b"moved"
            assert store.get(a) is None
            assert bytes_of(store.get(b)) == b"moved"
        assert store.move(a, b) is False
        assert store.move(b, b) is True
        assert self.raw_get(store, b) == b"moved"


def _refuses(call: Callable[..., object], *arguments: object) -> None:
    try:
        call(*arguments)
    except UsageError as error:
        assert error.hint
    else:
        raise AssertionError(f"a call went through that should have been refused: {arguments}")
