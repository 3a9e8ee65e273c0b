"""Which framework can be written as which format, and read back: the table of plug-ins, holes included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import Any

from modelkeep import catalog
from modelkeep.policy import Safety
from modelkeep.ports import Cell, Format


@dataclass(frozen=True)
class Row:
    """One format. ``frameworks`` says for each framework ``"read and write"``, ``"write"`` or ``""`` for a hole.

    ``gives`` says what reading makes: the same object (``"model"``), a ``"predictor"`` that only answers, ``"weights"``
    by name, or nothing. ``convert`` says whether a file can be converted without running it, ``inert`` that
    it is read as data although it could run code; ``missing`` lists packages to install first.
    """

    name: str
    title: str
    safety: str
    suffixes: tuple[str, ...]
    tolerance: float
    frameworks: Mapping[str, str]
    gives: str
    convert: bool
    inert: bool
    missing: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as ``--json`` shows them."""
        return asdict(self)


def table() -> tuple[Row, ...]:
    """One row for each format."""
    return tuple(_row(format) for format in catalog.formats())


def _row(format: Format) -> Row:
    cells = [cell for cell in (*format.writers.values(), format.reader, format.inert) if cell]
    return Row(
        name=format.name,
        title=format.title,
        safety=format.safety.value,
        suffixes=format.suffixes,
        tolerance=format.tolerance,
        frameworks={framework.name: _cell(format, framework.name) for framework in catalog.frameworks()},
        gives=format.gives if format.reader is not None else "",
        convert=format.inert is not None or (format.reader is not None and format.safety is Safety.DATA),
        inert=format.inert is not None,
        missing=tuple(sorted({package for cell in cells for package in _missing(cell)})),
    )


def _cell(format: Format, framework: str) -> str:
    writes = format.writer_for(framework) is not None
    words = [word for word, has in (("read", format.reader is not None and writes), ("write", writes)) if has]
    return " and ".join(words)


def _missing(cell: Cell) -> list[str]:
    return [package for package in cell.needs if find_spec(package) is None]
