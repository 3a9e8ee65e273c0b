"""The command line: its commands, and what all of them share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from modelkeep import __version__
from modelkeep.cli import about, env, files, models, moves, seals, signs, upkeep

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
    (models.register, "Register a file as a model's next version."),
    (models.list_, "List models, or the versions of one."),
    (models.show, "Show a version, or its model card."),
    (models.history, "Show who changed what, and why."),
    (moves.alias, "Let an alias point at a version."),
    (moves.promote, "The same, if the version passes its gates."),
    (moves.rollback, "Let an alias go back a step."),
    (models.tag, "Add tags and metrics to a version."),
    (upkeep.copy, "Copy versions between registries."),
    (models.export_file, "Write a version as a file."),
    (models.rm, "Delete versions."),
    (upkeep.gc, "Free the space of what was deleted."),
    (upkeep.fsck, "Find damage, and repair it from a copy."),
    (signs.keygen, "Make a key to sign or to seal with."),
    (signs.sign, "Sign a file or a version."),
    (seals.seal, "Encrypt a file, for recipients or a passphrase."),
    (seals.unseal, "Decrypt a sealed file."),
    (env.env, "Print the environment of a model, or make it again."),
    (about.formats, "List the formats and what they hold."),
    (about.doctor, "Check this installation."),
]
for _command, _summary in _COMMANDS:
    app.command(name=_command.__name__.strip("_").replace("_", "-"), short_help=_summary)(_command)
