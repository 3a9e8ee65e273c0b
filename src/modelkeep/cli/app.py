"""The command line: its commands, and what all of them share."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from modelkeep import __version__


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"modelkeep {__version__}")
        raise typer.Exit


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


#: The module and the function of each command, and its line in the help.
_COMMANDS = {
    "demo": ("about", "demo", "See it: two models saved, reloaded, compared."),
    "inspect": ("files", "inspect", "Show what is in a file, without running it."),
    "verify": ("files", "verify", "Check a file: bytes, inside, and answers."),
    "diff": ("files", "diff", "Show what differs between two files."),
    "export": ("exports", "export", "Write a model in another format, with proof."),
    "convert": ("files", "convert", "Write a model in another format."),
    "advise": ("advice", "advise", "Try every format, and recommend one."),
    "register": ("models", "register", "Register a file as a model's next version."),
    "list": ("models", "list_", "List models, or the versions of one."),
    "show": ("models", "show", "Show a version, or its model card."),
    "history": ("models", "history", "Show who changed what, and why."),
    "alias": ("moves", "alias", "Let an alias point at a version."),
    "promote": ("moves", "promote", "The same, if the version passes its gates."),
    "rollback": ("moves", "rollback", "Let an alias go back a step."),
    "tag": ("models", "tag", "Add tags and metrics to a version."),
    "copy": ("upkeep", "copy", "Copy versions between registries."),
    "export-file": ("models", "export_file", "Write a version as a file."),
    "rm": ("models", "rm", "Delete versions."),
    "gc": ("upkeep", "gc", "Free the space of what was deleted."),
    "fsck": ("upkeep", "fsck", "Find damage, and repair it from a copy."),
    "keygen": ("signs", "keygen", "Make a key to sign or to seal with."),
    "sign": ("signs", "sign", "Sign a file or a version."),
    "seal": ("seals", "seal", "Encrypt a file, for recipients or a passphrase."),
    "unseal": ("seals", "unseal", "Decrypt a sealed file."),
    "env": ("env", "env", "Print the environment of a model, or make it again."),
    "formats": ("about", "formats", "List the formats and what they hold."),
    "doctor": ("about", "doctor", "Check this installation."),
}


def app_for(arguments: Sequence[str]) -> typer.Typer:
    """The command line: of the one command that is called, so that it doesn't wait for the others, or of all.

    Their list shows names alone: if none is named, and no shell asks what could follow, their modules stay closed.
    """
    # Plain help: rich would more than double the time that it takes to show.
    made = typer.Typer(
        name="modelkeep",
        cls=_Group,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    made.callback()(_all)
    listed = "_MODELKEEP_COMPLETE" not in os.environ and _COMMANDS.keys().isdisjoint(arguments)
    for name in [arguments[0]] if arguments and arguments[0] in _COMMANDS else _COMMANDS:
        module, function, summary = _COMMANDS[name]
        run = _only_listed if listed else getattr(importlib.import_module(f"modelkeep.cli.{module}"), function)
        made.command(name=name, short_help=summary, cls=_Command)(run)
    return made


def _only_listed() -> None:
    raise AssertionError("a command that is not named among the arguments can't be run")


class _Group(TyperGroup):
    def get_params(self, ctx: Any) -> list[Any]:
        return _as_given(super().get_params(ctx))


class _Command(TyperCommand):
    def get_params(self, ctx: Any) -> list[Any]:
        return _as_given(super().get_params(ctx))


def _as_given(parameters: list[Any]) -> list[Any]:
    """Texts are taken as they are: pydantic, by which late typers do that, takes longer to import than a list does."""
    for parameter in parameters:
        usual = getattr(parameter, "get_runtime_param", None)
        if usual is not None and hasattr(parameter, "type_descriptor") and not isinstance(usual, partial):
            parameter.get_runtime_param = partial(_AsGiven, usual)
    return parameters


@dataclass(frozen=True)
class _AsGiven:
    """What typer does of a text or of nothing; of anything else, what ``usual`` does."""

    usual: Callable[[], Any]

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        several = param.multiple or param.nargs == -1
        if value is None:
            return () if several else None
        if param.type_descriptor.annotation in (str, list[str]):
            return list(value) if several else value
        return self.usual().coerce(value, param=param, ctx=ctx)
