"""What a URL names, and what is said where nothing is there."""

from __future__ import annotations

import importlib.metadata
import os

import pytest

from modelkeep.errors import StorageError, UsageError
from modelkeep.stores import open_store
from modelkeep.stores.local import LocalStore
from modelkeep.stores.memory import MemoryStore


def test_a_path_and_a_file_url_are_a_folder(tmp_path):
    folder = tmp_path / "with space"
    for url in (folder, str(folder), folder.as_uri(), f"file://localhost{folder}".replace(" ", "%20")):
        store = open_store(url)
        assert isinstance(store, LocalStore)
        assert store.url == str(folder)
    assert folder.is_dir()


def test_a_drive_letter_is_no_scheme(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for text in (r"C:\models", "C://models"):
        assert isinstance(open_store(text), LocalStore)


def test_memory_with_a_name_is_shared(request):
    first, second = open_store(f"memory://{request.node.name}"), open_store(f"MEMORY://{request.node.name}")
    first.put("a", b"1")
    assert second.get("a") == b"1"
    assert open_store("memory://other").get("a") is None
    one, other = open_store("memory://"), open_store("memory://")
    one.put("a", b"1")
    assert other.get("a") is None


@pytest.mark.parametrize(
    "url",
    ["", "ftp://host/x", "file://elsewhere/x", "memory://a/b", "s3://", "s3://name:secret@bucket/x", "s3://b/x?y",
     "s3://b/../x", "s3://b//x", "s3://b/" + "a" * 60 + "?"],
)  # fmt: skip
def test_other_urls_are_refused(url):
    with pytest.raises(UsageError) as caught:
        open_store(url)
    assert caught.value.hint
    assert "secret" not in str(caught.value)


def test_an_unknown_scheme_names_the_known_ones():
    with pytest.raises(UsageError, match="there is no store for 'ftp://'") as caught:
        open_store("ftp://host/x")
    assert "file://, memory://, s3://, gs://, az://" in caught.value.hint


def test_other_packages_bring_stores(monkeypatch):
    class Point:
        value = "modelkeep.stores.memory:MemoryStore"

    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group, name: [Point] if name == "memoire" else [])
    assert isinstance(open_store("memoire://"), MemoryStore)


def test_nothing_is_made_without_create(tmp_path):
    with pytest.raises(StorageError, match="there is no folder"):
        open_store(tmp_path / "models", create=False)
    with pytest.raises(StorageError, match="there is no store"):
        open_store("memory://never-made", create=False)
    assert os.listdir(tmp_path) == []


def test_a_folder_that_is_gone_is_not_an_empty_store(tmp_path):
    store = open_store(tmp_path / "models")
    store.put("a/b", b"1")
    (tmp_path / "models").rename(tmp_path / "unmounted")
    for call in (
        lambda: store.get("a/b"), lambda: store.get_range("a/b", 0, 1), lambda: store.size("a/b"),
        lambda: store.list("a"), lambda: store.put("a/b", b"2"), lambda: store.create("a/b", b"2"),
        lambda: store.move("a/b", "c"), lambda: store.delete("a/b"), lambda: store.fingerprint("a/b"),
    ):  # fmt: skip
        with pytest.raises(StorageError, match="there is no folder") as caught:
            call()
        assert "mounted" in caught.value.hint
    assert not (tmp_path / "models").exists()
