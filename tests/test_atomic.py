"""Files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import mmap
import os
import stat
import threading
from pathlib import Path

import numpy as np
import pytest

import modelkeep as mk
from modelkeep import atomic
from modelkeep.errors import ContainerError, StorageError


def leftovers(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if name.endswith(".tmp")]


def put(path: Path, data: bytes) -> None:
    with atomic.replacing(path) as file:
        file.write(data)


def test_a_new_file_appears(tmp_path: Path) -> None:
    put(tmp_path / "a", b"one")
    assert (tmp_path / "a").read_bytes() == b"one"
    assert os.listdir(tmp_path) == ["a"]


def test_the_old_file_is_there_until_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a"
    put(path, b"old")
    with atomic.replacing(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt(), SystemExit(1)])
def test_an_error_inside_leaves_everything_as_it_was(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "a"
    put(path, b"old")

    def fail() -> None:
        with atomic.replacing(path) as file:
            file.write(b"half")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert path.read_bytes() == b"old"
    assert not leftovers(tmp_path)


def test_the_mode_of_the_old_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a"
    put(path, b"old")
    path.chmod(0o640)
    put(path, b"new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_the_mode_of_a_new_file_obeys_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        put(tmp_path / "a", b"x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


class TestLinks:
    def test_a_link_stays_and_its_target_is_replaced(self, tmp_path: Path) -> None:
        (tmp_path / "far").mkdir()
        put(tmp_path / "far" / "real", b"old")
        (tmp_path / "link").symlink_to(tmp_path / "far" / "real")
        put(tmp_path / "link", b"new")
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "far" / "real").read_bytes() == b"new"
        assert not leftovers(tmp_path)
        assert not leftovers(tmp_path / "far")

    def test_a_link_to_nothing_makes_its_target(self, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(tmp_path / "real")
        put(tmp_path / "link", b"new")
        assert (tmp_path / "real").read_bytes() == b"new"

    def test_a_loop_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "a").symlink_to(tmp_path / "b")
        (tmp_path / "b").symlink_to(tmp_path / "a")
        with pytest.raises(StorageError, match="too many levels"):
            put(tmp_path / "a", b"x")
        with pytest.raises(StorageError, match="too many levels"):
            atomic.read_whole(tmp_path / "a", 1 << 20)


class TestOddTargets:
    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(StorageError, match="this is a folder, not a file"):
            put(tmp_path, b"x")

    def test_a_pipe_is_not_replaced(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(StorageError, match="not a regular file"):
            put(tmp_path / "pipe", b"x")
        assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)

    def test_a_device_is_not_replaced(self) -> None:
        with pytest.raises(StorageError, match="not a regular file"):
            put(Path("/dev/null"), b"x")
        assert stat.S_ISCHR(os.stat("/dev/null").st_mode)

    def test_reading_a_pipe_does_not_wait(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(StorageError, match="not a regular file"):
            atomic.read_whole(tmp_path / "pipe", 1 << 20)

    def test_the_longest_names(self, tmp_path: Path) -> None:
        for name in ("a" * 255, "模" * 85, "🙂" * 63):
            put(tmp_path / name, b"x")
            assert (tmp_path / name).read_bytes() == b"x"
        with pytest.raises(StorageError, match="the file name is too long"):
            put(tmp_path / ("a" * 256), b"x")

    def test_a_nul_in_a_path(self, tmp_path: Path) -> None:
        for use in (lambda: put(tmp_path / "a\0b", b"x"), lambda: atomic.read_whole(f"{tmp_path}/a\0b", 9)):
            with pytest.raises(StorageError, match="holds a NUL"):
                use()


class TestReading:
    def test_small_files_are_private_and_writable(self, tmp_path: Path) -> None:
        put(tmp_path / "a", b"abc")
        view = atomic.read_whole(tmp_path / "a", 1 << 20)
        view[0] = ord("x")
        assert (tmp_path / "a").read_bytes() == b"abc"

    def test_large_files_are_mapped_private_and_writable(self, tmp_path: Path) -> None:
        data = bytes(2 << 20)
        put(tmp_path / "a", data)
        view = atomic.read_whole(tmp_path / "a", 1 << 30)
        assert isinstance(view.obj, mmap.mmap)
        view[5] = 1
        assert (tmp_path / "a").read_bytes() == data

    def test_a_mapping_outlives_a_replacement(self, tmp_path: Path) -> None:
        put(tmp_path / "a", b"1" * (2 << 20))
        view = atomic.read_whole(tmp_path / "a", 1 << 30)
        put(tmp_path / "a", b"2" * (3 << 20))
        os.unlink(tmp_path / "a")
        assert bytes(view[-3:]) == b"111"

    def test_the_policy_bounds_the_size(self, tmp_path: Path) -> None:
        put(tmp_path / "a", bytes(1001))
        with pytest.raises(ContainerError, match=r"1,001 bytes, and the policy allows 1,000") as caught:
            atomic.read_whole(tmp_path / "a", 1000)
        assert "max_bytes" in caught.value.hint

    def test_arrays_of_a_large_model_may_be_written_to(self, tmp_path: Path) -> None:
        mk.save({"w": np.arange(500_000.0)}, tmp_path / "m.keep")
        model = mk.load(tmp_path / "m.keep")
        model["w"][0] = 7
        assert mk.load(tmp_path / "m.keep")["w"][0] == 0


def test_savers_at_the_same_time_leave_one_whole_file(tmp_path: Path) -> None:
    """The last rename wins; a reader in between sees one of them, whole."""
    path = tmp_path / "m.keep"
    mk.save(np.full(1000, -1.0), path)
    stop = threading.Event()
    seen: set[float] = set()

    def read() -> None:
        while not stop.is_set():
            model = mk.load(path)
            assert len(set(model)) == 1
            seen.add(model[0])

    def write(value: int) -> None:
        for _ in range(15):
            mk.save(np.full(1000 + value * 200_000, float(value)), path)

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(value,)) for value in range(4)]
    reader.start()
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    reader.join()
    assert seen <= {-1.0, 0.0, 1.0, 2.0, 3.0}
    assert len(seen) > 1
    assert mk.load(path)[0] in range(4)
    assert os.listdir(tmp_path) == ["m.keep"]


@contextlib.contextmanager
def as_nobody() -> None:  # type: ignore[misc]
    """Root may write everywhere; the rules of permissions are tested as another user."""
    if os.geteuid() != 0:
        yield
        return
    os.setegid(65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


class TestPermissions:
    @pytest.fixture
    def open_folder(self, tmp_path: Path) -> Path:
        """A folder in which anybody may write, and above which anybody may look."""
        for folder in (tmp_path, *tmp_path.parents[:2]):
            folder.chmod(0o777 if folder == tmp_path else 0o755)
        return tmp_path

    def test_a_folder_that_may_not_be_written(self, open_folder: Path) -> None:
        open_folder.chmod(0o555)
        with as_nobody(), pytest.raises(StorageError, match="permission denied; what was there before is untouched"):
            put(open_folder / "a", b"x")
        open_folder.chmod(0o755)

    def test_a_file_that_may_not_be_written_is_not_replaced(self, open_folder: Path) -> None:
        put(open_folder / "a", b"old")
        (open_folder / "a").chmod(0o444)
        with as_nobody(), pytest.raises(StorageError, match="permission denied"):
            put(open_folder / "a", b"new")
        assert (open_folder / "a").read_bytes() == b"old"

    def test_a_file_that_may_not_be_read(self, open_folder: Path) -> None:
        put(open_folder / "a", b"old")
        (open_folder / "a").chmod(0)
        with as_nobody(), pytest.raises(StorageError, match=r"can't read .*: permission denied"):
            atomic.read_whole(open_folder / "a", 100)


def test_the_folder_is_made_durable_after_the_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    sync, replace = os.fsync, os.replace

    def watch_sync(descriptor: int) -> None:
        calls.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        sync(descriptor)

    def watch_replace(source: str, target: str) -> None:
        calls.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", watch_sync)
    monkeypatch.setattr(os, "replace", watch_replace)
    put(tmp_path / "a", b"x")
    assert calls == ["file", "rename", "folder"]
