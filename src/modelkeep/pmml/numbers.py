"""Numbers, arrays and regular expressions in the texts of a PMML file."""

from __future__ import annotations

import re

import numpy as np

from modelkeep.errors import CheckError, PolicyError, quote

_HINT = "don't use this file: it was made by another program, or to do harm; get the model from its maker"
_NUMBER = re.compile(r"\s*[+-]?(\d{1,400}(\.\d{0,400})?|\.\d{1,400})([eE][+-]?\d{1,5})?\s*", re.ASCII)
_NUMBERS = re.compile(r"[0-9eE+\-.\s]*", re.ASCII)
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\S+')
_ATOM = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|.", re.DOTALL)
_REGEX_LENGTH = 200
_UNBOUNDED = 2


def finite(text: str, what: str) -> float:
    """A finite number, or a CheckError."""
    if _NUMBER.fullmatch(text):
        value = float(text)
        if value - value == 0:
            return value
    raise CheckError(f"{what} is {quote(text)}, not a finite number", hint=_HINT)


def array(text: str, kind: str, n: str | None) -> None:
    """An array's text holds ``n`` values of its type."""
    if kind in ("real", "int"):
        values = text.split()
        if not _NUMBERS.fullmatch(text):
            raise CheckError(f"an array of numbers holds {quote(text, 60)}", hint=_HINT)
        try:
            numbers = np.array(values, dtype=np.float64)
        except ValueError:
            raise CheckError("an array of numbers holds something else", hint=_HINT) from None
        if not np.isfinite(numbers).all():
            raise CheckError("an array holds a number that is not finite", hint=_HINT)
        count = len(values)
    elif kind == "string":
        count = sum(1 for _ in _TOKEN.finditer(text))
    else:
        raise CheckError(f"an array is of type {quote(kind)}", hint=_HINT)
    if n is not None and kind != "string" and finite(n, "the length of an array") < count:
        raise CheckError(f"an array of {n} values holds {count}", hint=_HINT)


def bounded_regex(pattern: str) -> None:
    """Only patterns whose time is bounded: no repeated groups, no references back, few open repetitions."""
    atoms = _ATOM.findall(pattern)
    open_ended = 0
    for before, atom in zip(["", *atoms], atoms, strict=False):
        repeats = atom in ("*", "+", "{")
        open_ended += repeats
        if (repeats and before == ")") or re.fullmatch(r"\\[1-9k]", atom):
            open_ended = _UNBOUNDED + 1
    if len(pattern) > _REGEX_LENGTH or open_ended > _UNBOUNDED:
        raise PolicyError(
            f"the regular expression {quote(pattern)} may take very long",
            hint="pass Policy(allow_regex=True) if you trust whoever made the file",
        )
