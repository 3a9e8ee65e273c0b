"""The rows inside a graph: tensors side by side, numbers or texts, so that columns can be chosen and joined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from modelkeep.errors import ExportError
from modelkeep.formats.onnx.graph import Graph

FLOAT, STRING, DOUBLE = 1, 8, 11


@dataclass(frozen=True)
class Part:
    """A tensor of ``width`` columns: numbers are float64, whatever the model's own type; ``text`` is strings.

    ``narrow``: every number is one that float32 has, and what the model computes of it is float32 too.
    ``whole``: numpy's name of the integers (or truth values) that the rows really hold, as in ``"int8"``.
    """

    name: str
    width: int
    text: bool = False
    narrow: bool = False
    whole: str = ""


@dataclass(frozen=True)
class Table:
    """Parts side by side. ``names`` are the columns of a frame."""

    parts: tuple[Part, ...]
    names: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        return sum(part.width for part in self.parts)

    @property
    def narrow(self) -> bool:
        return bool(self.parts) and all(part.narrow for part in self.parts)

    def numbers(self, graph: Graph) -> str:
        """All columns as one float64 tensor."""
        if any(part.text for part in self.parts):
            raise ExportError("it gets texts where numbers are needed", hint="encode the texts in a step before it")
        if len(self.parts) == 1:
            return self.parts[0].name
        return graph.add("Concat", *(part.name for part in self.parts), axis=1)

    def columns(self, graph: Graph, chosen: Sequence[int]) -> Table:
        """Some columns, in that order."""
        parts: list[Part] = []
        waiting: list[tuple[Part, int]] = [self._find(int(column)) for column in chosen]
        names = tuple(self.names[int(column)] for column in chosen) if self.names else ()
        while waiting:
            part = waiting[0][0]
            run = 0
            while run < len(waiting) and waiting[run][0] is part:
                run += 1
            places = [place for _, place in waiting[:run]]
            waiting = waiting[run:]
            if places == list(range(part.width)):
                parts.append(part)
                continue
            name = graph.add("Gather", part.name, graph.const(places, np.int64), axis=1)
            parts.append(replace(part, name=name, width=len(places)))
        return Table(tuple(parts), names)

    def _find(self, column: int) -> tuple[Part, int]:
        for part in self.parts:
            if column < part.width:
                return part, column
            column -= part.width
        raise ExportError("it chooses a column that is not there", hint="fit it again on these columns")

    def like(self, name: str, width: int | None = None) -> Table:
        """Computed numbers in place of these: as narrow as these are."""
        return Table((Part(name, self.width if width is None else width, narrow=self.narrow),))


def joined(tables: Sequence[Table]) -> Table:
    """Tables side by side."""
    return Table(tuple(part for table in tables for part in table.parts))


def of_numbers(name: str, width: int) -> Table:
    """One float64 tensor."""
    return Table((Part(name, width),))


def rounded(graph: Graph, name: str, table: Table) -> str:
    """What numpy makes of a result that it stores in a float32 array, where the rows are such."""
    if not table.narrow:
        return name
    return graph.narrowed(name)


def row(values: Any) -> Any:
    """Numbers for each column, ready to be broadcast over rows."""
    return np.asarray(values, dtype=np.float64).reshape(1, -1)
