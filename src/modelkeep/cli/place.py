"""Which registry a command means, and in whose name it writes."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from modelkeep.keys import Secret
    from modelkeep.registry import Registry

#: Read only here: the library itself never looks at the environment for a place.
VARIABLE, AUTHOR = "MODELKEEP_REGISTRY", "MODELKEEP_AUTHOR"
DEFAULT = "./models"

Place = Annotated[
    str | None,
    typer.Option("--registry", metavar="PLACE", help=f"Where the registry is; else {VARIABLE}, else {DEFAULT}."),
]
Author = Annotated[
    str | None,
    typer.Option("--author", metavar="NAME", help=f"Who is named in the history; else {AUTHOR}, else the OS user."),
]
Identity = Annotated[
    str | None,
    typer.Option("--identity", metavar="PATH|env:NAME", help="The file with your secret key, for a sealed registry."),
]


def registry_at(
    place: str | None,
    *,
    author: str | None = None,
    identity: Secret | None = None,
    passphrase: Secret | None = None,
    seal_to: Sequence[str] = (),
) -> Registry:
    """The registry at ``place``, or where the environment says, or in the folder ``models``. Nothing is read yet."""
    from modelkeep.registry import Registry

    return Registry(
        place or os.environ.get(VARIABLE) or DEFAULT,
        author=author or os.environ.get(AUTHOR) or None,
        identity=identity,
        passphrase=passphrase,
        seal_to=seal_to,
    )
