"""Python's own small values: numbers that JSON lacks, bytes, dates, paths."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import decimal
import fractions
import math
import pathlib
import re
import struct
import uuid
import zoneinfo
from typing import TYPE_CHECKING, Any

from modelkeep.errors import GraphError, quote
from modelkeep.formats.keep.handlers import Handler, Node, Unsaveable

if TYPE_CHECKING:
    from modelkeep.formats.keep.decode import Builder
    from modelkeep.formats.keep.encode import Encoder

MAX_INT_DIGITS = 256  # hexadecimal: 1024 bits
_INT = re.compile(rf"-?[0-9a-f]{{1,{MAX_INT_DIGITS}}}")
_ZONE = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*")
#: From this length on bytes go to the arrays, where nothing is spent on digits.
_LONG = 1024
_MAX_MADE = 1 << 28


# -- numbers and bytes ---------------------------------------------------------------------------------------------


def encode_int(encoder: Encoder, value: int) -> Node:
    text = f"{value:x}"
    if not _INT.fullmatch(text):
        raise Unsaveable("an integer of more than 1024 bits", "keep it as text")
    return ["int", text]


def decode_int(builder: Builder, node: Node) -> int:
    text = builder.text(node)
    value = int(text, 16) if _INT.fullmatch(text) else 0
    if f"{value:x}" != text or -(1 << 63) <= value < 1 << 63:
        raise GraphError("a large integer is not in its canonical form")
    return value


def encode_float(encoder: Encoder, value: float) -> Node:
    return ["float", struct.pack(">d", value).hex()]


def decode_float(builder: Builder, node: Node) -> float:
    value: float = struct.unpack(">d", unhex(builder.text(node), 8))[0]
    if math.isfinite(value):
        raise GraphError("a finite number must be written as one")
    return value


def encode_complex(encoder: Encoder, value: complex) -> Node:
    return ["complex", struct.pack(">dd", value.real, value.imag).hex()]


def decode_complex(builder: Builder, node: Node) -> complex:
    return complex(*struct.unpack(">dd", unhex(builder.text(node), 16)))


def unhex(text: str, size: int) -> bytes:
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if len(raw) != size or raw.hex() != text:
        raise GraphError(f"{size} bytes in hexadecimal digits are needed here")
    return raw


def encode_bytes(encoder: Encoder, value: Any) -> Node:
    if len(value) < _LONG:
        return [type(value).__name__, base64.b64encode(value).decode("ascii")]
    import numpy as np

    # One array however often the same bytes occur; it keeps them alive, so that no other object gets their id.
    known = encoder.shelf.setdefault("long bytes", {})
    return [type(value).__name__, encoder.node(known.setdefault(id(value), np.frombuffer(value, np.uint8)))]


def decode_bytes(builder: Builder, node: Node) -> bytes | bytearray:
    builder.arity(node, 2)
    if type(node[1]) is not str:
        return _long_bytes(builder, node)
    try:
        raw = base64.b64decode(node[1], validate=True)
    except (binascii.Error, ValueError) as error:
        raise GraphError(f"bytes are not in base64: {error}") from None
    if base64.b64encode(raw).decode("ascii") != node[1]:
        raise GraphError("bytes are not in the canonical form of base64")
    return bytearray(raw) if node[0] == "bytearray" else raw


def _long_bytes(builder: Builder, node: Node) -> bytes | bytearray:
    from modelkeep.formats.keep.types.python import one_dimension

    array = one_dimension(builder.build(node[1]))
    if array.dtype.str != "|u1" or len(array) < _LONG:
        raise GraphError("long bytes are an array of bytes")
    # The array stays with its bytes, so that its id stays its own.
    known: dict[int, Any] = builder.shelf.setdefault("long bytes", {})
    if node[0] == "bytes" and id(array) in known:
        return bytes(known[id(array)][1])
    # A file may name one array a thousand times; what is made of it is bounded.
    made = builder.shelf["long bytes made"] = builder.shelf.get("long bytes made", 0) + len(array)
    if made > _MAX_MADE + 16 * len(builder.plan.arrays.data):
        raise GraphError("the arrays are named too often")
    raw: bytes = array.tobytes()
    if node[0] == "bytearray":
        return bytearray(raw)
    known[id(array)] = (array, raw)
    return raw


# -- small values that are text or a few fields --------------------------------------------------------------------


def encode_fields(encoder: Encoder, value: Any) -> Node:
    kind, fields, _ = _FIELDS[type(value)]
    parts = (getattr(value, name) for name in fields)
    return [kind, *(encoder.node(int(part) if isinstance(part, bool) and kind == "range" else part) for part in parts)]


def decode_fields(builder: Builder, node: Node) -> Any:
    cls, fields = _FIELD_KINDS[node[0]]
    builder.arity(node, 1 + len(fields))
    values = [builder.build(value) for value in node[1:]]
    if cls is not slice and not all(type(value) is int for value in values):
        raise GraphError(f"a {node[0]} needs whole numbers")  # Fraction("1e999999999") would not come back
    try:
        return cls(*values)
    except (TypeError, ValueError, OverflowError, ZeroDivisionError) as error:
        raise GraphError(f"a {node[0]} has unusable fields: {error}") from None


_FIELDS: dict[type, tuple[str, tuple[str, ...], type]] = {
    slice: ("slice", ("start", "stop", "step"), slice),
    range: ("range", ("start", "stop", "step"), range),
    dt.timedelta: ("timedelta", ("days", "seconds", "microseconds"), dt.timedelta),
    fractions.Fraction: ("fraction", ("numerator", "denominator"), fractions.Fraction),
}
_FIELD_KINDS = {kind: (cls, fields) for kind, fields, cls in _FIELDS.values()}


def encode_text(encoder: Encoder, value: Any) -> Node:
    return [_TEXTS[type(value)], _as_text(value)]


def _as_text(value: Any) -> str:
    return value.isoformat() if isinstance(value, dt.date) else str(value)


def decode_text(builder: Builder, node: Node) -> Any:
    text = builder.text(node)
    try:
        made = _TEXT_READERS[node[0]](text)
    except (ValueError, decimal.InvalidOperation) as error:
        raise GraphError(f"{quote(text)} is not a {node[0]}: {quote(str(error))}") from None
    if _as_text(made) != text:
        raise GraphError(f"{quote(text)} is not the canonical form of a {node[0]}")
    return made


_TEXTS: dict[type, str] = {
    dt.date: "date", decimal.Decimal: "decimal", uuid.UUID: "uuid",
    pathlib.PosixPath: "path", pathlib.WindowsPath: "path", pathlib.PurePosixPath: "posixpath",
    pathlib.PureWindowsPath: "windowspath",
}  # fmt: skip
_TEXT_READERS: dict[str, Any] = {
    "date": dt.date.fromisoformat, "decimal": decimal.Decimal, "uuid": uuid.UUID, "path": pathlib.Path,
    "posixpath": pathlib.PurePosixPath, "windowspath": pathlib.PureWindowsPath,
}  # fmt: skip


def encode_clock(encoder: Encoder, value: dt.datetime | dt.time) -> Node:
    """A moment: its text without zone, its zone, and which of two equal clock times it is."""
    return [type(value).__name__, value.replace(tzinfo=None).isoformat(), encoder.node(value.tzinfo), value.fold]


def decode_clock(builder: Builder, node: Node) -> dt.datetime | dt.time:
    builder.arity(node, 4)
    cls: type[dt.datetime | dt.time] = {"datetime": dt.datetime, "time": dt.time}[node[0]]
    text, zone, fold = node[1], builder.build(node[2]), node[3]
    if type(text) is not str or type(fold) is not int or not isinstance(zone, dt.tzinfo | None):
        raise GraphError(f"a {node[0]} needs a text, a zone and a fold")
    try:
        made = cls.fromisoformat(text)
        if made.tzinfo is None and made.isoformat() == text:
            return made.replace(tzinfo=zone, fold=fold)
    except ValueError as error:
        raise GraphError(f"not a {node[0]}: {quote(str(error))}") from None
    raise GraphError(f"{quote(text)} is not the canonical form of a {node[0]}")


def encode_zone(encoder: Encoder, value: Any) -> Node:
    if isinstance(value, zoneinfo.ZoneInfo):
        if value.key is None:
            raise Unsaveable("a time zone without a name", "make it by ZoneInfo(name)")
        return ["zone", value.key]
    offset, name = value.utcoffset(None), value.tzname(None)
    return ["offset", encoder.node(offset), None if name == dt.timezone(offset).tzname(None) else name]


def decode_zone(builder: Builder, node: Node) -> dt.tzinfo:
    if node[0] == "zone":
        return _zone(builder.text(node))
    builder.arity(node, 3)
    offset, name = builder.build(node[1]), node[2]
    if not isinstance(offset, dt.timedelta) or not isinstance(name, str | None):
        raise GraphError("a time zone needs an offset, and perhaps a name")
    try:
        return dt.timezone(offset) if name is None else dt.timezone(offset, name)
    except ValueError as error:
        raise GraphError(f"not a time zone: {quote(str(error))}") from None


def _zone(name: str) -> zoneinfo.ZoneInfo:
    try:
        if _ZONE.fullmatch(name):  # it names a file of the system's own table of zones
            return zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError) as error:
        hint = "install tzdata: pip install tzdata"
        raise GraphError(f"{quote(name)} is no time zone here: {quote(str(error))}", hint=hint) from None
    raise GraphError(f"{quote(name)} is not the name of a time zone")


def encode_constant(encoder: Encoder, value: Any) -> Node:
    return ["ellipsis" if value is ... else "notimplemented"]


def decode_constant(builder: Builder, node: Node) -> Any:
    builder.arity(node, 1)
    return ... if node[0] == "ellipsis" else NotImplemented


def _paths(*names: str) -> tuple[str, ...]:
    """Python 3.13 calls their module otherwise."""
    return tuple(f"{module}.{name}" for module in ("pathlib", "pathlib._local") for name in names)


HANDLERS = [
    Handler("int", ("builtins.int",), encode_int, decode_int, atom=True),
    Handler("float", ("builtins.float",), encode_float, decode_float, atom=True),
    Handler("complex", ("builtins.complex",), encode_complex, decode_complex, atom=True),
    Handler("bytes", ("builtins.bytes",), encode_bytes, decode_bytes, atom=True),
    Handler("bytearray", ("builtins.bytearray",), encode_bytes, decode_bytes),
    Handler("slice", ("builtins.slice",), encode_fields, decode_fields, atom=True),
    Handler("range", ("builtins.range",), encode_fields, decode_fields, atom=True),
    Handler("timedelta", ("datetime.timedelta",), encode_fields, decode_fields, atom=True),
    Handler("fraction", ("fractions.Fraction",), encode_fields, decode_fields, atom=True),
    Handler("date", ("datetime.date",), encode_text, decode_text, atom=True),
    Handler("decimal", ("decimal.Decimal",), encode_text, decode_text, atom=True),
    Handler("uuid", ("uuid.UUID",), encode_text, decode_text, atom=True),
    Handler("path", _paths("PosixPath", "WindowsPath"), encode_text, decode_text, atom=True),
    Handler("posixpath", _paths("PurePosixPath"), encode_text, decode_text, atom=True),
    Handler("windowspath", _paths("PureWindowsPath"), encode_text, decode_text, atom=True),
    Handler("datetime", ("datetime.datetime",), encode_clock, decode_clock, atom=True),
    Handler("time", ("datetime.time",), encode_clock, decode_clock, atom=True),
    Handler("offset", ("datetime.timezone",), encode_zone, decode_zone, atom=True),
    Handler("zone", ("zoneinfo.ZoneInfo",), encode_zone, decode_zone, atom=True),
    Handler("ellipsis", ("builtins.ellipsis",), encode_constant, decode_constant, atom=True),
    Handler("notimplemented", ("builtins.NotImplementedType",), encode_constant, decode_constant, atom=True),
]
