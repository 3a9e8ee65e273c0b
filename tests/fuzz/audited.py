"""Loads files in a process whose audit hook notes everything that a load does besides computing.

    python -m fuzz.audited FILE...

Each file is loaded once before the hook listens, so that what its model needs is imported; then again. Prints a JSON
object: for each file the events of the second load, and all modules that the first one imported.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

events: list[str] = []
listening = False


def hear(event: str, args: tuple[Any, ...]) -> None:
    if listening:
        events.append(f"{event} {' '.join(map(repr, args))[:300]}")


def main(paths: list[str]) -> None:
    global listening
    import warnings

    import modelkeep as mk
    from modelkeep.policy import Policy

    warnings.simplefilter("error")
    policy = Policy()
    mk.loads(mk.dumps([1.5]))
    found: dict[str, Any] = {}
    sys.addaudithook(hear)
    for path in paths:
        before = set(sys.modules)
        mk.load(path, policy=policy)
        imported = sorted(set(sys.modules) - before)
        listening = True
        mk.load(path, policy=policy)
        listening = False
        found[path] = {"events": list(events), "imported": imported}
        events.clear()
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
