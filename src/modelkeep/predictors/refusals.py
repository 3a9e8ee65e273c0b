"""Numbers that a model refuses: it is asked, its file says so, and the predictor over the file refuses them too.

A runtime takes them all, and would answer without a word. A file has for ``missing`` and for ``infinite`` the inputs by
name, the columns of a single input by place, or ``true`` for all.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from modelkeep.errors import UsageError, quote

_KINDS = {"missing": np.isnan, "infinite": np.isinf}
_VALUES = {"missing": np.nan, "infinite": np.inf}
#: Each column is asked about by itself; of wider rows nothing is said.
_WIDEST = 1024

#: Puts a number into columns of a row.
Put = Callable[[Any, float], Any]


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
        found = {kind: _refused(ask, put, columns, value) for kind, value in _VALUES.items()}
    names = [str(name) for name in sample.columns] if frame else []
    return {
        kind: True if len(places) == len(columns) else [names[place] if frame else place for place in places]
        for kind, places in found.items()
        if places
    }


def _refused(ask: Callable[[Any], Any], put: Put, columns: list[int], value: float) -> list[int]:
    """Those of the columns at which it raises; columns that it takes together are not asked about one by one."""
    if not _raises(ask, put(columns, value)):
        return []
    if len(columns) == 1:
        return columns
    half = len(columns) // 2
    return _refused(ask, put, columns[:half], value) + _refused(ask, put, columns[half:], value)


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


def is_told(told: Any) -> bool:
    """Whether a file's word on what is refused has the right form."""
    return isinstance(told, dict) and told.keys() <= _KINDS.keys() and all(map(_is_known, told.values()))


def _is_known(columns: Any) -> bool:
    if columns is True:
        return True
    places = isinstance(columns, list) and all(type(each) is int and each >= 0 for each in columns)
    return places or (isinstance(columns, list) and all(type(each) is str for each in columns))


def check(refusals: Mapping[str, Any], feeds: Mapping[str, Any]) -> None:
    """Raise UsageError where ``feeds``, the inputs by name, have a number that the model would refuse."""
    for kind, columns in refusals.items():
        for name, values in feeds.items():
            if not isinstance(values, np.ndarray) or values.dtype.kind != "f" or columns == []:
                continue
            if columns is not True and type(columns[0]) is str:
                if name in columns:
                    _check(kind, f"the column {quote(name)}", values)
            elif columns is True or values.ndim < 2:
                _check(kind, quote(name), values)
            else:
                _check(kind, quote(name), values[:, [each for each in columns if each < values.shape[1]]])


def _check(kind: str, where: str, values: Any) -> None:
    wrong = _KINDS[kind](values)
    if wrong.any():
        row = int(np.argwhere(wrong)[0][0])
        raise UsageError(
            f"the model takes no {kind} numbers, and {where} has one in row {row}",
            hint="fill it in before, or leave the row out, as for the model itself",
        )
