"""Commands that keep registries in order: copy, gc, fsck."""

from __future__ import annotations

from typing import Annotated

import typer

from modelkeep.cli.models import answer, argument
from modelkeep.cli.options import Json
from modelkeep.cli.place import Author, Identity, Message, Place, registry_at
from modelkeep.cli.waiting import waiting

_OCI = "oci://"


def copy(
    source: Annotated[str, argument("SRC", "A version, or oci://host/repository:tag.")],
    target: Annotated[str, argument("DST", "A folder, a URL, oci://...; for an OCI source the name to give it.")],
    name: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Another name there.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All versions of the model, and its aliases.")] = False,
    message: Message = "",
    registry: Place = None,
    author: Author = None,
    identity: Identity = None,
    json: Json = False,
) -> int:
    """Copy a version to another registry, or from one. Only what the other side lacks is written; repeat it to resume.

    \b
    Example: modelkeep copy iris:3 s3://bucket/models
             modelkeep copy --registry s3://bucket/models iris:3 ./models
             modelkeep copy iris:3 oci://localhost:5000/models/iris:3
    """
    at = registry_at(registry, author=author, identity=identity)
    with waiting("copying"):
        if source.startswith(_OCI):
            made = [at.pull(source, name or target)]
            target = at.url
        elif target.startswith(_OCI):
            made = at.copy(source, target)
        else:  # the other side may be sealed, too
            made = at.copy(source, registry_at(target, author=author), name=name, every=every, message=message)
    found = {"source": source, "target": target, "versions": [version.ref for version in made]}
    return answer(found, json, "show_copied")


def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how much it would free.")] = False,
    registry: Place = None,
    identity: Identity = None,
    json: Json = False,
) -> int:
    """Remove the objects that no version needs. Others may write at the same time.

    \b
    Example: modelkeep gc --dry-run
    """
    with waiting("collecting"):
        found = registry_at(registry, identity=identity).gc(dry_run=dry_run)
    return answer(found.as_dict(), json, "show_collected")


def fsck(
    source: Annotated[
        str | None, typer.Option("--from", metavar="PLACE", help="Another registry to repair from.")
    ] = None,
    accept: Annotated[
        str | None, typer.Option("--accept", metavar="NAME", help="Take an older history of this model as it is.")
    ] = None,
    registry: Place = None,
    identity: Identity = None,
    json: Json = False,
) -> int:
    """Read every record and every byte, and say what is damaged. The exit code is 1 if something is, and stays so.

    \b
    Example: modelkeep fsck --from s3://bucket/models
    """
    at = registry_at(registry, identity=identity)
    if accept is not None:
        at.accept(accept)
        at.versions(accept)  # says so if no such name is there
    with waiting("reading everything"):
        found = at.fsck(registry_at(source) if source is not None else None)
    answer(found.as_dict() if json else found, json, "show_examined")
    return 0 if found else 1
