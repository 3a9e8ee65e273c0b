"""What ``diff`` prints: the shortest account first, then each kind of difference."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from modelkeep.cli.screen import Screen
from modelkeep.cli.text import plural
from modelkeep.comparison import Change, Diff
from modelkeep.comparison_answers import AnswerChange
from modelkeep.comparison_trees import TreeChange
from modelkeep.comparison_values import ArrayChange, NamesChange

FEW = 10
_SIGNS = {"added": "+", "removed": "-", "changed": "~"}


def show(found: Diff) -> None:
    screen = Screen()
    if not found:
        screen.line("nothing differs" + (" (the two have the same digest)" if _same(found) else ""))
        return
    screen.line(f"- {found.first}", "bold")
    screen.line(f"+ {found.second}", "bold")
    _changes(screen, "parameters", found.parameters)
    _changes(screen, "classes", _collapsed(found.classes))
    _changes(screen, "learned values", found.attributes)
    _names(screen, found.names)
    _arrays(screen, found.arrays)
    _trees(screen, found.trees)
    _changes(screen, "schema", found.schema)
    _changes(screen, "environment", found.environment)
    _changes(screen, "probe", found.probe)
    _answers(screen, found)


def _same(found: Diff) -> bool:
    return found.first_digest == found.second_digest


def _changes(screen: Screen, title: str, changes: Sequence[Change]) -> None:
    if not changes:
        return
    screen.heading(title)
    for change in changes[: 3 * FEW]:
        text = f"{change.old} -> {change.new}" if change.kind == "changed" else change.old or change.new
        screen.paragraph(f"{_SIGNS[change.kind]} {change.path}: {text}", 2, hanging=4)
    _rest(screen, len(changes) - 3 * FEW)


def _rest(screen: Screen, count: int) -> None:
    if count > 0:
        screen.line(f"  ... and {count:,} more; see --json", "dim")


def _collapsed(changes: Iterable[Change]) -> list[Change]:
    """Members of one list that came or went together as one line: an ensemble that grew."""
    made: list[tuple[Change, int, str]] = []
    for change in changes:
        stem, last = _place(change.path)
        if made and last >= 0:
            first, count, _ = made[-1]
            alike = (first.kind, first.old, first.new) == (change.kind, change.old, change.new)
            if alike and _place(first.path) == (stem, last - count):
                made[-1] = (first, count + 1, change.path)
                continue
        made.append((change, 1, change.path))
    return [
        Change(f"{first.path} to [{_place(last)[1]}]", first.kind, *_counted(first, count)) if count > 1 else first
        for first, count, last in made
    ]


def _place(path: str) -> tuple[str, int]:
    match = re.fullmatch(r"(.*)\[(\d+)\]", path)
    return (match[1], int(match[2])) if match else (path, -1)


def _counted(change: Change, count: int) -> tuple[str, str]:
    return (f"{count:,} x {change.old}" if change.old else "", f"{count:,} x {change.new}" if change.new else "")


def _names(screen: Screen, names: Sequence[NamesChange]) -> None:
    if not names:
        return
    screen.heading("vocabulary and categories")
    for change in names[:FEW]:
        counts = [
            f"{change.added_count:,} added" if change.added_count else "",
            f"{change.removed_count:,} removed" if change.removed_count else "",
            f"{change.moved:,} with another number or place" if change.moved else "",
        ]
        screen.paragraph(f"~ {change.path}: {', '.join(filter(None, counts)) or 'kept in another form'}", 2, hanging=4)
        for sign, listed, count in (
            ("+", change.added, change.added_count),
            ("-", change.removed, change.removed_count),
        ):
            if listed:
                more = f", ... {count - FEW:,} more" if count > FEW else ""
                screen.paragraph(f"{sign} {', '.join(listed[:FEW])}{more}", 6, hanging=2)
    _rest(screen, len(names) - FEW)


def _arrays(screen: Screen, arrays: Sequence[ArrayChange]) -> None:
    if not arrays:
        return
    screen.heading("arrays")
    rows = [
        (f"{_SIGNS[a.kind]} {a.path}", _shape(a), _count(a), _number(a.absolute), _number(a.relative)) for a in arrays
    ]
    screen.table(["array", "type and shape", "differ", "largest", "relative"], rows[: 2 * FEW], right=[2, 3, 4])
    _rest(screen, len(arrays) - 2 * FEW)


def _shape(change: ArrayChange) -> str:
    if change.kind != "changed" or change.old == change.new:
        return change.old or change.new
    return f"{change.old} -> {change.new}"


def _count(change: ArrayChange) -> str:
    return f"{change.count:,} of {change.total:,}" if change.count else change.kind


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _trees(screen: Screen, trees: Sequence[TreeChange]) -> None:
    if not trees:
        return
    screen.heading("trees")
    kinds = [(kind, [tree for tree in trees if tree.kind == kind]) for kind in ("changed", "added", "removed")]
    counts = [f"{len(found):,} {kind}" for kind, found in kinds if found]
    screen.line(f"  {', '.join(counts)}, of {trees[0].total:,}")
    changed = [tree for tree in trees if tree.kind == "changed"]
    for tree in changed[:FEW]:
        nodes = f"{tree.old_nodes:,} nodes"
        if tree.old_nodes != tree.new_nodes:
            nodes = f"{tree.old_nodes:,} -> {tree.new_nodes:,} nodes"
        columns = "" if tree.columns == ("nodes",) else f"; differ in {', '.join(tree.columns)}"
        screen.paragraph(f"~ {tree.path}: {nodes}{columns}", 2, hanging=4)
    _rest(screen, len(changed) - FEW)


def _answers(screen: Screen, found: Diff) -> None:
    screen.heading("answers")
    if found.unanswered:
        screen.paragraph(f"not compared: {found.unanswered}", 2, hanging=2)
        return
    if not found.answers:
        screen.line(f"  the same to the last bit on {plural(found.asked, 'probe row')}")
        return
    for change in found.answers:
        _answer(screen, change)


def _answer(screen: Screen, change: AnswerChange) -> None:
    largest = f", by up to {change.largest:.3g}" if change.largest else ""
    screen.paragraph(
        f"~ {change.method}: {change.count:,} of {plural(change.total, 'row')} of the {change.probe} probe{largest}",
        2,
        hanging=4,
    )
    if change.what:
        screen.paragraph(change.what, 6, hanging=2)
    for row, place, old, new in change.values[:3]:
        where = f"row {row} {place}".strip()
        screen.paragraph(f"{where}: {old} -> {new}", 6, hanging=2)
