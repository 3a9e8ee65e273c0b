"""A version as callers get it: its number, which knows the facts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from modelkeep.registry.records import Metrics, Note, Row


class Version(int):
    """The number of a version, with what is known of it: it counts, compares and prints as the number does.

    ``tags`` and ``metrics`` are as they are now, those that were added later included. ``size`` is the bytes of the
    whole artifact, ``stored`` those that its registration added to the store (None where this is not its writer).
    """

    name: str
    time: str
    author: str
    message: str
    tags: dict[str, str]
    metrics: Metrics
    parent: str
    origin: str
    digest: str
    size: int
    model: str
    framework: str
    aliases: tuple[str, ...]
    signatures: int
    stored: int | None

    @classmethod
    def of(
        cls, name: str, row: Row, note: Note | None = None, aliases: Iterable[str] = (), stored: int | None = None
    ) -> Version:
        made = cls(row.number)
        made.name, made.time, made.author, made.message = name, row.time, row.author, row.message
        made.tags = dict(note.tags if note else row.tags)
        made.metrics = dict(note.metrics if note else row.metrics)
        made.parent, made.origin, made.digest, made.size = row.parent, row.origin, row.artifact, row.size
        made.model, made.framework = row.model, row.framework
        made.aliases = tuple(sorted(aliases))
        made.signatures = len(note.signatures) if note else 0
        made.stored = stored
        return made

    @classmethod
    def restored(cls, number: int, facts: dict[str, Any]) -> Version:
        """From what ``facts`` gave."""
        made = cls(number)
        vars(made).update(facts, aliases=tuple(facts["aliases"]))
        return made

    def facts(self) -> dict[str, Any]:
        """Everything but the number, as JSON can hold it."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in vars(self).items()}

    @property
    def number(self) -> int:
        return int(self)

    @property
    def ref(self) -> str:
        """As in ``iris:3``."""
        return f"{self.name}:{int(self)}"

    def __repr__(self) -> str:
        return f"<Version {self.ref}>"

    def __str__(self) -> str:
        return str(int(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return Version.restored, (int(self), self.facts())

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as ``--json`` shows them."""
        return {"ref": self.ref, "version": int(self), **self.facts()}
