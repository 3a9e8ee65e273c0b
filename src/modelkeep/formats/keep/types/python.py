"""Python's own values: containers, numbers that JSON lacks, dates, paths."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import decimal
import fractions
import math
import pathlib
import struct
import uuid
import zoneinfo
from collections import Counter, OrderedDict, defaultdict, deque
from typing import TYPE_CHECKING, Any

import msgspec

from modelkeep.errors import GraphError, quote
from modelkeep.formats.keep.handlers import Handler, Node, Unsaveable

if TYPE_CHECKING:
    from modelkeep.formats.keep.decode import Builder
    from modelkeep.formats.keep.encode import Encoder

MAX_INT_DIGITS = 256  # hexadecimal: 1024 bits
MAX_COUNT = 1 << 32
MAX_HASHED = 1_000_000
_MANY = 1000


# -- containers ----------------------------------------------------------------------------------------------------


def encode_list(encoder: Encoder, value: Any) -> Node:
    if len(value) > 8 and (array := scalar_array(value)) is not None:
        return ["scalars", encoder.node(array)]
    return ["list", encoder.items(value)]


def decode_list(builder: Builder, node: Node) -> list[Any]:
    builder.arity(node, 2)
    items = builder.a_list(node[1])
    builder.register(items)  # a list may hold itself
    return builder.fill(items)


def encode_tuple(encoder: Encoder, value: Any) -> Node:
    return ["tuple", encoder.items(list(value))]


def decode_tuple(builder: Builder, node: Node) -> tuple[Any, ...]:
    builder.arity(node, 2)
    return tuple(builder.fill(builder.a_list(node[1])))


def encode_dict(encoder: Encoder, value: dict[Any, Any]) -> Node:
    if set(map(type, value)) <= {str}:
        if len(value) > 8 and (array := scalar_array(value.values())) is not None:
            return ["numbered", list(value), encoder.node(array)]
        return ["dict", value if encoder.is_plain(value.values()) else encoder.state(value)]
    return ["map", encoder.items(list(value)), [encoder.at(f"[{quote(k, 40)}]", v) for k, v in value.items()]]


def decode_dict(builder: Builder, node: Node) -> dict[str, Any]:
    builder.arity(node, 2)
    state = builder.a_dict(node[1])
    builder.register(state)
    return builder.fill_state(state)


def decode_map(builder: Builder, node: Node) -> dict[Any, Any]:
    builder.arity(node, 3)
    made: dict[Any, Any] = {}
    builder.register(made)
    fill_map(builder, made, node[1], node[2])
    return made


def fill_map(builder: Builder, made: dict[Any, Any], keys: Any, values: Any) -> None:
    keys, values = hashable(builder.fill(builder.a_list(keys))), builder.a_list(values)
    if len(keys) != len(values):
        raise GraphError("a map has another number of keys than of values")
    try:
        pairs = zip(keys, builder.fill(values), strict=True)
        dict.update(made, pairs) if type(made) is Counter else made.update(pairs)  # a Counter would count the pairs
    except TypeError as error:
        raise GraphError(f"a key of a map can't be a key: {error}") from None
    if len(made) != len(keys):
        raise GraphError("a map has a key twice")


def hashable(keys: list[Any]) -> list[Any]:
    """``keys``, refused where hashing them would take for ever: tuples that share tuples, numbers made to collide."""
    weights: dict[int, int] = {}

    def weigh(value: Any) -> int:
        if type(value) is not tuple:
            return 1
        if id(value) not in weights:
            weights[id(value)] = 1 + sum(map(weigh, value))
        return weights[id(value)]

    kinds = set(map(type, keys))
    if tuple in kinds and sum(map(weigh, keys)) > MAX_HASHED + 100 * len(keys):
        raise GraphError("the keys of a container are nested too deep in one another")
    if len(keys) > _MANY and not kinds <= {str} and len(set(map(hash, keys))) < len(keys) // 2:
        raise GraphError("the keys of a container have too few different hashes")
    return keys


def scalar_array(values: Any) -> Any:
    """The values as one numpy array, if all are numpy scalars of one plain numeric type, else None."""
    kinds = set(map(type, values))
    kind = next(iter(kinds)) if len(kinds) == 1 else None
    if kind is None or kind.__module__ != "numpy" or kind.__name__ not in _SCALAR_NAMES:
        return None
    import numpy as np

    return np.array(list(values), dtype=kind)


_SCALAR_NAMES = frozenset(
    f"{family}{bits}" for family, sizes in {"int": (8, 16, 32, 64), "uint": (8, 16, 32, 64), "float": (32, 64)}.items()
    for bits in sizes
)  # fmt: skip


def decode_scalars(builder: Builder, node: Node) -> list[Any]:
    builder.arity(node, 2)
    made = list(one_dimension(builder.build(node[1])))
    builder.register(made)
    return made


def decode_numbered(builder: Builder, node: Node) -> dict[str, Any]:
    builder.arity(node, 3)
    keys, numbers = builder.a_list(node[1]), one_dimension(builder.build(node[2]))
    if len(keys) != len(numbers) or not set(map(type, keys)) <= {str}:
        raise GraphError("a dictionary of numbers needs as many text keys as numbers")
    made = dict(zip(keys, numbers, strict=True))
    if len(made) != len(keys):
        raise GraphError("a dictionary of numbers has a key twice")
    builder.register(made)
    return made


def one_dimension(array: Any) -> Any:
    import numpy as np

    if type(array) is not np.ndarray or array.ndim != 1:
        raise GraphError("an array of one dimension is needed here")
    return array


def encode_set(encoder: Encoder, value: Any) -> Node:
    """Sets have no order that survives a process, so they are written in the order of their encoded elements."""
    items = [encoder.at("{}", item) for item in value]
    return [type(value).__name__, sorted(items, key=msgspec.json.encode)]


def decode_set(builder: Builder, node: Node) -> set[Any] | frozenset[Any]:
    builder.arity(node, 2)
    items = hashable(builder.fill(builder.a_list(node[1])))
    try:
        made = frozenset(items) if node[0] == "frozenset" else set(items)
    except TypeError as error:
        raise GraphError(f"an element of a set can't be in a set: {error}") from None
    if len(made) != len(items):
        raise GraphError("a set has an element twice")
    return made


def encode_mapping(encoder: Encoder, value: Any) -> Node:
    """OrderedDict, Counter and defaultdict: a dictionary with one fact more."""
    kind = _MAPPING_KINDS[type(value)]
    factory = encoder.at(".default_factory", value.default_factory) if kind == "defaultdict" else None
    return [kind, factory, *encode_dict_pairs(encoder, value)]


def encode_dict_pairs(encoder: Encoder, value: Any) -> tuple[list[Any], list[Any]]:
    return encoder.items(list(value)), [encoder.at(f"[{quote(k, 40)}]", v) for k, v in value.items()]


_MAPPING_KINDS: dict[type, str] = {OrderedDict: "ordereddict", Counter: "counter", defaultdict: "defaultdict"}


def decode_mapping(builder: Builder, node: Node) -> dict[Any, Any]:
    builder.arity(node, 4)
    made: dict[Any, Any]
    if node[0] == "defaultdict":
        factory = builder.build(node[1])
        if factory is not None and not isinstance(factory, type):
            raise GraphError("a default factory must be a class")
        made = defaultdict(factory)
    else:
        made = OrderedDict() if node[0] == "ordereddict" else Counter()
    builder.register(made)
    fill_map(builder, made, node[2], node[3])
    return made


def encode_deque(encoder: Encoder, value: deque[Any]) -> Node:
    return ["deque", value.maxlen, encoder.items(list(value))]


def decode_deque(builder: Builder, node: Node) -> deque[Any]:
    builder.arity(node, 3)
    if node[1] is not None and not (type(node[1]) is int and 0 <= node[1] < MAX_COUNT):
        raise GraphError("the length of a deque is not usable")
    made: deque[Any] = deque(maxlen=node[1])
    builder.register(made)
    made.extend(builder.fill(builder.a_list(node[2])))
    return made


# -- numbers and bytes ---------------------------------------------------------------------------------------------


def encode_int(encoder: Encoder, value: int) -> Node:
    text = f"{value:x}"
    if len(text) > MAX_INT_DIGITS:
        raise Unsaveable("an integer of more than 1024 bits", "keep it as text")
    return ["int", text]


def decode_int(builder: Builder, node: Node) -> int:
    text = builder.text(node)
    value = int(text, 16) if len(text.removeprefix("-")) <= MAX_INT_DIGITS and set(text) <= set("-0123456789abcdef") else 0
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
    return [type(value).__name__, base64.b64encode(value).decode("ascii")]


def decode_bytes(builder: Builder, node: Node) -> bytes | bytearray:
    try:
        raw = base64.b64decode(builder.text(node), validate=True)
    except binascii.Error as error:
        raise GraphError(f"bytes are not in base64: {error}") from None
    return bytearray(raw) if node[0] == "bytearray" else raw


# -- small values that are text or a few fields --------------------------------------------------------------------


def encode_fields(encoder: Encoder, value: Any) -> Node:
    kind, fields, _ = _FIELDS[type(value)]
    return [kind, *(encoder.node(getattr(value, name)) for name in fields)]


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
    return [_TEXTS[type(value)], str(value) if not isinstance(value, dt.date | dt.time) else value.isoformat()]


def decode_text(builder: Builder, node: Node) -> Any:
    text = builder.text(node)
    try:
        made = _TEXT_READERS[node[0]](text)
    except (ValueError, decimal.InvalidOperation, zoneinfo.ZoneInfoNotFoundError) as error:
        raise GraphError(f"{quote(text)} is not a {node[0]}: {error}") from None
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
    cls: Any = {"datetime": dt.datetime, "time": dt.time}[node[0]]
    zone = builder.build(node[2])
    try:
        return cls.fromisoformat(node[1]).replace(tzinfo=zone, fold=node[3])  # type: ignore[no-any-return]
    except (TypeError, ValueError) as error:
        raise GraphError(f"not a {node[0]}: {error}") from None


def encode_zone(encoder: Encoder, value: Any) -> Node:
    if isinstance(value, zoneinfo.ZoneInfo):
        if value.key is None:
            raise Unsaveable("a time zone without a name", "make it by ZoneInfo(name)")
        return ["zone", value.key]
    return ["offset", encoder.node(value.utcoffset(None)), None if value == dt.UTC else value.tzname(None)]


def decode_zone(builder: Builder, node: Node) -> dt.tzinfo:
    try:
        if node[0] == "zone":
            return zoneinfo.ZoneInfo(builder.text(node))
        builder.arity(node, 3)
        offset = builder.build(node[1])
        plain = dt.timezone(offset)
        return plain if node[2] in (None, plain.tzname(None)) else dt.timezone(offset, node[2])
    except (TypeError, ValueError, OSError, zoneinfo.ZoneInfoNotFoundError) as error:
        raise GraphError(f"not a time zone: {error}") from None


def encode_constant(encoder: Encoder, value: Any) -> Node:
    return ["ellipsis" if value is ... else "notimplemented"]


def decode_constant(builder: Builder, node: Node) -> Any:
    builder.arity(node, 1)
    return ... if node[0] == "ellipsis" else NotImplemented


HANDLERS = [
    Handler("list", ("builtins.list",), encode_list, decode_list),
    Handler("scalars", (), encode_list, decode_scalars),
    Handler("tuple", ("builtins.tuple",), encode_tuple, decode_tuple),
    Handler("dict", ("builtins.dict",), encode_dict, decode_dict),
    Handler("map", (), encode_dict, decode_map),
    Handler("numbered", (), encode_dict, decode_numbered),
    Handler("set", ("builtins.set",), encode_set, decode_set),
    Handler("frozenset", ("builtins.frozenset",), encode_set, decode_set),
    Handler("ordereddict", ("collections.OrderedDict",), encode_mapping, decode_mapping),
    Handler("counter", ("collections.Counter",), encode_mapping, decode_mapping),
    Handler("defaultdict", ("collections.defaultdict",), encode_mapping, decode_mapping),
    Handler("deque", ("collections.deque",), encode_deque, decode_deque),
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
    Handler("path", ("pathlib.PosixPath", "pathlib.WindowsPath"), encode_text, decode_text, atom=True),
    Handler("posixpath", ("pathlib.PurePosixPath",), encode_text, decode_text, atom=True),
    Handler("windowspath", ("pathlib.PureWindowsPath",), encode_text, decode_text, atom=True),
    Handler("datetime", ("datetime.datetime",), encode_clock, decode_clock, atom=True),
    Handler("time", ("datetime.time",), encode_clock, decode_clock, atom=True),
    Handler("offset", ("datetime.timezone",), encode_zone, decode_zone, atom=True),
    Handler("zone", ("zoneinfo.ZoneInfo",), encode_zone, decode_zone, atom=True),
    Handler("ellipsis", ("builtins.ellipsis",), encode_constant, decode_constant, atom=True),
    Handler("notimplemented", ("builtins.NotImplementedType",), encode_constant, decode_constant, atom=True),
]
