"""Values for the symbolic reader: what hypothesis draws, and records turned back into the values they stand for."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from modelkeep.formats.unpickle.raw import raw_bytes
from modelkeep.formats.unpickle.records import ByteArray, Call, OldText

_numbers = st.integers(-(2**70), 2**70) | st.floats() | st.booleans() | st.none() | st.complex_numbers()
_texts = st.text(max_size=300) | st.binary(max_size=300) | st.binary(min_size=1020, max_size=1030)
_keys = st.text(max_size=5) | st.integers(-(2**40), 2**40) | st.binary(max_size=5) | st.tuples(st.text(max_size=3))


def _containers(inner: Any) -> Any:
    return (
        st.lists(inner, max_size=5)
        | st.dictionaries(_keys, inner, max_size=5)
        | st.lists(inner, max_size=4).map(tuple)
        | st.sets(_keys, max_size=4)
        | st.frozensets(_keys, max_size=4)
        | st.binary(max_size=20).map(bytearray)
        | inner.map(lambda value: [value, value])  # shared
    )


VALUES = st.recursive(_numbers | _texts, _containers, max_leaves=30)


def realized(value: Any, memo: dict[int, Any] | None = None) -> Any:
    """What a record of Python's own values stands for; identity and cycles are kept."""
    memo = {} if memo is None else memo
    if id(value) in memo:
        return memo[id(value)][0]
    made: Any
    if type(value) is list:
        memo[id(value)] = [made := [], value]
        made.extend(realized(item, memo) for item in value)
    elif type(value) is dict:
        memo[id(value)] = [made := {}, value]
        made.update((realized(k, memo), realized(v, memo)) for k, v in value.items())
    elif type(value) in (tuple, set, frozenset):
        made = type(value)(realized(item, memo) for item in value)
    elif isinstance(value, memoryview | ByteArray):
        made = bytes(value) if isinstance(value, memoryview) else bytearray(value.data)
    elif isinstance(value, OldText):
        made = value.data.decode("latin-1")
    elif isinstance(value, Call):
        made = _called(value, memo)
    else:
        return value
    memo[id(value)] = [made, value]
    return made


def _called(call: Call, memo: dict[int, Any]) -> Any:
    name = str(call.callee).replace("__builtin__", "builtins")
    if name in ("_codecs.encode", "builtins.bytes"):
        return bytes(raw_bytes(call))
    if name == "builtins.bytearray":
        return bytearray(raw_bytes(call))
    kinds = {"builtins.set": set, "builtins.frozenset": frozenset, "builtins.complex": complex}
    return kinds[name](*(realized(arg, memo) for arg in call.args))


def same(a: Any, b: Any, pairs: dict[int, int] | None = None) -> bool:
    """Equal in type, value and sharing; NaN equals NaN, and 0.0 is not -0.0."""
    pairs = {} if pairs is None else pairs
    if type(a) is not type(b):
        return False
    alike = not isinstance(a, list | dict | bytearray)
    if not (alike or (pairs.setdefault(id(a), id(b)) == id(b) and pairs.setdefault(id(b), id(a)) == id(a))):
        return False
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(x, y, pairs) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key], pairs) for key in a)
    if isinstance(a, float | complex):
        return repr(a) == repr(b)
    return bool(a == b)
