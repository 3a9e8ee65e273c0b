"""Names of models, aliases and versions, and references to them: ``iris``, ``iris:3``, ``iris@production``."""

from __future__ import annotations

import re
from typing import NamedTuple

from modelkeep.errors import UsageError, quote

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,127}")
_NUMBER = re.compile(r"[1-9][0-9]{0,7}")
#: Numbers are written with so many digits, so that keys sort as they count.
DIGITS = 8


class Ref(NamedTuple):
    """A reference: a version, an alias, or neither, which is the latest version."""

    name: str
    number: int | None = None
    alias: str | None = None

    def __str__(self) -> str:
        if self.alias is not None:
            return f"{self.name}@{self.alias}"
        return self.name if self.number is None else f"{self.name}:{self.number}"


def check_name(name: object, what: str = "name of a model") -> str:
    """``name``, refused unless it is in the grammar: no other spelling may look like it on any file system."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise UsageError(
            f"{quote(name)} is not a {what}",
            hint="use small letters, digits, '.', '_' and '-', at most 128, and begin with a letter or a digit",
        )
    return name


def is_name(name: str) -> bool:
    """Whether a model may have that name."""
    return _NAME.fullmatch(name) is not None


def parse(ref: object) -> Ref:
    """The reference in a text.

    >>> parse("iris@production")
    Ref(name='iris', number=None, alias='production')
    """
    if isinstance(ref, Ref):
        return ref
    text = str(getattr(ref, "ref", ref))
    name, at, alias = text.partition("@")
    name, colon, number = name.partition(":")
    check_name(name)
    if at:
        if colon:
            raise UsageError(f"{quote(text)} names a version and an alias", hint="leave one of them out")
        return Ref(name, alias=check_name(alias, "name of an alias"))
    if not colon:
        return Ref(name)
    if not _NUMBER.fullmatch(number):
        raise UsageError(f"{quote(number)} is not the number of a version", hint=f"write it as in {name}:3")
    return Ref(name, int(number))


def numbered(number: int) -> str:
    """The last part of a record's key."""
    return f"{number:0{DIGITS}d}.json"


def number_of(part: str) -> int | None:
    """The number in the last part of a record's key, or None where it is not one."""
    digits = part.removesuffix(".json")
    good = len(digits) == DIGITS and digits.isascii() and digits.isdecimal() and part == f"{digits}.json"
    return int(digits) if good and int(digits) > 0 else None
