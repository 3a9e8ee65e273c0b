"""A process that knows models only from files: it loads each one, with no trust list, and answers.

``python -m zoo.worker FOLDER`` reads a line a model from standard input, opens ``NAME.keep`` and ``NAME.rows`` in the
folder, writes ``NAME.answers`` and says so in one line.
"""

from __future__ import annotations

import pickle
import sys
import traceback
from pathlib import Path

from zoo.answers import answers


def main(folder: Path) -> None:
    import modelkeep as mk

    for line in sys.stdin:
        name = line.rstrip("\n")
        try:
            rows = pickle.loads((folder / f"{name}.rows").read_bytes())
            found: object = answers(mk.load(folder / f"{name}.keep"), rows)
        except Exception:
            found = traceback.format_exc()
        # Protocol 5, because those before it lose the byte order of arrays.
        (folder / f"{name}.answers").write_bytes(pickle.dumps(found, protocol=5))
        print(f"{name} done", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
