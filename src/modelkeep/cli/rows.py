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
    try:
        if suffix == ".npy":
            import numpy as np

            return np.load(path, allow_pickle=False)
        return getattr(_pandas(), _READERS[suffix])(path)
    except (OSError, ValueError, ImportError) as error:
        from modelkeep.errors import said

        raise UsageError(f"can't read rows from {quote(path)}: {said(error)}", hint="check the file") from None


def _pandas() -> Any:
    from modelkeep import catalog

    catalog.require(["pandas"])
    import pandas

    return pandas
