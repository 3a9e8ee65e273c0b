"""What a load may do: read its one file and compute. An audit hook in a process of its own says what it did."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import subprocess
import sys
import tempfile
import zoneinfo
from pathlib import Path
from typing import Any

import pytest

import modelkeep as mk
from fuzz import audited, forge, models
from fuzz.run import child_environment
from modelkeep.formats.keep import names_table
from modelkeep.formats.keep.types import cython

FULL = os.environ.get("MODELKEEP_FULL") == "1"
TABLES = (names_table.OBJECTS, names_table.FUNCTIONS, names_table.VALUES)
#: All modules that a name of a file can lead to.
LISTED = {module for table in TABLES for module in table} | set(names_table.PLACES.values()) | set(cython.LOSSES)
LISTED |= set(cython.NEIGHBOUR_TREES.values()) | {"sklearn.metrics._dist_metrics", "sklearn.utils"}
#: Models of the zoo whose library is handed bytes, and what handing them over is.
BOOSTERS = re.compile("XGB|LGBM|CatBoost|booster", re.IGNORECASE)
HANDING = ("ctypes.cdata", "ctypes.create_string_buffer ", "ctypes.addressof ")
#: How a process is started that tries what might end it, and ended: its pipes, a look for the folder of such files.
WORKER = re.compile(r"subprocess\.Popen .* '-m', 'modelkeep\.workers'|os\.killpg \d+ 9|open \d+ 'w' ")
SCRATCH = re.compile(rf"(open|os\.remove) '{re.escape(tempfile.gettempdir())}(/[^/']*)?' ")
ROOTS = {"numpy", "scipy", "sklearn", "pandas", "modelkeep", "builtins", "collections"}


def listen(*paths: Path) -> dict[str, dict[str, Any]]:
    """For each file the events of its first and its second load."""
    environment = {**child_environment(), "PYTHONDONTWRITEBYTECODE": "1"}
    del environment["OMP_NUM_THREADS"]  # without it scikit-learn counts the cores, by a process that it starts
    command = [sys.executable, "-m", "fuzz.audited", *map(str, paths)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(paths)
    return {Path(entry["path"]).stem: entry for entry in found}


def only_its_file(path: str, events: list[str]) -> bool:
    """Opened once by its path, to be read; then the descriptor becomes a file object, or is mapped."""
    opened, *rest = events
    flags = int(opened.rsplit(" ", 1)[1])
    return (
        opened.startswith(f"open {path!r} None ")
        and not flags & audited.WRITING
        and all(event.startswith(("open 3 ", "open 4 ", "mmap.__new__ ")) for event in rest)
        and len(rest) <= 2
    )


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("audited")
    models.write_bases(folder)
    if FULL:
        from zoo import ZOO

        write(folder, *(name for name in ZOO if not BOOSTERS.search(name)))
    return listen(*sorted(folder.glob("*.keep")))


@pytest.fixture(scope="module")
def boosters(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    from zoo import ZOO

    folder = tmp_path_factory.mktemp("boosters")
    write(folder, *(filter(BOOSTERS.search, ZOO) if FULL else ("CatBoost(binary)", "LGBMC(binary)", "XGBC(binary)")))
    return listen(*sorted(folder.glob("*.keep")))


def write(folder: Path, *names: str) -> None:
    from zoo import ZOO

    for name in names:
        mk.save(ZOO[name]()[0], folder / f"zoo-{name.replace('/', '-')}.keep")


def test_a_load_opens_its_file_and_does_nothing_else(heard: dict[str, dict[str, Any]]) -> None:
    """No other file, no socket, no process, no exec or compile, no import, no ctypes, nothing written."""
    assert len(heard) >= 18
    odd = {name: e["second"] for name, e in heard.items() if not only_its_file(e["path"], e["second"])}
    assert not odd


def test_a_first_load_only_reads_and_imports(heard: dict[str, dict[str, Any]]) -> None:
    """Importing opens, compiles and runs the installed libraries; nothing is written, started or connected."""
    odd = {name: e["first"] for name, e in heard.items() if e["first"]}
    assert not odd


def test_a_booster_is_handed_its_bytes_besides(boosters: dict[str, dict[str, Any]]) -> None:
    for name, entry in boosters.items():
        other = [event for event in entry["second"] if not event.startswith(HANDING)]
        assert only_its_file(entry["path"], other), (name, other)


def test_what_might_end_a_process_is_tried_in_another(boosters: dict[str, dict[str, Any]]) -> None:
    for name, entry in boosters.items():
        odd = [event for event in entry["first"] if not WORKER.match(event) and not SCRATCH.match(event)]
        assert not odd, (name, odd)
    started = {name for name, entry in boosters.items() if any("modelkeep.workers" in each for each in entry["first"])}
    assert "zoo-CatBoost(binary)" in started
    assert not any(name.startswith(("zoo-XGB", "zoo-LGBM")) for name in started)


def test_imports_are_of_the_tables(heard: dict[str, dict[str, Any]]) -> None:
    ours = {"re._parser"}  # of the check of token patterns; no file names it
    asked = {name for entry in heard.values() for name in entry["names"] if not name.startswith("modelkeep.")} - ours
    assert asked
    assert {name.partition(".")[0] for name in asked} <= ROOTS
    assert {name for name in asked if name.startswith("sklearn")} <= LISTED


def test_a_large_file_is_mapped(tmp_path: Path) -> None:
    import numpy as np

    mk.save(np.zeros(300_000), tmp_path / "large.keep")
    entry = listen(tmp_path / "large.keep")["large"]
    assert only_its_file(entry["path"], entry["second"])
    assert any(event.startswith("mmap.__new__") for event in entry["second"])


def test_a_named_time_zone_is_read_from_the_database(tmp_path: Path) -> None:
    """The one file besides: a zone is its rules, which the system or the package tzdata has."""
    mk.save(dt.datetime(2020, 1, 1, tzinfo=zoneinfo.ZoneInfo("Asia/Kathmandu")), tmp_path / "zone.keep")
    entry = listen(tmp_path / "zone.keep")["zone"]
    assert not entry["first"]
    assert only_its_file(entry["path"], entry["second"])


def test_a_distribution_compiles_what_scipy_wrote(tmp_path: Path) -> None:
    """The one load that compiles: scipy makes the methods of a distribution from a text of its own, always the same."""
    from scipy.stats import norm

    mk.save(norm(1.0, 2.0), tmp_path / "one.keep")
    mk.save([norm(loc=5.0, scale=7.0)], tmp_path / "two.keep")
    compiled = []
    for entry in listen(tmp_path / "one.keep", tmp_path / "two.keep").values():
        other = [event for event in entry["second"] if not event.startswith(("compile ", "exec "))]
        assert only_its_file(entry["path"], other)
        compiled.append([event for event in entry["second"] if event.startswith("compile ")])
    assert compiled[0] == compiled[1]
    assert all("_parse_args" in event for event in compiled[0])


def test_a_zone_can_not_name_another_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    for name in (
        str(secret),
        "../" * 8 + str(secret)[1:],
        "Europe/../../" + "../" * 8 + str(secret)[1:],
        "tzdata/zones",
    ):
        with pytest.raises(mk.errors.LoadError):
            mk.loads(forge.artifact(["zone", name]))


def test_the_replay_of_a_probe_writes_nothing(tmp_path: Path) -> None:
    """A file from elsewhere: its model answers the probe's rows, which may look at this process's own libraries."""
    models.write_bases(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for path in set(tmp_path.glob("*.keep")) - set(tmp_path.glob("packed*")):  # those have no probe
        data = forge.with_manifest(path.read_bytes(), lambda m: m["environment"]["packages"].update(numpy="0.1"))
        (elsewhere / path.name).write_bytes(data)
    for name, entry in listen(*sorted(elsewhere.glob("*.keep"))).items():
        extra = [e for e in entry["second"][2:] if not audited.reads_only(e)]
        opened = {e for e in entry["second"][2:] if e.startswith("open ")} - {"open '/proc/self/maps' 'r' 524288"}
        assert not extra, (name, extra)
        assert not opened, (name, opened)


class TestTheHookNotices:
    """The hook itself is tried on what a load must not do."""

    def test_code_that_a_file_carries(self, tmp_path: Path) -> None:
        script = (
            "import sys; sys.path.insert(0, sys.argv[1])\n"
            "from fuzz import audited\n"
            "sys.addaudithook(audited.hear); audited.listening = True\n"
            "import socket, subprocess, os, tempfile\n"
            "audited.events.clear()\n"
            "exec('1'); open(sys.argv[2], 'w').close(); os.rename(sys.argv[2], sys.argv[2] + '1')\n"
            "subprocess.run(['true']); socket.socket().close()\n"
            "audited.listening = False\n"
            "print([e.split()[0] for e in audited.events if not audited.reads_only(e)])\n"
        )
        tests = str(Path(__file__).parent)
        done = subprocess.run(
            [sys.executable, "-c", script, tests, str(tmp_path / "x")], capture_output=True, text=True, check=True
        )
        for event in ("open", "os.rename", "subprocess.Popen", "socket.__new__"):
            assert f"'{event}'" in done.stdout, done.stdout
