"""Numbers that the model behind a file refuses: the file's runtime would answer them without a word.

The metadata ``modelkeep.refuses`` have for ``missing`` and for ``infinite`` the inputs by name, the columns of a single
input by place, or ``true`` for all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from modelkeep.errors import GraphError, UsageError, quote
from modelkeep.onnx_checks.wire import HINT

_KINDS = {"missing": np.isnan, "infinite": np.isinf}


def refused(metadata: Mapping[str, str]) -> dict[str, Any]:
    """What the metadata say, checked. Raises GraphError."""
    told = metadata.get("modelkeep.refuses")
    if told is None:
        return {}
    try:
        found = json.loads(told)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not found.keys() <= _KINDS.keys() or not all(map(_is_known, found.values())):
        raise GraphError("its modelkeep.refuses is not what a model refuses", hint=HINT)
    return found


def _is_known(columns: Any) -> bool:
    if columns is True:
        return True
    places = isinstance(columns, list) and all(type(each) is int and each >= 0 for each in columns)
    return places or (isinstance(columns, list) and all(type(each) is str for each in columns))


def check(refusals: Mapping[str, Any], feeds: Mapping[str, Any]) -> None:
    """Raise UsageError where ``feeds``, the inputs by name, have a number that the model would refuse."""
    for kind, columns in refusals.items():
        for name, values in feeds.items():
            if values.dtype.kind != "f" or (columns is not True and not columns):
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
