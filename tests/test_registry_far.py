"""Registries in a bucket, behind a cache, sealed, and over a network that is cut."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import modelkeep as mk
from modelkeep import errors, sealing
from s3_server import s3_server

W = np.arange(50_000.0)  # large enough to be an object of its own


@pytest.fixture(scope="module")
def server():
    with s3_server() as running:
        yield running


@pytest.fixture
def place(server, tmp_path, monkeypatch):
    monkeypatch.setenv("MODELKEEP_CACHE", str(tmp_path / "cache"))
    return f"s3://{server.bucket()}/team/models"


class Counted:
    """A store that counts what it is asked; after ``fuse`` calls the network is cut."""

    def __init__(self, store, fuse=None):
        self._store, self.fuse, self.count = store, fuse, 0
        self.url = store.url

    def __getattr__(self, name):
        found = getattr(self._store, name)
        if not callable(found):
            return found

        def asked(*args):
            self.count += 1
            if self.fuse is not None and self.count > self.fuse:
                raise errors.StorageError("the network is gone", hint="try again")
            return found(*args)

        return asked


def cached_files() -> Iterator[Path]:
    return (file for file in Path(os.environ["MODELKEEP_CACHE"], "objects").rglob("*") if file.stat().st_size > 100_000)


# -- a bucket ----------------------------------------------------------------------------------------------------------


def test_a_bucket_is_a_registry(place):
    registry = mk.Registry(place)
    registry.save("net", {"w": W, "head": 1}, metrics={"accuracy": 0.9})
    second = registry.save("net", {"w": W, "head": 2}, metrics={"accuracy": 0.95})
    assert second.stored < 5000 < W.nbytes < second.size
    registry.set_alias("net", "production", 1)
    fresh = mk.Registry(place)
    assert fresh.load("net@production")["head"] == 1
    assert np.array_equal(fresh.load("net")["w"], W)
    assert [s.name for s in fresh.summaries()] == ["net"]
    registry.remove("net:2")
    assert registry.gc().objects == 1
    assert registry.fsck()


def test_a_folder_brought_to_a_bucket_is_the_same_registry(place, server, tmp_path):
    local = mk.Registry(tmp_path / "models")
    for i in range(50):
        local.save("m", {"i": i}, probe=False, metrics={"i": i})
    local.set_alias("m", "production", 40)
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    for file in (tmp_path / "models").rglob("*"):
        if file.is_file():
            server.write(bucket, f"{prefix}/{file.relative_to(tmp_path / 'models')}", file.read_bytes())
    far = mk.Registry(place)
    assert [v.as_dict() for v in far.versions("m")] == [v.as_dict() for v in local.versions("m")]
    assert far.summaries() == local.summaries()
    assert far.fsck()


def test_looking_takes_fewer_than_ten_requests(place):
    registry = mk.Registry(place)
    for name in ("a", "b", "c"):
        for i in range(12):
            registry.save(name, {"i": i}, probe=False, metrics={"i": i})
        registry.set_alias(name, "production", 7)
    asked = {
        "load": lambda fresh: fresh.load("b@production"),
        "list": lambda fresh: fresh.summaries(),
        "show": lambda fresh: fresh.version("b@production"),
        "list name": lambda fresh: fresh.versions("b"),
    }
    counts = {}
    for what, ask in asked.items():
        store = Counted(registry.store)
        ask(mk.Registry(store))
        counts[what] = store.count
    print(counts)
    assert max(counts.values()) < 10


def test_a_bucket_that_is_not_there(server):
    with pytest.raises(errors.StorageError, match="there is no such bucket"):
        mk.Registry("s3://nobody-made-this/x").load("iris")


# -- the cache ---------------------------------------------------------------------------------------------------------


def test_objects_are_fetched_once_and_damage_in_the_cache_is_mended(place):
    mk.Registry(place).save("net", {"w": W})
    mk.Registry(place).load("net")
    [file] = cached_files()
    data = bytearray(file.read_bytes())
    data[70_000] ^= 1
    file.write_bytes(data)
    assert np.array_equal(mk.Registry(place).load("net")["w"], W)
    [file] = cached_files()
    assert file.read_bytes() == W.tobytes()


def test_a_cache_of_nothing_keeps_nothing(place):
    mk.Registry(place).save("net", {"w": W})
    mk.Registry(place, cache_bytes=0).load("net")
    assert not Path(os.environ["MODELKEEP_CACHE"], "objects").exists()


# -- copies over a network that is cut ---------------------------------------------------------------------------------


def test_a_copy_that_was_cut_off_goes_on_where_it_was(tmp_path):
    home = mk.Registry(tmp_path / "home")
    home.save("net", {f"w{i}": W + i for i in range(5)})
    target = mk.Registry(tmp_path / "target")
    target.save("other", {"x": 1})
    cut_off = []
    for fuse in range(100):
        store = Counted(target.store, fuse)
        try:
            [version] = home.copy("net", mk.Registry(store))
            break
        except errors.StorageError as error:
            cut_off.append(str(error))
    assert len(cut_off) > 10
    assert set(cut_off) == {"the network is gone"}
    assert version == 1
    assert [int(v) for v in target.versions("net")] == [1]
    objects = sorted((tmp_path / "target" / "objects").iterdir())
    assert len(objects) == len(list((tmp_path / "home" / "objects").iterdir())) + 1
    assert np.array_equal(target.load("net")["w3"], W + 3)
    assert target.fsck()


# -- sealed ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def keys(tmp_path):
    made = [sealing.new_identity() for _ in range(3)]
    for i, (secret, _) in enumerate(made):
        (tmp_path / f"key{i}").write_text(secret)
    return [recipient for _, recipient in made]


def test_a_sealed_registry_tells_nothing_and_shares_objects(keys, tmp_path):
    registry = mk.Registry(tmp_path / "sealed", seal_to=keys[:2], identity=str(tmp_path / "key0"))
    registry.save("secret-net", {"w": W, "note": "very-secret"}, message="hush", tags={"team": "moles"})
    second = registry.save("secret-net", {"w": W, "note": "also"})
    assert second.stored < 10_000
    registry.set_alias("secret-net", "production", 1)
    everything = b"".join(f.read_bytes() + str(f).encode() for f in (tmp_path / "sealed").rglob("*") if f.is_file())
    for word in (b"secret", b"hush", b"moles", b"production", b"versions", b"objects", W[:100].tobytes()):
        assert word not in everything
    for i in (0, 1):
        again = mk.Registry(tmp_path / "sealed", identity=str(tmp_path / f"key{i}"))
        assert again.load("secret-net@production")["note"] == "very-secret"
    registry.remove("secret-net:2")
    assert registry.gc().objects == 1
    assert registry.fsck()


def test_a_sealed_registry_stays_shut_for_others(keys, tmp_path):
    mk.Registry(tmp_path / "sealed", seal_to=keys[:1]).save("net", {"w": 1})
    with pytest.raises(errors.SealError, match="is sealed"):
        mk.Registry(tmp_path / "sealed").load("net")
    with pytest.raises(errors.SealError):
        mk.Registry(tmp_path / "sealed", identity=str(tmp_path / "key2")).load("net")
    with pytest.raises(errors.SealError):
        mk.Registry(tmp_path / "sealed").save("net", {"w": 2})
    mk.Registry(tmp_path / "open").save("net", {"w": 1})
    with pytest.raises(errors.RegistryError, match="is not sealed"):
        mk.Registry(tmp_path / "open", identity=str(tmp_path / "key0")).load("net")


def test_an_identity_alone_does_not_seal(keys, tmp_path):
    with pytest.raises(errors.SealError, match="can't be sealed with an identity alone"):
        mk.Registry(tmp_path / "new", identity=str(tmp_path / "key0")).save("net", {"w": 1})


def test_a_registry_sealed_with_a_passphrase(tmp_path, monkeypatch):
    monkeypatch.setenv("REGISTRY_WORDS", "correct horse battery staple")
    mk.Registry(tmp_path / "sealed", passphrase="env:REGISTRY_WORDS").save("net", {"w": 1})
    assert mk.Registry(tmp_path / "sealed", passphrase=lambda: "correct horse battery staple").load("net") == {"w": 1}
    with pytest.raises(errors.SealError, match="passphrase"):
        mk.Registry(tmp_path / "sealed", passphrase=lambda: "wrong").load("net")


def test_a_changed_byte_of_a_sealed_registry_is_refused(keys, tmp_path):
    registry = mk.Registry(tmp_path / "sealed", seal_to=keys[:1], identity=str(tmp_path / "key0"))
    registry.save("net", {"w": W})
    for file in sorted((tmp_path / "sealed").rglob("*")):
        if file.is_file():
            data = file.read_bytes()
            file.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
            try:
                model = mk.Registry(tmp_path / "sealed", identity=str(tmp_path / "key0")).load("net")
            except errors.ModelkeepError:
                pass
            else:  # a key that this load did not need
                assert np.array_equal(model["w"], W)
            file.write_bytes(data)
    assert np.array_equal(mk.Registry(tmp_path / "sealed", identity=str(tmp_path / "key0")).load("net")["w"], W)


def test_a_copied_sealed_folder_opens_with_its_key(keys, tmp_path):
    registry = mk.Registry(tmp_path / "sealed", seal_to=keys[:1], identity=str(tmp_path / "key0"))
    registry.save("net", {"w": 1})
    subprocess.run(["cp", "-r", tmp_path / "sealed", tmp_path / "copy"], check=True)
    assert mk.Registry(tmp_path / "copy", identity=str(tmp_path / "key0")).load("net") == {"w": 1}
    plain = mk.Registry(tmp_path / "plain")
    assert registry.copy("net", plain) == [1]
    assert plain.load("net") == {"w": 1}
