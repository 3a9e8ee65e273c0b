"""Loads files in a process whose audit hook notes everything that a load does besides computing.

    python -m fuzz.audited FILE...

Each file is loaded twice: the first load may import what its model needs, the second has everything that it needs. For
each file it prints a line of JSON: the events of the first load that are not plain reading and importing, all events of
the second, and the names of modules that modelkeep asked Python to import.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import Any

IMPORTING = ("import ", "exec ", "compile ", "marshal.", "os.listdir ", "os.scandir ", "os.putenv ", "sys.", "gc.")
IMPORTING += ("ctypes.", "code.__new__", "function.__new__", "object.__setattr__", "object.__delattr__")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC

#: Events of plain computing; ``_getframe`` is of this file itself.
COMPUTING = frozenset({"builtins.id", "sys._getframe", "array.__new__", "object.__getattr__"})

events: list[str] = []
listening = False


def hear(event: str, args: tuple[Any, ...]) -> None:
    if listening and event not in COMPUTING:
        events.append(f"{event} {' '.join(map(repr, args))[:300]}")


def reads_only(event: str) -> bool:
    """Whether an event is of importing, or of opening a file to read it."""
    if event.startswith("open "):
        mode, flags = event.rsplit(" ", 2)[1:]
        return flags.isdigit() and not int(flags) & WRITING and "w" not in mode and "a" not in mode
    return event.startswith(IMPORTING)


def main(paths: list[str]) -> None:
    global listening
    import warnings

    import modelkeep as mk

    names: list[str] = []
    true_import = importlib.import_module

    def noting(name: str, package: str | None = None) -> Any:
        if sys._getframe(1).f_globals["__name__"].startswith("modelkeep"):
            names.append(name)
        return true_import(name, package)

    importlib.import_module = noting
    warnings.simplefilter("ignore")  # a deprecated class warns, and showing that opens its source
    mk.loads(mk.dumps([1.5]))
    sys.addaudithook(hear)
    for path in paths:
        listening = True
        mk.load(path)
        listening = False
        first = [event for event in events if not reads_only(event)]
        events.clear()
        listening = True
        mk.load(path)
        listening = False
        print(json.dumps({"path": path, "first": first, "second": events, "names": names}), flush=True)
        events.clear()
        names.clear()


if __name__ == "__main__":
    main(sys.argv[1:])
