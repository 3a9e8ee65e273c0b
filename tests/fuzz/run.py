"""Runs mutants in child processes and adds up what came of them.

python -m fuzz.run --mutants 20000 --jobs 2 --seed 1
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent


@dataclass
class Tally:
    """What became of the mutants: ``counts`` by mutator and outcome, and each broken promise in ``faults``."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    slowest: float = 0.0

    def add(self, other: Tally) -> None:
        self.counts += other.counts
        self.faults += other.faults
        self.slowest = max(self.slowest, other.slowest)

    def table(self) -> str:
        outcomes = sorted({key.split(" ")[1] for key in self.counts})
        kinds = sorted({key.split(" ")[0] for key in self.counts})
        lines = [f"{'':10}" + "".join(f"{outcome:>11}" for outcome in outcomes)]
        for kind in kinds:
            lines.append(f"{kind:10}" + "".join(f"{self.counts[f'{kind} {name}']:>11}" for name in outcomes))
        lines.append(f"{self.counts.total()} mutants, {len(self.faults)} faults, the slowest took {self.slowest:.2f} s")
        return "\n".join(lines)


def child_environment() -> dict[str, str]:
    """For child processes: the tests' folder on the path, and one thread, so that two fit on two cores."""
    path = os.pathsep.join([str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def stretch(folder: Path, seed: str, first: int, last: int) -> Tally:
    """Mutants ``first`` to ``last``; where the child dies, that is a fault, and a new child goes on behind it."""
    tally, stopped = Tally(), -1
    while first < last:
        command = [sys.executable, "-m", "fuzz.worker", str(folder), seed, str(first), str(last)]
        done = subprocess.run(command, env=child_environment(), capture_output=True, text=True, check=False)
        lines = [json.loads(line[2:]) for line in done.stdout.splitlines() if line.startswith("@@")]
        for i, outcome, what, seconds, faults in lines:
            tally.counts[outcome] += 1
            tally.slowest = max(tally.slowest, seconds)
            tally.faults += [f"{seed}:{i} {what}: {fault}" for fault in faults]
            first = i + 1
        if done.returncode == 0:
            return tally
        if done.returncode == -signal.SIGTERM and stopped != first:
            stopped = first  # somebody outside ended it, for a crash sends another signal: once more
            continue
        hung = "Timeout (" in done.stderr
        if done.returncode > 0 and not hung:
            raise RuntimeError(f"the worker failed by itself:\n{done.stderr[-3000:]}")
        how = "hung" if hung else f"was killed by signal {-done.returncode}"
        tally.faults.append(f"{seed}:{first}: the process {how}\n{done.stderr[:3000]}")
        tally.counts["any died"] += 1
        first += 1
    return tally


def run(folder: Path, mutants: int, seed: str = "1", jobs: int = 2) -> Tally:
    step = -(-mutants // jobs)
    ranges = [(start, min(start + step, mutants)) for start in range(0, mutants, step)]
    tally = Tally()
    with ThreadPoolExecutor(jobs) as pool:
        for part in pool.map(lambda bounds: stretch(folder, seed, *bounds), ranges):
            tally.add(part)
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mutants", type=int, default=20_000)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--bases", type=Path, help="a folder of keep files; by default they are made")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.bases or Path(temporary)
        if options.bases is None:
            from fuzz.models import write_bases

            write_bases(folder)
        tally = run(folder, options.mutants, options.seed, options.jobs)
    print("\n".join(tally.faults[:200]))
    print(tally.table())
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
