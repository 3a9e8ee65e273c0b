"""``NAME=VALUE`` on the command line."""

from __future__ import annotations

from collections.abc import Iterable


def pairs(texts: Iterable[str] | None, example: str) -> dict[str, str]:
    """``name=value`` texts as a dictionary. ``example`` is one for the hint."""
    from modelkeep.errors import UsageError, quote

    made: dict[str, str] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise UsageError(f"{quote(text)} is not a name with a value", hint=f"write it as in {example}")
        if name in made:
            raise UsageError(f"{quote(name)} is named twice", hint="leave one of them out")
        made[name] = value
    return made


def numbers(texts: Iterable[str] | None, option: str) -> dict[str, int | float]:
    """``name=number`` texts as a dictionary."""
    return {name: number(value, option) for name, value in pairs(texts, f"{option} accuracy=0.97").items()}


def number(text: str, option: str) -> int | float:
    """What a text says; ``nan`` and infinite ones are left to whoever takes it."""
    from modelkeep.errors import UsageError, quote

    try:
        return int(text) if text.isdecimal() and len(text) < 16 else float(text)
    except ValueError:
        raise UsageError(f"{quote(text)} is not a number", hint=f"write it as in {option} accuracy=0.97") from None
