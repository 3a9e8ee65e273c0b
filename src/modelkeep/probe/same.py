"""Whether two answers are the same: to the last bit, or within a tolerance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelkeep.probe.rows import is_number, kind_of, module

#: The relative tolerance of narrow floats is at least this: about 800 steps of float32, 10 of float16.
NARROW = {4: 1e-4, 2: 1e-2}
VAST = 1e30


@dataclass(frozen=True)
class Rule:
    """``exact``: types, dtypes, shapes and bits are equal; any NaN equals any NaN, 0.0 is not -0.0.

    Otherwise labels, texts, whole numbers, truth values and the places of missing values are equal, whatever the
    width of their dtype, and of two floats a and b in row i and column j, ``|a - b| <= rtol * max(|a|, |b|) + floor``:

    - ``rtol`` is at least 1e-4 when an answer is float32 and 1e-2 when it is float16;
    - ``floor`` is the larger of ``rtol`` times the median magnitude of column j (a small number that came from
      cancellation has few good digits) and 32 units in the last place at the largest magnitude in row i (a column
      may be all noise). A median, because hard rows may hold huge numbers.

    ``passed`` marks rows that aren't compared then: those with a number beyond 1e30 (see ``vast_rows``), where the
    order of a sum decides over every digit of a difference or a cosine.
    """

    exact: bool
    rtol: float = 1e-9
    passed: Any = None

    def among(self, rows: Any) -> Rule:
        """The rule for answers to ``rows``."""
        return self if self.exact else Rule(False, self.rtol, vast_rows(rows))

    def compared(self, unequal: Any) -> Any:
        """``unequal`` (by row, then anything) without the rows that are passed over."""
        if self.passed is not None and len(self.passed) == len(unequal):
            unequal[self.passed] = False
        return unequal


def vast_rows(rows: Any) -> Any:
    """Which rows hold a number of a magnitude beyond 1e30; None when that can't be."""
    kind = kind_of(rows)
    if kind == "frame":
        numbers = [
            column.to_numpy(np.float64, na_value=np.nan) for _, column in rows.items() if is_number(column.dtype)
        ]
        return np.any([np.abs(column) > VAST for column in numbers], axis=0) if numbers else None
    if kind == "sparse" and rows.dtype.kind == "f":
        return np.asarray(abs(rows).max(axis=1).todense()).ravel() > VAST
    if kind == "array" and rows.dtype.kind == "f" and rows.ndim:
        return (np.abs(rows.reshape(len(rows), -1)) > VAST).any(axis=1)
    return None


@dataclass(frozen=True)
class Gap:
    """How two answers differ: ``what`` in words, or the ``rows`` that differ and up to a few cells of each."""

    what: str = ""
    rows: tuple[int, ...] = ()
    total: int = 0
    cells: tuple[tuple[int, str, str, str], ...] = ()
    largest: float = 0.0


def gap(expected: Any, actual: Any, rule: Rule) -> Gap | None:
    """How ``actual`` differs from ``expected``, or None."""
    first, second = _family(expected), _family(actual)
    if first != second:
        return Gap(f"a {first} was expected, got a {second}")
    return _COMPARE[first](expected, actual, rule)


def _family(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return "array"
    if isinstance(value, list | tuple):
        return "tuple" if isinstance(value, tuple) else "list"
    if isinstance(value, dict):
        return "dict"
    kind = kind_of(value)
    if kind != "list":
        return kind
    return "index" if isinstance(value, module("pandas", "Index") or ()) else "value"


def _arrays(expected: Any, actual: Any, rule: Rule) -> Gap | None:
    if expected.shape != actual.shape:
        return Gap(f"shape {expected.shape} was expected, got {actual.shape}")
    if expected.dtype != actual.dtype and (rule.exact or _kind(expected) != _kind(actual)):
        return Gap(f"dtype {expected.dtype} was expected, got {actual.dtype}")
    if np.ma.isMaskedArray(expected) or np.ma.isMaskedArray(actual):
        masks = gap(np.ma.getmaskarray(expected), np.ma.getmaskarray(actual), rule)
        return masks or _arrays(np.ma.getdata(expected), np.ma.getdata(actual), rule)
    if expected.dtype.kind == "O":
        return _listed(expected, actual, rule)
    if expected.dtype.names:
        return next((found for n in expected.dtype.names if (found := gap(expected[n], actual[n], rule))), None)
    if expected.ndim == 0:
        return _arrays(expected.reshape(1), actual.reshape(1), rule)
    unequal = rule.compared(_unequal(expected, actual, rule))
    return _found(unequal, expected, actual) if unequal.any() else None


def _kind(array: Any) -> str:
    kind = str(array.dtype.kind)
    return {"u": "i", "S": "U", "T": "U"}.get(kind, kind)


def _unequal(expected: Any, actual: Any, rule: Rule) -> Any:
    """Where the two arrays differ, cell by cell."""
    if expected.dtype.kind == "c":
        return _unequal(expected.real, actual.real, rule) | _unequal(expected.imag, actual.imag, rule)
    if expected.dtype.kind in "mM":
        return (expected != actual) & ~(np.isnat(expected) & np.isnat(actual))
    if expected.dtype.kind != "f":
        return np.asarray(expected != actual)
    gaps = np.isnan(expected)
    if rule.exact:
        unequal = (expected != actual) | (np.signbit(expected) != np.signbit(actual))
        return unequal & ~(gaps & np.isnan(actual))
    finite = np.isfinite(expected) & np.isfinite(actual)
    a, b = np.where(finite, expected, 0), np.where(finite, actual, 0)
    rtol = max(rule.rtol, *(NARROW.get(each.dtype.itemsize, 0.0) for each in (expected, actual)))
    a, b = a.astype(np.float64), b.astype(np.float64)
    apart = np.abs(a - b) > rtol * np.maximum(np.abs(a), np.abs(b)) + _floor(a, rtol, expected.dtype)
    return np.where(finite, apart, (expected != actual) & ~(gaps & np.isnan(actual)))


def _floor(values: Any, rtol: float, dtype: Any) -> Any:
    """The absolute part of the tolerance, by row and column."""
    if not values.size:
        return 0.0
    table = np.abs(values.reshape(len(values), -1))
    noise = table.max(axis=1, keepdims=True) * 32 * float(np.finfo(dtype).eps)
    return np.maximum(np.median(table, axis=0) * rtol, noise).reshape(values.shape)


def _found(unequal: Any, expected: Any, actual: Any) -> Gap:
    flat = unequal.reshape(len(unequal), -1)
    rows = np.flatnonzero(flat.any(axis=1))
    first, second = expected.reshape(flat.shape), actual.reshape(flat.shape)
    cells = []
    for row in rows[:3].tolist():
        for column in np.flatnonzero(flat[row])[:3].tolist():
            place = f" column {column}" if expected.ndim > 1 else ""
            cells.append((row, place, _shown(first[row, column]), _shown(second[row, column])))
    largest = 0.0
    if expected.dtype.kind == "f":
        with np.errstate(all="ignore"):
            apart = np.abs(first[flat].astype(np.float64) - second[flat].astype(np.float64))
        largest = float(np.nanmax(apart, initial=0.0))
    return Gap("", tuple(rows.tolist()), len(unequal), tuple(cells), largest)


def _shown(value: Any) -> str:
    return repr(value.item() if isinstance(value, np.generic) and not isinstance(value, np.longdouble) else value)


def _listed(expected: Any, actual: Any, rule: Rule) -> Gap | None:
    """Object arrays, item by item; all rows that differ are named."""
    rows, cells = [], []
    compared = rule.compared(np.ones(len(expected), dtype=bool)).tolist()
    for row, (first, second) in enumerate(zip(expected.tolist(), actual.tolist(), strict=True)):
        if compared[row] and gap(first, second, rule) is not None:
            rows.append(row)
            if len(rows) <= 3:
                cells.append((row, "", repr(first)[:80], repr(second)[:80]))
    return Gap("", tuple(rows), len(expected), tuple(cells)) if rows else None


def _sequences(expected: Sequence[Any], actual: Sequence[Any], rule: Rule) -> Gap | None:
    if len(expected) != len(actual):
        return Gap(f"{len(expected)} items were expected, got {len(actual)}")
    for place, (first, second) in enumerate(zip(expected, actual, strict=True)):
        found = gap(first, second, rule)
        if found is not None:
            cells = tuple((row, f" of item {place}{rest}", a, b) for row, rest, a, b in found.cells)
            what = f"item {place}: {found.what}" if found.what else ""
            return Gap(what, found.rows, found.total, cells, found.largest)
    return None


def _dicts(expected: dict[Any, Any], actual: dict[Any, Any], rule: Rule) -> Gap | None:
    if list(expected) != list(actual):
        return Gap(f"the keys {list(expected)[:5]} were expected, got {list(actual)[:5]}")
    return _sequences(list(expected.values()), list(actual.values()), rule)


def _values(expected: Any, actual: Any, rule: Rule) -> Gap | None:
    if isinstance(expected, float | np.floating) and isinstance(actual, float | np.floating):
        return _arrays(np.asarray(expected), np.asarray(actual), rule)
    both_missing = expected is actual or (_is_nan(expected) and _is_nan(actual))
    if both_missing or (type(expected) is type(actual) and _equal(expected, actual)):
        return None
    if not rule.exact and isinstance(expected, int | np.integer) and isinstance(actual, int | np.integer):
        return None if int(expected) == int(actual) else Gap(f"{expected!r} was expected, got {actual!r}")
    return Gap(f"{repr(expected)[:80]} was expected, got {repr(actual)[:80]}")


def _is_nan(value: Any) -> bool:
    return isinstance(value, float | np.floating) and bool(value != value)


def _equal(expected: Any, actual: Any) -> bool:
    result = expected == actual
    return result is True or (isinstance(result, np.bool_) and bool(result))


def _sparse(expected: Any, actual: Any, rule: Rule) -> Gap | None:
    if rule.exact and (expected.format, type(expected)) != (actual.format, type(actual)):
        return Gap(f"{type(expected).__name__} was expected, got {type(actual).__name__}")
    if expected.shape != actual.shape:
        return Gap(f"shape {expected.shape} was expected, got {actual.shape}")
    first, second = (each.tocsr(copy=True) for each in (expected, actual))
    if not rule.exact:
        compared = rule.compared(np.ones(first.shape[0], dtype=bool))
        first, second = first[compared], second[compared]
        for each in (first, second):
            each.sum_duplicates()
            each.eliminate_zeros()
    if np.array_equal(first.indptr, second.indptr) and np.array_equal(first.indices, second.indices):
        found = gap(first.data, second.data, rule)
        if found is None or not found.rows:
            return found
        rows = np.searchsorted(first.indptr, np.array(found.rows), side="right") - 1
        cells = tuple((int(rows[0]), place, a, b) for _, place, a, b in found.cells[:3])
        return Gap("", tuple(np.unique(rows).tolist()), first.shape[0], cells, found.largest)
    if not rule.exact and first.shape[0] * first.shape[1] <= 1 << 22:
        return gap(first.toarray(), second.toarray(), rule)
    return Gap("other cells of the sparse answer are filled")


def _frames(expected: Any, actual: Any, rule: Rule) -> Gap | None:
    if expected.columns.tolist() != actual.columns.tolist():
        return Gap(f"the columns {expected.columns.tolist()[:5]} were expected, got {actual.columns.tolist()[:5]}")
    index = gap(expected.index, actual.index, rule)
    if index is not None:
        return index
    for place, name in enumerate(expected.columns.tolist()):
        found = _extension(expected.iloc[:, place], actual.iloc[:, place], rule)
        if found is not None:
            cells = tuple((row, f" column {name!r}", a, b) for row, _, a, b in found.cells)
            return Gap(f"column {name!r}: {found.what}" if found.what else "", found.rows, found.total, cells)
    return None


def _extension(expected: Any, actual: Any, rule: Rule) -> Gap | None:
    """A Series or Index: its dtype, the places of its missing values, and the other values."""
    if str(expected.dtype) != str(actual.dtype) and rule.exact:
        return Gap(f"dtype {expected.dtype} was expected, got {actual.dtype}")
    if isinstance(expected.dtype, np.dtype) and isinstance(actual.dtype, np.dtype):
        return gap(expected.to_numpy(), actual.to_numpy(), rule)
    gaps = [np.asarray(each.isna()) for each in (expected, actual)]
    found = gap(gaps[0], gaps[1], rule)
    if found is not None:
        return Gap("missing values are at other places", found.rows, found.total)
    values = [np.asarray(each.astype(object))[~missing] for each, missing in zip((expected, actual), gaps, strict=True)]
    return gap(values[0], values[1], rule)


_COMPARE = {
    "array": _arrays,
    "list": _sequences,
    "tuple": _sequences,
    "dict": _dicts,
    "sparse": _sparse,
    "frame": _frames,
    "series": _extension,
    "index": _extension,
    "value": _values,
}
