"""The fresh process of the demonstration: loads models that it has never seen, and answers. Run by ``demo.py``."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from modelkeep import verbs


def answer(folder: Path, names: list[str]) -> dict[str, Any]:
    """For each model: the seconds that loading took and what each method answers."""
    found: dict[str, Any] = {}
    for name in names:
        questions = verbs.load(folder / f"{name}-rows.keep")
        model = verbs.load(folder / f"{name}.keep")
        start = time.perf_counter()
        # Again, now that the libraries are imported: importing them is not what loading costs.
        verbs.load(folder / f"{name}.keep")
        seconds = time.perf_counter() - start
        answers = {method: getattr(model, method)(questions["rows"]) for method in questions["methods"]}
        found[name] = {"load_seconds": seconds, "answers": answers}
    return found


def main() -> None:
    """Import what takes long, wait for the names of the models on the standard input, and answer into a file."""
    import pandas  # noqa: F401
    import sklearn.ensemble  # noqa: F401

    folder = Path(sys.argv[1])
    verbs.save(answer(folder, sys.stdin.read().split()), folder / "answers.keep", probe=False)


if __name__ == "__main__":
    main()
