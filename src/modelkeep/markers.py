"""Environment markers of requirements, such as ``python_version < "3.11"``, without the packaging library."""

from __future__ import annotations

import functools
import os
import re
import sys

_ONLY_EXTRA = re.compile(r"""\s*extra\s*==\s*(?:'[^']+'|"[^"]+")\s*$""")
_TOKEN = re.compile(r"\s*(?:(\(|\)|===|==|!=|<=|>=|~=|<|>)|'([^']*)'|\"([^\"]*)\"|([A-Za-z_.]+))")


def holds(marker: str) -> bool:
    """Whether ``marker`` holds here, with no extra asked for. One that can't be read holds: better one more package.

    >>> holds('python_version >= "3.8" and extra != "docs"'), holds('extra == "docs"')
    (True, False)
    """
    if _ONLY_EXTRA.match(marker):
        return False
    tokens = _tokens(marker)
    if tokens is None:
        return True
    value, rest = _either(tokens)
    return value or bool(rest)


def _tokens(marker: str) -> list[tuple[str, str]] | None:
    """Pairs of kind and text: ``sign``, ``value`` (literals and variables, resolved) or ``word``."""
    tokens, at, text = [], 0, marker.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if not match:
            return None
        at = match.end()
        sign, single, double, word = match.groups()
        if sign is not None:
            tokens.append(("sign", sign))
        elif word is None:
            tokens.append(("value", single if single is not None else double))
        elif word in ("and", "or", "not", "in"):
            tokens.append(("word", word))
        else:
            tokens.append(("value", _variables().get(word, "")))
    return tokens


def _either(tokens: list[tuple[str, str]]) -> tuple[bool, list[tuple[str, str]]]:
    value, rest = _both(tokens)
    while rest and rest[0] == ("word", "or"):
        other, rest = _both(rest[1:])
        value = value or other
    return value, rest


def _both(tokens: list[tuple[str, str]]) -> tuple[bool, list[tuple[str, str]]]:
    value, rest = _one(tokens)
    while rest and rest[0] == ("word", "and"):
        other, rest = _one(rest[1:])
        value = value and other
    return value, rest


def _one(tokens: list[tuple[str, str]]) -> tuple[bool, list[tuple[str, str]]]:
    if tokens and tokens[0] == ("sign", "("):
        value, rest = _either(tokens[1:])
        return value, rest[1:]
    if len(tokens) >= 4 and tokens[1:3] == [("word", "not"), ("word", "in")]:
        return tokens[0][1] not in tokens[3][1], tokens[4:]
    if len(tokens) < 3:
        return True, []
    return _compare(tokens[0][1], tokens[1][1], tokens[2][1]), tokens[3:]


def _compare(left: str, sign: str, right: str) -> bool:
    if sign == "in":
        return left in right
    first, second = _number(left), _number(right.removesuffix(".*"))
    if first is None or second is None:
        return {"==": left == right, "===": left == right, "!=": left != right}.get(sign, False)
    if right.endswith(".*") or sign == "~=":
        first = first[: len(second) - (sign == "~=")] if sign != "~=" or first >= second else ()
        second = second[: len(second) - (sign == "~=")]
        sign = "==" if sign == "~=" else sign
    width = max(len(first), len(second))
    first, second = first + (0,) * (width - len(first)), second + (0,) * (width - len(second))
    order = (first > second) - (first < second)
    return {"<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}.get(
        sign, (order == 0) == (sign != "!=")
    )


def _number(text: str) -> tuple[int, ...] | None:
    match = re.match(r"\d+(?:\.\d+)*", text)
    return tuple(map(int, match[0].split("."))) if match else None


@functools.cache
def _variables() -> dict[str, str]:
    system = os.uname() if hasattr(os, "uname") else None
    return {
        "python_version": ".".join(map(str, sys.version_info[:2])),
        "python_full_version": ".".join(map(str, sys.version_info[:3])),
        "os_name": os.name,
        "sys_platform": sys.platform,
        "platform_system": system.sysname if system else "Windows",
        "platform_machine": system.machine if system else os.environ.get("PROCESSOR_ARCHITECTURE", ""),
        "platform_release": system.release if system else "",
        "platform_python_implementation": {"cpython": "CPython", "pypy": "PyPy"}.get(sys.implementation.name, ""),
        "implementation_name": sys.implementation.name,
        "implementation_version": ".".join(map(str, sys.implementation.version[:3])),
        "extra": "",
    }
