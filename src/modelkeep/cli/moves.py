"""Commands on aliases: alias, rollback, promote."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelkeep.cli.models import Reference, answer, argument
from modelkeep.cli.options import AllowCode, AllowRegex, Json, Trust, policy
from modelkeep.cli.pairs import numbers
from modelkeep.cli.place import Author, Identity, Message, Place, registry_at
from modelkeep.cli.waiting import waiting

if TYPE_CHECKING:
    from modelkeep.registry.gates import Candidate, Gate

_Bounds = list[str] | None
_NotBelow = Annotated[
    _Bounds, typer.Option("--not-below", metavar="METRIC[=ALIAS]", help="Not below what that alias has now.")
]
_NotAbove = Annotated[
    _Bounds, typer.Option("--not-above", metavar="METRIC[=ALIAS]", help="Not above what that alias has now.")
]
_Name = Annotated[str, argument("NAME", "A model.")]
_Alias = Annotated[str, argument("ALIAS", "The alias, as in production.")]


def alias(
    name: _Name,
    alias: Annotated[
        str | None, typer.Argument(metavar="ALIAS", help="The alias, as in production.", show_default=False)
    ] = None,
    version: Annotated[
        str | None, typer.Argument(metavar="VERSION", help="Its number, as in 3, or iris@canary.", show_default=False)
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take the alias away.")] = False,
    message: Message = "",
    registry: Place = None,
    author: Author = None,
    identity: Identity = None,
    json: Json = False,
) -> int:
    """Let an alias point at a version; without one, list the aliases.

    \b
    Example: modelkeep alias iris production 3
    """
    from modelkeep.errors import UsageError

    at = registry_at(registry, author=author, identity=identity)
    if remove and version is not None:
        raise UsageError("an alias that is taken away gets no version", hint="leave out VERSION, or --remove")
    if alias is not None and remove:
        at.remove_alias(name, alias, message=message)
    elif alias is not None and version is not None:
        at.set_alias(
            name, alias, int(version) if version.isdecimal() and len(version) < 9 else version, message=message
        )
    elif alias is not None or remove:
        raise UsageError("an alias needs a version", hint=f"modelkeep alias {name} {alias or 'ALIAS'} VERSION")
    return answer({"name": name, "aliases": at.aliases(name)}, json, "show_aliases")


def rollback(
    name: _Name,
    alias: _Alias,
    message: Message = "",
    registry: Place = None,
    author: Author = None,
    identity: Identity = None,
    json: Json = False,
) -> int:
    """Let an alias point at what it pointed at before. Repeat it to go back further.

    \b
    Example: modelkeep rollback iris production
    """
    at = registry_at(registry, author=author, identity=identity)
    before = at.aliases(name).get(alias)
    now = at.rollback(name, alias, message=message)
    return answer({"name": name, "alias": alias, "from": before, "to": int(now)}, json, "show_moved")


def promote(
    ref: Reference,
    alias: _Alias,
    probe: Annotated[bool, typer.Option("--probe", help="Ask the probe's rows again.")] = False,
    least: Annotated[_Bounds, typer.Option("--min", metavar="METRIC=NUMBER", help="At least this.")] = None,
    most: Annotated[_Bounds, typer.Option("--max", metavar="METRIC=NUMBER", help="At most this.")] = None,
    not_below: _NotBelow = None,
    not_above: _NotAbove = None,
    signer: Annotated[_Bounds, typer.Option("--signer", metavar="PEM", help="Signed by this key, or another.")] = None,
    parity: Annotated[_Bounds, typer.Option("--parity", metavar="FORMAT", help="Certified for this format.")] = None,
    message: Message = "",
    trust: Trust = None,
    allow_code: AllowCode = False,
    allow_regex: AllowRegex = False,
    registry: Place = None,
    author: Author = None,
    identity: Identity = None,
    json: Json = False,
) -> int:
    """Let an alias point at a version if it passes the gates that are named; if none is, the probe.

    \b
    Example: modelkeep promote iris:4 production --probe --min accuracy=0.95 --not-below accuracy
    """
    from modelkeep.registry import gates
    from modelkeep.registry.names import parse

    bounds = _bounds(alias, least=least, most=most, not_below=not_below, not_above=not_above)
    asked = [gates.probe()] if probe else []
    asked += [gates.metric(name, **each) for name, each in bounds]
    asked += [gates.signed(signer)] if signer else []
    asked += [gates.parity(name) for name in parity or ()]
    told: list[str] = []
    told_gates = [_telling(gate, told) for gate in asked or [gates.probe()]]
    at, name = registry_at(registry, author=author, identity=identity), parse(ref).name
    before, allowed = at.aliases(name).get(alias), policy(trust, allow_code, allow_regex)
    with waiting("asking the gates"):
        version = at.promote(ref, alias, gates=told_gates, message=message, policy=allowed)
    found = {"name": name, "alias": alias, "from": before, "to": int(version), "checks": told}
    return answer(found, json, "show_moved")


def _telling(gate: Gate, told: list[str]) -> Gate:
    """The same gate, which also tells here what it found."""

    def check(candidate: Candidate) -> str:
        found = gate.check(candidate)
        told.append(f"{gate.name}: {found}")
        return found

    return replace(gate, check=check)


def _bounds(
    alias: str, *, least: _Bounds, most: _Bounds, not_below: _Bounds, not_above: _Bounds
) -> list[tuple[str, dict[str, Any]]]:
    """What each metric is held against: all in one gate, unless a bound is given twice."""
    given = [
        *((name, "at_least", bound) for name, bound in numbers(least, "--min").items()),
        *((name, "at_most", bound) for name, bound in numbers(most, "--max").items()),
        *((name, "not_below", other) for name, other in _others(not_below, alias)),
        *((name, "not_above", other) for name, other in _others(not_above, alias)),
    ]
    made: list[tuple[str, dict[str, Any]]] = []
    for name, kind, bound in given:
        room = next((each for known, each in made if known == name and kind not in each), None)
        if room is None:
            made.append((name, room := {}))
        room[kind] = bound
    return made


def _others(texts: list[str] | None, alias: str) -> Iterator[tuple[str, str]]:
    """Metrics and the alias that each is compared with: the one that is promoted, unless another is named."""
    for text in texts or ():
        name, _, other = text.partition("=")
        yield name, other or alias
