"""What runs in fresh processes for the tests of Keras: ``python -m tests.keras_child make|read FOLDER [names]``.

Each writes one JSON file, ``made.json`` or ``read.json``, with what happened to each model.
"""

from __future__ import annotations

import json
import sys
import traceback
from pathlib import Path

import numpy as np

import modelkeep as mk
from modelkeep.catalog import ask_of, rows_of
from modelkeep.policy import Policy

TRUST = Policy(trust=["tests.keras_own"])


def answers(model, sample):
    return ask_of(model)(model, "predict", rows_of(model, sample))


def parts(answer):
    if isinstance(answer, dict):
        return [part for name in sorted(answer) for part in parts(answer[name])]
    return [part for each in answer for part in parts(each)] if isinstance(answer, tuple) else [answer]


def make(folder: Path, names: list[str]) -> dict[str, str]:
    from tests.zoo_keras import ZOO

    told = {}
    for name in names or ZOO:
        try:
            model, sample = ZOO[name]()
            mk.save(model, folder / f"{name}.keep", sample=sample)
            if mk.dumps(model, sample=sample) != (folder / f"{name}.keep").read_bytes():
                raise AssertionError("another save has other bytes")
            found = parts(answers(model, sample))
            np.savez(folder / f"{name}.npz", *found)
            told[name] = "made"
        except Exception:
            told[name] = traceback.format_exc()
    return told


def read(folder: Path, names: list[str], exact: bool = True) -> dict[str, str]:
    told = {}
    for name in names or sorted(path.stem for path in folder.glob("*.keep")):
        try:
            told[name] = _read(folder, name, exact)
        except Exception:
            told[name] = traceback.format_exc()
    return told


def _read(folder: Path, name: str, exact: bool) -> str:
    path = folder / f"{name}.keep"
    model = mk.load(path, policy=TRUST)
    seen = mk.verify(path, policy=TRUST)
    if (exact and not seen.exact) or not seen.rows:
        return f"verified with exact={seen.exact}, {seen.rows} rows: {seen.notes}"
    if exact and mk.dumps(model, probe=False) != mk.dumps(mk.load(path, policy=TRUST), probe=False):
        return "the loaded model has other bytes"
    return "read"


if __name__ == "__main__":
    command, place, *wanted = sys.argv[1:]
    folder = Path(place)
    told = make(folder, wanted) if command == "make" else read(folder, wanted, command == "read")
    (folder / f"{command}.json").write_text(json.dumps(told))
