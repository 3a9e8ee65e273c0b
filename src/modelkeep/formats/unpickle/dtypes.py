"""numpy dtypes in a pickle: records to real dtypes, from a closed list; none that holds a pointer but ``object``."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from modelkeep.errors import GraphError, quote
from modelkeep.formats.unpickle.raw import is_encoding, raw_bytes
from modelkeep.formats.unpickle.records import ABSENT, Call, Global, OldText

_LISTED = re.compile(r"b1|[iu][1248]|f(2|4|8|16)|c(8|16|32)|[SUV]\d{1,9}|[mM]8|O[48]?|O")
_UNITS = frozenset(("Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as", "generic"))
_MAX_FIELDS = 1000
_MAX_NESTING = 8
_ALIGNED = 0x80


def is_dtype(record: Any) -> bool:
    return isinstance(record, Call) and isinstance(record.callee, Global) and str(record.callee) == "numpy.dtype"


def decode(record: Any, depth: int = 0) -> np.dtype[Any]:
    """The dtype that ``dtype(name, align, copy)`` and its state describe."""
    if not is_dtype(record) or depth > _MAX_NESTING:
        raise GraphError("a dtype is needed here")
    name = _text(record.args[0] if record.args else None)
    if not _LISTED.fullmatch(name):
        raise GraphError(f"the dtype {quote(name)} is not one that a model has")
    try:
        return _with_state(name, record.state, depth)
    except (TypeError, ValueError, OverflowError, KeyError) as error:
        raise GraphError(f"the dtype {quote(name)} is not usable: {error}") from None


def _with_state(name: str, state: Any, depth: int) -> np.dtype[Any]:
    if state is ABSENT:
        return np.dtype(name)
    # (version, byte order, base and shape, names, fields, size, alignment, flags[, metadata]); fewer in old ones
    if type(state) is not tuple or not 6 <= len(state) <= 9 or state[0] not in (1, 2, 3, 4):
        raise GraphError("the state of a dtype has an unknown form")
    order, base, names, fields = (_text(state[1]), *state[2:5])
    if order not in ("<", ">", "|", "="):
        raise GraphError("the byte order of a dtype is unknown")
    if base is not None:
        return _subarray(base, depth)
    if fields is not None:
        return _struct(names, fields, state, depth)
    if name[0] in "mM":
        return np.dtype(f"{_stated_order(order)}{name}{_unit(state)}")
    made = np.dtype(name)
    if made.itemsize == 0 and type(state[5]) is int and 0 <= state[5] < 1 << 30:
        made = np.dtype((made.type, state[5]))
    return made.newbyteorder(_stated_order(order)) if order in "<>" else made


def _stated_order(order: str) -> Any:
    return "<" if order in "|=" else order


def _text(value: Any) -> str:
    if type(value) is bytes or is_encoding(value):
        value = str(raw_bytes(value), "latin-1")
    if type(value) is not str:
        raise GraphError("a dtype has no name")
    return value


def _unit(state: tuple[Any, ...]) -> str:
    """``[3D]`` of a date: the last entry of the state is ``(metadata, (unit, number, 1, 1))``."""
    last = state[-1]
    if type(last) is not tuple or len(last) != 2 or type(last[1]) is not tuple or len(last[1]) != 4:
        raise GraphError("a dtype of dates has no unit")
    unit, number, denominator = _text(last[1][0]), last[1][1], last[1][2]
    if unit not in _UNITS or type(number) is not int or not 0 < number < 1 << 31 or denominator != 1:
        raise GraphError("the unit of a dtype is unknown")
    return "" if unit == "generic" else f"[{number if number > 1 else ''}{unit}]"


def _subarray(base: Any, depth: int) -> np.dtype[Any]:
    if type(base) is not tuple or len(base) != 2:
        raise GraphError("a dtype of arrays has an unknown form")
    shape = base[1] if type(base[1]) is tuple else (base[1],)
    if len(shape) > 8 or not all(type(n) is int and 0 < n < 1 << 20 for n in shape):
        raise GraphError("a dtype of arrays has an unusable shape")
    return np.dtype((decode(base[0], depth + 1), shape))


def _struct(names: Any, fields: Any, state: tuple[Any, ...], depth: int) -> np.dtype[Any]:
    size = state[5]
    if type(names) is not tuple or type(fields) is not dict or len(names) > _MAX_FIELDS or len(names) != len(fields):
        raise GraphError("a struct dtype does not name its fields")
    if type(size) is not int or not 0 <= size < 1 << 30:
        raise GraphError("a struct dtype has an unusable size")
    rows, end = [], 0
    for name in map(_field_name, names):
        row = fields[name] if name in fields else fields[name.encode("latin-1")]
        if type(row) is not tuple or len(row) != 2 or type(row[1]) is not int:  # a third entry would be a title
            raise GraphError("a field of a struct dtype has an unknown form")
        rows.append((name, decode(row[0], depth + 1), row[1]))
    for _, dtype, offset in sorted(rows, key=lambda row: row[2]):
        if offset < end or dtype.hasobject:
            raise GraphError("the fields of a struct dtype overlap, or hold objects")
        end = offset + dtype.itemsize
    if end > size:
        raise GraphError("a struct dtype is smaller than its fields")
    aligned = len(state) > 7 and type(state[7]) is int and bool(state[7] & _ALIGNED)
    return np.dtype(
        {
            "names": [name for name, _, _ in rows],
            "formats": [dtype for _, dtype, _ in rows],
            "offsets": [offset for _, _, offset in rows],
            "itemsize": size,
        },
        align=aligned,
    )


def _field_name(name: Any) -> str:
    if isinstance(name, OldText) or type(name) not in (str, bytes):
        raise GraphError("a field of a struct dtype has no usable name")
    return _text(name)
