"""What the commands on registries print."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from modelkeep.cli.screen import Screen
from modelkeep.cli.sparkline import shown as bars
from modelkeep.cli.text import plural, size

if TYPE_CHECKING:
    from modelkeep.registry.checking import Examined
    from modelkeep.registry.events import Event
    from modelkeep.registry.heads import Summary
    from modelkeep.registry.version import Version

#: Bars of a sparkline in a row, and on a line of its own.
_SHORT, _TRAIL = 12, 40
#: In a narrower terminal what belongs to a row stands below it, not beside it.
WIDE = 76
_UNITS = ((86400 * 365, "year"), (86400 * 30, "month"), (86400, "day"), (3600, "hour"), (60, "minute"))


def _moment(time: str) -> datetime.datetime | None:
    try:
        found = datetime.datetime.fromisoformat(time)
        return (found if found.tzinfo else found.replace(tzinfo=datetime.UTC)).astimezone(datetime.UTC)
    except (ValueError, OverflowError):  # whoever wrote the record put something else there
        return None


def age(time: str, now: datetime.datetime | None = None) -> str:
    """How long ago a record says it was written.

    >>> age("2026-07-01T09:30:00Z", datetime.datetime(2026, 7, 1, 12, 0, tzinfo=datetime.UTC))
    '2 hours ago'
    """
    then = _moment(time)
    if then is None:
        return time
    seconds = ((now or datetime.datetime.now(datetime.UTC)) - then).total_seconds()
    for length, name in _UNITS:
        if seconds >= length:
            return f"{plural(int(seconds // length), name)} ago"
    return "just now" if seconds > -60 else when(time)


def when(time: str) -> str:
    """A time for people, in UTC: to the minute.

    >>> when("2026-07-01T09:30:12.500Z")
    '2026-07-01 09:30'
    """
    then = _moment(time)
    return time if then is None else then.strftime("%Y-%m-%d %H:%M")


def number(value: float) -> str:
    """A metric.

    >>> number(3), number(0.97123456), number(1234567)
    ('3', '0.971235', '1,234,567')
    """
    return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"


def metrics_of(version: Version) -> str:
    return ", ".join(f"{name} {number(value)}" for name, value in version.metrics.items())


def first_line(text: str) -> str:
    """What fits a row of a message of several lines."""
    first, *rest = text.strip().splitlines() or [""]
    return f"{first} ..." if rest else first


def _trails(metrics: Sequence[Mapping[str, float]]) -> dict[str, list[float | None]]:
    """The values of each metric, version by version; those of the latest version come first."""
    names = dict.fromkeys(name for each in reversed(metrics) for name in each)
    return {name: [each.get(name) for each in metrics] for name in names}


# -- lists -------------------------------------------------------------------------------------------------------------


def show_models(models: Sequence[Summary], url: str, limit: int | None) -> None:
    screen = Screen()
    if not models:
        screen.line(f"no model in {url} yet")
        screen.fact("hint", "register one: modelkeep register FILE NAME")
        return
    rows = [_model(model) for model in models[:limit]]
    if screen.width >= WIDE:
        screen.table(["model", "versions", "latest", "aliases", "metric"], rows, right=[1])
    for name, versions, latest, *rest in rows if screen.width < WIDE else ():
        screen.line(name, "bold")
        _below(screen, f"{plural(int(versions), 'version')}, latest {latest}", *rest)
    screen.line()
    shown = f"the first {len(rows):,} of " if len(rows) < len(models) else ""
    screen.line(f"{shown}{plural(len(models), 'model')} in {url}", "dim")


def _model(model: Summary) -> tuple[str, ...]:
    latest = f"{model.latest}, {age(model.latest.time)}" if model.latest is not None else ""
    aliases = ", ".join(f"{alias} {version}" for alias, version in model.aliases.items())
    known = next((each for each in reversed(model.metrics) if each), {})
    trail = [each.get(name) for name in [*known][:1] for each in model.metrics[-_SHORT:]]
    metric = next((f"{bars(trail)} {name} {number(value)}" for name, value in known.items()), "")
    return model.name, str(model.versions), latest, aliases, metric


def _below(screen: Screen, *texts: str) -> None:
    for text in texts:
        if text:
            screen.paragraph(text, 4, hanging=2)


def show_versions(versions: Sequence[Version], name: str, limit: int | None) -> None:
    screen = Screen()
    if not versions:
        screen.line(f"all versions of {name} were deleted")
        return
    shown = versions[::-1][:limit]
    if screen.width >= WIDE:
        columns = ["version", "aliases", "time (UTC)", "author", "metrics", "size", "message"]
        screen.table(columns, [_version(version) for version in shown], right=[0, 5])
    for version in shown if screen.width < WIDE else ():
        _, aliases, time, author, metrics, stored, message = _version(version)
        screen.line(f"{version.ref}{aliases and f' ({aliases})'}", "bold")
        _below(screen, f"{time}, {author}, {stored}", metrics, message)
    if len(shown) < len(versions):
        screen.line(f"  ... and {plural(len(versions) - len(shown), 'earlier one')}", "dim")
    _sparklines(screen, versions)


def _version(version: Version) -> tuple[str, ...]:
    aliases, message = ", ".join(version.aliases), first_line(version.message)
    return (
        *(str(version), aliases, when(version.time), version.author),
        *(metrics_of(version), size(version.size), message),
    )


def _sparklines(screen: Screen, versions: Sequence[Version]) -> None:
    """A line for each metric: the late versions, and the first and the last value of all."""
    found = _trails([version.metrics for version in versions])
    if found:
        screen.line()
    for name, values in found.items():
        known = [value for value in values if value is not None]
        trail = bars(values[-min(_TRAIL, max(8, screen.width - 36)) :])
        low = f"{number(known[0])} to " if len(known) > 1 else ""
        screen.fact(name, f"{trail}  {low}{number(known[-1])}", width=max(12, min(len(name) + 2, 30)))


def show_history(events: Sequence[Event], name: str, versions: Sequence[Version], limit: int | None) -> None:
    screen = Screen()
    shown = events[-limit:] if limit is not None else events
    if len(shown) < len(events):
        screen.line(f"  ... {plural(len(events) - len(shown), 'earlier event')}", "dim")
    if screen.width >= WIDE:
        rows = [(when(event.time), event.author, _what(event, name), "; ".join(_why(event))) for event in shown]
        screen.table(["time (UTC)", "author", "what", "why"], rows)
    for event in shown if screen.width < WIDE else ():
        screen.paragraph(f"{when(event.time)} {event.author}: {_what(event, name)}", 0, hanging=2)
        _below(screen, *_why(event))
    _sparklines(screen, versions)


def _what(event: Event, name: str) -> str:
    if event.alias:
        return f"{event.event} {event.alias}: {event.old or 'none'} -> {event.new or 'none'}"
    return f"{event.event} {', '.join(f'{name}:{version}' for version in event.versions)}"


def _why(event: Event) -> list[str]:
    return [text for text in (first_line(event.message), *event.checks) if text]


# -- changes -----------------------------------------------------------------------------------------------------------


def show_registered(version: Version, url: str) -> None:
    screen = Screen()
    screen.line(f"{version.ref}: registered in {url}", "bold")
    screen.fact("digest", version.digest)
    if version.stored is not None:
        screen.fact("size", f"{size(version.size)}; this took {size(version.stored)} in the registry")


def show_tagged(version: Version) -> None:
    screen = Screen()
    screen.line(f"{version.ref} has now", "bold")
    screen.fact("metrics", metrics_of(version) or "none")
    for name, text in sorted(version.tags.items()):
        screen.fact("tag", f"{name}: {text}")


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
    if not found["removed"]:
        screen.line("nothing was deleted", "bold")
        return
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
    state = "clean" if not found.problems else "repaired" if found else "damaged"
    screen.line(state, "bold" if found else "bold red")
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
