"""What ``diff`` prints: each kind of difference under its heading, members of an ensemble together."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from modelkeep.cli.screen import Screen
from modelkeep.cli.text import plural
from modelkeep.comparison import Change, Diff
from modelkeep.comparison.answers import AnswerChange
from modelkeep.comparison.arrays import ArrayChange, NamesChange
from modelkeep.comparison.trees import TreeChange

#: Lines of one kind before the rest is counted.
FEW = 10
#: Differences of one kind in members of one list that are told one by one.
ALONE = 3
_SIGNS = {"added": "+", "removed": "-", "changed": "~"}

Entry = TypeVar("Entry", Change, ArrayChange, TreeChange)


def show(found: Diff) -> None:
    screen = Screen()
    if not found:
        screen.line("nothing differs")
        return
    screen.line(f"- {found.first}", "bold")
    screen.line(f"+ {found.second}", "bold")
    _section(screen, "parameters", found.parameters, _change)
    _section(screen, "classes", found.classes, _change)
    _section(screen, "learned values", found.attributes, _change)
    _names(screen, found.names)
    _section(screen, "arrays", found.arrays, _array)
    _section(screen, _trees(found.trees), found.trees, _tree)
    _section(screen, "schema", found.schema, _change)
    _section(screen, "environment", found.environment, _change)
    _section(screen, "probe", found.probe, _change)
    _answers(screen, found)


def _section(screen: Screen, title: str, entries: Sequence[Entry], told: Callable[[Entry], str]) -> None:
    if not entries:
        return
    screen.heading(title)
    groups = _grouped(entries)
    for members in groups[:FEW]:
        first = members[0]
        path = first.path if len(members) == 1 else _place(first.path)
        count = f"{len(members):,} places, the first: " if len(members) > 1 else ""
        screen.paragraph(f"{_SIGNS[first.kind]} {path}: {count}{told(first)}", 2, hanging=4)
    if len(groups) > FEW:
        screen.line(f"  ... and {len(groups) - FEW:,} more; see --json", "dim")


def _grouped(entries: Iterable[Entry]) -> list[list[Entry]]:
    """Entries in their order; those of one kind at the same place of many members of a list together."""
    groups: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        groups.setdefault((entry.kind, _place(entry.path)), []).append(entry)
    made: list[list[Entry]] = []
    for members in groups.values():
        made += [members] if len(members) > ALONE else [[member] for member in members]
    return made


def _place(path: str) -> str:
    return re.sub(r"\[\d+\]", "[*]", path)


def _change(change: Change) -> str:
    return f"{change.old} -> {change.new}" if change.kind == "changed" else change.old or change.new


def _array(change: ArrayChange) -> str:
    shape = change.old or change.new
    if change.kind == "changed" and change.old != change.new:
        return f"{change.old} -> {change.new}"
    if not change.count:
        return shape
    largest = "" if change.absolute is None else f", by up to {change.absolute:.3g}"
    relative = "" if change.relative is None else f" (relative {change.relative:.3g})"
    return f"{shape}; {change.count:,} of {change.total:,} differ{largest}{relative}"


def _trees(trees: Sequence[TreeChange]) -> str:
    counts = [(kind, sum(tree.kind == kind for tree in trees)) for kind in ("changed", "added", "removed")]
    told = ", ".join(f"{count:,} {kind}" for kind, count in counts if count)
    return f"trees: {told}, of {trees[0].total:,}" if trees else ""


def _tree(tree: TreeChange) -> str:
    if tree.kind != "changed":
        return plural(tree.old_nodes or tree.new_nodes, "node")
    if tree.old_nodes != tree.new_nodes:
        return f"{tree.old_nodes:,} -> {tree.new_nodes:,} nodes"
    return f"{plural(tree.old_nodes, 'node')}, which differ in {', '.join(tree.columns)}"


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
        told = ", ".join(filter(None, counts)) or "the same names, kept in another form"
        screen.paragraph(f"~ {change.path}: {told}", 2, hanging=4)
        for sign, listed, count in (
            ("+", change.added, change.added_count),
            ("-", change.removed, change.removed_count),
        ):
            if listed:
                more = f", ... {count - FEW:,} more" if count > FEW else ""
                screen.paragraph(f"{sign} {', '.join(listed[:FEW])}{more}", 6, hanging=2)
    if len(names) > FEW:
        screen.line(f"  ... and {len(names) - FEW:,} more; see --json", "dim")


def _answers(screen: Screen, found: Diff) -> None:
    screen.heading("answers")
    if found.unanswered:
        screen.paragraph(f"not compared: {found.unanswered}", 2, hanging=2)
    elif not found.answers:
        screen.line(f"  the same to the last bit on {plural(found.asked, 'row')} of the probes")
    unable: dict[tuple[str, str], list[AnswerChange]] = {}
    for change in found.answers:
        if change.what and "can't answer" in change.what:
            unable.setdefault((change.probe, change.what), []).append(change)
        else:
            _answer(screen, change)
    for (probe, what), changes in unable.items():
        methods = ", ".join(change.method for change in changes)
        screen.paragraph(f"~ {methods}, on the rows of the {probe} probe:", 2, hanging=4)
        screen.paragraph(what, 6, hanging=2)


def _answer(screen: Screen, change: AnswerChange) -> None:
    largest = f", by up to {change.largest:.3g}" if change.largest else ""
    rows = f"{change.count:,} of {plural(change.total, 'row')}"
    screen.paragraph(f"~ {change.method}: {rows} of the {change.probe} probe differ{largest}", 2, hanging=4)
    if change.what:
        screen.paragraph(change.what, 6, hanging=2)
    for row, place, old, new in change.values[:3]:
        where = f"row {row} {place}".strip()
        screen.paragraph(f"{where}: {old} -> {new}", 6, hanging=2)
