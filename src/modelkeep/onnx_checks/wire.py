"""Protocol buffers, read strictly: only known fields, each of them once unless it repeats, and nothing is copied.

The encoding: https://protobuf.dev/programming-guides/encoding/. A message is a dataclass whose fields say, through
``at``, their number and kind. What another reader may understand in two ways (a field that is there twice, a group,
a number of more than 64 bits) is refused, so that what is checked is what the runtime sees.
"""

from __future__ import annotations

import dataclasses
import functools
import struct
import typing
from typing import Any, NamedTuple, TypeVar

import numpy as np

from modelkeep.errors import GraphError

#: Messages inside messages; ONNX itself needs six for each level of subgraphs.
MAX_DEPTH = 64
_WRAP = 1 << 64
_WIDTHS = {"float": (5, "<f4"), "double": (1, "<f8")}

M = TypeVar("M")
HINT = "don't use this file: it is damaged, or made to do harm; get the model from its maker"


class Field(NamedTuple):
    """``kind`` is int, float, double, text, bytes, or the dataclass of a message."""

    name: str
    kind: Any
    many: bool


def at(number: int, kind: str | None = None) -> Any:
    """A field of a message. Its kind is that of the annotation unless it is named."""
    return dataclasses.field(default=None, metadata={"number": number, "kind": kind})


@functools.cache
def fields_of(cls: type) -> dict[int, Field]:
    """The fields of a message by their numbers, from the annotations: ``list[X]`` and ``np.ndarray`` repeat."""
    hints = typing.get_type_hints(cls)
    found = {}
    for field in dataclasses.fields(cls):
        if "number" in field.metadata:
            hint = hints[field.name]
            many = typing.get_origin(hint) is list or hint is np.ndarray
            inner = [arg for arg in typing.get_args(hint) if arg is not type(None)]
            kind = field.metadata["kind"] or (inner[0] if inner else hint)
            found[field.metadata["number"]] = Field(field.name, kind, many)
    return found


def parse(cls: type[M], data: memoryview, depth: int = 0) -> M:
    """The message ``cls`` in ``data``. Raises GraphError for anything that is not exactly one."""
    if depth > MAX_DEPTH:
        raise GraphError("messages are nested too deeply", hint=HINT)
    known, found = fields_of(typing.cast(Any, cls)), dict[str, Any]()
    place, end = 0, len(data)
    while place < end:
        key, start = varint(data, place)
        field = known.get(key >> 3)
        if field is None:
            raise GraphError(f"a {cls.__name__} has no field {key >> 3}", hint=HINT)
        if field.kind in ("int", "float", "double") and field.many:
            values, place = _numbers(data, place, key & 7, field.kind)
            found.setdefault(field.name, []).append(values)
            continue
        value, place = _value(field, key & 7, data, start, depth)
        if field.many:
            found.setdefault(field.name, []).append(value)
        elif field.name in found:
            raise GraphError(f"a {cls.__name__} has its {field.name} twice", hint=HINT)
        else:
            found[field.name] = value
    for field in known.values():
        if field.many and field.kind in ("int", "float", "double"):
            found[field.name] = _joined(found.get(field.name), field.kind)
        elif field.many:
            found.setdefault(field.name, [])
    return cls(**found)


def varint(data: memoryview, place: int) -> tuple[int, int]:
    """An unsigned number of at most 64 bits, and where it ends."""
    value = shift = 0
    while place < len(data) and shift < 70:
        byte = data[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            if value >= _WRAP:
                break
            return value, place
        shift += 7
    raise GraphError("a number is cut off, or has more than 64 bits", hint=HINT)


def _value(field: Field, wire: int, data: memoryview, place: int, depth: int) -> tuple[Any, int]:
    if field.kind == "int" and wire == 0:
        value, place = varint(data, place)
        return (value - _WRAP if value >> 63 else value), place
    if field.kind == "float" and wire == 5 and place + 4 <= len(data):
        return struct.unpack_from("<f", data, place)[0], place + 4
    if field.kind in ("int", "float", "double") or wire != 2:
        raise GraphError(f"the field {field.name} is of another kind", hint=HINT)
    size, place = varint(data, place)
    if size > len(data) - place:
        raise GraphError(f"the field {field.name} is cut off", hint=HINT)
    piece = data[place : place + size]
    place += size
    if field.kind == "bytes":
        return piece, place
    if field.kind == "text":
        return _text(piece), place
    return parse(field.kind, piece, depth + 1), place


def _text(piece: memoryview) -> str:
    try:
        return str(piece, "utf-8")
    except UnicodeDecodeError:
        raise GraphError("a text is not in UTF-8", hint=HINT) from None


# -- repeated numbers: packed into one piece, or one by one, in runs as long as they go ---------------------------


def _numbers(data: memoryview, place: int, wire: int, kind: str) -> tuple[Any, int]:
    start = place
    _, place = varint(data, place)
    if wire == 2:
        size, place = varint(data, place)
        if size > len(data) - place:
            raise GraphError("a list of numbers is cut off", hint=HINT)
        return _packed(data[place : place + size], kind), place + size
    if wire != (0 if kind == "int" else _WIDTHS[kind][0]):
        raise GraphError("a list of numbers is of another kind", hint=HINT)
    key = data[start:place]
    return _int_run(data, start, bytes(key)) if kind == "int" else _float_run(data, start, bytes(key), kind)


def _packed(piece: memoryview, kind: str) -> Any:
    if kind == "int":
        return _varints(np.frombuffer(piece, np.uint8))[0]
    dtype = np.dtype(_WIDTHS[kind][1])
    if len(piece) % dtype.itemsize:
        raise GraphError("a list of numbers is cut off", hint=HINT)
    return np.frombuffer(piece, dtype)


def _float_run(data: memoryview, start: int, key: bytes, kind: str) -> tuple[Any, int]:
    dtype = np.dtype([("key", f"V{len(key)}"), ("value", _WIDTHS[kind][1])])
    rows = np.frombuffer(data[start : start + (len(data) - start) // dtype.itemsize * dtype.itemsize], dtype)
    keys = rows["key"].copy().view(np.uint8).reshape(len(rows), len(key))
    other = np.flatnonzero((keys != np.frombuffer(key, np.uint8)).any(axis=1))
    count = int(other[0]) if len(other) else len(rows)
    if count == 0:
        raise GraphError("a list of numbers is cut off", hint=HINT)
    return rows["value"][:count].copy(), start + count * dtype.itemsize


def _int_run(data: memoryview, start: int, key: bytes) -> tuple[Any, int]:
    """Key and value, key and value: all of them are numbers of variable length, told apart by every second one."""
    size = 1 << 10
    while True:
        piece = np.frombuffer(data[start : start + size], np.uint8)
        values, ends = _varints(piece, whole=False)
        other = np.flatnonzero(values[::2] != key[0])
        if len(other) or start + size >= len(data):
            count = int(other[0]) if len(other) else len(values) // 2
            if count == 0 or len(key) > 1:
                raise GraphError("a list of numbers is cut off", hint=HINT)
            return values[1 : 2 * count : 2], start + int(ends[2 * count - 1])
        size *= 16


def _varints(raw: Any, *, whole: bool = True) -> tuple[Any, Any]:
    """All numbers in ``raw`` as int64, and where each ends. Those cut off at the end are left out unless ``whole``."""
    ends = np.flatnonzero(raw < 128) + 1
    if whole and len(raw) and (not len(ends) or ends[-1] != len(raw)):
        raise GraphError("a number is cut off", hint=HINT)
    starts = np.concatenate([[0], ends[:-1]]).astype(np.int64)[: len(ends)]
    lengths = ends - starts
    long = np.flatnonzero(lengths > 10)
    if whole and len(long):
        raise GraphError("a number has more than 64 bits", hint=HINT)
    if len(long):  # what comes behind a run of numbers is something else
        ends, starts, lengths = ends[: long[0]], starts[: long[0]], lengths[: long[0]]
    values = np.zeros(len(ends), np.uint64)
    for digit in range(int(lengths.max(initial=0))):
        has = lengths > digit
        values[has] |= (raw[starts[has] + digit].astype(np.uint64) & np.uint64(127)) << np.uint64(7 * digit)
    return values.view(np.int64), ends


def _joined(pieces: list[Any] | None, kind: str) -> Any:
    if not pieces:
        return np.zeros(0, np.int64 if kind == "int" else _WIDTHS[kind][1])
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
