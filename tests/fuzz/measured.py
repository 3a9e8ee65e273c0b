"""What a save or a load of a large dense model takes beside the model, measured in a process of its own.

    python -m fuzz.measured save|load|use|copy PATH MEGABYTES

``copy`` takes a plain copy instead, to show that one would be seen.

The model is there (or the file is mapped) and everything is imported before the measurement begins. ``VmHWM`` of
/proc/self/status is the largest resident size; writing 5 to /proc/self/clear_refs resets it to the present one. The
pages of a mapped file count as resident as soon as they were looked at, though the system can drop them at any time:
they are ``RssFile``. Anonymous memory, ``RssAnon``, is what a load really takes; a second thread watches it.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

import modelkeep as mk
from fuzz import judge

MIB = 1 << 20
COLUMNS = 1024


def model(megabytes: int) -> Any:
    """A linear model with one dense matrix of weights, and nothing else of any size."""
    from sklearn.linear_model import LinearRegression

    made = LinearRegression()
    rows = megabytes * MIB // (8 * COLUMNS)
    made.coef_ = np.arange(rows * COLUMNS, dtype=np.float64).reshape(rows, COLUMNS)
    made.intercept_ = np.zeros(rows)
    made.n_features_in_ = COLUMNS
    return made


def anonymous() -> int:
    """The resident memory that is not a file's, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) << 10
    raise OSError("no RssAnon in /proc/self/status")


class Anonymous:
    """The largest ``RssAnon`` inside a ``with`` block, looked at every millisecond."""

    def __enter__(self) -> Anonymous:
        self.before = self.peak = anonymous()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()
        self.peak = max(self.peak, anonymous())

    def _watch(self) -> None:
        while not self._stop.wait(0.001):
            self.peak = max(self.peak, anonymous())


def measure(what: str, path: Path, megabytes: int) -> dict[str, float]:
    small = path.with_name("small.keep")
    mk.save(model(1), small, probe=False)
    mk.load(small).predict(np.zeros((1, COLUMNS)))
    big = model(megabytes) if what in ("save", "copy") else None
    resident = judge.reset_peak()
    start = time.perf_counter()
    with Anonymous() as watched:
        if what == "copy":
            big.coef_ = [big.coef_, big.coef_.copy()]
        elif what == "save":
            mk.save(big, path, probe=False)
        else:
            loaded = mk.load(path, integrity="trusted" if what == "use" else "full")
            if what == "use":
                loaded.predict(np.ones((1, COLUMNS)))
    seconds = time.perf_counter() - start
    peak = judge.peak()
    return {
        "resident_extra": (peak - resident) / MIB,
        "anonymous_extra": (watched.peak - watched.before) / MIB,
        "seconds": seconds,
        "file": path.stat().st_size / MIB if path.exists() else 0.0,
    }


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))))
