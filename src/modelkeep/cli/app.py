"""The command line: its commands, and what all of them share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from modelkeep import __version__
from modelkeep.cli import about, env, files, seals

# Plain help: rich would more than double the time that it takes to show.
app = typer.Typer(
    name="modelkeep",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"modelkeep {__version__}")
        raise typer.Exit


@app.callback()
def _all(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Keep trained models: save, reload anywhere, and prove that the answers are the same.

    Start with: modelkeep demo

    \b
    Exit codes: 0 done, 1 an error (diff: the files differ), 2 a wrong call (diff: an error).
    Errors go to stderr; with --json they are an object {"error", "hint", "kind"} on stdout.
    """


_COMMANDS: list[tuple[Callable[..., int], str]] = [
    (about.demo, "See it: two models saved, reloaded, compared."),
    (files.inspect, "Show what is in a file, without running it."),
    (files.verify, "Check a file: bytes, inside, and answers."),
    (files.diff, "Show what differs between two files."),
    (files.convert, "Write a model in another format."),
    (seals.seal, "Encrypt a file, for recipients or a passphrase."),
    (seals.unseal, "Decrypt a sealed file."),
    (env.env, "Print the environment of a model, or make it again."),
    (about.formats, "List the formats and what they hold."),
    (about.doctor, "Check this installation."),
]
for _command, _summary in _COMMANDS:
    app.command(short_help=_summary)(_command)
