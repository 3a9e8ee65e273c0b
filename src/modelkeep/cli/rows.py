"""Rows for a model from a file: CSV, Parquet, or numpy's npy."""

from __future__ import annotations

from typing import Any

_READERS = {".csv": "read_csv", ".parquet": "read_parquet"}


def rows_in(path: str | None) -> Any:
    """The rows in a file, a table as a DataFrame, or None where no file is named."""
    from modelkeep.errors import UsageError, quote

    if path is None:
        return None
    suffix = next((each for each in (*_READERS, ".npy") if path.lower().endswith(each)), None)
    if suffix is None:
        raise UsageError(f"{quote(path)} is no file of rows", hint="name a .csv, .parquet or .npy file")
    if suffix in _READERS:
        from modelkeep import catalog

        catalog.require(["pandas"])
    try:
        return _array(path) if suffix == ".npy" else _frame(path, _READERS[suffix])
    except Exception as error:  # whatever its reader makes of a file of any kind: there is no list of that
        from modelkeep.errors import said

        raise UsageError(f"can't read rows from {quote(path)}: {said(error)}", hint="check the file") from None


def _array(path: str) -> Any:
    import numpy as np

    found = np.load(path, allow_pickle=False)
    if not isinstance(found, np.ndarray):
        raise ValueError("it holds several arrays")
    return found


def _frame(path: str, reader: str) -> Any:
    import pandas

    return getattr(pandas, reader)(path)
