"""Bytes in a pickle: as they are, or written as text and a call that encodes it."""

from __future__ import annotations

from typing import Any

from modelkeep.errors import GraphError
from modelkeep.formats.unpickle.records import ByteArray, Call, Global, OldText


def raw_bytes(value: Any) -> memoryview:
    """The bytes that ``value`` stands for: as they are, or written as text by protocols 0 to 2."""
    if type(value) in (bytes, memoryview, bytearray):
        return memoryview(value)
    if isinstance(value, ByteArray | OldText):
        return memoryview(value.data)
    if type(value) is str and value.isascii():  # Python 2
        return memoryview(value.encode("ascii"))
    if isinstance(value, Call) and isinstance(value.callee, Global) and value.how == "reduce":
        return _made_bytes(str(value.callee), value.args)
    raise GraphError("bytes are needed here")


def _made_bytes(callee: str, args: tuple[Any, ...]) -> memoryview:
    if callee in _BYTES and args == ():
        return memoryview(b"")
    if callee in _BYTES and len(args) == 1 and type(args[0]) in (bytes, memoryview):
        return memoryview(args[0])
    if callee in _BYTES and len(args) == 1 and is_encoding(args[0]):
        return _made_bytes(_ENCODE, args[0].args)
    encodes = callee == _ENCODE or callee in _BYTES
    if encodes and len(args) == 2 and type(args[0]) is str and args[1] in ("latin1", "latin-1"):
        try:
            return memoryview(args[0].encode("latin-1"))
        except UnicodeEncodeError:
            raise GraphError("bytes are written with characters beyond Latin-1") from None
    raise GraphError("bytes are needed here")


_ENCODE = "_codecs.encode"
_BYTES = frozenset(f"{module}.{name}" for module in ("builtins", "__builtin__") for name in ("bytes", "bytearray"))


def is_encoding(value: Any) -> bool:
    """Whether ``value`` is how protocols 0 to 2 write bytes: text, and the call that encodes it."""
    return isinstance(value, Call) and isinstance(value.callee, Global) and str(value.callee) == _ENCODE
