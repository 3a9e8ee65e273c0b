"""Columns of pyarrow in a pickle: types by name, and buffers to numpy values or texts, each length checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from modelkeep.errors import GraphError, quote
from modelkeep.formats.unpickle.maps_objects import named
from modelkeep.formats.unpickle.raw import raw_bytes
from modelkeep.formats.unpickle.records import Call

if TYPE_CHECKING:
    from modelkeep.formats.unpickle.mapping import Transcriber

#: Offsets into the characters of a text column, by the name of its type.
_OFFSETS: dict[str, np.dtype[Any]] = {"string": np.dtype("<i4"), "large_string": np.dtype("<i8")}
_MAKERS = frozenset(("timestamp", "duration"))


def type_name(record: Any) -> str:
    """The name of a type as pyarrow prints it: ``type_for_alias(name)``, ``timestamp(unit, zone)``."""
    place = named(record.callee) if isinstance(record, Call) and record.how == "reduce" else ""
    args: tuple[Any, ...] = record.args if place else ()
    if not all(type(arg) is str or arg is None for arg in args):
        raise GraphError("a type of Arrow has an unknown form")
    if place == "pyarrow.lib.type_for_alias" and len(args) == 1 and args[0]:
        return str(args[0])
    maker = place.removeprefix("pyarrow.lib.")
    if maker in _MAKERS and 1 <= len(args) <= 2:
        zone = f", tz={args[1]}" if len(args) == 2 and args[1] is not None else ""
        return f"{maker}[{args[0]}{zone}]"
    raise GraphError("a type of Arrow has an unknown form")


def pieces(encoder: Transcriber, record: Any) -> list[Any]:
    """The arguments of each array in a column: one array, or several in a chunked one."""
    place = named(record.callee) if isinstance(record, Call) and record.how == "reduce" else ""
    found = [record]
    if place == "pyarrow.lib.chunked_array" and record.args and type(record.args[0]) is list:
        found = record.args[0]
    made = []
    for piece in found:
        name = named(piece.callee) if isinstance(piece, Call) else ""
        if name != "pyarrow.lib._restore_array" or len(piece.args) != 1 or type(piece.args[0]) is not tuple:
            raise GraphError("a column of Arrow has an unknown form")
        parts = piece.args[0]
        if len(parts) != 7 or type(parts[4]) is not list or parts[5] or parts[6] is not None:
            raise GraphError("a column of Arrow is nested, which no column of a model is")
        made.append(parts)
    encoder.spend(64 * len(made))
    return made


def texts(encoder: Transcriber, parts: Any) -> list[str | None]:
    """The values of a text column."""
    length, offset, buffers = _layout(parts, 3)
    dtype = _OFFSETS[type_name(parts[0])]
    ends = _numbers(buffers[1], dtype, offset, length + 1) if length else np.zeros(1, np.int64)
    raw = bytes(raw_bytes(buffers[2])) if buffers[2] is not None else b""
    encoder.spend(len(raw) + 64 * length)
    if int(ends[0]) < 0 or int(ends[-1]) > len(raw) or bool((ends[1:] < ends[:-1]).any()):
        raise GraphError("the texts of a column lie outside of its bytes")
    valid, places = _valid(buffers[0], offset, length), ends.tolist()
    try:
        return [
            str(raw[start:end], "utf-8") if ok else None
            for start, end, ok in zip(places, places[1:], valid.tolist(), strict=False)
        ]
    except UnicodeDecodeError:
        raise GraphError("a text of a column is not valid UTF-8") from None


def values(encoder: Transcriber, parts: Any, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of a column and a mark for each missing one. What a missing one held is dropped."""
    length, offset, buffers = _layout(parts, 2)
    encoder.spend(64 + 16 * length)
    missing = ~_valid(buffers[0], offset, length)
    if dtype == "?":
        numbers = _bits(buffers[1], offset, length)
    else:
        numbers = _numbers(buffers[1], np.dtype(dtype), offset, length).copy()
    numbers[missing] = 0
    return numbers, missing


def _layout(parts: Any, count: int) -> tuple[int, int, list[Any]]:
    length, offset = parts[1], parts[3]
    if not all(type(n) is int and 0 <= n < 1 << 40 for n in (length, offset)) or len(parts[4]) != count:
        raise GraphError("a column of Arrow has an unusable length")
    return length, offset, [None if buffer is None else _buffer(buffer) for buffer in parts[4]]


def _buffer(record: Any) -> Any:
    if not isinstance(record, Call) or named(record.callee) != "pyarrow.lib.py_buffer" or len(record.args) != 1:
        raise GraphError("a buffer of Arrow has an unknown form")
    return record.args[0]


def _numbers(buffer: Any, dtype: np.dtype[Any], offset: int, length: int) -> np.ndarray:
    raw = raw_bytes(buffer) if buffer is not None else memoryview(b"")
    if (offset + length) * dtype.itemsize > len(raw):
        raise GraphError(f"a buffer of Arrow is shorter than its column of {quote(str(dtype))} says")
    return np.frombuffer(raw, dtype, length, offset * dtype.itemsize) if length else np.zeros(0, dtype)


def _bits(buffer: Any, offset: int, length: int) -> np.ndarray:
    """One bit for each value, the lowest first."""
    raw = np.frombuffer(raw_bytes(buffer), np.uint8) if buffer is not None else np.zeros(0, np.uint8)
    if offset + length > 8 * len(raw):
        raise GraphError("a buffer of Arrow is shorter than its column says")
    first = offset // 8
    found = np.unpackbits(raw[first : (offset + length + 7) // 8], bitorder="little")
    return found[offset - 8 * first :][:length].astype(bool)


def _valid(buffer: Any, offset: int, length: int) -> np.ndarray:
    return np.ones(length, bool) if buffer is None else _bits(buffer, offset, length)
