"""The command advise."""

from __future__ import annotations

from typing import Annotated

import typer

from modelkeep.cli.exports import Check, Sample, as_file
from modelkeep.cli.models import argument
from modelkeep.cli.options import AllowCode, AllowRegex, Identity, Json, Trust, policy
from modelkeep.cli.place import Place
from modelkeep.cli.rows import rows_in
from modelkeep.cli.screen import tell
from modelkeep.cli.waiting import waiting

Purpose = Annotated[
    str,
    typer.Option(
        "--for",
        metavar="PURPOSE",
        help="share, archive, web, mobile, embedded, browser, java or deep-learning.",
    ),
]


def advise(
    source: Annotated[str, argument("FILE|REF", "A model: a file, or a version of a registry.")],
    purpose: Purpose = "share",
    sample: Sample = None,
    check: Check = None,
    plot: Annotated[
        str | None, typer.Option("--plot", metavar="PNG", help="Draw size against latency into this file.")
    ] = None,
    trust: Trust = None,
    allow_code: AllowCode = False,
    allow_regex: AllowRegex = False,
    registry: Place = None,
    identity: Identity = None,
    json: Json = False,
) -> int:
    """Try every format that a model can take, each in a process of its own, and recommend one.

    \b
    Example: modelkeep advise iris:3 --for browser
    """
    from modelkeep import verbs

    if plot is not None:
        from modelkeep.cli.plot import draw, ready

        ready(plot)
    allowed = policy(trust, allow_code, allow_regex)
    with waiting("trying every format") as progress, as_file(source, registry, identity) as file:
        found = verbs.advise(
            file, purpose, sample=rows_in(sample), check=rows_in(check), policy=allowed, progress=progress
        )
    if plot is not None:
        draw(found, plot)
    return tell(found, json, "show_advice:show")
