"""The command env: the environment that a model was saved in, as a requirements file or as a virtual environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelkeep.cli.options import Identity, Json
from modelkeep.cli.place import Place
from modelkeep.cli.text import clean, plural

if TYPE_CHECKING:
    from modelkeep.rebuilding import Created


def env(
    target: Annotated[
        str, typer.Argument(metavar="REF", help="A version, as in iris:3, or a .keep file.", show_default=False)
    ],
    create: Annotated[
        str | None, typer.Option("--create", metavar="DIR", help="Make a virtual environment there, with pip.")
    ] = None,
    python: Annotated[
        str | None,
        typer.Option(
            "--python", metavar="PATH", help="Its interpreter; else one of the recorded version is looked for."
        ),
    ] = None,
    modelkeep_source: Annotated[
        str | None,
        typer.Option("--modelkeep", metavar="SOURCE", help="What to install modelkeep from; else as it is here."),
    ] = None,
    registry: Place = None,
    identity: Identity = None,
    json: Json = False,
) -> int:
    """Print a requirements file with the exact versions that a model was saved with, or install them.

    The names of the packages come from the model's file: look at them before you install from a file of others.

    \b
    Example: modelkeep env iris:3 --create rebuilt
    """
    from modelkeep import rebuilding

    recorded = recorded_of(target, registry, identity)
    if create is None:
        _show_lines(rebuilding.requirements(recorded), recorded, json)
        return 0
    progress, source = _hear if json else _pass_on, modelkeep_source
    made = rebuilding.create(recorded, create, python=python, modelkeep_source=source, progress=progress)
    _show_created(made, json)
    return 0


def recorded_of(target: str, registry: str | None, identity: str | None = None) -> Mapping[str, Any]:
    """The environment in a manifest: that of a file where there is one of this name, else of a version."""
    from modelkeep.errors import UsageError

    if not (os.path.isfile(target) or target.endswith((".keep", ".age")) or os.path.basename(target) != target):
        from modelkeep.cli.place import registry_at

        return registry_at(registry, identity=identity).artifact(target).manifest.environment
    from modelkeep import loading
    from modelkeep.policy import Policy
    from modelkeep.seals.age import Unlock

    opened = loading.open_source(target, Policy(), None, Unlock(identity))
    if opened.format.name != "keep":
        raise UsageError(
            f"{target}: {opened.format.a_file} does not record its environment",
            hint="convert it where it was made: modelkeep convert OLD NEW.keep",
        )
    return loading.open_artifact(opened).manifest.environment


def _pass_on(line: str) -> None:
    print(clean(line), file=sys.stderr)


def _hear(line: str) -> None:
    """With ``--json`` nothing is shown; an error has pip's last lines."""


def _show_lines(text: str, recorded: Mapping[str, Any], as_json: bool) -> None:
    from modelkeep.cli.screen import print_json

    if as_json:
        print_json({"requirements": text, "environment": recorded})
    else:
        print(text, end="")


def _show_created(made: Created, as_json: bool) -> None:
    from modelkeep.cli.screen import Screen, print_json

    if as_json:
        print_json(made.as_dict())
        return
    screen = Screen()
    screen.line(f"{made.path}: made, with {plural(made.packages, 'package')} as recorded", "bold")
    screen.fact("python", f"{made.version}: {made.python}")
    screen.fact("modelkeep", made.modelkeep)
    for note in made.notes:
        screen.fact("note", note, style="yellow")
