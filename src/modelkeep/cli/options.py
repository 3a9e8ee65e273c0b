"""Options that several commands have, each described once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from modelkeep.policy import Policy

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Trust = Annotated[
    list[str] | None,
    typer.Option("--trust", metavar="NAME", help="A class or module of your own that the file may use. Repeatable."),
]
AllowCode = Annotated[
    bool, typer.Option("--allow-code", help="Let the file run code: source that it carries, or a pickle.")
]
AllowRegex = Annotated[
    bool, typer.Option("--allow-regex", help="Accept token patterns that may take very long on hostile text.")
]

Signers = Annotated[
    list[str] | None,
    typer.Option("--signer", metavar="PEM", help="Refuse what was not signed by this key, or another."),
]


def _on_drift(value: str) -> str:
    if value not in ("raise", "warn", "ignore"):
        raise typer.BadParameter("choose raise, warn or ignore")
    return value


OnDrift = Annotated[
    str,
    typer.Option(
        "--on-drift",
        metavar="raise|warn|ignore",
        help="What to do if nothing proves the same answers.",
        callback=_on_drift,
    ),
]
Format = Annotated[
    str | None,
    typer.Option("--format", metavar="NAME", help="The format of the file, where its suffix does not say it."),
]
Identity = Annotated[
    str | None,
    typer.Option("--identity", metavar="PATH|env:NAME", help="The file with your secret key, for a sealed file."),
]
Passphrase = Annotated[bool, typer.Option("--passphrase", help="Ask for a passphrase on the terminal.")]
PassphraseFrom = Annotated[
    str | None,
    typer.Option("--passphrase-from", metavar="PATH|env:NAME", help="Where a passphrase is; never itself."),
]


def policy(
    trust: list[str] | None, allow_code: bool = False, allow_regex: bool = False, signers: list[str] | None = None
) -> Policy:
    """The policy that the options ask for."""
    from modelkeep.policy import Policy

    return Policy(tuple(trust or ()), allow_code=allow_code, allow_regex=allow_regex, signers=tuple(signers or ()))
