"""The command ``modelkeep``. Nothing but the shell itself is imported before a command needs it."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 1 for an error or a difference, 2 for a wrong call."""
    from modelkeep.cli.failures import guarded

    given = list(sys.argv[1:] if arguments is None else arguments)
    return guarded(given or ["--help"])
