"""How far the answers of a written file are from the model's: labels that changed, and differences of numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modelkeep.errors import UsageError
from modelkeep.probe.rows import kind_of

#: Rows that a certificate names, for each output.
NAMED = 20
#: A sparse answer with at most so many cells is compared as a table.
_DENSE = 1 << 24


@dataclass(frozen=True)
class Tolerance:
    """What may differ: so many ``labels``, and of two numbers a and b ``|a - b| <= atol + rtol * |a|``.

    >>> Tolerance(labels=3, atol=1e-3)
    Tolerance(labels=3, atol=0.001, rtol=0.0)
    """

    labels: int = 0
    atol: float = 0.0
    rtol: float = 0.0

    def __post_init__(self) -> None:
        whole = isinstance(self.labels, int) and not isinstance(self.labels, bool)
        numbers = all(isinstance(each, int | float) and 0 <= each < np.inf for each in (self.atol, self.rtol))
        if not (whole and self.labels >= 0 and numbers):
            raise UsageError(f"{self!r} is no tolerance", hint="as in Tolerance(labels=3, atol=1e-3)")

    @classmethod
    def of(cls, number: float) -> Tolerance:
        """The tolerance that a format states for itself."""
        return cls(0, number, number)


@dataclass
class Output:
    """One output over all rows: what changed, by how much at most, and where.

    ``beyond`` counts rows outside the format's own tolerance, ``refused`` those outside what was accepted instead.
    ``rows`` names up to 20 of them: the block's kind, the row in it, the model's answer and the file's.
    """

    asked: int = 0
    labels: int = 0
    beyond: int = 0
    refused: int = 0
    absolute: float = 0.0
    relative: float = 0.0
    other: str = ""
    rows: list[dict[str, Any]] = field(default_factory=list)

    def name_rows(self, kind: str, rows: Any, expected: Any, actual: Any) -> None:
        for row in np.asarray(rows)[: max(0, NAMED - len(self.rows))].tolist():
            told = {"block": kind, "row": row, "expected": _shown(expected, row), "got": _shown(actual, row)}
            self.rows.append(told)


def judge(
    outputs: dict[str, Output],
    kind: str,
    method: str,
    expected: Any,
    actual: Any,
    rules: tuple[Tolerance, Tolerance],
    *,
    labels: bool,
) -> None:
    """Add what one block's answers of one method say to ``outputs``, by the name of the output.

    ``rules`` are the format's own tolerance and the one that decides.
    """
    for name, first, second in _pairs(method, expected, actual):
        output = outputs.setdefault(name, Output())
        if first is None:
            output.other = output.other or second
            continue
        output.asked += len(first)
        if first.shape != second.shape:
            output.other = output.other or f"the shape is {second.shape}, the model's {first.shape}"
        elif labels or first.dtype.kind not in "fciub":
            _labels(output, kind, first, second)
        else:
            _numbers(output, kind, first, second, rules)


def _pairs(name: str, expected: Any, actual: Any) -> Iterator[tuple[str, Any, Any]]:
    """Arrays to compare, by name of the output; or None and why they can't be compared."""
    if isinstance(expected, dict) or (isinstance(expected, list | tuple) and _nested(expected)):
        items = list(expected.items()) if isinstance(expected, dict) else list(enumerate(expected))
        if isinstance(expected, dict) and isinstance(actual, dict) and expected.keys() == actual.keys():
            actual = {key: actual[key] for key in expected}
        others = list(actual.values()) if isinstance(actual, dict) else list(actual) if _listed(actual) else []
        if len(items) != len(others):
            yield name, None, f"the file gives {len(others)} answers, the model {len(items)}"
            return
        for (key, first), second in zip(items, others, strict=True):
            yield from _pairs(f"{name}[{key}]", first, second)
        return
    first = table(expected)
    try:
        second = table(actual)
    except ValueError:  # several answers that are no table together
        yield name, None, f"the file gives {len(actual)} answers, the model one"
        return
    if first.ndim == 0 or second.ndim == 0:
        first, second = np.atleast_1d(first), np.atleast_1d(second)
    yield name, first, second


def _listed(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _nested(value: Any) -> bool:
    return any(isinstance(each, np.ndarray | list | tuple | dict) or kind_of(each) != "list" for each in value)


def table(answer: Any) -> Any:
    """An answer as an array."""
    kind = kind_of(answer)
    if kind == "sparse":
        if answer.shape[0] * answer.shape[1] > _DENSE:
            raise UsageError("a sparse answer is too large to compare", hint="pass fewer rows with check=")
        return np.asarray(answer.toarray())
    if kind in ("frame", "series"):
        return answer.to_numpy()
    return np.asarray(answer)


def _labels(output: Output, kind: str, first: Any, second: Any) -> None:
    unequal = _unlike(first, second)
    rows = np.flatnonzero(unequal.reshape(len(first), -1).any(axis=1)) if len(first) else np.arange(0)
    output.labels += len(rows)
    output.name_rows(kind, rows, first, second)


def _unlike(first: Any, second: Any) -> Any:
    """Where labels differ: by value, whatever the width of their type; a number is not its text."""
    both = (first.dtype.kind in "fiub", second.dtype.kind in "fiub")
    if both[0] != both[1] and "O" not in (first.dtype.kind, second.dtype.kind):
        return np.ones(first.shape, dtype=bool)
    missing = [
        np.array([_is_nan(x) for x in each.ravel().tolist()], bool).reshape(each.shape) for each in (first, second)
    ]
    # A missing value of pandas is neither equal to anything nor unlike it.
    plain = [np.where(gap, None, each.astype(object)) for each, gap in zip((first, second), missing, strict=True)]
    return np.asarray(plain[0] != plain[1], dtype=bool)


def _is_nan(value: object) -> bool:
    return type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and value != value)


def _numbers(output: Output, kind: str, first: Any, second: Any, rules: tuple[Tolerance, Tolerance]) -> None:
    if second.dtype.kind not in "fciub":
        output.other = output.other or f"the file gives {second.dtype}, the model numbers"
        return
    wide = np.complex128 if "c" in (first.dtype.kind, second.dtype.kind) else np.float64
    a, b = first.astype(wide), second.astype(wide)
    with np.errstate(all="ignore"):
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        apart = np.where(same, 0.0, np.abs(a - b))
        apart = np.where(np.isnan(apart), np.inf, apart)  # a number against NaN
        relative = np.where(same, 0.0, apart / np.maximum(np.abs(a), np.abs(b)))
    magnitude = np.abs(np.where(np.isfinite(a), a, 0.0))
    beyond, refused = (apart > rule.atol + rule.rtol * magnitude for rule in rules)
    rows = np.flatnonzero(beyond.reshape(len(a), -1).any(axis=1)) if a.size else np.arange(0)
    output.beyond += len(rows)
    output.refused += int(refused.reshape(len(a), -1).any(axis=1).sum()) if a.size else 0
    output.absolute = max(output.absolute, float(apart.max(initial=0.0)))
    output.relative = max(output.relative, float(np.nan_to_num(relative, nan=1.0).max(initial=0.0)))
    output.name_rows(kind, rows, first, second)


def _shown(answers: Any, row: int) -> Any:
    """One row's answer as JSON holds it: numbers that JSON lacks are texts."""
    value = np.asarray(answers[row]).ravel()[:8].tolist()
    plain = [each if isinstance(each, str | int | bool) else _number(each) for each in value]
    return plain if np.ndim(answers[row]) else plain[0]


def _number(value: object) -> Any:
    return value if isinstance(value, float) and abs(value) < np.inf else repr(value)[:80]
