"""The command export, and what it shares with verify and convert: rows to try, and what is accepted knowingly."""

from __future__ import annotations

import contextlib
import json as reader
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from modelkeep.cli.models import argument
from modelkeep.cli.options import AllowCode, AllowRegex, Identity, Json, Trust, policy
from modelkeep.cli.place import Place, is_file, registry_at
from modelkeep.cli.screen import tell
from modelkeep.cli.waiting import waiting

if TYPE_CHECKING:
    from modelkeep.exporting import Exported
    from modelkeep.parity import Tolerance

Sample = Annotated[
    str | None, typer.Option("--sample", metavar="ROWS", help="Rows as the model takes them: .csv, .parquet or .npy.")
]
Check = Annotated[
    str | None, typer.Option("--check", metavar="ROWS", help="Rows of yours that the written file is asked too.")
]
Accept = Annotated[
    str | None,
    typer.Option(
        "--accept", metavar="labels=N,atol=X,rtol=X", help="Accept such a difference; the certificate says so."
    ),
]
To = Annotated[str | None, typer.Option("--to", metavar="NAME", help="The format to write.")]
Options = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="An option of the format, as in opset=18.")
]


def accepted(text: str | None) -> Tolerance | None:
    """What is accepted knowingly, as in ``labels=3,atol=1e-3``, or None."""
    if text is None:
        return None
    from modelkeep.errors import UsageError, quote
    from modelkeep.parity import Tolerance

    try:
        given = {name: value for name, _, value in (pair.partition("=") for pair in text.split(","))}
        labels = int(given.pop("labels", "0"))
        return Tolerance(labels, **{name: float(value) for name, value in given.items()})
    except (ValueError, TypeError):
        raise UsageError(f"{quote(text)} is no tolerance", hint="as in --accept labels=3,atol=1e-3") from None


def options_of(pairs: list[str] | None) -> dict[str, Any]:
    """``NAME=VALUE`` pairs; a value is read as JSON where it is some, else as text."""
    from modelkeep.errors import UsageError, quote

    found: dict[str, Any] = {}
    for pair in pairs or ():
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise UsageError(f"{quote(pair)} is not NAME=VALUE", hint="as in --set opset=18")
        try:
            found[name] = reader.loads(value)
        except ValueError:
            found[name] = value
    return found


@contextlib.contextmanager
def as_file(target: str, registry: str | None, identity: str | None) -> Iterator[str]:
    """The path of a file, or that of a version of a registry written as one for a moment."""
    if is_file(target, registry):
        yield target
        return
    import tempfile  # what it needs takes a tenth of the time that help does

    with tempfile.TemporaryDirectory(prefix="modelkeep-") as folder:
        path = os.path.join(folder, "model.keep")
        registry_at(registry, identity=identity).export(target, path)
        yield path


def export(
    source: Annotated[str, argument("FILE|REF", "A model: a file, or a version of a registry.")],
    target: Annotated[str, argument("DST", "The file to write; its suffix says the format.")],
    sample: Sample = None,
    check: Check = None,
    accept: Accept = None,
    format: To = None,
    options: Options = None,
    trust: Trust = None,
    allow_code: AllowCode = False,
    allow_regex: AllowRegex = False,
    registry: Place = None,
    identity: Identity = None,
    json: Json = False,
) -> int:
    """Write a model in another format. The file is asked in a fresh process, and left only if it answers the same.

    The certificate lies beside the file, and with the version in the registry.

    \b
    Example: modelkeep export iris@production iris.onnx
    """
    from modelkeep import verbs
    from modelkeep.cli.rows import rows_in

    named: dict[str, Any] = {
        "sample": rows_in(sample),
        "check": rows_in(check),
        "accept": accepted(accept),
        "format": format,
        "options": options_of(options),
        "policy": policy(trust, allow_code, allow_regex),
    }
    with waiting("exporting") as progress:
        if is_file(source, registry):
            found = verbs.export(source, target, progress=progress, **named)
        else:
            at = registry_at(registry, identity=identity)
            found = cast("Exported", at.export(source, target, progress=progress, **named))
    return tell(found, json, "show_parity:show_exported")
