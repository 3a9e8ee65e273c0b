"""A sealed store: it behaves as the store inside it, reveals nothing, and notices whatever somebody changes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelkeep import sealing, store_keys
from modelkeep.errors import RegistryError, SealError, UsageError
from modelkeep.seals import age, wrapping
from modelkeep.store import Store
from modelkeep.stores.local import LocalStore
from modelkeep.stores.memory import MemoryStore
from modelkeep.stores.sealed import _BOX, _CHUNK, _HEAD, KEY_FILE, SealedStore
from modelkeep.testing import StoreSuite
from modelkeep.testing import stores as testing_stores

KEY = bytes(range(32))
SIZES = [0, 1, 100, _CHUNK - 1, _CHUNK, _CHUNK + 1, 3 * _CHUNK, 3 * _CHUNK + 5]


@pytest.fixture(params=["memory", "local"])
def inner(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return MemoryStore() if request.param == "memory" else LocalStore(tmp_path / "store")


@pytest.fixture
def store(inner: Store) -> SealedStore:
    return SealedStore(inner, KEY)


def keys(store: Store, folder: str = "") -> Iterator[str]:
    listing = store.list(folder)
    start = f"{folder}/" if folder else ""
    yield from (start + entry.name for entry in listing.entries)
    for name in listing.folders:
        yield from keys(store, start + name)


def value(store: Store, key: str) -> bytes:
    data = store.get(key)
    assert data is not None
    return bytes(data)


# -- as the store inside -----------------------------------------------------------------------------------------------


class SealedSuite(StoreSuite):
    """The contract of a store, with one part less: a part of a key may have half the characters."""

    def raw_get(self, store: Store, key: str) -> bytes | None:
        data = self.beside(store).get(key)
        return None if data is None else bytes(data)

    def raw_put(self, store: Store, key: str, data: bytes) -> None:
        self.beside(store).put(key, data)

    def beside(self, store: Store) -> SealedStore:
        """Another with the same key, as another process has it."""
        assert isinstance(store, SealedStore)
        return SealedStore(store.inner, KEY)

    @pytest.fixture(autouse=True)
    def _shorter(self, monkeypatch: pytest.MonkeyPatch) -> None:
        short = tuple(key[:128] for key in testing_stores._ALLOWED)
        monkeypatch.setattr(testing_stores, "_ALLOWED", short)


class TestOverMemory(SealedSuite):
    def make(self, tmp_path: Path) -> Store:
        return SealedStore(MemoryStore(), KEY)


class TestOverAFolder(SealedSuite):
    def make(self, tmp_path: Path) -> Store:
        return SealedStore(LocalStore(tmp_path / "store"), KEY)


class TestObjectsOverAFolder(TestOverAFolder):
    """Keys that are bound to their last part only, and move by a rename."""

    prefix = "objects/"


@pytest.mark.parametrize("size", SIZES)
def test_values_come_back_whole_and_in_ranges(store: SealedStore, size: int) -> None:
    data = os.urandom(size)
    store.put("a/b", data)
    assert value(store, "a/b") == data
    assert store.size("a/b") == size
    ends = {0, 1, size // 2, size, size + 1, _CHUNK - 1, _CHUNK, _CHUNK + 1, 2 * _CHUNK, size + 3 * _CHUNK}
    for start in ends:
        for length in (0, 1, 7, _CHUNK, _CHUNK + 1, size, 4 * _CHUNK):
            found = store.get_range("a/b", start, length)
            assert found is not None
            assert found == data[start : start + length], (start, length)


def test_what_is_not_there_is_none(store: SealedStore) -> None:
    assert store.get("a") is store.get_range("a", 0, 1) is store.size("a") is store.fingerprint("a") is None
    assert not store.move("a", "b")
    store.delete("a")
    assert store.list("") == store.list("a/b") == ([], [])


def test_a_key_is_created_once(store: SealedStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda i: store.create("a/1", b"%d" % i), range(32)))
    assert won.count(True) == 1
    assert value(store, "a/1") == b"%d" % won.index(True)


def test_listings_have_the_plain_names_and_sizes(store: SealedStore) -> None:
    store.put("models/iris/versions/00000001.json", b"{}")
    store.put("models/iris/versions/00000002.json", bytes(_CHUNK + 9))
    store.put("models/wine/head", b"")
    top, versions = store.list("models"), store.list("models/iris/versions")
    assert sorted(top.folders) == ["iris", "wine"]
    assert top.entries == []
    assert {(entry.name, entry.size) for entry in versions.entries} == {
        ("00000001.json", 2),
        ("00000002.json", _CHUNK + 9),
    }
    assert store.list("").folders == ["models"]


@pytest.mark.parametrize(
    ("key", "to"), [("objects/abc.zst", "trash/run/abc.zst"), ("a/b", "a/c"), ("a/b", "a/b"), ("objects/a", "x/a")]
)
def test_values_move(store: SealedStore, key: str, to: str) -> None:
    store.put(key, b"data")
    store.put("objects/other", b"other")
    assert store.move(key, to)
    assert value(store, to) == b"data"
    assert set(keys(store)) == {to, "objects/other"}
    assert store.move(to, key)
    assert value(store, key) == b"data"


def test_objects_move_without_being_read(store: SealedStore, inner: Store) -> None:
    store.put("objects/abc", b"data")
    before = {bytes(inner.get(key) or b"") for key in keys(inner)}
    store.move("objects/abc", "trash/1/abc")
    assert {bytes(inner.get(key) or b"") for key in keys(inner)} == before


def test_a_fingerprint_changes_with_the_value(store: SealedStore) -> None:
    store.put("a", b"1")
    before = store.fingerprint("a")
    store.put("a", b"2")
    assert before is not None
    assert store.fingerprint("a") != before


def test_wrong_calls(store: SealedStore) -> None:
    for key in ("", "a//b", "../a", "a\0"):
        with pytest.raises(UsageError, match="is not a key of a store"):
            store.get(key)
    with pytest.raises(UsageError, match="there are no bytes from -1 on"):
        store.get_range("a", -1, 1)
    with pytest.raises(UsageError, match="too long for a key of a sealed store"):
        store.put("a" * 144, b"")
    with pytest.raises(UsageError, match="has 32 bytes"):
        SealedStore(MemoryStore(), b"short")


@given(parts=st.lists(st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", fullmatch=True), min_size=1, max_size=4))
@settings(max_examples=60)
def test_any_name_comes_back(parts: list[str]) -> None:
    inner = MemoryStore()
    store = SealedStore(inner, KEY)
    key = "/".join(parts)
    store.put(key, b"x")
    assert list(keys(store)) == [key]
    assert all(re.fullmatch(r"[a-z2-7]{77,231}", part) for found in keys(inner) for part in found.split("/"))


# -- nothing is revealed -----------------------------------------------------------------------------------------------


def test_names_and_values_reveal_nothing(store: SealedStore, inner: Store) -> None:
    words = [b"iris", b"production", b"secret-model", b"versions"]
    store.put("models/iris/versions/secret-model", b"iris production " * 100)
    store.put("models/wine/versions/secret-model", b"iris production " * 100)
    (first, second) = sorted(keys(inner))
    for found in (first, second):
        stored = found.encode() + value(inner, found)
        assert not any(word in stored.lower() for word in words)
    # The same names in two folders, and the same bytes twice, look different.
    assert first.split("/")[0] == second.split("/")[0]
    assert not set(first.split("/")[1:]) & set(second.split("/")[1:])
    assert value(inner, first)[_HEAD:] != value(inner, second)[_HEAD:]


def test_names_tell_only_a_class_of_length(store: SealedStore, inner: Store) -> None:
    for key in ("a", "a" * 32, "a" * 33, "a" * 64, "a" * 65, "a" * 128, "a" * 143):
        store.put(key, b"")
    assert sorted(len(key) for key in keys(inner)) == [77, 77, 128, 128, 231, 231, 255]


def test_the_same_value_twice_is_stored_differently(store: SealedStore, inner: Store) -> None:
    store.put("a", b"data")
    (key,) = keys(inner)
    before = value(inner, key)
    store.put("a", b"data")
    assert value(inner, key) != before


# -- everything is noticed ---------------------------------------------------------------------------------------------


def swapped(inner: Store, first: str, second: str) -> None:
    one, two = value(inner, first), value(inner, second)
    inner.put(first, two)
    inner.put(second, one)


def test_swapped_values_are_refused(store: SealedStore, inner: Store) -> None:
    pairs = [("a/1", "a/2"), ("a/1", "b/1"), ("objects/x", "objects/y"), ("objects/x", "a/x"), ("trash/1/x", "a/y")]
    for first, second in pairs:
        store.put(first, b"one")
        store.put(second, b"two")
        swapped(inner, store._names.sealed(first), store._names.sealed(second))
        for key in (first, second):
            with pytest.raises(SealError, match=rf"^{key}: it was changed, cut short, or put under another key"):
                store.get(key)
            with pytest.raises(SealError):
                store.get_range(key, 0, 1)


def test_every_changed_byte_and_every_cut_is_refused() -> None:
    inner = MemoryStore()
    store = SealedStore(inner, KEY)
    store.put("a", b"some plaintext")
    (key,) = keys(inner)
    data = bytearray(value(inner, key))
    for i in range(len(data)):
        for change in (1, 0x80):
            data[i] ^= change
            inner.put(key, data)
            with pytest.raises(SealError, match=r"^a: "):
                store.get("a")
            with pytest.raises(SealError, match=r"^a: "):
                store.get_range("a", 0, 3)
            data[i] ^= change
        inner.put(key, data[:i])
        with pytest.raises(SealError, match=r"^a: "):
            store.get("a")
        with pytest.raises(SealError, match=r"^a: "):
            store.get_range("a", 99, 3)
    inner.put(key, data + b"\0")
    with pytest.raises(SealError, match=r"^a: "):
        store.get("a")


def test_a_change_is_noticed_in_the_range_that_holds_it(store: SealedStore, inner: Store) -> None:
    data = os.urandom(4 * _CHUNK)
    store.put("a", data)
    (key,) = keys(inner)
    changed = bytearray(value(inner, key))
    changed[_HEAD + 2 * _BOX] ^= 1
    inner.put(key, changed)
    assert store.get_range("a", _CHUNK, 10) == data[_CHUNK : _CHUNK + 10]
    with pytest.raises(SealError):
        store.get_range("a", 2 * _CHUNK + 77, 1)


@pytest.mark.parametrize("boxes", [1, 2, 3])
def test_a_value_cut_between_chunks_has_no_end(store: SealedStore, inner: Store, boxes: int) -> None:
    store.put("a", bytes(4 * _CHUNK))
    (key,) = keys(inner)
    inner.put(key, value(inner, key)[: _HEAD + boxes * _BOX])
    for start in (boxes * _CHUNK - 1, boxes * _CHUNK, 4 * _CHUNK, 9 * _CHUNK):
        with pytest.raises(SealError):
            store.get_range("a", start, 10)


def test_a_value_written_anew_between_two_calls_is_read_whole(store: SealedStore, inner: Store) -> None:
    store.put("a", b"first value")
    real, times = inner.get_range, []

    def raced(key: str, start: int, size: int) -> memoryview | None:
        if not times:
            times.append(1)
            found = real(key, start, size)
            store.put("a", b"another one, longer")
            return found
        return real(key, start, size)

    inner.get_range = raced  # type: ignore[method-assign]
    found = store.get_range("a", 0, 7)
    assert found is not None
    assert bytes(found) == b"another"


def test_foreign_names_are_told(store: SealedStore, inner: Store) -> None:
    store.put("models/iris/a", b"1")
    inner.put("plain", b"x")
    with pytest.raises(SealError, match="a name 'plain' in 'the top' that was not sealed with its key"):
        store.list("")
    inner.delete("plain")
    renamed = store._names.sealed("models/iris/a").replace(store._names.sealed("models/iris"), "aaaa", 1)
    inner.put(renamed, b"x")
    with pytest.raises(SealError, match="a name 'aaaa'"):
        store.list("")


def test_another_key_opens_nothing(store: SealedStore, inner: Store) -> None:
    store.put("a", b"data")
    other = SealedStore(inner, bytes(32))
    assert other.get("a") is None
    with pytest.raises(SealError, match="not sealed with its key"):
        other.list("")


# -- the key file ------------------------------------------------------------------------------------------------------


def test_the_key_is_made_once_and_opens_for_its_recipients(inner: Store) -> None:
    (secret, recipient), (other, second) = age.new_identity(), age.new_identity()
    assert not store_keys.is_sealed(inner)
    key = store_keys.create_key(inner, [recipient])
    assert store_keys.is_sealed(inner)
    assert len(key) == 32
    assert store_keys.open_key(inner, identity=lambda: secret) == key
    with pytest.raises(SealError, match=r"registry\.age: the identity is not among the recipients"):
        store_keys.open_key(inner, identity=lambda: other)
    with pytest.raises(RegistryError, match="the store is sealed already"):
        store_keys.create_key(inner, [second])
    assert store_keys.add_recipients(inner, [second], identity=lambda: secret) == (recipient, second)
    assert store_keys.open_key(inner, identity=lambda: other) == store_keys.open_key(inner, lambda: secret) == key


def test_of_several_creators_one_makes_the_key(inner: Store) -> None:
    secret, recipient = age.new_identity()

    def make(_: int) -> bytes | None:
        try:
            return store_keys.create_key(inner, [recipient])
        except RegistryError:
            return None

    with ThreadPoolExecutor(8) as pool:
        made = [key for key in pool.map(make, range(16)) if key]
    assert made == [store_keys.open_key(inner, identity=lambda: secret)]


def test_a_key_under_a_passphrase(inner: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wrapping, "WORK_FACTOR", 10)
    key = store_keys.create_key(inner, passphrase=lambda: "p")
    assert store_keys.open_key(inner, passphrase=lambda: "p") == key
    with pytest.raises(SealError, match="the passphrase is wrong"):
        store_keys.open_key(inner, passphrase=lambda: "q")
    with pytest.raises(SealError, match="age allows no recipients beside one"):
        store_keys.add_recipients(inner, [age.new_identity()[1]], passphrase=lambda: "p")


def test_the_key_file_is_no_key_of_the_sealed_store(inner: Store) -> None:
    secret, recipient = age.new_identity()
    store = SealedStore(inner, store_keys.create_key(inner, [recipient]))
    assert store.list("") == ([], [])
    store.put(KEY_FILE, b"a key of that name is another")
    assert [entry.name for entry in store.list("").entries] == [KEY_FILE]
    assert store_keys.open_key(inner, identity=lambda: secret)


def test_a_plain_store_is_not_sealed_over(inner: Store) -> None:
    inner.put("models/iris", b"x")
    with pytest.raises(RegistryError, match="it would stay unsealed"):
        store_keys.create_key(inner, [age.new_identity()[1]])
    assert not store_keys.is_sealed(inner)
    with pytest.raises(RegistryError, match="it has no key file"):
        store_keys.open_key(inner, identity="nothing")


def test_a_changed_key_file_is_refused(inner: Store) -> None:
    secret, recipient = age.new_identity()
    store_keys.create_key(inner, [recipient])
    data = bytearray(value(inner, KEY_FILE))
    data[-1] ^= 1
    inner.put(KEY_FILE, data)
    with pytest.raises(SealError, match=r"registry\.age: "):
        store_keys.open_key(inner, identity=lambda: secret)
    for text in (b"", b"something else\n", b"modelkeep sealed registry 1\nAAAA\n", b"\xff\xfe"):
        inner.put(KEY_FILE, sealed_text(text, recipient))
        with pytest.raises(SealError, match="holds no key of a store"):
            store_keys.open_key(inner, identity=lambda: secret)


def sealed_text(text: bytes, recipient: str) -> bytes:
    import io

    return b"".join(age.seal_stream(io.BytesIO(text), sealing.recipients_of(recipient)))
