"""What a caller says of a version, brought into the form of its record."""

from __future__ import annotations

import getpass
import math
from collections.abc import Iterable, Mapping
from typing import Any

from modelkeep.errors import UsageError, quote
from modelkeep.registry.records import Metrics

_MOST, _LONGEST_KEY, _LONGEST = 200, 200, 10_000


def author_of(author: str | None) -> str:
    """Who is to be named in the history: by default the user of the operating system."""
    if author is not None:
        return text(author, "author")
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user may have no name
        return "unknown"


def text(value: object, what: str) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST or "\0" in value:
        raise UsageError(
            f"the {what} {quote(value, 40)} is not a text of at most {_LONGEST:,} characters", hint="shorten it"
        )
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UsageError(
            f"the {what} {quote(value, 40)} is not Unicode text", hint="leave out the lone surrogates"
        ) from None
    return value


def tags_of(tags: Mapping[str, Any] | None) -> dict[str, str]:
    made = {_key(key, "tag"): text(str(value), "tag") for key, value in _pairs(tags, "tags")}
    _refuse_many(made, "tags")
    return made


def metrics_of(metrics: Mapping[str, Any] | None) -> Metrics:
    """Numbers by name; numpy's are taken too. JSON has no infinity, and a comparison with NaN says nothing."""
    made: Metrics = {}
    for key, value in _pairs(metrics, "metrics"):
        number = value.item() if hasattr(value, "item") else value
        if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
            raise UsageError(f"the metric {quote(key)} is {quote(value, 40)}, not a finite number", hint="leave it out")
        made[_key(key, "metric")] = number if isinstance(number, float) or abs(number) < 1 << 53 else float(number)
    _refuse_many(made, "metrics")
    return made


def _pairs(given: Mapping[str, Any] | None, what: str) -> Iterable[tuple[str, Any]]:
    if given is not None and not isinstance(given, Mapping):
        raise UsageError(
            f"the {what} are {quote(given, 40)}, not names with values", hint='pass a dict, {"name": value}'
        )
    return (given or {}).items()


def _key(key: object, what: str) -> str:
    if not isinstance(key, str) or not key.strip() or len(key) > _LONGEST_KEY or not key.isprintable():
        raise UsageError(f"{quote(key, 40)} is not the name of a {what}", hint="use a short printable text")
    return key


def _refuse_many(made: Mapping[str, Any], what: str) -> None:
    if len(made) > _MOST:
        raise UsageError(f"{len(made)} {what} are too many", hint=f"a version holds at most {_MOST}")
