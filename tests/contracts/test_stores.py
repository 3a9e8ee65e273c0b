"""The contract suite on every store of the table, and on one that breaks it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelkeep.stores import open_store
from modelkeep.stores.cached import CachedStore
from modelkeep.stores.local import LocalStore
from modelkeep.stores.memory import MemoryStore
from modelkeep.testing import StoreSuite
from s3_server import S3Server, s3_server


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_server() as running:
        yield running


class TestLocal(StoreSuite):
    def make(self, tmp_path):
        return open_store(tmp_path / "store")

    def raw_get(self, store, key):
        path = Path(store.url, key)
        return path.read_bytes() if path.is_file() else None

    def raw_put(self, store, key, data):
        path = Path(store.url, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


class TestMemory(StoreSuite):
    def make(self, tmp_path):
        return MemoryStore()

    def raw_get(self, store, key):
        return store._values[key].data if key in store._values else None

    def raw_put(self, store, key, data):
        store._values.write(key, data)


class TestBucket(StoreSuite):
    @pytest.fixture(autouse=True)
    def _start(self, server):
        self.server = server

    def make(self, tmp_path):
        return open_store(f"s3://{self.server.bucket()}/some/models")

    def raw_get(self, store, key):
        return self.server.read(store._bucket, f"some/models/{key}")

    def raw_put(self, store, key, data):
        self.server.write(store._bucket, f"some/models/{key}", data)


class TestCached(TestMemory):
    """Beside the folder whose values are kept, it is as if there were no cache."""

    def make(self, tmp_path):
        return CachedStore(MemoryStore(), tmp_path / "cache", 100 << 20)

    def raw_get(self, store, key):
        return super().raw_get(store._inner, key)

    def raw_put(self, store, key, data):
        super().raw_put(store._inner, key, data)


class TestCachedObjects(TestCached):
    """The folder whose values are kept: they never change, so that what others write over them is not promised."""

    prefix = "objects/"

    def raw_put(self, store, key, data):
        super().raw_put(store, key, data)
        store.forget(key)

    def test_nobody_reads_half_of_a_value(self, tmp_path):
        store, data = self.make(tmp_path), os.urandom(9 << 20)
        store.put("objects/a", data)
        assert [store.get("objects/a") == data for _ in range(3)] == [True] * 3


class Overwriting(LocalStore):
    """A store whose ``create`` looks first, and then writes."""

    def create(self, key, data):
        there = self.size(key) is not None
        self.put(key, data)
        return not there


class Tearing(MemoryStore):
    """A store that writes one half after the other."""

    def put(self, key, data):
        super().put(key, data[: len(data) // 2])
        time.sleep(0.001)
        super().put(key, data)


class Sharing(MemoryStore):
    """A store that hands out its own memory."""

    def get(self, key):
        value = self._values.get(key)
        if value is None:
            return None
        mine = bytearray(value.data)
        self._values[key] = value._replace(data=mine)
        return memoryview(mine)


@pytest.mark.parametrize(
    ("suite", "broken", "test"),
    [
        (TestLocal, Overwriting, "test_create_writes_once"),
        (TestLocal, Overwriting, "test_exactly_one_creates"),
        (TestMemory, Tearing, "test_nobody_reads_half_of_a_value"),
        (TestMemory, Sharing, "test_memory_is_not_shared"),
    ],
)
def test_the_suite_fails_on_a_store_that_breaks_its_contract(tmp_path, suite, broken, test):
    class Suite(suite):
        def make(self, tmp_path):
            return broken(str(tmp_path / "store") if broken is Overwriting else "memory://")

    with pytest.raises(AssertionError):
        getattr(Suite(), test)(tmp_path)
