"""Judges a run of mutants in this process; the parent learns from ``progress`` at which one it died.

    python -m fuzz.worker BASES SEED FROM TO PROGRESS
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from fuzz import forge, judge, mutate
from fuzz.models import rows_for

#: A mutant that takes longer hangs.
SECONDS = 20


def main(folder: str, seed: str, first: int, last: int, progress: str) -> dict[str, Any]:
    paths = sorted(Path(folder).glob("*.keep"))
    bases = [path.read_bytes() for path in paths]
    watch = judge.Watch()
    for path, data in zip(paths, bases, strict=True):  # imports what these models need, once
        outcome, model, faults = judge.load(data, watch)
        assert outcome == "loaded", (path, outcome, faults)
        judge.use(model, rows_for(path.stem), watch)
    counts: Counter[str] = Counter()
    slowest, found = 0.0, []
    with open(progress, "w+b", buffering=0) as mark:
        for i in range(first, last):
            os.pwrite(mark.fileno(), b"%12d" % i, 0)
            faulthandler.dump_traceback_later(SECONDS, exit=True)
            start = time.perf_counter()
            kind, number, data = mutate.mutant(f"{seed}:{i}", bases)
            outcome, faults = one(kind, data, bases[number], paths[number].stem, watch)
            slowest = max(slowest, time.perf_counter() - start)
            counts[f"{kind} {outcome}"] += 1
            found += [f"{seed}:{i} {kind} of {paths[number].stem}: {fault}" for fault in faults]
    faulthandler.cancel_dump_traceback_later()
    return {"counts": counts, "faults": found, "slowest": slowest}


def one(kind: str, data: bytes, base: bytes, name: str, watch: judge.Watch) -> tuple[str, list[str]]:
    before = judge.reset_peak()
    outcome, model, faults = judge.load(data, watch)
    grown = judge.peak() - before
    graphs = 0
    if kind in mutate.SEALED and outcome != "container":
        graphs = sum(len(raw) for file, raw in forge.take_apart(data).files.items() if file.endswith(".json"))
    if grown > judge.allowed_memory(len(data), graphs):
        faults.append(f"{grown >> 20} MiB of memory for a file of {len(data)} bytes")
    if outcome == "loaded" and kind in mutate.RAW and data != base:
        faults.append("a damaged file was loaded")
    if outcome == "loaded" and kind in mutate.SEALED:
        faults += judge.use(model, rows_for(name), watch)
    return outcome, faults


if __name__ == "__main__":
    faulthandler.enable()
    folder, seed, first, last, progress = sys.argv[1:]
    print(json.dumps(main(folder, seed, int(first), int(last), progress)))
