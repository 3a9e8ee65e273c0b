"""A large dense model is saved and loaded without being held a second time.

The full measure (512 MB): ``make memory``, or ``MODELKEEP_FULL=1 pytest -s tests/test_memory.py``. How it is measured
is written in fuzz/measured.py.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fuzz.run import child_environment

FULL = os.environ.get("MODELKEEP_FULL") == "1"
MEGABYTES = 512 if FULL else 64
#: Five percent of the model; for the small one in CI also what any save or load takes (buffers, threads).
LIMIT = 0.05 * MEGABYTES + (0 if FULL else 16)

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="memory is measured by Linux's /proc"
)


def measured(what: str, path: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "fuzz.measured", what, str(path), str(MEGABYTES)]
    done = subprocess.run(command, env=child_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, float] = json.loads(done.stdout)
    extra, seconds = found["anonymous_extra"], found["seconds"]
    print(
        f"\n{what}: {MEGABYTES} MB model, {extra:.1f} MB of memory beside it ({100 * extra / MEGABYTES:.1f} percent), "
        f"{found['resident_extra']:.1f} MB with the pages of mapped files, {seconds:.2f} s"
    )
    return found


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, float]]:
    path = tmp_path_factory.mktemp("memory") / "large.keep"
    return path, measured("save", path)


def test_saving_takes_no_second_copy(saved: tuple[Path, dict[str, float]]) -> None:
    found = saved[1]
    assert found["file"] > MEGABYTES
    assert found["resident_extra"] <= LIMIT
    assert found["anonymous_extra"] <= LIMIT


def test_loading_maps_the_file(saved: tuple[Path, dict[str, float]]) -> None:
    """Every byte is verified, so the file's own pages become resident, and no others."""
    found = measured("load", saved[0])
    assert found["anonymous_extra"] <= LIMIT
    assert found["resident_extra"] <= found["file"] + LIMIT


def test_opening_trusted_bytes_does_not_read_them_whole(saved: tuple[Path, dict[str, float]]) -> None:
    """With one row predicted, the weights are read once, in the pages of the file."""
    found = measured("use", saved[0])
    assert found["anonymous_extra"] <= LIMIT


def test_a_copy_would_be_seen(tmp_path: Path) -> None:
    found = measured("copy", tmp_path / "none.keep")
    assert found["anonymous_extra"] > 0.95 * MEGABYTES
    assert found["resident_extra"] > 0.95 * MEGABYTES
