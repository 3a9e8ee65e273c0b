"""Foreign text in YAML and in Markdown: whatever it holds, it stays the one string or the one line that it is."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

#: Longer texts are cut.
LENGTH = 80

_PLAIN_CODE = re.compile(r"[A-Za-z0-9_.:,+/()=@-]+(?: [A-Za-z0-9_.:,+/()=@-]+)*")
#: What Markdown gives a meaning inside a line; the cards put nothing foreign at the beginning of one.
_MARKDOWN = re.compile(r"[\\`*_\[\]|~$]")


def yaml(value: Mapping[str, Any] | Sequence[Any], indent: str = "") -> Iterator[str]:
    """The lines of nested lists and mappings; their keys are ours, their values are quoted."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if isinstance(item, Mapping | list):
                yield f"{indent}{key}:"
                yield from yaml(item, indent + "  ")
            else:
                yield f"{indent}{key}: {scalar(item)}"
        return
    for item in value:
        lines = list(yaml(item, indent + "  ")) if isinstance(item, Mapping) else [scalar(item)]
        yield f"{indent}- {lines[0].lstrip()}"
        yield from lines[1:]


def scalar(value: object) -> str:
    """A number as it is, all else as one quoted string."""
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float) and math.isfinite(value):
        mantissa, e, exponent = repr(value).partition("e")
        # YAML 1.1 takes 1e-05 for a text: its numbers have a point.
        return mantissa + (".0" if "." not in mantissa else "") + e + exponent
    return '"' + "".join(map(_escaped, str(value))) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    return char if char.isprintable() else f"\\U{ord(char):08x}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], count: int) -> Iterator[str]:
    """A Markdown table; the cells are escaped already."""
    shown = list(rows)
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    for row in shown:
        yield f"| {' | '.join(row)} |"
    if len(shown) < count:
        yield f"\nAnd {count - len(shown):,} more."


def codes(values: Sequence[object], most: int = 20) -> str:
    more = f" and {len(values) - most:,} more" if len(values) > most else ""
    return ", ".join(code(value) for value in values[:most]) + more


def code(value: object, length: int = LENGTH) -> str:
    """As code where its characters are of names and numbers, else as escaped text."""
    shown = cut(value, length)
    return f"`{shown}`" if _PLAIN_CODE.fullmatch(shown) else text(shown, length)


def text(value: object, length: int = LENGTH) -> str:
    """``value`` on one line, with nothing that Markdown or HTML would read as its own."""
    shown = "".join(c if unicodedata.category(c)[0] != "C" else ascii(c)[1:-1] for c in cut(value, length))
    shown = shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKDOWN.sub(r"\\\g<0>", shown)


def cut(value: object, length: int = LENGTH) -> str:
    """``value`` on one line, and not longer than that."""
    shown = " ".join(str(value).split())
    return shown if len(shown) <= length else shown[: length - 1] + "…"


def python(value: str) -> str:
    """``value`` as Python writes it, so that it can end neither the string nor the block that shows it."""
    return f'"{value}"' if _PLAIN_CODE.fullmatch(value) else ascii(value)
