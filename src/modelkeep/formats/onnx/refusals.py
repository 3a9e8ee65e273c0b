"""Which numbers a model refuses: it is asked. A runtime takes them all, and would answer without a word."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

KINDS = {"missing": np.nan, "infinite": np.inf}
#: Each column is asked about by itself; of wider rows nothing is said.
_WIDEST = 1024


def refusals(model: Any, sample: Any, method: str) -> dict[str, Any]:
    """By kind the numeric columns where ``model.method`` raises: names of a frame, places of an array, or all."""
    ask = getattr(model, method, None)
    if ask is None or sample is None or not (sample.shape[0] if hasattr(sample, "shape") else len(sample)):
        return {}
    frame = hasattr(sample, "columns")
    put, columns = _of_frame(sample) if frame else _of_array(sample)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        if not 0 < len(columns) <= _WIDEST or _raises(ask, put(None, 0.0)):
            return {}
        found = {kind: _refused(ask, put, columns, value) for kind, value in KINDS.items()}
    names = [str(name) for name in sample.columns] if frame else []
    return {
        kind: True if len(places) == len(columns) else [names[place] if frame else place for place in places]
        for kind, places in found.items()
        if places
    }


Put = Callable[[Any, float], Any]


def _refused(ask: Callable[[Any], Any], put: Put, columns: list[int], value: float) -> list[int]:
    if not _raises(ask, put(columns, value)):
        return []
    return [place for place in columns if _raises(ask, put([place], value))]


def _raises(ask: Callable[[Any], Any], rows: Any) -> bool:
    try:
        ask(rows)
    except Exception:  # whatever it raises, it does not answer
        return True
    return False


def _of_frame(sample: Any) -> tuple[Put, list[int]]:
    """A way to put a number into columns of the first row, and the places of the columns that hold numbers."""
    row = sample.iloc[:1]
    numeric = [i for i, dtype in enumerate(sample.dtypes) if getattr(dtype, "kind", "O") in "fiu"]

    def put(columns: Any, value: float) -> Any:
        made = row.copy()
        for place in columns or ():
            made.isetitem(place, np.full(1, value))
        return made

    return put, numeric


def _of_array(sample: Any) -> tuple[Put, list[int]]:
    row = np.asarray(sample[:1].toarray() if hasattr(sample, "toarray") else sample[:1])
    if row.dtype.kind not in "fiu" or row.ndim > 2:
        return (lambda columns, value: row), []

    def put(columns: Any, value: float) -> Any:
        made = row.astype(row.dtype if row.dtype.kind == "f" else np.float64)
        if columns:
            made[..., columns] = value
        return made

    return put, list(range(row.shape[-1]))
