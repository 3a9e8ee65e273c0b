"""Rows of a probe: chosen from a sample, and edited copies of them in one block of the same kind."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from modelkeep.errors import UsageError
from modelkeep.probe.facts import spaced

#: The most rows taken from a sample, and the most that are added to them.
CHOSEN = 32
#: The most cells (stored values of a sparse row, characters of a text) that a probe's rows may have.
CELLS = 1 << 20
TEXT_LENGTH = 20_000
#: Put into a cell, it becomes the missing value of the column's dtype.
MISSING = object()


@dataclass
class Edit:
    """A copy of row ``row`` with some ``cells`` changed, or all its numbers.

    ``whole``: zero, negate, wide (a thousandfold), scatter (the same with alternating signs), large.
    ``value``: the new row itself, for texts and records.
    """

    row: int
    kind: str
    cells: dict[int, Any] = field(default_factory=dict)
    whole: str = ""
    value: Any = None


def module(name: str, attribute: str) -> Any:
    """An attribute of a module if something else has imported it: an object can't be of a type never imported."""
    return getattr(sys.modules.get(name), attribute, ())


def kind_of(block: Any) -> str:
    """``array``, ``frame``, ``series``, ``sparse``, ``inputs`` (arrays by name), or ``list`` for any other sequence."""
    if isinstance(block, np.ndarray):
        return "array"
    if isinstance(block, dict):
        return "inputs"
    if isinstance(block, module("pandas", "DataFrame") or ()):
        return "frame"
    if isinstance(block, module("pandas", "Series") or ()):
        return "series"
    return "sparse" if hasattr(block, "tocsr") and hasattr(block, "nnz") else "list"


def count(block: Any) -> int:
    if isinstance(block, dict):
        return min((count(each) for each in block.values()), default=0)
    return int(block.shape[0]) if hasattr(block, "shape") else len(block)


def fresh(block: Any) -> Any:
    """A copy with one fixed layout in memory: a method may write into its input, and sums follow the layout."""
    if isinstance(block, np.ndarray):
        return np.array(block, order="C")
    if isinstance(block, dict):
        return {name: fresh(each) for name, each in block.items()}
    if kind_of(block) in ("frame", "series"):
        return block.copy(deep=True)
    return block.copy() if hasattr(block, "copy") else block


def take(block: Any, rows: Sequence[int]) -> Any:
    """The rows at ``rows``, as a block of the same kind; a frame gets the index 0, 1, 2 ..."""
    kind = kind_of(block)
    if kind == "inputs":
        return {name: take(each, rows) for name, each in block.items()}
    if kind == "array":
        return block[np.asarray(rows, dtype=np.intp)]
    if kind in ("frame", "series"):
        return block.iloc[list(rows)].reset_index(drop=True)
    if kind == "sparse":
        return (block if block.format in ("csr", "csc", "lil", "dok") else block.tocsr())[list(rows)]
    return type(block)(block[i] for i in rows) if type(block) in (list, tuple) else [block[i] for i in rows]


def choose(sample: Any) -> Any:
    """Up to 32 rows of ``sample``, evenly spaced, the first and the last among them; fewer of a wide sample.

    None when it is None or has no rows.
    """
    sample = _as_rows(sample)
    if sample is None or count(sample) == 0:
        return None
    total = count(sample)
    width = _width(sample)
    if kind_of(sample) == "sparse":
        width = int(sample.nnz / max(total, 1)) + 1
    wanted = max(1, min(CHOSEN, CELLS // 2 // max(width, 1)))
    return _shorten(take(sample, spaced(total, wanted)))


def _width(sample: Any) -> int:
    if isinstance(sample, dict):
        return sum(map(_width, sample.values()))
    return int(np.prod(sample.shape[1:])) if hasattr(sample, "shape") else 1


def _as_rows(sample: Any) -> Any:
    if isinstance(sample, dict) and sample and all(_is_array(each) for each in sample.values()):
        return sample
    if isinstance(sample, str | bytes | dict) or (hasattr(sample, "shape") and len(sample.shape) == 0):
        raise UsageError(
            f"a sample is a table or a sequence of rows, not one {type(sample).__name__}",
            hint="put it into a list, as the model's output methods take it",
        )
    if isinstance(sample, module("polars", "DataFrame")):
        part = sample[spaced(len(sample), CHOSEN)]
        return importlib.import_module("pandas").DataFrame(part.to_dict(as_series=False))
    if sample is None or hasattr(sample, "__len__") or hasattr(sample, "shape"):
        return sample
    return list(sample)


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.ndim > 0


def _shorten(block: Any) -> Any:
    if isinstance(block, list) and any(isinstance(item, str) and len(item) > TEXT_LENGTH for item in block):
        return [item[:TEXT_LENGTH] if isinstance(item, str) else item for item in block]
    return block


def build(base: Any, edits: Sequence[Edit], *, alone: bool = False) -> Any:
    """``base`` followed by its edited copies (``alone``: the edited copies only)."""
    kind = kind_of(base)
    rows = [] if alone else list(range(count(base)))
    if kind == "list":
        return [base[i] for i in rows] + [edit.value for edit in edits]
    if kind == "series":
        return _series(base, rows, edits)
    block = take(base, rows + [edit.row for edit in edits])
    if not edits:
        return block
    return {"array": _array, "frame": _frame, "sparse": _sparse}[kind](block, len(rows), edits)


def _array(block: Any, start: int, edits: Sequence[Edit]) -> Any:
    if edits[0].value is not None:  # a 1-D array of texts
        block = block.astype(object) if block.dtype.kind == "U" else block
        block[start:] = [edit.value for edit in edits]
        return block
    flat = block.reshape(len(block), -1)
    for row, edit in enumerate(edits, start):
        if edit.whole:
            flat[row] = _whole(flat[row], edit.whole)
        for column, value in edit.cells.items():
            flat[row, column] = cast(value, flat.dtype)
    return block


def _series(base: Any, rows: list[int], edits: Sequence[Edit]) -> Any:
    values = [base.iloc[i] for i in rows] + [edit.value for edit in edits]
    return type(base)(values, name=base.name, dtype=base.dtype)


def _frame(block: Any, start: int, edits: Sequence[Edit]) -> Any:
    dtypes = block.dtypes.tolist()
    if len({str(dtype) for dtype in dtypes}) == 1 and isinstance(dtypes[0], np.dtype) and dtypes[0].kind in "fiu":
        values = _array(np.array(block.to_numpy(), order="C"), start, edits)
        return type(block)(values, columns=block.columns)
    touched = {column for edit in edits for column in edit.cells}
    whole = {i for i, dtype in enumerate(dtypes) if is_number(dtype)} if any(edit.whole for edit in edits) else set()
    for column in sorted(touched | whole):
        block.isetitem(column, _column(block.iloc[:, column], start, edits, column))
    return block


def _column(series: Any, start: int, edits: Sequence[Edit], column: int) -> Any:
    """One column of a frame with its edits, in the column's own dtype (new categories at the end)."""
    values = series.array.copy()
    if hasattr(values, "categories"):
        new = {edit.cells[column] for edit in edits if column in edit.cells and edit.cells[column] is not MISSING}
        values = values.add_categories(sorted(new - set(values.categories.tolist()), key=str))
    elif isinstance(series.dtype, np.dtype):
        values = np.array(series.to_numpy())
    for row, edit in enumerate(edits, start):
        if edit.whole and is_number(series.dtype):
            values[row] = _whole(np.asarray(values[row : row + 1].tolist()), edit.whole, series.dtype)[0]
        if column in edit.cells:
            values[row] = cast(edit.cells[column], series.dtype)
    return values


def _sparse(block: Any, start: int, edits: Sequence[Edit]) -> Any:
    """Rows of a sparse block, edited by stored value."""
    block = block.tocsr()
    if any(edit.cells for edit in edits):
        block = block.tolil()
        for row, edit in enumerate(edits, start):
            for column, value in edit.cells.items():
                block[row, column] = cast(value, block.dtype)
        block = block.tocsr()
    for row, edit in enumerate(edits, start):
        if edit.whole:
            part = slice(block.indptr[row], block.indptr[row + 1])
            block.data[part] = _whole(block.data[part], edit.whole)
    return block


def is_number(dtype: Any) -> bool:
    """Whether a column of this numpy or pandas dtype holds numbers (truth values don't count)."""
    kind = getattr(dtype, "kind", "O")
    return kind in "fiu" and not hasattr(dtype, "categories")


def largest(dtype: Any) -> float:
    """A large finite value: that of float32 for wider floats, which models narrow to float32."""
    base = np.dtype(getattr(dtype, "numpy_dtype", dtype))
    if base.kind in "iu":
        return int(np.iinfo(base).max)
    return float(np.finfo(base if base.itemsize < 4 else np.float32).max)


def _whole(values: Any, how: str, dtype: Any = None) -> Any:
    dtype = values.dtype if dtype is None else dtype
    if getattr(dtype, "kind", "O") not in "fiu":
        return values
    if how == "zero":
        return values * 0
    if how == "negate":
        return -values
    big = largest(dtype)
    if how == "large":
        return np.full(len(values), big, dtype=values.dtype)
    signs = 1 if how == "wide" else np.where(np.arange(len(values)) % 2 == 0, -1, 1)
    low = 0 if getattr(dtype, "kind", "f") == "u" else -big
    return np.clip(values.astype(np.float64) * 1000 * signs, low, big).astype(values.dtype)


def cast(value: Any, dtype: Any) -> Any:
    """``value`` as a column of ``dtype`` holds it: whole numbers below for integers, its own missing value."""
    if value is MISSING:
        if isinstance(dtype, np.dtype):
            return np.datetime64("NaT") if dtype.kind in "mM" else np.nan
        return getattr(dtype, "na_value", np.nan)
    if isinstance(value, float) and getattr(dtype, "kind", "O") in "iu":
        base = np.iinfo(np.dtype(getattr(dtype, "numpy_dtype", dtype)))
        return int(min(max(np.floor(value), base.min), base.max)) if np.isfinite(value) else 0
    return value
