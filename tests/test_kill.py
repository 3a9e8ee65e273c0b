"""Writers that are killed, disks that are full, system calls that fail: what was there before opens, always.

The full measure (300 kills): ``make kill``, or ``MODELKEEP_FULL=1 pytest tests/test_kill.py``.
"""

from __future__ import annotations

import contextlib
import errno
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import modelkeep as mk
from fuzz.run import child_environment
from modelkeep import atomic
from modelkeep.errors import StorageError

FULL = os.environ.get("MODELKEEP_FULL") == "1"
KILLS = 300 if FULL else 30
SIZES = (10, 3000, 200_000, 1_500_000)  # numbers of eight bytes: one write, several, and a mapped file

OLD = {"version": "old", "values": np.arange(1000.0)}
#: One that goes out by one call, and one that streams.
NEW = {
    "writev": {"version": "new", "values": np.arange(30_000.0)},
    "write": {"version": "new", "values": np.arange(600_000.0)},
}


def intact(path: Path) -> None:
    """The old file is what it was, and nothing lies beside it."""
    assert mk.load(path)["version"] == "old"
    assert os.listdir(path.parent) == [path.name]


# -- SIGKILL ------------------------------------------------------------------------------------------------------


def test_killed_writers_lose_nothing(tmp_path: Path) -> None:
    path, rng, torn = tmp_path / "m.keep", random.Random(0), 0
    for _ in range(KILLS):
        acknowledged = kill_one(path, rng.uniform(0.0, 0.25))
        model = mk.load(path)
        assert set(model["values"]) == {float(model["number"])}
        # Either the last acknowledged save, or the next one, whose rename came before the kill.
        assert model["number"] in (acknowledged, acknowledged + 1)
        left = [name for name in os.listdir(tmp_path) if name != "m.keep"]
        torn += bool(left)
        for name in left:
            os.unlink(tmp_path / name)
    print(f"{KILLS} kills, {torn} in the middle of a write, 0 files lost")
    assert torn >= KILLS // 10  # the kills came at moments that matter


def kill_one(path: Path, delay: float) -> int:
    """Start a writer, let it save once, kill it ``delay`` seconds later; the last save that it acknowledged."""
    command = [sys.executable, "-m", "fuzz.killed", str(path), *map(str, SIZES)]
    with subprocess.Popen(command, env=child_environment(), stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        first = child.stdout.readline()
        time.sleep(delay)
        child.send_signal(signal.SIGKILL)
        lines = [first, *child.stdout.readlines()]
    assert child.returncode == -signal.SIGKILL
    return max(int(line) for line in lines if line.endswith("\n"))


# -- the n-th operation fails ---------------------------------------------------------------------------------------


class Failing:
    """Counts what a save asks of the operating system, and lets the n-th call fail."""

    def __init__(self, at: int, code: int) -> None:
        self.at, self.code, self.count = at, code, 0
        self.failed = ""

    def step(self, name: str) -> None:
        self.count += 1
        if self.count == self.at:
            self.failed = name
            raise OSError(self.code, os.strerror(self.code))

    def wrap(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **options: Any) -> Any:
            self.step(name)
            return call(*args, **options)

        return wrapped


class FailingFile:
    """A raw file whose calls are counted, and whose writes are short half of the time."""

    def __init__(self, file: Any, failing: Failing) -> None:
        self._file, self._failing, self._calls = file, failing, 0

    def write(self, data: Any) -> int:
        self._failing.step("write")
        self._calls += 1
        short = len(data) > 1 and self._calls % 2
        return int(self._file.write(memoryview(data)[: len(data) // 2] if short else data))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


@contextlib.contextmanager
def failing(at: int, code: int) -> Iterator[Failing]:
    """Inside, the ``at``-th open, write, fsync, chmod, rename or close of a save fails with ``code``."""
    plan = Failing(at, code)
    patch = pytest.MonkeyPatch()
    opened = open

    @contextlib.contextmanager
    def open_file(*args: Any, **options: Any) -> Iterator[FailingFile]:
        with opened(*args, **options) as file:
            yield FailingFile(file, plan)
            plan.step("close")

    def short_writev(descriptor: int, buffers: Any) -> int:
        return os.write(descriptor, buffers[0])  # the system may take less than it is given

    patch.setattr(os, "writev", plan.wrap("writev", short_writev))
    for name in ("open", "fsync", "fchmod", "replace"):
        patch.setattr(os, name, plan.wrap(name, getattr(os, name)))
    patch.setattr(atomic, "open", open_file, raising=False)
    try:
        yield plan
    finally:
        patch.undo()


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC, errno.EDQUOT], ids=["EIO", "ENOSPC", "EDQUOT"])
@pytest.mark.parametrize("way", NEW)
def test_the_nth_operation_fails(tmp_path: Path, way: str, code: int) -> None:
    path = tmp_path / "m.keep"
    mk.save(OLD, path)
    with failing(-1, code) as plan:
        mk.save(OLD, path)
        mk.save(NEW[way], path)
    total, seen = plan.count, set()
    assert total > 10 or way == "writev"
    for at in range(1, total + 1):
        mk.save(OLD, path)
        with failing(at, code) as plan:
            try:
                mk.save(NEW[way], path)
            except StorageError as error:
                refused: StorageError | None = error
            else:
                refused = None
        if not plan.failed:
            break
        seen.add(plan.failed)
        assert refused is not None, f"{plan.failed} failed without an error"
        check_refusal(path, plan, refused, code)
    assert {"open", way, "fsync", "fchmod", "replace", "close"} <= seen


def check_refusal(path: Path, plan: Failing, error: StorageError, code: int) -> None:
    text = {errno.ENOSPC: "the disk is full", errno.EDQUOT: "the disk quota is used up"}.get(code, "input/output error")
    assert text in str(error)
    assert error.hint
    assert isinstance(error.__cause__, OSError)
    if "what was there before is untouched" in str(error):
        intact(path)
    else:  # the new name was there already, and whole: only making it durable failed
        assert "can't make durable" in str(error)
        assert mk.load(path)["version"] == "new"
        assert os.listdir(path.parent) == [path.name]


# -- full disks -----------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    if os.geteuid() != 0 or not sys.platform.startswith("linux"):
        pytest.skip("mounting needs root on Linux; the limit on file sizes below is tested everywhere")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], check=False)
    if mounted.returncode != 0:
        pytest.skip("this machine does not let root mount; the limit on file sizes below is tested everywhere")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("way", NEW)
def test_a_full_disk(small_disk: Path, way: str) -> None:
    path = small_disk / "m.keep"
    mk.save(OLD, path)
    with pytest.raises(StorageError, match="the disk is full; what was there before is untouched") as caught:
        mk.save({**NEW[way], "more": np.arange(200_000.0)}, path)
    assert caught.value.hint == "free some space and save again"
    intact(path)


def test_a_disk_that_fills_at_any_byte(small_disk: Path) -> None:
    """Room is taken away a page at a time: whatever does not fit is refused, whatever is there is whole."""
    path, ballast = small_disk / "m.keep", small_disk / "ballast"
    model = {"version": "new", "values": np.arange(80_000.0)}
    outcomes = set()
    for pages in range(0, 140, 3):
        mk.save(OLD, path)
        ballast.write_bytes(bytes(4096 * pages))
        try:
            mk.save(model, path)
            outcomes.add("saved")
        except StorageError as error:
            outcomes.add("refused" if "the disk is full" in str(error) else str(error))
        ballast.unlink()
        assert mk.load(path)["version"] in ("old", "new")
        assert os.listdir(small_disk) == ["m.keep"]
    assert outcomes == {"saved", "refused"}


@contextlib.contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file may grow beyond ``size``: a write takes what fits, and the next one fails, as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)


@pytest.mark.parametrize("compress", [None, "zstd"])
@pytest.mark.parametrize("way", NEW)
def test_no_room_for_the_last_bytes(tmp_path: Path, way: str, compress: str | None) -> None:
    """The end of a file, written in small pieces, is where a short write is easily overlooked."""
    mk.save(NEW[way], tmp_path / "whole.keep", compress=compress)
    size = (tmp_path / "whole.keep").stat().st_size
    (tmp_path / "whole.keep").unlink()
    path = tmp_path / "m.keep"
    mk.save(OLD, path)
    for missing in [*range(1, 700, 13), 5000, size // 2, size - 1, size]:
        with largest_file(size - missing), pytest.raises(StorageError, match="untouched"):
            mk.save(NEW[way], path, compress=compress)
        intact(path)
    with largest_file(size):
        mk.save(NEW[way], path, compress=compress)
    assert mk.load(path)["version"] == "new"


@pytest.mark.parametrize("suffix", ["pkl", "joblib"])
def test_other_formats_are_atomic_too(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"m.{suffix}"
    mk.save(OLD, path)
    before = path.read_bytes()
    with largest_file(100_000), pytest.raises(StorageError):
        mk.save(NEW["write"], path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


def test_a_file_object_that_fails(tmp_path: Path) -> None:
    with open("/dev/full", "wb", buffering=0) as file, pytest.raises((StorageError, mk.errors.UsageError)) as caught:
        mk.save(OLD, file)
    assert caught.value.hint
