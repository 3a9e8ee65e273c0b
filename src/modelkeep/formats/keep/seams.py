"""Where an artifact can be cut, so that versions of a model share what they have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from modelkeep.formats.keep.files import plan
from modelkeep.rope import Bytes

ARRAYS = "arrays.safetensors"


class Seam(NamedTuple):
    """One tensor of ``arrays.safetensors``, from byte ``begin`` to ``end`` of the file.

    ``column`` names it across versions if it grows at its end, as the columns of a pool of trees do; else it is "".
    """

    begin: int
    end: int
    column: str


def seams(files: Mapping[str, Bytes]) -> list[Seam]:
    """The tensors in the order of the file, empty ones left out."""
    if ARRAYS not in files:
        return []
    found = plan(files, check=False)
    columns = {
        number: f"{i}.{name}" for i, pool in enumerate(found.graph.pools) for name, number in pool["columns"].items()
    }
    tensors = enumerate(found.arrays.table)
    return sorted(Seam(t.begin, t.end, columns.get(number, "")) for number, t in tensors if t.end > t.begin)
