"""Commands on files: inspect, verify, diff, convert."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from modelkeep.cli.exports import Accept, Check, Options, Sample, To, accepted, as_file, options_of
from modelkeep.cli.options import AllowCode, AllowRegex, Format, Identity, Json, OnDrift, Signers, Trust, policy
from modelkeep.cli.place import Place, is_file, registry_at
from modelkeep.cli.rows import rows_in
from modelkeep.cli.screen import tell
from modelkeep.cli.waiting import waiting

if TYPE_CHECKING:
    from modelkeep.comparison import Diff
    from modelkeep.policy import Policy


Against = Annotated[
    str | None, typer.Option("--against", metavar="FILE|REF", help="The model that a file must answer as.")
]


def _file(name: str, text: str) -> Any:
    return typer.Argument(metavar=name, help=text, show_default=False)


def inspect(
    file: Annotated[str, _file("FILE|REF", "A .keep, pickle or joblib file, or a version of a registry.")],
    code: Annotated[bool, typer.Option("--code", help="Show the source that the file carries.")] = False,
    every: Annotated[bool, typer.Option("--all", help="List every array and parameter.")] = False,
    format: Format = None,
    identity: Identity = None,
    registry: Place = None,
    json: Json = False,
) -> int:
    """Show what is in a file, without building the model or running anything of it.

    \b
    Example: modelkeep inspect iris.keep
    """
    from modelkeep import verbs

    with waiting("reading"):
        if is_file(file, registry):
            found = verbs.inspect(file, format=format)
        else:
            found = registry_at(registry, identity=identity).inspect(file)
    if json:
        from modelkeep.cli.screen import print_json

        print_json(found.as_dict())
    else:
        from modelkeep.cli.show_inspection import show, show_code

        show_code(found) if code else show(found, every)
    return 0


def verify(
    file: Annotated[str, _file("FILE|REF", "A .keep file, or a version of a registry; with --against any file.")],
    against: Against = None,
    check: Check = None,
    accept: Accept = None,
    format: Format = None,
    trust: Trust = None,
    allow_code: AllowCode = False,
    allow_regex: AllowRegex = False,
    signer: Signers = None,
    identity: Identity = None,
    registry: Place = None,
    json: Json = False,
) -> int:
    """Check every byte, the inside of the model, and that it still gives the answers it gave when it was saved.

    \b
    Example: modelkeep verify iris.keep --signer maker.pub
    Example: modelkeep verify iris.onnx --against iris:3
    """
    from modelkeep import verbs

    allowed = policy(trust, allow_code, allow_regex, signer)
    if against is not None:
        asked: dict[str, Any] = {
            "check": rows_in(check),
            "accept": accepted(accept),
            "format": format,
            "policy": allowed,
        }
        with waiting("asking") as progress, as_file(against, registry, identity) as model:
            found = verbs.verify(file, against=model, progress=progress, **asked)
        return tell(found, json, "show_parity:show_certificate")
    with waiting("verifying") as progress:
        if is_file(file, registry):
            found = verbs.verify(file, policy=allowed, identity=identity, progress=progress)
        else:
            found = registry_at(registry, identity=identity).verify(file, policy=allowed, progress=progress)
    return tell(found, json, "show_files:show_verified", signed=bool(signer))


def diff(
    first: Annotated[str, _file("A", "A .keep file, or a version.")],
    second: Annotated[str, _file("B", "Another one.")],
    trust: Trust = None,
    allow_code: AllowCode = False,
    allow_regex: AllowRegex = False,
    identity: Identity = None,
    registry: Place = None,
    json: Json = False,
) -> int:
    """Show what differs between two files or versions: parameters, arrays, trees, names, and the answers.

    The exit code is 0 if nothing differs, 1 if something does, 2 if they can't be compared.

    \b
    Example: modelkeep diff monday.keep friday.keep
    """
    from modelkeep import verbs

    with waiting("comparing"):
        allowed = policy(trust, allow_code, allow_regex)
        if is_file(first, registry) and is_file(second, registry):
            found = verbs.diff(first, second, policy=allowed)
        else:
            found = _diff_of_versions(first, second, registry, identity, allowed)
    if json:
        from modelkeep.cli.screen import print_json

        print_json(found.as_dict())
    else:
        from modelkeep.cli.show_diff import show

        show(found)
    return 1 if found else 0


def _diff_of_versions(first: str, second: str, place: str | None, identity: str | None, allowed: Policy) -> Diff:
    """Of two versions, or of a version and a file."""
    from modelkeep import comparison

    registry = registry_at(place, identity=identity)
    a, b = (
        comparison.opened(each, allowed)
        if is_file(each, place)
        else (registry.version(each).ref, registry.artifact(each, policy=allowed))
        for each in (first, second)
    )
    return comparison.of_artifacts(a, b, allowed)


def convert(
    source: Annotated[str, _file("SRC", "The file to read.")],
    target: Annotated[str, _file("DST", "The file to write; its suffix says the format.")],
    trust: Trust = None,
    allow_code: AllowCode = False,
    allow_regex: AllowRegex = False,
    on_drift: OnDrift = "raise",
    format: To = None,
    source_format: Annotated[str | None, typer.Option("--from", metavar="NAME", help="The format to read.")] = None,
    sample: Sample = None,
    check: Check = None,
    accept: Accept = None,
    options: Options = None,
    json: Json = False,
) -> int:
    """Write a model in another format. A pickle or joblib file is read without executing it, unless --allow-code.

    Any format but keep is asked in a fresh process, and left only if it answers the same.

    \b
    Example: modelkeep convert old.joblib new.keep
    """
    from modelkeep import verbs
    from modelkeep.loading import OnDrift as Choice

    with waiting("converting") as progress:
        found = verbs.convert(
            source,
            target,
            policy=policy(trust, allow_code, allow_regex),
            on_drift=cast(Choice, on_drift),
            format=format,
            source_format=source_format,
            sample=rows_in(sample),
            check=rows_in(check),
            accept=accepted(accept),
            options=options_of(options),
            progress=progress,
        )
    return tell(found, json, "show_files:show_converted")
