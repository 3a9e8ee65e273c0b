"""The cache before a store: what it keeps, what it drops, and that it never stands in the way."""

from __future__ import annotations

import errno
import os
import threading
from collections import Counter
from pathlib import Path

import pytest

from modelkeep.errors import StorageError
from modelkeep.stores import cached
from modelkeep.stores.cached import CachedStore
from modelkeep.stores.memory import MemoryStore


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file())


def failing(code):
    def fail(*_, **__):
        raise OSError(code, os.strerror(code))

    return fail


class Counting(MemoryStore):
    """A store that counts what is asked of it."""

    def __init__(self):
        super().__init__()
        self.asked = Counter()

    def get(self, key):
        self.asked["get"] += 1
        return super().get(key)

    def get_range(self, key, start, size):
        self.asked["range"] += 1
        assert size <= 8 << 20
        return super().get_range(key, start, size)


@pytest.fixture
def inner():
    return Counting()


def cache_of(inner, folder, limit=100_000_000, **options):
    return CachedStore(inner, folder / "cache", limit, **options)


def test_what_never_changes_is_fetched_once(tmp_path, inner):
    large = os.urandom((20 << 20) + 3)
    for key, data in (("objects/a", b"1"), ("objects/b", b""), ("objects/c", large), ("heads/a", b"2")):
        inner.put(key, data)
    store = cache_of(inner, tmp_path)
    for key in ("objects/a", "objects/b", "objects/c"):
        assert store.get(key) == inner._values[key].data
    assert inner.asked == {"range": 1 + 1 + 3}  # in pieces, never as a whole
    inner.asked.clear()
    for again in (store, cache_of(inner, tmp_path)):
        assert again.get("objects/c") == large
        assert again.get_range("objects/c", 5, 100) == large[5:105]
        assert again.get("objects/a") == b"1"
    assert inner.asked == {}
    assert store.get("heads/a") == store.get("heads/a") == b"2"
    assert inner.asked == {"get": 2}
    assert oct((tmp_path / "cache").glob("*").__next__().stat().st_mode)[-3:] == "600"


def test_stores_in_one_folder_are_kept_apart(tmp_path, inner):
    other = Counting()
    inner.put("objects/a", b"1")
    other.put("objects/a", b"2")
    assert cache_of(inner, tmp_path, namespace="one").get("objects/a") == b"1"
    assert cache_of(other, tmp_path, namespace="two").get("objects/a") == b"2"
    assert cache_of(other, tmp_path, namespace="one").get("objects/a") == b"1"  # whoever says so


def kept(folder):
    return sum(path.stat().st_size for path in (folder / "cache").iterdir())


def test_the_least_recently_used_goes_first(tmp_path, inner, monkeypatch):
    for name in "abcdef":
        inner.put(f"objects/{name}", name.encode() * 1000)
    store, clock = cache_of(inner, tmp_path, 4_500), iter(range(1, 1000))
    monkeypatch.setattr(cached, "_MINUTE", 0.0)

    def use(name):
        view = store.get(f"objects/{name}")
        now, path = next(clock), store._path(f"objects/{name}")
        for each in (path, path + ".used"):
            if os.path.exists(each) and (each != path or not os.path.exists(path + ".used")):
                os.utime(each, (now, now))
        return view

    mapped = use("a")
    for name in "bcda":
        use(name)
    use("e")  # b and c were used before a: one is enough, the second is the spare room
    assert kept(tmp_path) <= 4_500
    inner.asked.clear()
    for name, asked in (("a", 0), ("e", 0), ("b", 1)):
        assert store.get(f"objects/{name}") == name.encode() * 1000
        assert inner.asked["range"] == asked, name
    assert mapped == b"a" * 1000


def test_a_mapped_value_outlives_its_file(tmp_path, inner):
    data = os.urandom(3 << 20)
    inner.put("objects/a", data)
    inner.put("objects/b", data)
    store = cache_of(inner, tmp_path, 4 << 20)
    store.get("objects/a")
    view = store.get("objects/a")
    store._counted = -1e9
    assert store.get("objects/b") == data
    assert not os.path.exists(store._path("objects/a"))
    assert view == data


def test_what_does_not_fit_is_not_kept(tmp_path, inner):
    inner.put("objects/a", b"x" * 1001)
    inner.put("objects/b", b"x" * (9 << 20))
    store = cache_of(inner, tmp_path, 1000)
    assert store.get("objects/a") == b"x" * 1001
    assert store.get("objects/b") == b"x" * (9 << 20)
    assert not (tmp_path / "cache").exists()


def test_damage_shows_and_can_be_forgotten(tmp_path, inner):
    inner.put("objects/a", b"right")
    store = cache_of(inner, tmp_path)
    assert store.get("objects/a") == b"right"
    before = store.fingerprint("objects/a")
    store.get("objects/a")
    assert store.fingerprint("objects/a") == before  # a use is no change
    Path(store._path("objects/a")).write_bytes(b"wrong")
    assert store.fingerprint("objects/a") != before
    assert store.get("objects/a") == b"wrong"
    store.forget("objects/a")
    assert store.get("objects/a") == b"right"
    store.delete("objects/a")
    assert store.get("objects/a") is None
    assert store.fingerprint("objects/a") is None


@pytest.mark.parametrize(
    ("call", "code"),
    [("mkdir", errno.EROFS), ("write", errno.ENOSPC), ("replace", errno.EACCES), ("scandir", errno.EIO)],
)
def test_a_folder_that_can_not_be_written_is_no_reason_to_fail(tmp_path, inner, monkeypatch, call, code):
    inner.put("objects/a", b"1")
    inner.put("objects/b", b"2" * (9 << 20))
    store = cache_of(inner, tmp_path)
    monkeypatch.setattr(os, call, failing(code))
    for _ in range(2):
        assert store.get("objects/a") == b"1"
        assert store.get("objects/b") == b"2" * (9 << 20)
    monkeypatch.undo()
    assert files(tmp_path) == []


def test_an_error_of_the_store_itself_is_told(tmp_path, inner, monkeypatch):
    inner.put("objects/a", b"1")
    store = cache_of(inner, tmp_path)

    def fail(*_):
        raise StorageError("the line is down", hint="wait")

    monkeypatch.setattr(inner, "get_range", fail)
    with pytest.raises(StorageError, match="the line is down"):
        store.get("objects/a")
    assert files(tmp_path) == []


def test_what_killed_readers_left_is_removed(tmp_path, inner):
    inner.put("objects/a", b"1")
    (tmp_path / "cache").mkdir()
    old, young, orphan = (tmp_path / "cache" / name for name in ("a.1.new", "b.2.new", "c.used"))
    for path in (old, young, orphan):
        path.write_bytes(b"half")
    os.utime(old, (1, 1))
    store = cache_of(inner, tmp_path)
    assert store.get("objects/a") == b"1"
    assert not old.exists()
    assert young.exists()
    assert not orphan.exists()


def test_several_that_evict_at_once_do_not_disturb(tmp_path, inner):
    for number in range(40):
        inner.put(f"objects/{number}", b"%03d" % number * 1000)

    def work(stores=2):
        store = cache_of(inner, tmp_path, 20_000)
        for number in [*range(40), *range(40)]:
            good.append(store.get(f"objects/{number}") == b"%03d" % number * 1000)

    good = []
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert good == [True] * 320
    cache_of(inner, tmp_path, 20_000).get("objects/0")
    store = cache_of(inner, tmp_path, 20_000)
    store._make_room(3000)
    assert kept(tmp_path) <= 20_000
