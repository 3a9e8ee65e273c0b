"""What runs in fresh processes for the tests of Keras: ``python -m tests.keras_child COMMAND:FOLDER... NAMES``.

Each command (make, read, cross, keras) writes one JSON file of its name, with what happened to each model of NAMES,
which are separated by commas; an empty text stands for all.
"""

from __future__ import annotations

import json
import sys
import traceback
from functools import partial
from pathlib import Path

import modelkeep as mk
from modelkeep.catalog import ask_of, rows_of
from modelkeep.formats.keras.write import write as write_keras
from modelkeep.policy import Policy
from modelkeep.saving import Recipe

TRUST = Policy(trust=["tests.keras_own"])


def answers(model, sample):
    return ask_of(model)(model, "predict", rows_of(model, sample))


def equal(first, second):
    """Whether two answers are the same to the last bit."""
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(equal(first[name], second[name]) for name in first)
    if isinstance(first, tuple):
        return len(first) == len(second) and all(map(equal, first, second))
    return first.dtype == second.dtype and first.shape == second.shape and first.tobytes() == second.tobytes()


def make(folder: Path, names: list[str]) -> dict[str, str]:
    from tests.zoo_keras import ZOO

    told = {}
    for name in names or ZOO:
        try:
            model, sample = ZOO[name]()
            mk.save(model, folder / f"{name}.keep", sample=sample)
            if mk.dumps(model, sample=sample) != (folder / f"{name}.keep").read_bytes():
                raise AssertionError("another save has other bytes")
            with open(folder / f"{name}.keras", "w+b") as file:
                write_keras(model, file, Recipe())
            mk.save([rows_of(model, sample), answers(model, sample)], folder / f"{name}.rows", format="keep")
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


def read_keras(folder: Path, names: list[str]) -> dict[str, str]:
    """The same models from Keras's own files, through modelkeep's reader."""
    told = {}
    for name in names or sorted(path.stem for path in folder.glob("*.keras")):
        try:
            rows, expected = mk.load(folder / f"{name}.rows", format="keep")
            model = mk.load(folder / f"{name}.keras", policy=TRUST)
            told[name] = "read" if equal(expected, ask_of(model)(model, "predict", rows)) else "other answers"
        except Exception:
            told[name] = traceback.format_exc()
    return told


COMMANDS = {"make": make, "read": read, "cross": partial(read, exact=False), "keras": read_keras}


if __name__ == "__main__":
    *asked, wanted = sys.argv[1:]
    for command, _, place in (each.partition(":") for each in asked):
        told = COMMANDS[command](Path(place), [name for name in wanted.split(",") if name])
        (Path(place) / f"{command}.json").write_text(json.dumps(told))
