"""Commands on sealed files: seal, unseal. A secret comes from a file, the environment or the terminal."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from modelkeep.cli.options import Identity, Json, Passphrase, PassphraseFrom
from modelkeep.cli.waiting import waiting

if TYPE_CHECKING:
    from modelkeep.keys import Secret
    from modelkeep.sealing import Sealed

#: Where a passphrase comes from if nobody sits at a terminal.
VARIABLE = "MODELKEEP_PASSPHRASE"

_Target = Annotated[str | None, typer.Argument(metavar="TARGET", help="The file to write.", show_default=False)]


def seal(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The file to seal.", show_default=False)],
    target: _Target = None,
    to: Annotated[
        list[str] | None,
        typer.Option("--to", metavar="KEY", help="A recipient age1..., or a file of them. Repeatable."),
    ] = None,
    passphrase: Passphrase = False,
    passphrase_from: PassphraseFrom = None,
    json: Json = False,
) -> int:
    """Encrypt a file, as a standard age file, so that only its recipients, or who knows the passphrase, can read it.

    \b
    Example: modelkeep seal iris.keep --to recipients.txt
    """
    from modelkeep import sealing

    phrase = _passphrase(passphrase, passphrase_from, twice=True)
    with waiting("sealing") as progress:
        found = sealing.seal(file, target, to=to or (), passphrase=phrase, progress=progress)
    if json:
        from modelkeep.cli.screen import print_json

        print_json(found.as_dict())
    else:
        _show_sealed(found)
    return 0


def unseal(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The .age file.", show_default=False)],
    target: _Target = None,
    identity: Identity = None,
    passphrase: Passphrase = False,
    passphrase_from: PassphraseFrom = None,
    json: Json = False,
) -> int:
    """Decrypt an age file. The target appears when every byte is proved, or not at all.

    \b
    Example: modelkeep unseal iris.keep.age --identity key.txt
    """
    from modelkeep import sealing

    phrase = _passphrase(passphrase, passphrase_from, twice=False)
    with waiting("opening") as progress:
        found = sealing.unseal(file, target, identity=identity, passphrase=phrase, progress=progress)
    if json:
        from modelkeep.cli.screen import print_json

        print_json(found.as_dict())
    else:
        from modelkeep.cli.screen import Screen
        from modelkeep.cli.text import size

        Screen().line(f"{found.target}: {size(found.size)}, every byte as it was sealed", "bold")
    return 0


def _show_sealed(found: Sealed) -> None:
    from modelkeep.cli.screen import Screen
    from modelkeep.cli.text import size

    screen = Screen()
    screen.line(f"{found.target}: sealed, {size(found.size)}", "bold")
    for recipient in found.recipients:
        screen.fact("opens for", recipient)
    if not found.recipients:
        screen.fact("opens for", "whoever knows the passphrase")
    screen.fact("note", f"{found.path} is still there, unsealed")


def _passphrase(asked: bool, source: str | None, *, twice: bool) -> Secret | None:
    from modelkeep.errors import UsageError

    if source is not None or not asked:
        return source
    if sys.stdin.isatty():
        typed = _typed(twice)  # now: later a bar may be where the question is
        return lambda: typed
    if os.environ.get(VARIABLE):
        return f"env:{VARIABLE}"
    raise UsageError(
        "there is no terminal to ask for the passphrase",
        hint=f"set {VARIABLE}, or pass --passphrase-from PATH or env:NAME",
    )


def _typed(twice: bool) -> str:
    import getpass

    from modelkeep.errors import SealError

    # The question goes to the terminal itself, so that what a command prints stays clean.
    typed = getpass.getpass("Passphrase: ")
    if twice and getpass.getpass("The same again: ") != typed:
        raise SealError("the two passphrases differ", hint="type the same one twice")
    return typed
