"""Changes of a name: where its aliases point, and which versions are deleted.

Each is decided on the state before it and written as the next record; who loses a race decides again on the new state.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from modelkeep.errors import NotFoundError, RegistryError, UsageError, quote
from modelkeep.registry.book import Book, aliased, changed, names_of
from modelkeep.registry.records import Change, Place


def point(
    book: Book, alias: str, number: int, by: tuple[str, str], event: str = "alias", checks: Sequence[str] = ()
) -> Change:
    """Let ``alias`` point at a version. ``by`` is the author and the message."""

    def make(state: Change, change: int) -> Change:
        if number in state.deleted:
            raise NotFoundError(f"{book.name}:{number} was deleted", hint=f"run: modelkeep list {book.name}")
        before = state.aliases.get(alias)
        aliases = {**state.aliases, alias: Place(number, change)}
        old = before.version if before else 0
        return changed(event, state, alias=alias, old=old, new=number, before=before, aliases=aliases, checks=[*checks])

    return book.change(*by, make)


def back(book: Book, alias: str, by: tuple[str, str]) -> Change:
    """Let ``alias`` point at what it pointed at before; a deleted version is passed over."""

    def make(state: Change, change: int) -> Change:
        now = aliased(book.name, alias, state)
        place: Place | None = state.aliases[alias]
        before = place
        count = book.count()
        while place is not None and (place == before or place.version in state.deleted or place.version > count):
            earlier = book.log.read(place.change).before
            # Each is older than the one after it; a record that says otherwise would lead in circles.
            place = earlier if earlier is not None and earlier.change < place.change else None
        if place is None:
            raise RegistryError(
                f"{book.name}@{alias} points at version {now}, and never pointed at another that is still there",
                hint=f"see: modelkeep history {book.name}",
            )
        aliases = {**state.aliases, alias: place}
        return changed("rollback", state, alias=alias, old=now, new=place.version, aliases=aliases)

    return book.change(*by, make)


def remove(book: Book, alias: str, by: tuple[str, str]) -> Change:
    """Take ``alias`` away."""

    def make(state: Change, change: int) -> Change:
        old = aliased(book.name, alias, state)
        aliases = {name: place for name, place in state.aliases.items() if name != alias}
        return changed("unalias", state, alias=alias, old=old, aliases=aliases)

    return book.change(*by, make)


def delete(book: Book, numbers: Iterable[int], by: tuple[str, str]) -> Change:
    """Delete versions. Their records and numbers stay; their objects go at the next collection."""
    wanted = sorted(set(numbers))
    count = book.count()

    def make(state: Change, change: int) -> Change:
        gone = set(state.deleted)
        for number in wanted:
            if number in gone or not 1 <= number <= count:
                what = "was deleted before" if number in gone else "does not exist"
                raise NotFoundError(f"{book.name}:{number} {what}", hint=f"run: modelkeep list {book.name}")
            if names := names_of(number, state):
                raise RegistryError(
                    f"{book.name}:{number} is what {', '.join(f'{book.name}@{name}' for name in names)} points at",
                    hint=f"move the alias first: modelkeep alias {book.name} {names[0]} OTHER",
                )
        return changed("delete", state, versions=wanted, deleted=sorted(gone | set(wanted)))

    if not wanted:
        raise UsageError(f"no version of {quote(book.name)} is named", hint=f"name one, as in {book.name}:3")
    return book.change(*by, make)
