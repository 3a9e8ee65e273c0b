"""Commands on the models of a registry: register, list, show, history, tag, rm, export-file."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from modelkeep.cli.options import Json
from modelkeep.cli.place import Author, Identity, Message, Place, registry_at
from modelkeep.cli.waiting import waiting


def argument(name: str, text: str) -> Any:
    return typer.Argument(metavar=name, help=text, show_default=False)


Reference = Annotated[str, argument("REF", "A version: iris (the latest), iris:3, or iris@production.")]
Metrics = Annotated[
    list[str] | None, typer.Option("--metric", metavar="NAME=NUMBER", help="A metric of it. Repeatable.")
]


def answer(found: Any, as_json: bool, show: str, *more: Any) -> int:
    """Print ``found``: as JSON, or by the function ``show`` of show_registry."""
    if as_json:
        from modelkeep.cli.screen import print_json

        print_json(found)
    else:
        from modelkeep.cli import show_registry

        getattr(show_registry, show)(found, *more)
    return 0


def pairs(texts: Iterable[str] | None, what: str) -> dict[str, str]:
    """``name=value`` texts as a dictionary."""
    from modelkeep.errors import UsageError, quote

    made: dict[str, str] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"{quote(text)} is not a {what}", hint=f"write it as in {what}=value")
        made[name] = value
    return made


def numbers(texts: Iterable[str] | None, what: str) -> dict[str, float]:
    """``name=number`` texts as a dictionary."""
    from modelkeep.errors import UsageError, quote

    made: dict[str, float] = {}
    for name, value in pairs(texts, what).items():
        try:
            made[name] = float(value)
        except ValueError:
            raise UsageError(f"{quote(value)} is not a number", hint=f"write it as in {name}=0.97") from None
    return made


def register(
    file: Annotated[str, argument("FILE", "A .keep file.")],
    name: Annotated[str, argument("NAME", "The model that it is a new version of.")],
    message: Message = "",
    metric: Metrics = None,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="NAME=TEXT", help="A tag of it. Repeatable.")
    ] = None,
    parent: Annotated[
        str | None, typer.Option("--parent", metavar="REF", help="The version that it was made from.")
    ] = None,
    compress: Annotated[
        str | None, typer.Option("--compress", metavar="zstd", help="For a new registry: compress its objects.")
    ] = None,
    seal_to: Annotated[
        list[str] | None, typer.Option("--seal-to", metavar="KEY", help="For a new registry: seal it. Repeatable.")
    ] = None,
    registry: Place = None,
    author: Author = None,
    identity: Identity = None,
    json: Json = False,
) -> int:
    """Register a file as the next version of a model.

    \b
    Example: modelkeep register iris.keep iris --metric accuracy=0.97 -m "more data"
    """
    at = registry_at(registry, author=author, identity=identity, compress=compress, seal_to=seal_to or ())
    said = {"metrics": numbers(metric, "metric"), "tags": pairs(tag, "tag"), "message": message, "parent": parent}
    with waiting("registering"):
        found = at.register(file, name, **said)  # type: ignore[arg-type]
    return answer(found.as_dict() if json else found, json, "show_registered", at.url)


def list_(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One model.", show_default=False)] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Show at most so many.")] = 100_000,
    registry: Place = None,
    identity: Identity = None,
    json: Json = False,
) -> int:
    """List the models of a registry, or the versions of one.

    \b
    Example: modelkeep list iris
    """
    at = registry_at(registry, identity=identity)
    if name is None:
        models = at.summaries()[:limit]
        found: Any = {"registry": at.url, "models": [each.as_dict() for each in models]} if json else models
        return answer(found, json, "show_models", at.url)
    versions = at.versions(name)[-limit:]
    found = {"name": name, "versions": [each.as_dict() for each in versions]} if json else versions
    return answer(found, json, "show_versions", name)


def show(
    ref: Reference,
    card: Annotated[bool, typer.Option("--card", help="Print its model card.")] = False,
    edit: Annotated[
        str | None, typer.Option("--edit", metavar="FILE", help="Make this Markdown file its model card.")
    ] = None,
    registry: Place = None,
    author: Author = None,
    identity: Identity = None,
    json: Json = False,
) -> int:
    """Show what is known of a version.

    \b
    Example: modelkeep show iris@production
    """
    at = registry_at(registry, author=author, identity=identity)
    if edit is not None:
        at.set_card(ref, _text_of(edit))
    version = at.version(ref)
    if card:
        text = at.card(version)
        return answer({"ref": version.ref, "card": text} if json else text, json, "show_card")
    if json:
        return answer(version.as_dict(), json, "")
    return answer(version, json, "show_version", at.lineage(version))


def _text_of(path: str) -> str:
    from modelkeep.errors import StorageError, quote

    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise StorageError(f"can't read {quote(path, 300)}: {type(error).__name__}", hint="check the path") from None


def history(
    name: Annotated[str, argument("NAME", "A model.")],
    registry: Place = None,
    identity: Identity = None,
    json: Json = False,
) -> int:
    """Show every registration, every move of an alias, and every deletion, with who, when and why.

    \b
    Example: modelkeep history iris
    """
    at = registry_at(registry, identity=identity)
    events = at.history(name)
    if json:
        return answer({"name": name, "events": [event.as_dict() for event in events]}, json, "")
    return answer(events, json, "show_history", name, at.versions(name))


def tag(
    ref: Reference,
    tags: Annotated[list[str] | None, typer.Argument(metavar="[NAME=TEXT]...", show_default=False)] = None,
    metric: Metrics = None,
    remove: Annotated[
        list[str] | None, typer.Option("--remove", metavar="NAME", help="Take a tag away. Repeatable.")
    ] = None,
    registry: Place = None,
    author: Author = None,
    identity: Identity = None,
    json: Json = False,
) -> int:
    """Add tags and metrics to a version.

    \b
    Example: modelkeep tag iris:3 reviewed=yes --metric auc=0.99
    """
    at = registry_at(registry, author=author, identity=identity)
    changes: dict[str, str | None] = {**pairs(tags, "tag"), **dict.fromkeys(remove or ())}
    version = at.tag(ref, changes, numbers(metric, "metric"))
    return answer(version.as_dict() if json else version, json, "show_version", [])


def rm(
    refs: Annotated[list[str], typer.Argument(metavar="REF...", help="Versions to delete.", show_default=False)],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    message: Message = "",
    registry: Place = None,
    author: Author = None,
    identity: Identity = None,
    json: Json = False,
) -> int:
    """Delete versions. Their numbers are not used again; gc frees their space.

    \b
    Example: modelkeep rm iris:1 iris:2 --yes
    """
    at = registry_at(registry, author=author, identity=identity)
    found = [at.version(ref) for ref in refs]
    if not yes:
        _ask(", ".join(version.ref for version in found))
    at.remove(*found, message=message)
    return answer({"removed": [version.ref for version in found]}, json, "show_removed")


def _ask(what: str) -> None:
    from modelkeep.errors import UsageError

    if not sys.stdin.isatty():
        raise UsageError(f"delete {what}? nobody is here to ask", hint="pass --yes")
    if not typer.confirm(f"delete {what}?", err=True):
        raise UsageError("nothing was deleted", hint="answer y to delete")


def export_file(
    ref: Reference,
    file: Annotated[str, argument("FILE", "The .keep file to write.")],
    registry: Place = None,
    identity: Identity = None,
    json: Json = False,
) -> int:
    """Write a version as a file.

    \b
    Example: modelkeep export-file iris@production iris.keep
    """
    with waiting("writing"):
        version = registry_at(registry, identity=identity).export(ref, file)
    return answer({"ref": version.ref, "file": file, "digest": version.digest}, json, "show_exported")
