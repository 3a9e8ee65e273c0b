"""What the commands on registries print."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from modelkeep.cli.screen import Screen
from modelkeep.cli.sparkline import shown
from modelkeep.cli.text import clean, plural, size

if TYPE_CHECKING:
    from modelkeep.registry.checking import Examined
    from modelkeep.registry.events import Event
    from modelkeep.registry.heads import Summary
    from modelkeep.registry.version import Version

_TRAIL = 40


def age(time: str) -> str:
    """How long ago a record says it was written."""
    try:
        then = datetime.datetime.fromisoformat(time)
    except ValueError:
        return time
    seconds = (datetime.datetime.now(datetime.UTC) - then).total_seconds()
    for length, name in ((86400 * 365, "year"), (86400 * 30, "month"), (86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= length:
            return f"{plural(int(seconds // length), name)} ago"
    return "just now"


def when(time: str) -> str:
    """A time for people, in UTC: to the minute."""
    return time[:16].replace("T", " ")


def number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def show_models(models: Sequence[Summary], url: str) -> None:
    screen = Screen()
    if not models:
        screen.line(f"no model in {url} yet")
        screen.fact("hint", "register one: modelkeep register FILE NAME")
        return
    rows = []
    for model in models:
        name = next((key for trail in reversed(model.metrics) for key in trail), "")
        trail = [metrics.get(name) for metrics in model.metrics]
        metric = f"{shown(trail[-_TRAIL:])} {name} {number(trail[-1])}" if name else ""
        latest = model.latest
        aliases = ", ".join(f"{alias} {version}" for alias, version in model.aliases.items())
        rows.append([model.name, latest or "", age(latest.time) if latest else "", model.versions, aliases, metric])
    screen.table(["model", "latest", "registered", "versions", "aliases", "metric"], rows, right=[1, 3])
    screen.line()
    screen.line(f"{plural(len(models), 'model')} in {url}", "dim")


def show_versions(versions: Sequence[Version], name: str) -> None:
    screen = Screen()
    if not versions:
        screen.line(f"all versions of {name} were deleted")
        return
    rows = []
    for version in reversed(versions):
        metrics = ", ".join(f"{key} {number(value)}" for key, value in version.metrics.items())
        aliases = ", ".join(version.aliases)
        rows.append(
            [version, aliases, when(version.time), version.author, metrics, size(version.size), version.message]
        )
    screen.table(["version", "aliases", "time (UTC)", "author", "metrics", "size", "message"], rows, right=[0, 5])
    _sparklines(screen, versions)


def _sparklines(screen: Screen, versions: Sequence[Version]) -> None:
    names = dict.fromkeys(key for version in versions for key in version.metrics)
    if names:
        screen.line()
    for name in names:
        values = [version.metrics.get(name) for version in versions]
        known = [value for value in values if value is not None]
        trail = shown(values[-_TRAIL:])
        screen.fact(name, f"{trail}  {number(known[0])} to {number(known[-1])}", width=max(12, min(len(name) + 2, 30)))


def show_version(version: Version, lineage: Sequence[Version]) -> None:
    screen = Screen()
    aliases = f"  ({', '.join(version.aliases)})" if version.aliases else ""
    screen.line(f"{version.ref}{aliases}", "bold")
    screen.fact("model", f"{version.model} ({version.framework})")
    screen.fact("registered", f"{when(version.time)} UTC by {version.author}, {age(version.time)}")
    if version.message:
        screen.fact("message", version.message)
    for name, value in version.metrics.items():
        screen.fact("metric", f"{name} {number(value)}")
    for name, text in version.tags.items():
        screen.fact("tag", f"{name}: {text}")
    screen.fact("size", size(version.size))
    screen.fact("digest", version.digest)
    if version.signatures:
        screen.fact("signed", f"{plural(version.signatures, 'signature')}; check: verify {version.ref} --signer KEY")
    if version.origin:
        screen.fact("copied from", version.origin)
    if lineage:
        _lineage(screen, version, lineage)
    elif version.parent:
        screen.fact("parent", version.parent)


def _lineage(screen: Screen, version: Version, lineage: Sequence[Version]) -> None:
    """From the first ancestor down to the version, as a tree."""
    from rich.tree import Tree

    chain = [*reversed(lineage), version]
    tree = branch = Tree(_ancestor(chain[0]), guide_style="dim")
    for each in chain[1:]:
        branch = branch.add(_ancestor(each))
    screen.heading("made from")
    screen.console.print(tree)


def _ancestor(version: Version) -> Any:
    from rich.text import Text

    metrics = ", ".join(f"{key} {number(value)}" for key, value in version.metrics.items())
    return Text(clean("  ".join(part for part in (version.ref, metrics, version.message) if part)))


def show_card(text: str) -> None:
    screen = Screen()
    for line in text.splitlines():
        screen.line(line)


def show_registered(version: Version, url: str) -> None:
    screen = Screen()
    screen.line(f"{version.ref}: registered in {url}", "bold")
    screen.fact("digest", version.digest)
    if version.stored is not None:
        screen.fact("size", f"{size(version.size)}, of which {size(version.stored)} are new here")


def show_history(events: Sequence[Event], name: str, versions: Sequence[Version]) -> None:
    screen = Screen()
    rows = [[when(event.time), event.author, _what(event, name), _why(event)] for event in events]
    screen.table(["time (UTC)", "author", "what", "why"], rows)
    _sparklines(screen, versions)


def _what(event: Event, name: str) -> str:
    versions = ", ".join(f"{name}:{version}" for version in event.versions)
    if event.alias:
        return f"{event.event} {event.alias}: {event.old or 'none'} -> {event.new or 'none'}"
    return f"{event.event} {versions}"


def _why(event: Event) -> str:
    return "; ".join(part for part in (event.message, *event.checks) if part)


def show_aliases(found: dict[str, Any]) -> None:
    screen = Screen()
    if not found["aliases"]:
        screen.line(f"{found['name']} has no alias")
        return
    screen.table(["alias", "version"], [[alias, f"{found['name']}:{n}"] for alias, n in found["aliases"].items()])


def show_moved(found: dict[str, Any]) -> None:
    screen = Screen()
    screen.line(f"{found['name']}@{found['alias']}: {found['from'] or 'none'} -> {found['to']}", "bold")
    for check in found.get("checks", ()):
        screen.fact("passed", check)


def show_removed(found: dict[str, Any]) -> None:
    screen = Screen()
    screen.line(f"deleted {', '.join(found['removed'])}", "bold")
    screen.fact("hint", "free the space with: modelkeep gc")


def show_exported(found: dict[str, Any]) -> None:
    screen = Screen()
    screen.line(f"{found['file']}: {found['ref']}", "bold")
    screen.fact("digest", found["digest"])


def show_copied(found: dict[str, Any]) -> None:
    Screen().line(f"{found['source']} is {', '.join(found['versions'])} in {found['target']}", "bold")


def show_collected(found: dict[str, Any]) -> None:
    verb = "would be removed" if found["dry_run"] else "removed"
    screen = Screen()
    screen.line(f"{plural(found['objects'], 'object')} {verb}, {size(found['bytes'])}", "bold")
    screen.fact("kept", f"{plural(found['kept'], 'object')}, {size(found['kept_bytes'])}")


def show_examined(found: Examined) -> None:
    screen = Screen()
    read = f"{plural(found.records, 'record')}, {plural(found.versions, 'version')}, {plural(found.objects, 'object')}"
    screen.line("clean" if found else "damaged", "bold")
    screen.fact("read", f"{read}, {size(found.bytes)}")
    for problem in found.problems:
        versions = f" (needed by {', '.join(problem.versions)})" if problem.versions else ""
        state = "repaired" if problem.repaired else "damaged"
        screen.fact(state, f"{problem.key}: {problem.what}{versions}", style="" if problem.repaired else "bold red")
    if not found:
        screen.fact("hint", "repair it from a copy: modelkeep fsck --from PLACE")


def show_key(found: dict[str, Any]) -> None:
    screen = Screen()
    screen.line(f"{found['secret']}: a secret key to {found['for']}; keep it to yourself", "bold")
    screen.fact("public", f"{found['public']}, for others")
    if "key" in found:
        screen.fact("recipient", found["key"])


def show_signed(found: dict[str, Any]) -> None:
    screen = Screen()
    version = f"{found['name']}:{found['version']}" if found["name"] else ""
    screen.line(f"{found['path'] or version}: signed", "bold")
    screen.fact("artifact", found["artifact"])
    if found["path"] and version:
        screen.fact("as", version)
    screen.fact("key", found["key"])
