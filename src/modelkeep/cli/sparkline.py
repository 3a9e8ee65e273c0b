"""A line of bars for a few numbers."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache

_BARS, _PLAIN = "▁▂▃▄▅▆▇█", "_.-~=+*#"


def sparkline(values: Sequence[float | None], bars: str = _BARS) -> str:
    """A bar for each value, from the least to the greatest; a space where there is none.

    >>> sparkline([1, 2, None, 3]), sparkline([5, 5]), sparkline([])
    ('▁▄ █', '▅▅', '')
    """
    known = [value / 2 for value in values if value is not None]  # by half, so that no difference is infinite
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    top = len(bars) - 1

    def bar(value: float) -> str:
        return bars[int((value / 2 - low) / (high - low) * top)] if high > low else bars[len(bars) // 2]

    return "".join(" " if value is None else bar(value) for value in values)


def shown(values: Sequence[float | None]) -> str:
    """The same, in letters that stdout can take."""
    return sparkline(values, _BARS if _has_bars(sys.stdout.encoding or "ascii") else _PLAIN)


@cache
def _has_bars(encoding: str) -> bool:
    try:
        return bool(_BARS.encode(encoding))
    except (UnicodeEncodeError, LookupError):
        return False
