"""Judges a run of mutants in this process, and prints a line for each; the parent sees behind which one it died.

python -m fuzz.worker BASES SEED FROM TO
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import sys
import time
from pathlib import Path

import modelkeep as mk
from fuzz import forge, judge, mutate
from fuzz.models import rows_for
from modelkeep.errors import ModelkeepError

#: A mutant that takes longer hangs.
SECONDS = 20
#: Every so many mutants are inspected, verified and compared, too.
LOOKED = 4


def main(folder: str, seed: str, first: int, last: int) -> None:
    paths = sorted(Path(folder).glob("*.keep"))
    bases = [path.read_bytes() for path in paths]
    watch = judge.Watch()
    import modelkeep.formats.unpickle.listing  # noqa: F401  what begins as a pickle is looked at by this

    with contextlib.suppress(ModelkeepError):
        mk.loads(forge.artifact(["zone", "Europe/Berli"]))  # imports what looks into the database of time zones
    # Bytes that no format takes are shown to every row of the table: that imports them all, once.
    unknown = b"no format's bytes"
    judge.load(unknown, watch)
    judge.look(unknown, unknown, watch)
    for path, data in zip(paths, bases, strict=True):  # imports what these models need, once
        outcome, model, faults = judge.load(data, watch)
        assert outcome == "loaded", (path, outcome, faults)
        judge.use(model, rows_for(path.stem), watch)
        judge.look(data, bases[0], watch)
    for i in range(first, last):
        faulthandler.dump_traceback_later(SECONDS, exit=True)
        start = time.perf_counter()
        kind, number, data = mutate.mutant(f"{seed}:{i}", bases)
        outcome, faults = one(kind, data, bases[number], paths[number].stem, watch)
        faults += judge.look(data, bases[number], watch) if i % LOOKED == 0 else []
        line = [i, f"{kind} {outcome}", f"{kind} of {paths[number].stem}", time.perf_counter() - start, faults]
        os.write(1, b"\n@@" + json.dumps(line).encode() + b"\n")  # a mutated model may print, too
    faulthandler.cancel_dump_traceback_later()


def one(kind: str, data: bytes, base: bytes, name: str, watch: judge.Watch) -> tuple[str, list[str]]:
    before = judge.reset_peak()
    outcome, model, faults = judge.load(data, watch)
    grown = judge.peak() - before
    graphs = 0
    if kind in mutate.SEALED and outcome in ("loaded", "parse", "check", "policy"):
        graphs = sum(len(raw) for file, raw in forge.take_apart(data).files.items() if file.endswith(".json"))
    if grown > judge.allowed_memory(len(data), graphs):
        faults.append(f"{grown >> 20} MiB of memory for a file of {len(data)} bytes")
    if data == base:
        return "unchanged", faults
    if outcome == "loaded" and kind in mutate.RAW:
        faults.append("a damaged file was loaded")
    if outcome == "loaded" and kind in mutate.SEALED:
        faults += judge.use(model, rows_for(name), watch)
    return outcome, faults


if __name__ == "__main__":
    faulthandler.enable()
    folder, seed, first, last = sys.argv[1:]
    main(folder, seed, int(first), int(last))
