"""Text for a terminal: control characters escaped, sizes and times in units for people."""

from __future__ import annotations

import unicodedata
from functools import cache


def clean(text: object, keep: str = "") -> str:
    """``text`` with every control character escaped, so that a file can't speak to the terminal.

    >>> clean("a\\x1b[31m")
    'a\\\\x1b[31m'
    """
    shown = str(text)
    return shown if shown.isprintable() else "".join(c if c in keep or _is_shown(c) else _escaped(c) for c in shown)


def _is_shown(char: str) -> bool:
    category = unicodedata.category(char)
    return category[0] != "C" and category not in ("Zl", "Zp")  # these two break the line


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


def columns_of(text: str) -> int:
    """The columns that a text takes in a terminal.

    >>> columns_of("plain"), columns_of("漢字"), columns_of("e\u0301")
    (5, 4, 1)
    """
    if text.isascii():
        return len(text)
    return sum(map(_columns_of, text))


@cache
def _columns_of(char: str) -> int:
    return 0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1


def size(count: int) -> str:
    """A number of bytes.

    >>> size(0), size(999), size(8184), size(512_000_000)
    ('0 B', '999 B', '8.2 kB', '512 MB')
    """
    value, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while value >= 999.5 and len(units) > 1:
        value /= 1000
        units.pop(0)
    return f"{count} B" if units[0] == "B" else f"{value:.{1 if value < 99.95 else 0}f} {units[0]}"


def seconds(value: float) -> str:
    """A time.

    >>> seconds(0.00213), seconds(0.25), seconds(3.14)
    ('2.1 ms', '250 ms', '3.1 s')
    """
    if value < 0.9995:
        return f"{value * 1000:.1f} ms" if value < 0.00995 else f"{value * 1000:.0f} ms"
    return f"{value:.1f} s"


def plural(count: int, one: str, many: str = "") -> str:
    """A count with its noun.

    >>> plural(1, "row"), plural(1200, "row"), plural(2, "library", "libraries")
    ('1 row', '1,200 rows', '2 libraries')
    """
    return f"{count:,} {one if count == 1 else many or one + 's'}"
