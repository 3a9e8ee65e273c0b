"""Where a command's answer goes: one JSON object, or text that fits the terminal."""

from __future__ import annotations

import importlib
import json
import math
import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from modelkeep.cli.text import clean, columns_of

if TYPE_CHECKING:
    from rich.console import Console

#: The width of text that goes to a file or a pipe, where nothing is known of the reader.
PIPE_WIDTH = 120
#: A table of more rows is aligned, not folded: laying out thousands of cells takes rich most of a second.
_MANY = 100


def print_json(value: Any) -> None:
    """One JSON object in ASCII: control characters of a file are escaped by JSON itself."""
    print(json.dumps(_strict(value), indent=2, allow_nan=False))


def tell(found: Any, json: bool, place: str, **more: Any) -> int:
    """Print what a verb found: as one JSON object, or by the function that ``place`` ("module:function") names."""
    if json:
        print_json(found.as_dict())
    else:
        module, _, name = place.partition(":")
        getattr(importlib.import_module(f"modelkeep.cli.{module}"), name)(found, **more)
    return 0


def _strict(value: Any) -> Any:
    """``value`` as JSON has it: an infinite or missing number is text there."""
    if isinstance(value, Mapping):
        return {str(key): _strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


class Screen:
    """Text to stdout. What is printed is cleaned here, so no caller can forget it."""

    def __init__(self) -> None:
        piped = not sys.stdout.isatty() and not os.environ.get("COLUMNS")
        self._columns = PIPE_WIDTH if piped else shutil.get_terminal_size().columns
        self._styled = sys.stdout.isatty() or bool(os.environ.get("FORCE_COLOR"))
        self.width = max(self._columns, 40)

    @cached_property
    def console(self) -> Console:
        """For what needs a layout or a colour; plain lines do without the time that rich takes to start."""
        from rich.console import Console

        return Console(width=self._columns, highlight=False, markup=False, emoji=False, soft_wrap=False)

    def _put(self, text: str, style: str) -> None:
        if style and self._styled:
            self.console.print(text, style=style, soft_wrap=True)
        else:
            print(text)

    def line(self, text: object = "", style: str = "") -> None:
        """One line, as long as it is: a terminal wraps it itself, so that it can be copied whole."""
        self._put(clean(text), style)

    def heading(self, text: str) -> None:
        self.line()
        self.line(text, "bold")

    def paragraph(self, text: object, indent: int = 2, style: str = "", hanging: int = 0) -> None:
        """Text filled to the width of the terminal."""
        filled = textwrap.wrap(
            clean(text),
            self.width - 1,
            initial_indent=" " * indent,
            subsequent_indent=" " * (indent + hanging),
            break_on_hyphens=False,
            break_long_words=False,
        )
        for line in filled:
            self._put(line, style)

    def fact(self, name: str, text: object, width: int = 12, style: str = "") -> None:
        """A name and what belongs to it, the text in a column of its own."""
        lines = textwrap.wrap(
            clean(text), max(20, self.width - width - 3), break_on_hyphens=False, break_long_words=False
        )
        for i, line in enumerate(lines or [""]):
            self._put(f"  {clean(name) if i == 0 else '':<{width}}{line}", style)

    def table(
        self, columns: Sequence[str], rows: Iterable[Sequence[object]], right: Iterable[int] = (), style: str = "dim"
    ) -> None:
        """Columns side by side; a cell that is too wide is folded inside its column."""
        rows = list(rows)
        if not any(hasattr(cell, "plain") for row in rows for cell in row):
            lines = _aligned([columns, *rows], set(right))
            if len(rows) > _MANY or max(map(columns_of, lines)) <= self.width:
                for i, line in enumerate(lines):
                    self._put(line, "" if i else style)
                return
        from rich.padding import Padding
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, header_style=style, pad_edge=False, padding=(0, 2, 0, 0))
        for i, name in enumerate(columns):
            table.add_column(name, justify="right" if i in right else "left", overflow="fold")
        for row in rows:
            table.add_row(*(cell if isinstance(cell, Text) else Text(clean(cell)) for cell in row))
        self.console.print(Padding(table, (0, 0, 0, 2), expand=False))

    def verdict(self, good: bool, yes: str, no: str) -> Any:
        """A cell that says yes or no, in words as well as in colour."""
        from rich.text import Text

        return Text(clean(yes), "green") if good else Text(clean(no), "bold red")


def _aligned(rows: Sequence[Sequence[object]], right: set[int]) -> list[str]:
    """A line for each row, as wide as its columns are."""
    columns = [
        _column([clean(cell) for cell in column], i in right) for i, column in enumerate(zip(*rows, strict=True))
    ]
    return [f"  {'  '.join(cells)}".rstrip() for cells in zip(*columns, strict=True)]


def _column(cells: Sequence[str], right: bool) -> list[str]:
    """The cells, each as wide as the widest."""
    taken = [columns_of(cell) for cell in cells]
    widest = max(taken)
    spaces = [" " * (widest - width) for width in taken]
    return [f"{space}{cell}" if right else f"{cell}{space}" for cell, space in zip(cells, spaces, strict=True)]
