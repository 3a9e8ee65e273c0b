"""Commands about modelkeep itself: demo, formats, doctor."""

from __future__ import annotations

from typing import Annotated

import typer

from modelkeep.cli.options import Json
from modelkeep.cli.waiting import waiting


def demo(
    folder: Annotated[
        str | None,
        typer.Option("--folder", metavar="DIR", help="Keep the demo's files there; by default they are deleted."),
    ] = None,
    json: Json = False,
) -> int:
    """Train two models, save them, load them in another process, and compare every answer.

    Also shows what happens to a damaged file and to a hostile one. It takes a few seconds.

    \b
    Example: modelkeep demo
    """
    from modelkeep.demo import run

    with waiting("training, saving, loading"):
        found = run(folder)
    if json:
        from modelkeep.cli.screen import print_json

        print_json(found.as_dict())
    else:
        from modelkeep.cli.show_demo import show

        show(found)
    return 0 if found.passed else 1


def formats(
    onnx: Annotated[bool, typer.Option("--onnx", help="List which estimators can be written as ONNX.")] = False,
    json: Json = False,
) -> int:
    """List the file formats: what reading them may do, and which models they hold.

    \b
    Example: modelkeep formats --onnx
    """
    from modelkeep import verbs

    if onnx:
        return _onnx(json)
    found = verbs.formats()
    if json:
        from modelkeep.cli.screen import print_json

        print_json({"formats": [row.as_dict() for row in found]})
    else:
        from modelkeep.cli.show_about import show_formats

        show_formats(found)
    return 0


def _onnx(json: bool) -> int:
    from modelkeep.formats.onnx.support import support

    found = support()
    if json:
        from modelkeep.cli.screen import print_json

        print_json({"onnx": [{"estimator": name, "written": ok, "reason": why} for name, ok, why in found]})
    else:
        from modelkeep.cli.show_about import show_onnx

        show_onnx(found)
    return 0


def doctor(json: Json = False) -> int:
    """Check this installation: versions, what is missing and how to get it, and whether saving works here.

    \b
    Example: modelkeep doctor
    """
    from modelkeep import verbs

    with waiting("checking"):
        found = verbs.doctor()
    if json:
        from modelkeep.cli.screen import print_json

        print_json(found.as_dict())
    else:
        from modelkeep.cli.show_about import show_report

        show_report(found)
    return 0 if found.healthy else 1
