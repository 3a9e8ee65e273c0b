"""``python -m modelkeep``: the same as the command ``modelkeep``."""

from __future__ import annotations

import sys

from modelkeep.cli import main

if __name__ == "__main__":
    sys.exit(main())
