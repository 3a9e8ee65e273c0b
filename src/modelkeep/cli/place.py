"""Which registry a command means, who speaks, and what opens it: options, then the environment, then ``./models``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from modelkeep.keys import Secret
    from modelkeep.registry import Registry

#: The registry, the author, and the file with the secret key, where no option says so.
REGISTRY, AUTHOR, IDENTITY = "MODELKEEP_REGISTRY", "MODELKEEP_AUTHOR", "MODELKEEP_IDENTITY"
#: The passphrase of a registry that is sealed with one; it is never an argument, which others could see.
PASSPHRASE = "MODELKEEP_PASSPHRASE"
DEFAULT = "./models"

Place = Annotated[
    str | None,
    typer.Option(
        "--registry", metavar="PLACE", help=f"The registry: a folder or a URL; else {REGISTRY}, else {DEFAULT}."
    ),
]
Author = Annotated[
    str | None,
    typer.Option("--author", metavar="NAME", help=f"Who is named in the history; else {AUTHOR}, else the user."),
]
Identity = Annotated[
    str | None,
    typer.Option(
        "--identity", metavar="PATH|env:NAME", help=f"The secret key for a sealed registry; else {IDENTITY}: its file."
    ),
]
Message = Annotated[str, typer.Option("--message", "-m", metavar="TEXT", help="Why, for the history.")]


def place_of(place: str | None) -> str:
    """Where the registry is."""
    return place or os.environ.get(REGISTRY) or DEFAULT


def registry_at(
    place: str | None,
    *,
    author: str | None = None,
    identity: str | None = None,
    compress: str | None = None,
    seal_to: Sequence[str] = (),
) -> Registry:
    """The registry that the options and the environment name. It is opened at its first use."""
    from modelkeep.registry import Registry

    where = place_of(place)
    key, phrase = _secrets(where, identity)
    return Registry(
        where,
        author=author or os.environ.get(AUTHOR) or None,
        compress=compress,
        identity=key,
        passphrase=phrase,
        seal_to=seal_to,
    )


def _secrets(where: str, identity: str | None) -> tuple[Secret | None, Secret | None]:
    """The identity and the passphrase. Those of the environment are meant for sealed registries alone."""
    if identity is not None:
        return identity, None
    path, phrase = os.environ.get(IDENTITY), os.environ.get(PASSPHRASE)
    if not (path or phrase) or not _is_sealed(where):
        return None, None
    return (path, None) if path else (None, f"env:{PASSPHRASE}")


def _is_sealed(where: str) -> bool:
    from modelkeep import store_keys
    from modelkeep.errors import NotFoundError
    from modelkeep.registry import access

    try:
        return store_keys.is_sealed(access.reached(where, create=False))
    except NotFoundError:
        return False


def is_file(target: str, place: str | None = None) -> bool:
    """Whether an argument names a file rather than a version: it is there, or looks as files do.

    A plain word where no registry is, or that can't be the name of a model, is a file that is not there.
    """
    from modelkeep import catalog

    suffixed = target.lower().endswith(".age") or catalog.suffixed(target) is not None
    if suffixed or "/" in target or os.sep in target or os.path.isfile(target):
        return True
    if ":" in target or "@" in target:
        return False
    return not _is_name(target) or (place_of(place) == DEFAULT and not os.path.exists(DEFAULT))


def _is_name(text: str) -> bool:
    from modelkeep.errors import UsageError
    from modelkeep.registry import names

    try:
        return bool(names.check_name(text))
    except UsageError:
        return False
