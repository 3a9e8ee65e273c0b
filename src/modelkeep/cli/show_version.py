"""What ``show`` prints: one version with all that is known of it, or its card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from modelkeep.cli.screen import Screen
from modelkeep.cli.show_registry import age, first_line, metrics_of, number, when
from modelkeep.cli.text import clean, plural, size

if TYPE_CHECKING:
    from modelkeep.registry.describing import Described
    from modelkeep.registry.version import Version

#: Names in a list before the rest is counted.
_FEW = 6


def show_version(found: Described) -> None:
    screen, version = Screen(), found.version
    aliases = f"  ({', '.join(version.aliases)})" if version.aliases else ""
    screen.line(f"{version.ref}{aliases}", "bold")
    screen.fact("model", f"{version.model} ({version.framework})")
    screen.fact("registered", f"{when(version.time)} UTC by {version.author}, {age(version.time)}")
    for i, line in enumerate(version.message.splitlines()):
        screen.fact("" if i else "message", line)
    for name, value in version.metrics.items():
        screen.fact("metric", f"{name} {number(value)}")
    for name, text in sorted(version.tags.items()):
        screen.fact("tag", f"{name}: {text}")
    screen.fact(
        "size", f"{size(version.size)}; {size(found.stored)} in {plural(found.objects, 'object')} of the registry"
    )
    screen.fact("digest", version.digest)
    _vouched(screen, found)
    screen.fact("takes", _takes(found.manifest.schema))
    probe = found.manifest.probe
    rows, methods = probe.get("rows", 0), ", ".join(probe.get("methods", ()))
    screen.fact("probe", f"{plural(rows, 'row')} with the answers of {methods}" if rows else "none")
    screen.fact("saved with", _environment(found.manifest.environment))
    for change in found.changes[:_FEW]:
        screen.fact("", f"differs here: {change}", style="yellow")
    if len(found.changes) > _FEW:
        screen.fact("", f"... and {plural(len(found.changes) - _FEW, 'more difference')}; see --json", style="yellow")
    _lineage(screen, found)


def _vouched(screen: Screen, found: Described) -> None:
    version = found.version
    if version.signatures:
        screen.fact("signed", f"{plural(version.signatures, 'signature')}; check: verify {version.ref} --signer KEY")
    for certificate in found.certificates:
        passed = "the same answers" if certificate.get("passed") is True else "other answers"
        screen.fact("parity", f"{certificate.get('format')}: {passed}")
    if version.origin:
        screen.fact("copied from", version.origin)


def _takes(schema: Mapping[str, Any]) -> str:
    from modelkeep.outline.values import shape_text

    columns = schema.get("columns") or []
    if columns:
        return f"{plural(len(columns), 'column')}: {_some([str(column.get('name')) for column in columns])}"
    shape = shape_text(tuple(schema["shape"])) if "shape" in schema else ""
    words = [schema.get("kind", "unknown"), schema.get("dtype", ""), shape]
    return ", ".join(str(word) for word in words if word)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_FEW]) + (f", ... ({len(names):,})" if len(names) > _FEW else "")


def _environment(recorded: Mapping[str, Any]) -> str:
    python, machine = recorded.get("python", {}), recorded.get("machine", {})
    words = [f"{python.get('implementation', 'Python')} {python.get('version', '?')}"]
    words += [" ".join(str(machine[key]) for key in ("system", "machine") if key in machine)]
    words += [_some([f"{name} {version}" for name, version in recorded.get("packages", {}).items()])]
    return ", ".join(word for word in words if word)


def _lineage(screen: Screen, found: Described) -> None:
    """From the first ancestor down to the version, as a tree."""
    if not found.lineage and not found.lost:
        return
    from rich.text import Text
    from rich.tree import Tree

    screen.heading("made from")
    labels = [f"{found.lost} (not here any more)"] if found.lost else []
    labels += [_label(version) for version in (*reversed(found.lineage), found.version)]
    tree = branch = Tree(Text(clean(labels[0])), guide_style="dim")
    for label in labels[1:]:
        branch = branch.add(Text(clean(label)))
    screen.console.print(tree)


def _label(version: Version) -> str:
    return "  ".join(part for part in (version.ref, metrics_of(version), first_line(version.message)) if part)


def show_card(text: str) -> None:
    """A card as it is, tabs and all, so that it can be edited; what would control the terminal is escaped."""
    for line in text.split("\n")[: -1 if text.endswith("\n") else None]:
        print(clean(line, keep="\t"))
