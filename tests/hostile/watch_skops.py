"""Run in a process of its own: reads hostile skops files and some honest ones under an audit hook, prints what it saw.

python -m hostile.watch_skops
"""

from __future__ import annotations

import json
import sys
import warnings

from hostile import watch_pickles
from hostile.skops_files import CASES, honest
from modelkeep.formats.unpickle import skops
from modelkeep.loading import Rules


def main() -> None:
    good, bad = [honest(kind) for kind in ("tree", "linear", "neighbours", "values")], [c[0]() for c in CASES.values()]
    warnings.simplefilter("ignore")

    def run(data: bytes) -> object:
        return skops.read(memoryview(bytearray(data)), Rules())

    for data in good + bad:  # the classes of these files are imported now, and by no hostile file later
        watch_pickles.attempt(run, data)
    sys.addaudithook(watch_pickles.hook)
    watch_pickles.watching = True
    done = sum(watch_pickles.attempt(run, data) for data in good)
    refused = sum(not watch_pickles.attempt(run, data) for data in bad)
    seen = len(watch_pickles.seen)
    with open("/dev/null"):
        pass
    watch_pickles.watching = False
    proof = len(watch_pickles.seen) - seen
    print(json.dumps({"seen": watch_pickles.seen[:seen], "proof": proof, "read": done, "refused": refused}))


if __name__ == "__main__":
    main()
