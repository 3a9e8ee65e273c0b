"""A folder as a store beyond the contract: what it says when something is wrong, and what it does to the disk."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from modelkeep.errors import StorageError
from modelkeep.stores import disk, open_store
from modelkeep.stores.local import LocalStore


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file())


def failing(code):
    def fail(*_, **__):
        raise OSError(code, os.strerror(code))

    return fail


@pytest.mark.parametrize("write", ["put", "create"])
@pytest.mark.parametrize(
    ("call", "code", "text"),
    [
        ("write", errno.ENOSPC, "the disk is full"),
        ("write", errno.EDQUOT, "quota"),
        ("fsync", errno.EIO, "input/output error"),
        ("open", errno.EACCES, "permission denied"),
        ("open", errno.EROFS, "read-only"),
    ],
)
def test_a_write_that_fails_leaves_nothing(tmp_path, monkeypatch, write, call, code, text):
    store = open_store(tmp_path)
    store.put("there", b"old")
    key = "there" if write == "put" else "new"
    monkeypatch.setattr(os, call, failing(code))
    with pytest.raises(StorageError, match=text) as caught:
        getattr(store, write)(key, b"new")
    monkeypatch.undo()
    assert caught.value.hint
    assert files(tmp_path) == ["there"]
    assert store.get("there") == b"old"


def test_a_disk_that_fills_up_on_the_way(tmp_path, monkeypatch):
    store, true, room = open_store(tmp_path), os.write, [10]

    def write(descriptor, data):
        if not room[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        done = true(descriptor, data[: min(3, room[0])])
        room[0] -= done
        return done

    monkeypatch.setattr(os, "write", write)
    store.put("a", b"12345678")  # in pieces of three bytes
    with pytest.raises(StorageError, match="the disk is full"):
        store.put("b", b"12345678")
    assert files(tmp_path) == ["a"]
    assert store.get("a") == b"12345678"


def test_without_hard_links_nothing_is_created(tmp_path, monkeypatch):
    store = open_store(tmp_path)
    monkeypatch.setattr(os, "link", failing(errno.EPERM))
    with pytest.raises(StorageError, match="no hard links") as caught:
        store.create("a", b"1")
    assert "ext4" in caught.value.hint
    assert files(tmp_path) == []


def test_a_link_whose_answer_was_lost_counts(tmp_path, monkeypatch):
    store, true = open_store(tmp_path), os.link

    def link(source, target):
        true(source, target)
        raise FileExistsError(errno.EEXIST, "exists")

    monkeypatch.setattr(os, "link", link)
    assert store.create("a", b"1") is True
    monkeypatch.setattr(disk, "status_of", lambda path: None)  # as if the other were first just after the look
    monkeypatch.setattr(os, "link", true)
    assert store.create("a", b"2") is False


def record(monkeypatch, *names):
    """Note the calls of ``os`` that write, each with the path that it is about."""
    calls, paths = [], {}
    originals = {name: getattr(os, name) for name in ("open", *names)}

    def note(name):
        def call(*arguments, **options):
            result = originals[name](*arguments, **options)
            if name == "open":
                paths[result] = str(arguments[0])
            else:
                first = arguments[0]
                calls.append((name, paths.get(first, first) if isinstance(first, int) else str(arguments[-1])))
            return result

        return call

    for name in originals:
        monkeypatch.setattr(os, name, note(name))
    return calls


@pytest.mark.parametrize(("write", "place"), [("put", "replace"), ("create", "link")])
def test_the_bytes_are_on_the_disk_before_the_name_and_then_the_name(tmp_path, monkeypatch, write, place):
    store = open_store(tmp_path)
    store.put("first", b"")
    calls = record(monkeypatch, "fsync", "mkdir", "link", "replace")
    getattr(store, write)("a/b/c", b"1")
    monkeypatch.undo()
    temporary = calls[0][1]
    assert os.path.dirname(temporary) == str(tmp_path / ".tmp")
    a, b, c = (str(tmp_path / name) for name in ("a", "a/b", "a/b/c"))
    assert [(name, path) for name, path in calls if path != "0o777"] == [
        ("fsync", temporary),
        ("mkdir", a),
        ("fsync", str(tmp_path)),
        ("mkdir", b),
        ("fsync", a),
        (place, c),
        ("fsync", b),
    ]


def test_a_move_and_a_deletion_are_durable(tmp_path, monkeypatch):
    store = open_store(tmp_path)
    for key in ("a/1", "a/2", "b/1"):
        store.put(key, b"1")
    calls = record(monkeypatch, "fsync", "replace", "unlink", "rmdir")
    store.move("a/1", "b/2")
    assert [name for name, _ in calls] == ["replace", "fsync", "fsync"]
    assert [path for _, path in calls[1:]] == [str(tmp_path / "b"), str(tmp_path / "a")]
    calls.clear()
    store.delete("a/2")
    monkeypatch.undo()
    assert calls == [("unlink", str(tmp_path / "a/2")), ("rmdir", str(tmp_path / "a")), ("fsync", str(tmp_path))]


def test_who_comes_second_makes_sure_that_the_first_is_durable(tmp_path, monkeypatch):
    store = open_store(tmp_path)
    store.create("a/b", b"1")
    calls = record(monkeypatch, "fsync", "link")
    assert store.create("a/b", b"2") is False
    monkeypatch.undo()
    assert calls == [("fsync", str(tmp_path / "a"))]


def test_a_listing_shows_keys_only(tmp_path):
    store = open_store(tmp_path)
    store.put("a/b", b"1")
    for name in (".DS_Store", "with space", "a/.hidden"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "left/by/a killed writer").mkdir(parents=True)
    (tmp_path / "dangling").symlink_to("nowhere")
    assert [entry.name for entry in store.list("").entries] == []
    assert store.list("").folders == ["a"]
    assert [entry.name for entry in store.list("a").entries] == ["b"]
    (tmp_path / "left/by/a killed writer").rmdir()
    store.put("left", b"2")  # what is empty is no obstacle
    assert store.get("left") == b"2"


def test_a_key_can_not_be_a_folder_too(tmp_path):
    store = open_store(tmp_path)
    store.put("a/b", b"1")
    for write in (store.put, store.create):
        with pytest.raises(StorageError, match="this is a folder"):
            write("a", b"2")
        with pytest.raises(StorageError, match="not a directory"):
            write("a/b/c", b"2")
    assert files(tmp_path) == ["a/b"]


def test_two_names_of_one_file_are_moved(tmp_path):
    store = open_store(tmp_path)
    store.put("a", b"1")
    os.link(tmp_path / "a", tmp_path / "b")
    assert store.move("a", "b") is True
    assert files(tmp_path) == ["b"]


KILLED = """
import os, signal, sys
from modelkeep.stores import open_store
store = open_store(sys.argv[1])
store.put("first", b"")
os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
store.put("a", b"never to be seen")
"""


def test_a_killed_writer_leaves_what_a_sweep_finds(tmp_path):
    store = LocalStore(tmp_path)
    assert store.sweep() == 0
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], timeout=60)
    assert store.get("a") is None
    assert [entry.name for entry in store.list("").entries] == ["first"]
    assert len(files(tmp_path)) == 2
    assert store.sweep() == 0  # it could be one that lives
    assert store.sweep(older_than_seconds=-1) == 1
    assert files(tmp_path) == ["first"]


RACE = """
import os, sys, time
from modelkeep.stores import open_store
store, me = open_store(sys.argv[1]), sys.argv[2]
print("ready", flush=True)
sys.stdin.readline()
print(" ".join(str(n) for n in range(40) if store.create(f"race/{n}/version", me.encode() * 1000)))
"""


def test_of_eight_processes_exactly_one_creates_each_key(tmp_path):
    store = open_store(tmp_path)
    command = [sys.executable, "-c", RACE, str(tmp_path)]
    pipe = subprocess.PIPE
    racers = [subprocess.Popen([*command, str(who)], stdin=pipe, stdout=pipe, text=True) for who in range(8)]
    for racer in racers:
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        racer.stdin.write("go\n")
        racer.stdin.flush()
    won = {who: racer.communicate(timeout=60)[0].split() for who, racer in enumerate(racers)}
    assert Counter(number for numbers in won.values() for number in numbers) == {str(n): 1 for n in range(40)}
    for who, numbers in won.items():
        assert all(store.get(f"race/{number}/version") == str(who).encode() * 1000 for number in numbers)
    assert not [name for name in files(tmp_path) if name.startswith(".tmp")]
