"""Rows as a model takes them become the columns that a PMML file names: numbers as arrays, everything else as lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from modelkeep.errors import UsageError, quote

#: Sparse rows with more cells than this are not made into a table.
_CELLS = 1 << 27
_HINT = "pass rows with the columns that the model was fitted on"


def columns_of(rows: Any, names: Sequence[str], needed: Sequence[str]) -> tuple[dict[str, Any], int]:
    """The columns that are ``needed``, and the number of rows; ``names`` are all columns in their order."""
    if isinstance(rows, Mapping):
        found = {str(name): np.asarray(values) for name, values in rows.items()}
        count = len(next(iter(found.values()))) if found else 0
    elif hasattr(rows, "iloc") and hasattr(rows, "columns"):
        found, count = _of_frame(rows, names, needed), len(rows)
    elif isinstance(rows, list | tuple) and rows and all(isinstance(row, Mapping) for row in rows):
        found = {name: np.array([*(row.get(name) for row in rows), None], dtype=object)[:-1] for name in needed}
        count = len(rows)
    else:
        table = _table(rows)
        count = len(table)
        if table.shape[1] != len(names):
            raise UsageError(f"rows of {table.shape[1]} columns, the file has {len(names)}", hint=_HINT)
        found = {name: table[:, i] for i, name in enumerate(names)}
    missing = [name for name in needed if name not in found]
    if missing:
        raise UsageError(f"the rows have no column {quote(missing[0])}", hint=_HINT)
    return {name: cleaned(found[name]) for name in needed}, count


def _of_frame(frame: Any, names: Sequence[str], needed: Sequence[str]) -> dict[str, Any]:
    own = [str(name) for name in frame.columns]
    if not set(needed) <= set(own):
        if len(own) != len(names):
            missing = min(set(needed) - set(own))
            raise UsageError(f"the rows have no column {quote(missing)}", hint=_HINT)
        own = list(names)
    return {name: frame.iloc[:, i] for i, name in enumerate(own)}


def _table(rows: Any) -> Any:
    if hasattr(rows, "toarray"):
        if rows.shape[0] * rows.shape[1] > _CELLS:
            raise UsageError("the sparse rows are too large for a table", hint="pass fewer rows at a time")
        rows = rows.toarray()
    if isinstance(rows, list | tuple) and rows and any(isinstance(row, list | tuple) for row in rows):
        rows = np.array(rows, dtype=_kind_of([value for row in rows for value in row]))
    table = np.asarray(rows)
    if table.ndim not in (1, 2):
        raise UsageError(f"rows of {table.ndim} dimensions", hint=_HINT)
    return table[:, None] if table.ndim == 1 else table


def _kind_of(values: list[Any]) -> Any:
    return np.float64 if all(isinstance(value, int | float) for value in values) else object


def cleaned(column: Any) -> Any:
    """One column as it travels: float64, int64 or bool arrays; texts and mixed values as a list, missing as None."""
    array = (
        np.asarray(column) if not hasattr(column, "astype") or isinstance(column, np.ndarray) else _of_series(column)
    )
    if array.dtype.kind == "f":
        return np.ascontiguousarray(array, dtype=np.float64)
    if array.dtype.kind in "iu":
        return np.ascontiguousarray(array, dtype=np.int64) if array.dtype.itemsize < 8 or _fits(array) else array
    if array.dtype.kind == "b":
        return np.ascontiguousarray(array)
    return [_plain(value) for value in array.tolist()]


def _of_series(series: Any) -> Any:
    kind = getattr(series.dtype, "kind", "O")
    if isinstance(series.dtype, np.dtype) and kind in "fiub":
        return series.to_numpy()
    values = series.astype(object).to_numpy()
    plain = [_plain(value) for value in values.tolist()]
    kinds = {type(value) for value in plain}
    if kinds & {int, float} and kinds <= {int, float, type(None)}:
        return np.array([np.nan if value is None else value for value in plain], dtype=np.float64)
    return np.array([*plain, None], dtype=object)[:-1]


def _fits(array: Any) -> bool:
    return array.dtype.kind == "i" or not len(array) or int(array.max()) < 1 << 63


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return None if value != value else value
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    return str(value)
