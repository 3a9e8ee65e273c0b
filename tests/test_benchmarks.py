"""The benchmarks run: they are part of what is promised, and nobody starts them by accident."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.peers import PEERS  # noqa: E402  beside the package, not in it


def run(*options: str) -> str:
    command = [sys.executable, "-m", "benchmarks", "--models", "iris", "--repeats", "1", *options]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout


@pytest.mark.parametrize("task", ["time", "probe"])
def test_a_task_measures(task: str, tmp_path: Path) -> None:
    found = json.loads(run("--task", task, "--folder", str(tmp_path)))
    assert set(found) == ({"probe", "pass"} if task == "probe" else set(PEERS))


def test_a_part_of_the_run_leaves_the_results_alone(tmp_path: Path) -> None:
    before = (ROOT / "benchmarks/results.md").read_bytes()
    assert "a tiny model's load" in run("--no-memory", "--peers", "pickle", "keep", "--folder", str(tmp_path))
    assert (ROOT / "benchmarks/results.md").read_bytes() == before


def test_the_registry_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from benchmarks import registry

    registry.many(tmp_path, models=4, versions=3)
    said = capsys.readouterr().out
    assert all(f"  {what} " in said for what in ("list", "show", "load"))
    assert said.count(" ms") >= 7


def test_sealing_is_measured(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.sealing", "1", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == (0 if shutil.which("age") else 1)
    assert "memory" in done.stdout or "age is not installed" in done.stdout
