"""What ``advise`` prints: one table of what was tried, and the recommendation."""

from __future__ import annotations

from modelkeep.advising import Advice, Tried
from modelkeep.cli.screen import Screen
from modelkeep.cli.text import size

_COLUMNS = (
    "format",
    "",
    "size",
    "save",
    "load",
    "first",
    "1 row",
    "1,000",
    "differs",
    "labels",
    "runs code",
    "runs on",
)
#: Columns of a terminal that the whole table takes. A narrower one gets times first, then what the answers are worth.
_WIDE = 115
_NARROW = ((0, *range(2, 8)), (0, *range(8, 12)))


def show(found: Advice) -> None:
    screen = Screen()
    screen.line(f"{found.model}: {len(found.tried)} formats tried", "bold")
    works = [each for each in found.tried if each.works]
    if works:
        _table(screen, [_row(screen, each) for each in works])
    for each in found.tried:
        if not each.works:
            screen.fact(f"{each.format} ", f"no: {each.reason}", style="yellow")
    screen.heading("to be installed where it runs")
    for each in works:
        screen.fact(f"{each.format} ", each.install)
    screen.line()
    screen.paragraph(found.recommendation, indent=0, style="bold")


def _table(screen: Screen, rows: list[tuple[object, ...]]) -> None:
    parts = (tuple(range(len(_COLUMNS))),) if screen.width >= _WIDE else _NARROW
    for part in parts:
        if part is not parts[0]:
            screen.line()
        right = [place for place, column in enumerate(part) if column in range(2, 10)]
        screen.table([_COLUMNS[i] for i in part], [[row[i] for i in part] for row in rows], right=right)


def _row(screen: Screen, each: Tried) -> tuple[object, ...]:
    return (
        each.format,
        "works",
        size(each.size or 0),
        _time(each.save),
        _time(each.reload if each.reload is not None else each.load),
        _time(each.first),
        _time(each.one),
        _time(each.many),
        "0" if not each.difference else f"{each.difference:.1g}",
        each.labels or 0,
        screen.verdict(not each.runs_code, "no", "yes"),
        ", ".join(each.runs_on),
    )


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    unit, scale = next((each for each in (("s", 1.0), ("ms", 1e3)) if seconds * each[1] >= 1), ("us", 1e6))
    value = seconds * scale
    return f"{value:.3g} {unit}" if value < 100 else f"{value:.0f} {unit}"
