"""Python's own values in a pickle that are written as calls: sets, bytes, dates, numbers, ordered dictionaries."""

from __future__ import annotations

import datetime as dt
import decimal
import fractions
import pathlib
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from modelkeep.errors import GraphError, PolicyError, quote
from modelkeep.formats.keep.handlers import Node
from modelkeep.formats.keep.types import python as keep_python
from modelkeep.formats.unpickle.maps_objects import named, only
from modelkeep.formats.unpickle.raw import raw_bytes
from modelkeep.formats.unpickle.records import ABSENT, Call, Global

if TYPE_CHECKING:
    from modelkeep.formats.unpickle.mapping import Transcriber


def _plain(kinds: tuple[type, ...], *, at_least: int, at_most: int, make: Callable[..., Any]) -> Any:
    """A call whose arguments are plain values: the value itself is made, by the loader's own table."""

    def encode(encoder: Transcriber, call: Call) -> Node:
        only(call)
        args = call.args
        if not at_least <= len(args) <= at_most or not all(type(arg) in kinds for arg in args):
            raise GraphError(f"a {call.callee} has unusable arguments")
        encoder.spend_on(args)
        try:
            return encoder.at("", make(*args))  # type: ignore[no-any-return]
        except (TypeError, ValueError, OverflowError, ArithmeticError) as error:
            raise GraphError(f"a {call.callee} has unusable arguments: {quote(str(error))}") from None

    return encode


def encode_bytes(encoder: Transcriber, call: Call) -> Node:
    only(call)
    raw = raw_bytes(call)
    encoder.spend(len(raw))
    kind = bytearray if named(call.callee) == "builtins.bytearray" else bytes
    return encoder.at("", kind(raw))  # type: ignore[no-any-return]


def encode_set(encoder: Transcriber, call: Call) -> Node:
    only(call)
    items = call.args[0] if call.args else []
    if len(call.args) > 1 or type(items) not in (list, tuple):
        raise GraphError("a set has an unknown form")
    encoder.spend_on(items)
    node = keep_python.set_node(encoder, named(call.callee).rpartition(".")[2], items)
    if any(type(item) is list and item[:1] in (["list"], ["dict"], ["set"], ["object"]) for item in node[1]):
        raise GraphError("a set holds what can't be hashed")
    return node


def encode_slice(encoder: Transcriber, call: Call) -> Node:
    only(call)
    args = call.args
    kind = named(call.callee).rpartition(".")[2]
    if len(args) != 3:
        raise GraphError(f"a {kind} needs three parts")
    return [kind, *(encoder.at("", value) for value in args)]


def encode_mapping(encoder: Transcriber, call: Call) -> Node:
    """OrderedDict, Counter and defaultdict: their pairs come after the call, or as its argument."""
    only(call, "pairs", "state")
    kind = named(call.callee).rpartition(".")[2].lower()
    args, pairs = list(call.args), list(call.pairs or ())
    factory = args.pop(0) if kind == "defaultdict" and args else None
    if call.state not in (ABSENT, None, {}) or len(args) > 1 or (factory is not None and type(factory) is not Global):
        raise GraphError(f"a {call.callee} has an unknown form")
    if args:
        pairs = _pairs(args[0]) + pairs
    encoder.spend_on([key for key, _ in pairs])
    keys = encoder.items([key for key, _ in pairs])
    values = [encoder.at(f"[{quote(key, 40)}]", value) for key, value in pairs]
    return [kind, encoder.at(".default_factory", factory), keys, values]


def _pairs(value: Any) -> list[tuple[Any, Any]]:
    if type(value) is dict:
        return list(value.items())
    if type(value) is list and all(type(pair) in (list, tuple) and len(pair) == 2 for pair in value):
        return [(pair[0], pair[1]) for pair in value]
    raise GraphError("a dictionary is made of something else than pairs")


def encode_deque(encoder: Transcriber, call: Call) -> Node:
    only(call, "items")
    limit = call.args[1] if len(call.args) > 1 else None
    first = call.args[0] if call.args else ()
    if type(first) not in (list, tuple) or len(call.args) > 2:
        raise GraphError("a deque has an unknown form")
    return ["deque", limit, encoder.items([*first, *(call.items or ())])]


def encode_clock(encoder: Transcriber, call: Call) -> Node:
    """``datetime(10 bytes[, zone])`` and ``time(6 bytes[, zone])``: bytes as Python packs a moment."""
    only(call)
    kind: Any = {"datetime.datetime": dt.datetime, "datetime.time": dt.time}[named(call.callee)]
    args = call.args
    raw = raw_bytes(args[0]) if 1 <= len(args) <= 2 else b""
    if len(raw) != (10 if kind is dt.datetime else 6):
        raise GraphError(f"a {kind.__name__} has an unknown form")
    try:
        made = kind(bytes(raw))
        shown = made.replace(fold=0).isoformat()  # looks at fields that the packed form does not check
    except (TypeError, ValueError) as error:
        raise GraphError(f"a {kind.__name__} is not usable: {error}") from None
    zone = args[1] if len(args) == 2 else None
    return [kind.__name__, shown, encoder.at(".tzinfo", zone), made.fold]


def encode_zone(encoder: Transcriber, call: Call) -> Node:
    only(call)
    if not 1 <= len(call.args) <= 2:
        raise GraphError("a time zone has an unknown form")
    return ["offset", encoder.at("", call.args[0]), call.args[1] if len(call.args) == 2 else None]


def zone_name(call: Call) -> str | None:
    """The name of a zone, which a pickle writes as ``getattr(ZoneInfo, "_unpickle")(name, whether cached)``."""
    inner = call.callee
    if (
        not isinstance(inner, Call)
        or named(inner.callee) != "builtins.getattr"
        or (call.how, inner.how) != ("reduce", "reduce")
    ):
        return None
    known = len(inner.args) == 2 and named(inner.args[0]) == "zoneinfo.ZoneInfo" and inner.args[1] == "_unpickle"
    if not known or len(call.args) != 2 or type(call.args[0]) is not str:
        return None
    only(call)
    only(inner)
    return call.args[0]


def encode_named_zone(encoder: Transcriber, call: Call) -> Node:
    """``ZoneInfo(name)``, as files that are no pickles write it."""
    only(call)
    if len(call.args) != 1 or type(call.args[0]) is not str:
        raise GraphError("a time zone has no name")
    return ["zone", call.args[0]]


def encode_date(encoder: Transcriber, call: Call) -> Node:
    only(call)
    raw = bytes(raw_bytes(call.args[0])) if len(call.args) == 1 else b""
    try:
        return encoder.at("", dt.date(int.from_bytes(raw[:2], "big"), raw[2], raw[3]))  # type: ignore[no-any-return]
    except (ValueError, IndexError):
        raise GraphError("a date is not usable") from None


def encode_uuid(encoder: Transcriber, call: Call) -> Node:
    only(call, "state")
    number = call.state.get("int") if type(call.state) is dict else None
    if type(number) is not int or not 0 <= number < 1 << 128:
        raise GraphError("a UUID has an unknown form")
    return encoder.at("", uuid.UUID(int=number))  # type: ignore[no-any-return]


def encode_partial(encoder: Transcriber, call: Call) -> Node:
    """``(function, arguments, keywords, attributes)``; the reader allows only listed functions and plain values."""
    only(call, "state")
    state = call.state
    if type(state) is not tuple or len(state) != 4 or type(state[1]) is not tuple or state[3]:
        raise GraphError("a partial has an unknown form")
    function, args, keywords = state[0], state[1], state[2] or {}
    if type(keywords) is not dict or not set(map(type, keywords)) <= {str}:
        raise GraphError("a partial has an unknown form")
    if type(function) is not Global:
        raise PolicyError("a partial is not of a named function", hint="use a function at the top of a module instead")
    encoder.spend_on(keywords.values())
    return ["partial", encoder.at(".func", function), encoder.items(list(args)), encoder.state(keywords)]


_NUMBERS = (int, float)
REDUCED: dict[str, Any] = {
    "builtins.set": encode_set,
    "builtins.frozenset": encode_set,
    "builtins.bytes": encode_bytes,
    "builtins.bytearray": encode_bytes,
    "_codecs.encode": encode_bytes,
    "builtins.slice": encode_slice,
    "builtins.range": encode_slice,
    "builtins.complex": _plain(_NUMBERS, at_least=2, at_most=2, make=complex),
    "collections.OrderedDict": encode_mapping,
    "collections.defaultdict": encode_mapping,
    "collections.Counter": encode_mapping,
    "collections.deque": encode_deque,
    "datetime.datetime": encode_clock,
    "datetime.time": encode_clock,
    "datetime.date": encode_date,
    "datetime.timedelta": _plain((int,), at_least=1, at_most=3, make=dt.timedelta),
    "datetime.timezone": encode_zone,
    "zoneinfo.ZoneInfo": encode_named_zone,
    "decimal.Decimal": _plain((str,), at_least=1, at_most=1, make=decimal.Decimal),
    "fractions.Fraction": _plain((int, str), at_least=1, at_most=2, make=fractions.Fraction),
    "functools.partial": encode_partial,
    **dict.fromkeys(
        ("pathlib.PosixPath", "pathlib.WindowsPath", "pathlib.Path"),
        _plain((str,), at_least=0, at_most=100, make=pathlib.Path),
    ),
    "pathlib.PurePosixPath": _plain((str,), at_least=0, at_most=100, make=pathlib.PurePosixPath),
    "pathlib.PureWindowsPath": _plain((str,), at_least=0, at_most=100, make=pathlib.PureWindowsPath),
}
NEW: dict[str, Any] = {"uuid.UUID": encode_uuid}
