"""Writes the vectors: files with one fault each, and ``index.json`` with the stage that must refuse each of them.

    python tests/vectors/make.py        # from the root of the repository, in an environment with scikit-learn

A vector is never changed once a version of the format was released; new ones get new names.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

LIMIT = 8192
#: name, the stage that refuses it, what is wrong with it, its bytes
Vector = tuple[str, str, str, bytes]


def all_vectors() -> Iterator[Vector]:
    from fuzz import vectors_arrays, vectors_checks, vectors_container, vectors_graph, vectors_manifest

    for module in (vectors_container, vectors_manifest, vectors_graph, vectors_arrays, vectors_checks):
        yield from module.vectors()


def main() -> None:
    index: dict[str, dict[str, str]] = {}
    for old in HERE.glob("*.keep"):
        old.unlink()
    for name, stage, why, data in all_vectors():
        if name in index or len(data) > LIMIT:
            raise ValueError(f"{name} is there twice, or has {len(data)} bytes")
        index[name] = {"stage": stage, "fault": why}
        (HERE / f"{name}.keep").write_bytes(data)
    (HERE / "index.json").write_text(json.dumps(index, indent=1, sort_keys=True) + "\n")
    print(len(index), "vectors")


if __name__ == "__main__":
    main()
