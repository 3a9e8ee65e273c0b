"""Judges one file in a process of its own, because it may kill, hang or swell that process.

python -m fuzz.child FILE
"""

from __future__ import annotations

import faulthandler
import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

SECONDS = 60


@dataclass(frozen=True)
class Verdict:
    """``grown`` is the largest resident size during the load, over what it was before, in bytes."""

    outcome: str
    text: str
    faults: list[str]
    seconds: float
    grown: int


def judge_file(path: Path) -> Verdict:
    """What became of the process that loaded ``path``."""
    from fuzz.run import child_environment

    command = [sys.executable, "-m", "fuzz.child", str(path)]
    done = subprocess.run(command, env=child_environment(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return Verdict("died", done.stderr[-3000:], [f"return code {done.returncode}"], 0.0, 0)
    return Verdict(**json.loads(done.stdout.splitlines()[-1]))


def main(path: str) -> None:
    import numpy as np

    import modelkeep as mk
    from fuzz import judge

    numbers = np.arange(1000.0)
    mk.loads(mk.dumps([1.5, {"a": [1, "x"]}, numbers], compress="zstd"))  # imports what a load needs
    data, watch = Path(path).read_bytes(), judge.Watch()
    faulthandler.dump_traceback_later(SECONDS, exit=True)
    before, start = judge.reset_peak(), time.perf_counter()
    outcome, _, faults = judge.load(data, watch)
    verdict = Verdict(outcome, "", faults, time.perf_counter() - start, judge.peak() - before)
    faulthandler.cancel_dump_traceback_later()
    print(json.dumps(verdict.__dict__))


if __name__ == "__main__":
    faulthandler.enable()
    main(sys.argv[1])
