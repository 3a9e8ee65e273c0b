"""Whether a regular expression ends soon on every text: a pattern of a file runs on the texts of whoever loads it.

Refused are back-references, repeats inside repeats that could share a text in many ways, and more than two repeats in
a row over the same characters. What remains takes at most the square of the length of a run of characters.
"""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Callable
from typing import Any

_LONGEST = 256
_ROWS = 2  # how many repeats over the same characters may follow each other
#: What sets of characters are tried on: ASCII, and one of each other kind.
_SAMPLE = frozenset(map(chr, range(128))) | frozenset("éßΩж中あ٣²\u00a0\u2028€😀")
_SIMPLE = ("LITERAL", "NOT_LITERAL", "IN", "ANY")
_REPEATS = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")
_EMPTY = ("AT", "ASSERT", "ASSERT_NOT")


class _SlowError(Exception):
    """Why a pattern is not taken."""


@functools.lru_cache(maxsize=256)
def why_slow(pattern: str) -> str | None:
    """Why ``pattern`` might not end soon; None if it does.

    >>> why_slow(r"(?u)\\b\\w\\w+\\b") is None
    True
    >>> why_slow("(a+)+$")
    'a repeat inside a repeat'
    """
    if len(pattern) > _LONGEST:
        return f"it has more than {_LONGEST} characters"
    parser: Any = importlib.import_module("re._parser")
    try:
        _walk(list(parser.parse(pattern)), _Run())
    except _SlowError as error:
        return str(error)
    except (re.error, RecursionError, OverflowError) as error:
        return f"it is not a regular expression: {error}"
    return None


class _Run:
    """The characters over which what was just passed could go on, and how many such parts followed each other."""

    def __init__(self) -> None:
        self.characters: frozenset[str] = frozenset()
        self.repeats = 0

    def may(self, first: frozenset[str], characters: frozenset[str], repeats: int = 1) -> None:
        """A part that may take more or less of the text: it begins with ``first`` and goes over ``characters``."""
        self.repeats = self.repeats + repeats if first & self.characters else max(self.repeats, repeats)
        self.characters |= characters
        if self.repeats > _ROWS:
            raise _SlowError("several repeats over the same characters follow each other")

    def one(self, characters: frozenset[str]) -> None:
        if not characters & self.characters:
            self.characters, self.repeats = frozenset(), 0


def _walk(items: list[Any], run: _Run) -> None:
    for op, value in items:
        name = str(op)
        if name in _SIMPLE:
            run.one(_characters(name, value))
        elif name in _REPEATS:
            _walk_repeat(value, run)
        elif name == "SUBPATTERN":
            _walk(list(value[-1]), run)
        elif name == "ATOMIC_GROUP":
            _walk(list(value), run)
        elif name == "BRANCH":
            _walk_choice([list(branch) for branch in value[1]], run)
        elif name in _EMPTY:
            if name != "AT":
                _walk(list(value[1]), _Run())
        else:
            raise _SlowError("a back-reference or a condition")


def _walk_choice(branches: list[list[Any]], run: _Run) -> None:
    """Alternatives that begin differently leave one way to go; others leave several, like a repeat."""
    firsts, left = [], []
    for branch in branches:
        firsts.append(_first(branch))
        left.append(_Run())
        _walk(branch, left[-1])
    first = frozenset().union(*firsts)
    if not all(branches) or len(first) < sum(map(len, firsts)):
        run.may(first, frozenset().union(*map(_all_characters, branches)), max(1, *(inner.repeats for inner in left)))
    else:
        run.may(first, frozenset().union(*(inner.characters for inner in left)), max(inner.repeats for inner in left))


def _walk_repeat(value: tuple[int, int, Any], run: _Run) -> None:
    low, high, inside = value[0], int(value[1]), _flat(list(value[2]))
    single = _single(inside)
    if high <= 1:
        if low == 0:
            _walk_choice([inside, []], run)
        else:
            _walk(inside, run)
    elif single is None:
        run.may(_first(inside), _all_characters(inside))
        _check_parts(inside)
    elif low == high:
        run.one(single)
    else:
        run.may(single, single)


def _check_parts(inside: list[Any]) -> None:
    """A repeated sequence must begin with a character that occurs nowhere else in it, so that it splits in one way."""
    if not inside or str(inside[0][0]) not in _SIMPLE or _first(inside) & _all_characters(inside[1:]):
        raise _SlowError("a repeat inside a repeat")
    _walk(inside[1:], _Run())


def _first(items: list[Any]) -> frozenset[str]:
    """The characters that a sequence can begin with, or more of them."""
    found = _flat(items)
    if found and str(found[0][0]) in _SIMPLE:
        return _characters(str(found[0][0]), found[0][1])
    return _all_characters(found)


def _flat(items: list[Any]) -> list[Any]:
    """A sequence without the groups that only hold it together."""
    found: list[Any] = []
    for op, value in items:
        if str(op) == "SUBPATTERN":
            found += _flat(list(value[-1]))
        else:
            found.append((op, value))
    return found


def _single(items: list[Any]) -> frozenset[str] | None:
    """The characters of a sequence that is one character long."""
    if len(items) == 1 and str(items[0][0]) in _SIMPLE:
        return _characters(str(items[0][0]), items[0][1])
    return None


def _all_characters(items: list[Any]) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    for op, value in items:
        name = str(op)
        if name in _SIMPLE:
            found |= _characters(name, value)
        elif name in _REPEATS:
            found |= _all_characters(list(value[2]))
        elif name == "SUBPATTERN":
            found |= _all_characters(list(value[-1]))
        elif name == "BRANCH":
            for branch in value[1]:
                found |= _all_characters(list(branch))
        elif name not in _EMPTY:
            raise _SlowError("a back-reference or a condition")
    return found


def _characters(name: str, value: Any) -> frozenset[str]:
    if name == "ANY":
        return _SAMPLE
    if name in ("LITERAL", "NOT_LITERAL"):
        same = _cases(chr(value))
        return _SAMPLE - same if name == "NOT_LITERAL" else same
    found: frozenset[str] = frozenset()
    negate = False
    for op, part in value:
        if str(op) == "NEGATE":
            negate = True
        elif str(op) == "LITERAL":
            found |= _cases(chr(part))
        elif str(op) == "RANGE":
            inside = frozenset(c for c in _SAMPLE if part[0] <= ord(c) <= part[1])
            found |= frozenset().union(*map(_cases, inside | {chr(part[0]), chr(part[1])}))
        else:
            found |= _category(str(part))
    return _SAMPLE - found if negate else found


def _cases(char: str) -> frozenset[str]:
    """A character in both cases, for patterns that don't tell them apart."""
    return frozenset((char, char.lower(), char.upper()))


def _category(name: str) -> frozenset[str]:
    tests: dict[str, Callable[[str], bool]] = {
        "DIGIT": str.isdecimal,
        "SPACE": str.isspace,
        "WORD": lambda c: c.isalnum() or c == "_",
    }
    test = tests[name.removeprefix("CATEGORY_").removeprefix("NOT_")]
    found = frozenset(c for c in _SAMPLE if test(c))
    return _SAMPLE - found if "_NOT_" in name else found
