"""Any sequence of calls on a store, against a dict."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from modelkeep.stores import open_store
from modelkeep.stores.cached import CachedStore
from modelkeep.stores.memory import MemoryStore
from s3_server import s3_server

# Some are folders of others, one at a time; the names of folders begin alike.
KEYS = st.sampled_from("a a/b a/c a/b/d ab ab/c objects/a objects/b objects/b/c x/y/z/w A.b-c_d".split())
DATA = st.one_of(st.binary(max_size=20), st.integers(1, 200).map(lambda n: bytes(range(256)) * n * 90))
FOLDERS = ("", "a", "a/b", "ab", "objects", "objects/b", "x", "x/y", "nothing")


class StoreMachine(RuleBasedStateMachine):
    """The dict is what a store must be; keys that are folders of others are left out, as no file system has them."""

    def __init__(self):
        super().__init__()
        self.model = {}
        self.prints = {}
        self.closing = contextlib.ExitStack()

    @initialize()
    def start(self):
        self.store = self.make()

    def teardown(self):
        self.closing.close()

    def fits(self, key):
        return not any(other.startswith(f"{key}/") or key.startswith(f"{other}/") for other in self.model)

    @rule(key=KEYS, data=DATA)
    def put(self, key, data):
        if self.fits(key):
            self.store.put(key, data)
            self.model[key] = data

    @rule(key=KEYS, data=DATA)
    def create(self, key, data):
        if self.fits(key):
            assert self.store.create(key, data) is (key not in self.model)
            self.model.setdefault(key, data)

    @rule(key=KEYS, to=KEYS)
    def move(self, key, to):
        if self.fits(to) and not to.startswith(f"{key}/") and not key.startswith(f"{to}/"):
            assert self.store.move(key, to) is (key in self.model)
            if key in self.model:
                self.model[to] = self.model.pop(key)

    @rule(key=KEYS)
    def delete(self, key):
        self.store.delete(key)
        self.model.pop(key, None)

    @rule(key=KEYS, start=st.integers(0, 30), size=st.one_of(st.integers(0, 30), st.just(1 << 40)))
    def read(self, key, start, size):
        want = self.model.get(key)
        got, part = self.store.get(key), self.store.get_range(key, start, size)
        assert (None if got is None else bytes(got)) == want
        assert (None if part is None else bytes(part)) == (None if want is None else want[start : start + size])
        assert self.store.size(key) == (None if want is None else len(want))
        assert (self.store.fingerprint(key) is None) is (want is None)

    @invariant()
    def listings_are_right(self):
        for folder in FOLDERS if hasattr(self, "store") else ():
            start = f"{folder}/" if folder else ""
            below = {key.removeprefix(start): data for key, data in self.model.items() if key.startswith(start)}
            listing = self.store.list(folder)
            entries = {entry.name: entry.size for entry in listing.entries}
            assert entries == {rest: len(data) for rest, data in below.items() if "/" not in rest}
            assert len(entries) == len(listing.entries)
            assert sorted(listing.folders) == sorted({rest.split("/")[0] for rest in below if "/" in rest})


class Local(StoreMachine):
    def make(self):
        return open_store(Path(self.closing.enter_context(tempfile.TemporaryDirectory())) / "store")


class Memory(StoreMachine):
    def make(self):
        return open_store("memory://")


class Cached(StoreMachine):
    """The cache has room for some of the values only."""

    def make(self):
        return CachedStore(MemoryStore(), self.closing.enter_context(tempfile.TemporaryDirectory()), 3_000_000)


class Bucket(StoreMachine):
    def make(self):
        return open_store(f"s3://{self.closing.enter_context(s3_server()).bucket()}/models")


_QUICK = settings(max_examples=30, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck))

TestLocal = Local.TestCase
TestMemory = Memory.TestCase
TestCached = Cached.TestCase
TestBucket = Bucket.TestCase
TestLocal.settings = TestMemory.settings = TestCached.settings = _QUICK
TestBucket.settings = settings(_QUICK, max_examples=3, stateful_step_count=12)
