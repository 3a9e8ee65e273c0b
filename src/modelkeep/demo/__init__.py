"""The demonstration: two models saved, loaded in a fresh process and compared; a damaged and two hostile files."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from modelkeep import catalog, verbs
from modelkeep.demo.hostile import Refusal, refusals
from modelkeep.errors import ModelkeepError, StorageError

#: Seconds after which the fresh process is given up.
PATIENCE = 120


@dataclass(frozen=True)
class Method:
    """One output method: how many rows were asked, how many values compared, and how many were equal bit by bit."""

    name: str
    rows: int
    values: int
    equal: int


@dataclass(frozen=True)
class Kept:
    """One model of the demonstration."""

    title: str
    takes: str
    file: str
    size: int
    probe_rows: int
    save_seconds: float
    load_seconds: float
    methods: tuple[Method, ...]


@dataclass(frozen=True)
class Demo:
    """What was shown. ``process`` and ``fresh_process`` are the two process numbers."""

    models: tuple[Kept, ...]
    refusals: tuple[Refusal, ...]
    process: int
    fresh_process: int
    seconds: float
    folder: str | None

    @property
    def passed(self) -> bool:
        """Whether every value was equal and every bad file refused."""
        methods = [method for model in self.models for method in model.methods]
        return bool(methods) and all(m.equal == m.values for m in methods) and all(r.refused for r in self.refusals)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as ``--json`` shows them."""
        return {"passed": self.passed, **asdict(self)}


def run(folder: str | None = None) -> Demo:
    """Show everything, in ``folder`` or in a temporary one."""
    start = time.perf_counter()
    catalog.require(("sklearn", "pandas"))
    if folder is not None:
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"can't make the folder {folder}: {error.strerror}", hint="name another") from error
        return _run(Path(folder), folder, start)
    with tempfile.TemporaryDirectory(prefix="modelkeep-demo-") as temporary:
        return _run(Path(temporary), None, start)


def _run(folder: Path, kept: str | None, start: float) -> Demo:
    from modelkeep.demo.models import MODELS

    with _fresh_process(folder) as process:
        trained = [make() for make in MODELS]
        saved = [_save(each, folder) for each in trained]
        answers = _ask(process, folder, [each.name for each in trained])
    models = tuple(
        _compare(each, seconds, result, answers[each.name])
        for each, (seconds, result) in zip(trained, saved, strict=True)
    )
    refused = refusals(folder / f"{trained[0].name}.keep", folder / f"{trained[1].name}.keep", folder)
    elapsed = time.perf_counter() - start
    return Demo(models, refused, os.getpid(), process.pid, elapsed, kept)


def _save(trained: Any, folder: Path) -> tuple[float, Any]:
    start = time.perf_counter()
    saved = verbs.save(trained.model, folder / f"{trained.name}.keep", sample=trained.rows)
    seconds = time.perf_counter() - start
    # The rows travel as a keep file too: a table keeps its types, which a text file would lose.
    verbs.save({"rows": trained.rows, "methods": list(trained.methods)}, folder / f"{trained.name}-rows.keep")
    return seconds, saved


@contextlib.contextmanager
def _fresh_process(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Python started anew. It imports its libraries while the models are trained here; it knows only the files."""
    command = [sys.executable, "-P", "-m", "modelkeep.demo.reader", str(folder)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _ask(process: subprocess.Popen[str], folder: Path, names: list[str]) -> dict[str, Any]:
    """Name the files to the fresh process, and read what it answers."""
    try:
        _, errors = process.communicate(" ".join(names), timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        errors = f"no answer in {PATIENCE} seconds"
    if process.returncode != 0:
        last = (errors.strip().splitlines() or ["no message"])[-1]
        raise ModelkeepError(f"the fresh process failed: {last}", hint="run: modelkeep doctor")
    found: dict[str, Any] = verbs.load(folder / "answers.keep")
    return found


def _compare(trained: Any, save_seconds: float, saved: Any, answers: dict[str, Any]) -> Kept:
    """Ask the model of this process the same, and compare bit by bit."""
    methods = []
    for name in trained.methods:
        here, there = getattr(trained.model, name)(trained.rows), answers["answers"][name]
        methods.append(Method(name, len(here), int(here.size), equal_values(here, there)))
    return Kept(
        title=trained.title,
        takes=trained.takes,
        file=f"{trained.name}.keep",
        size=saved.size,
        probe_rows=saved.probe_rows,
        save_seconds=save_seconds,
        load_seconds=answers["load_seconds"],
        methods=tuple(methods),
    )


def equal_values(here: Any, there: Any) -> int:
    """How many values of two arrays are the same: numbers to the last bit, texts letter by letter."""
    import numpy as np

    if here.dtype != there.dtype or here.shape != there.shape:
        return 0
    if here.dtype.kind == "f":
        bits = np.dtype(f"u{here.dtype.itemsize}")
        here, there = np.ascontiguousarray(here).view(bits), np.ascontiguousarray(there).view(bits)
    return int(np.count_nonzero(here == there))
