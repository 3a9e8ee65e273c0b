"""Files that a demonstration refuses: damaged, a pickle that acts, and a keep file with a tree that points outside."""

from __future__ import annotations

import io
import pickle
import random
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelkeep import verbs
from modelkeep.artifact import Artifact, FileEntry, Manifest
from modelkeep.bundle import open_bundle
from modelkeep.bundle_writer import write_bundle
from modelkeep.errors import ModelkeepError
from modelkeep.formats.keep import files as keep
from modelkeep.ports import Part

#: Places at which one bit is flipped, one at a time.
FLIPS = 200


@dataclass(frozen=True)
class Refusal:
    """One kind of bad file: how often it was tried, how often refused, and the first error. ``instead`` is what
    happens to the same file without modelkeep, where that was tried."""

    title: str
    tried: int
    refusals: int
    error: str
    kind: str
    instead: str = ""

    @property
    def refused(self) -> bool:
        return self.refusals == self.tried


def refusals(small: Path, forest: Path, folder: Path) -> tuple[Refusal, ...]:
    """``small`` is any keep file, ``forest`` one that holds trees."""
    return damaged(small), *acting(folder), outside(forest, folder)


def _error_of(source: Any, convert_to: Path | None = None) -> ModelkeepError | None:
    try:
        verbs.load(source) if convert_to is None else verbs.convert(source, convert_to)
    except ModelkeepError as error:
        return error
    return None


def _refusal(title: str, errors: list[ModelkeepError | None], instead: str = "") -> Refusal:
    refused = [error for error in errors if error is not None]
    first = refused[0] if refused else None
    # Where the demonstration keeps its files is of no interest to who reads the error.
    text = re.sub(r"\S*[/\\]", "", str(first).splitlines()[0], count=1) if first else "it was loaded"
    return Refusal(title, len(errors), len(refused), text, first.kind if first else "", instead)


def damaged(path: Path) -> Refusal:
    """One bit flipped, at places all over the file."""
    good = path.read_bytes()
    chosen = random.Random(0)  # the same places each time
    errors = []
    for _ in range(FLIPS):
        bad = bytearray(good)
        bad[chosen.randrange(len(bad))] ^= 1 << chosen.randrange(8)
        errors.append(_error_of(bytes(bad)))
    return _refusal(f"{path.name} with one flipped bit", errors)


class _Acts:
    """Its pickle asks for a call: that of ``open``, which makes a file. A real one would ask for worse."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (str(self.target), "w"))


def acting(folder: Path) -> tuple[Refusal, ...]:
    """A pickle that makes a file when it is read: by Python, by ``load``, and by ``convert``."""
    marker, path = folder / "made-by-the-pickle.txt", folder / "hostile.pkl"
    path.write_bytes(pickle.dumps(_Acts(marker)))
    loaded = _error_of(path)
    converted = _error_of(path, folder / "converted.keep")
    acted = marker.exists()
    read = "import pickle, sys; pickle.load(open(sys.argv[1], 'rb'))"
    subprocess.run([sys.executable, "-P", "-c", read, str(path)], check=False, capture_output=True, timeout=60)
    instead = "Python's pickle.load made the file" if marker.exists() else "Python's pickle.load made no file"
    if acted:
        loaded = converted = None
    return (
        _refusal("a pickle that makes a file when it is read, loaded", [loaded], instead),
        _refusal("the same pickle, converted", [converted]),
    )


def outside(forest: Path, folder: Path) -> Refusal:
    """A forest whose first tree has a child far behind its last node. All digests are right: it was made so."""
    artifact = open_bundle(memoryview(bytearray(forest.read_bytes())))
    files = {name: bytearray(data[:]) for name, data in artifact.files.items()}
    plan = keep.plan(artifact.files)
    column = plan.arrays.table[plan.graph.pools[0]["columns"]["right"]]
    arrays = files["arrays.safetensors"]
    arrays[column.begin : column.begin + column.dtype.itemsize] = b"\xff" * column.dtype.itemsize
    path = folder / "hostile.keep"
    path.write_bytes(rebundled(artifact, files))
    return _refusal("a .keep file with a tree that points outside itself", [_error_of(path)])


def rebundled(artifact: Artifact, files: Mapping[str, bytes | bytearray]) -> bytes:
    """Other files under the same manifest, with digests that fit: what an attacker would write."""
    import msgspec

    def manifest_of(entries: dict[str, FileEntry]) -> Manifest:
        return msgspec.structs.replace(artifact.manifest, files=entries)

    memory = io.BytesIO()
    write_bundle(memory, {name: Part.of(data) for name, data in files.items()}, manifest_of)
    return memory.getvalue()
