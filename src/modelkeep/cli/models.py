"""Commands on the models of a registry: register, list, show, history, tag, rm, export-file."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from modelkeep.cli.options import Json
from modelkeep.cli.pairs import numbers, pairs
from modelkeep.cli.place import Author, Identity, Message, Place, registry_at
from modelkeep.cli.waiting import waiting

if TYPE_CHECKING:
    from modelkeep.registry import Registry
    from modelkeep.registry.version import Version


#: A card is refused above a smaller size; what is read of a file has an end.
_CARD = 1 << 20


def argument(name: str, text: str) -> Any:
    return typer.Argument(metavar=name, help=text, show_default=False)


Reference = Annotated[str, argument("REF", "A version: iris (the latest), iris:3, or iris@production.")]
Limit = Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="Show at most so many, the latest.")]
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
    said = {
        "metrics": numbers(metric, "--metric"),
        "tags": pairs(tag, "--tag team=flowers"),
        "message": message,
        "parent": parent,
    }
    with waiting("registering"):
        found = at.register(file, name, **said)  # type: ignore[arg-type]
    return answer(found.as_dict() if json else found, json, "show_registered", at.url)


def list_(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="One model.", show_default=False)] = None,
    limit: Limit = None,
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
        models = at.summaries()
        found: Any = {"registry": at.url, "models": [each.as_dict() for each in models[:limit]]} if json else models
        return answer(found, json, "show_models", at.url, limit)
    versions = at.versions(name)
    if json:
        return answer({"name": name, "versions": [each.as_dict() for each in _last(versions, limit)]}, json, "")
    return answer(versions, json, "show_versions", name, limit)


def _last(items: list[Any], limit: int | None) -> list[Any]:
    return items if limit is None else items[-limit:]


def show(
    ref: Reference,
    card: Annotated[bool, typer.Option("--card", help="Print its model card.")] = False,
    edit: Annotated[
        str | None,
        typer.Option("--edit", metavar="FILE", help="Make this file its card; an empty one undoes that."),
    ] = None,
    registry: Place = None,
    author: Author = None,
    identity: Identity = None,
    json: Json = False,
) -> int:
    """Show what is known of a version, without reading its arrays.

    \b
    Example: modelkeep show iris@production
    """
    from modelkeep.cli import show_version
    from modelkeep.registry.describing import describe

    at = registry_at(registry, author=author, identity=identity)
    if edit is not None:
        at.set_card(ref, _text_of(edit))
    if card:
        version = at.version(ref)
        text = at.card(version)
        if json:
            return answer({"ref": version.ref, "card": text}, json, "")
        show_version.show_card(text)
        return 0
    found = describe(at, ref)
    if json:
        return answer(found.as_dict(), json, "")
    show_version.show_version(found)
    return 0


def _text_of(path: str) -> str:
    from modelkeep.atomic import storage_error
    from modelkeep.errors import UsageError, quote

    try:
        with open(path, encoding="utf-8", newline="") as file:
            return file.read(_CARD)
    except OSError as error:
        raise storage_error(error, path, "read") from None
    except ValueError:  # UnicodeDecodeError; or a zero in the path
        raise UsageError(f"{quote(path, 300)} is not a file of UTF-8 text", hint="save it as UTF-8") from None


def history(
    name: Annotated[str, argument("NAME", "A model.")],
    limit: Limit = None,
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
        return answer({"name": name, "events": [event.as_dict() for event in _last(events, limit)]}, json, "")
    return answer(events, json, "show_history", name, at.versions(name), limit)


def tag(
    ref: Reference,
    tags: Annotated[
        list[str] | None, typer.Argument(metavar="NAME=TEXT", help="Tags to add.", show_default=False)
    ] = None,
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
    from modelkeep.errors import UsageError

    at = registry_at(registry, author=author, identity=identity)
    changes: dict[str, str | None] = {**pairs(tags, "reviewed=yes"), **dict.fromkeys(remove or ())}
    metrics = numbers(metric, "--metric")
    if not changes and not metrics:
        raise UsageError("there is nothing to add or to take away", hint=f"write it as in: modelkeep tag {ref} ok=yes")
    version = at.tag(ref, changes, metrics)
    return answer(version.as_dict() if json else version, json, "show_tagged")


def rm(
    refs: Annotated[list[str], typer.Argument(metavar="REF", help="Versions to delete.", show_default=False)],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Of a bare NAME, delete every version.")] = False,
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
    found = [version for ref in refs for version in _meant(at, ref, every)]
    told = list(dict.fromkeys(version.ref for version in found))
    if not yes and not _agreed(", ".join(told)):
        told = []
    if told:
        at.remove(*found, message=message)
    answer({"removed": told}, json, "show_removed")
    return 0 if told else 1


def _meant(registry: Registry, ref: str, every: bool) -> list[Version]:
    """A bare name is the latest version elsewhere. Whoever deletes may mean the model, so it has to be said."""
    from modelkeep.errors import UsageError

    version = registry.version(ref)
    if ref != version.name:
        return [version]
    if every:
        return registry.versions(ref)
    raise UsageError(f"{ref} names no version", hint=f"name one, as in {version.ref}; or pass --all to delete them all")


def _agreed(what: str) -> bool:
    from modelkeep.cli.text import clean
    from modelkeep.errors import UsageError

    if not sys.stdin.isatty():
        raise UsageError(f"there is no terminal to ask if {what} may be deleted", hint="pass --yes")
    print(clean(f"delete {what}? [y/N] "), end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def export_file(
    ref: Reference,
    file: Annotated[str, argument("FILE", "The .keep file to write.")],
    registry: Place = None,
    identity: Identity = None,
    json: Json = False,
) -> int:
    """Write a version as a file: the same bytes as a save to a file would have written.

    \b
    Example: modelkeep export-file iris@production iris.keep
    """
    from modelkeep import catalog
    from modelkeep.errors import UsageError, quote

    if catalog.format_for(file).name != "keep":
        raise UsageError(
            f"{quote(file, 300)} has not the suffix of a keep file",
            hint="name a .keep file; for another format, convert that: modelkeep convert FILE.keep OTHER",
        )
    with waiting("writing"):
        version = cast("Version", registry_at(registry, identity=identity).export(ref, file))
    return answer({"ref": version.ref, "file": file, "digest": version.digest}, json, "show_exported")
