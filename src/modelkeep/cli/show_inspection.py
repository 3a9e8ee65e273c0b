"""What ``inspect`` prints."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from modelkeep.cli.screen import Screen
from modelkeep.cli.text import clean, plural, size
from modelkeep.inspection import Inspection, Node
from modelkeep.outline.values import ArrayFact, shape_text

#: Rows of a list before it is cut, unless all are asked for.
FEW = 12
_SAFETY = {"data": "reading it runs no code", "code": "reading it can run any code"}


def show(found: Inspection, every: bool) -> None:
    screen = Screen()
    screen.line(found.path, "bold")
    screen.fact("format", f"{found.format}, {size(found.size)}; {_SAFETY[found.safety]}")
    if found.digest:
        screen.fact("model", f"{found.model} ({found.framework})")
        screen.fact("digest", found.digest)
        screen.fact("trust", _trust(found))
    for note in found.notes:
        screen.fact("note", note)
    if found.globals:
        _globals(screen, found.globals, every)
    if found.tree is not None:
        screen.heading("model")
        _tree(screen, found.tree, every)
    if found.files:
        _sizes(screen, found, every)
        _schema(screen, found.schema, every)
        _environment(screen, found)
        _probe(screen, found.probe)


def _trust(found: Inspection) -> str:
    words = [f"needs --trust {name}" for name in found.trust]
    if found.code:
        words.append(f"carries source ({plural(len(found.code), 'file')}; see --code), which runs with --allow-code")
    return "; ".join(words) or "needs none"


def _globals(screen: Screen, names: tuple[str, ...], every: bool) -> None:
    screen.heading("names that it would import (nothing was imported or run)")
    for name in _some(names, every):
        screen.line(f"  {name}")
    _rest(screen, len(names), every)


def _tree(screen: Screen, node: Node, every: bool, depth: int = 1) -> None:
    indent = 2 * depth
    name = f"{node.name}: " if node.name else ""
    if node.same_as:
        screen.paragraph(f"{name}the same object as {node.same_as}", indent)
        return
    count = f"{node.count:,} x " if node.count > 1 else ""
    stored = f", {size(node.bytes)}" if node.bytes else ""
    kind = node.type if every else node.type.rpartition(".")[2]
    screen.paragraph(f"{name}{count}{kind}{stored}", indent, "" if depth > 1 else "bold")
    parameters = [f"{key}={value}" for key, value in node.parameters.items() if every or not _is_plumbing(node, key)]
    if parameters:
        screen.paragraph(", ".join(parameters), indent + 4, "dim")
    if node.varying:
        screen.paragraph(f"(they differ in {', '.join(node.varying)})", indent + 4, "dim")
    for child in node.children:
        _tree(screen, child, every, depth + 1)


def _is_plumbing(node: Node, key: str) -> bool:
    """Whether a parameter only repeats the parts that are listed below it."""
    return "<" in node.parameters[key] and bool(node.children)


def _sizes(screen: Screen, found: Inspection, every: bool) -> None:
    screen.heading("sizes")
    screen.table(
        ["file", "bytes"], [(name, f"{count:,}") for name, count in found.files.items()], right=[1], style="dim"
    )
    if found.pools:
        screen.line()
        rows = [(_inside(p.path), p.kind, f"{p.trees:,}", f"{p.nodes:,}", f"{p.bytes:,}") for p in found.pools]
        screen.table(["trees, the first at", "kind", "trees", "nodes", "bytes"], rows, right=[2, 3, 4])
    if found.arrays:
        screen.line()
        arrays = [(a, 1) for a in found.arrays] if every else _grouped(found.arrays)
        arrays.sort(key=lambda entry: -entry[0].bytes)
        lines = [
            (_inside(a.path), f"{count:,} x {a.dtype}" if count > 1 else a.dtype, shape_text(a.shape), f"{a.bytes:,}")
            for a, count in _some(arrays, every)
        ]
        screen.table(["array", "type", "shape", "bytes"], lines, right=[3])
        _rest(screen, len(arrays), every, "array", sum(fact.bytes for fact, _ in arrays[FEW:]))


def _inside(path: str) -> str:
    """A place without the name of the whole model, which every place begins with."""
    return re.sub(r"^\w+\.?(?=.)", "", path)


def _grouped(arrays: Iterable[ArrayFact]) -> list[tuple[ArrayFact, int]]:
    """Arrays of one type and shape in the same place of alike members as one, with their number: ``[*]``."""
    groups: dict[tuple[str, str, tuple[int, ...]], list[ArrayFact]] = {}
    for fact in arrays:
        groups.setdefault((re.sub(r"\[\d+\]", "[*]", fact.path), fact.dtype, fact.shape), []).append(fact)
    return [
        (members[0] if len(members) == 1 else ArrayFact(*key, sum(fact.bytes for fact in members)), len(members))
        for key, members in groups.items()
    ]


def _some(items: Iterable[Any], every: bool) -> list[Any]:
    listed = list(items)
    return listed if every else listed[:FEW]


def _rest(screen: Screen, count: int, every: bool, noun: str = "name", stored: int = 0) -> None:
    if count > FEW and not every:
        more = f" with {size(stored)}" if stored else ""
        screen.line(f"  ... and {plural(count - FEW, 'more ' + noun)}{more}; list them with --all", "dim")


def _schema(screen: Screen, schema: Mapping[str, Any], every: bool) -> None:
    if schema.get("kind", "unknown") == "unknown" and not schema.get("outputs"):
        return
    screen.heading("takes")
    shape = shape_text(tuple(schema["shape"])) if "shape" in schema else ""
    words = [schema.get("kind", "unknown"), schema.get("dtype", ""), shape]
    missing = _word(schema.get("missing"), "missing values are accepted", "no missing values", "")
    screen.paragraph(", ".join(word for word in (*words, missing) if word), hanging=2)
    columns = schema.get("columns") or []
    if columns:
        screen.table(["column", "type", "missing", "categories"], [_column(column) for column in _some(columns, every)])
        _rest(screen, len(columns), every, "column")
    if schema.get("outputs") or schema.get("classes"):
        screen.heading("gives")
    for method, output in schema.get("outputs", {}).items():
        screen.paragraph(f"{method}: {_output(output)}", hanging=2)
    classes = schema.get("classes")
    if classes is not None:
        screen.paragraph("classes: " + _listed(classes, every), 2, hanging=2)


def _column(column: Mapping[str, Any]) -> tuple[str, str, str, str]:
    missing = _word(column.get("missing"), "yes", "no", "?")
    categories = column.get("categories")
    return str(column.get("name")), str(column.get("dtype")), missing, _listed(categories or (), False)


def _word(value: bool | None, yes: str, no: str, unknown: str) -> str:
    return unknown if value is None else yes if value else no


def _listed(values: Iterable[Any], every: bool) -> str:
    listed = list(values)
    shown = listed if every else listed[:6]
    return ", ".join(map(str, shown)) + (f", ... ({len(listed):,})" if len(shown) < len(listed) else "")


def _output(output: Mapping[str, Any]) -> str:
    if "items" in output:
        return " and ".join(_output(item) for item in output["items"])
    shape = shape_text(tuple(output["shape"])) if "shape" in output else ""
    return ", ".join(word for word in (output.get("kind", ""), output.get("dtype", ""), shape) if word)


def _environment(screen: Screen, found: Inspection) -> None:
    screen.heading("saved with")
    screen.paragraph(", ".join(_facts(found.environment)), 2, hanging=2)
    if not found.changes:
        screen.line("  the same here")
    for change in found.changes:
        screen.paragraph(f"differs here: {change}", 2, "yellow", hanging=2)


def _facts(environment: Mapping[str, Any]) -> Iterator[str]:
    python = environment.get("python", {})
    yield f"{python.get('implementation', 'Python')} {python.get('version', '?')}"
    machine = environment.get("machine", {})
    yield " ".join(str(machine[key]) for key in ("system", "machine", "simd") if key in machine)
    for name, version in environment.get("packages", {}).items():
        yield f"{name} {version}"


def _probe(screen: Screen, probe: Mapping[str, Any]) -> None:
    screen.heading("probe")
    rows, methods = probe.get("rows", 0), probe.get("methods", ())
    if rows:
        screen.paragraph(f"{plural(rows, 'row')} with the answers of {', '.join(methods)}", 2, hanging=2)
    else:
        screen.paragraph("none: nothing in the file proves its answers", hanging=2)
    for note in probe.get("notes", ()):
        screen.paragraph(f"note: {note}", 2, hanging=2)


def show_code(found: Inspection) -> None:
    """The source in a file, as text: tabs and ends of lines stay, all else that controls a terminal is escaped."""
    screen = Screen()
    if not found.code:
        screen.line("the file carries no source")
    for name, source in found.code.items():
        screen.line(f"# {name}", "bold")
        for line in source.splitlines():
            screen.console.print(clean(line, keep="\t"), soft_wrap=True)
        screen.line()
