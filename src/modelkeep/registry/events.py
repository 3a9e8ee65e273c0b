"""The history of a name: every registration, change of an alias, and deletion, in the order of time."""

from __future__ import annotations

import heapq
from dataclasses import asdict, dataclass
from typing import Any

from modelkeep.registry.book import Book
from modelkeep.registry.records import Change, Row


@dataclass(frozen=True)
class Event:
    """One thing that happened. ``old`` and ``new`` are the versions an alias pointed at before and after, 0 for none.

    ``event`` is ``register``, ``alias``, ``rollback``, ``promote``, ``unalias`` or ``delete``.
    """

    time: str
    author: str
    event: str
    message: str
    versions: tuple[int, ...] = ()
    alias: str = ""
    old: int = 0
    new: int = 0
    checks: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as ``--json`` shows them. ``from`` and ``to`` are ``old`` and ``new``, null for none."""
        made = asdict(self)
        old, new = made.pop("old"), made.pop("new")
        return made | {"from": old or None, "to": new or None}


def history(book: Book) -> list[Event]:
    """All of it. Clocks of two writers may differ, so each sequence also keeps its own order."""
    count = book.count()
    registered = _rising([_registration(row) for row in book.rows(count)])
    changed = _rising([_change(change) for change in book.log.every()])
    return [event for _, event in heapq.merge(registered, changed, key=lambda pair: pair[0])]


def _rising(events: list[Event]) -> list[tuple[str, Event]]:
    """Each event with the latest time up to it."""
    latest, made = "", []
    for event in events:
        latest = max(latest, event.time)
        made.append((latest, event))
    return made


def _registration(row: Row) -> Event:
    return Event(row.time, row.author, "register", row.message, versions=(row.number,), new=row.number)


def _change(change: Change) -> Event:
    versions = tuple(change.versions) or tuple(number for number in (change.new,) if number)
    return Event(
        time=change.time,
        author=change.author,
        event=change.event,
        message=change.message,
        versions=versions,
        alias=change.alias,
        old=change.old,
        new=change.new,
        checks=tuple(change.checks),
    )
