"""Universal Binary JSON as XGBoost writes it: parsed within bounds, and written anew.

The format: https://ubjson.org (draft 12), as XGBoost uses it: lengths and keys are 64-bit, numbers big-endian, arrays
of one type are ``[$type#length``. Such an array becomes a numpy array; parsed and written again it is the same bytes.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from modelkeep.errors import GraphError

#: Objects and lists nest at most so deep.
DEPTH = 32
_ARRAYS: dict[bytes, np.dtype[Any]] = {
    b"d": np.dtype(">f4"), b"D": np.dtype(">f8"), b"U": np.dtype("u1"), b"i": np.dtype("i1"),
    b"I": np.dtype(">i2"), b"l": np.dtype(">i4"), b"L": np.dtype(">i8"),
}  # fmt: skip
_MARKS = {dtype.newbyteorder("="): mark for mark, dtype in _ARRAYS.items()}
_CONSTANTS = {b"T": True, b"F": False, b"Z": None}
_END = ord("}")
_HINT = "get the file from its maker again: this one was not written by XGBoost"


def refused(what: str) -> GraphError:
    return GraphError(f"the XGBoost model is not well-formed: {what}", hint=_HINT)


def part(value: Any, key: str) -> dict[str, Any]:
    """The object under ``key`` of an object of a model."""
    found = value.get(key) if isinstance(value, dict) else None
    if not isinstance(found, dict):
        raise refused(f"it has no {key}")
    return found


def shallow(value: Any) -> bool:
    """Whether no text in a value, which XGBoost may parse as JSON by recursion, nests deeper than DEPTH."""
    if isinstance(value, (dict, list)):
        return all(map(shallow, value.values() if isinstance(value, dict) else value))
    depth = 0
    for sign in value if isinstance(value, str) else "":
        depth += (sign in "[{") - (sign in "]}")
        if depth > DEPTH:
            return False
    return True


class _Reader:
    def __init__(self, data: memoryview) -> None:
        self.data, self.place = data, 0

    def take(self, size: int) -> memoryview:
        end = self.place + size
        if size < 0 or end > len(self.data):
            raise refused("it ends too early")
        piece = self.data[self.place : end]
        self.place = end
        return piece

    def mark(self) -> bytes:
        return bytes(self.take(1))

    def length(self) -> int:
        if self.mark() != b"L":
            raise refused("a length is not a 64-bit number")
        return int(struct.unpack(">q", self.take(8))[0])

    def text(self) -> str:
        try:
            return str(self.take(self.length()), "utf-8")
        except UnicodeDecodeError:
            raise refused("a text is not UTF-8") from None

    def value(self, mark: bytes, depth: int) -> Any:
        if depth > DEPTH:
            raise refused("it is nested too deep")
        if mark == b"{":
            return self.object(depth)
        if mark == b"[":
            return self.array(depth)
        if mark == b"S":
            return self.text()
        if mark in _CONSTANTS:
            return _CONSTANTS[mark]
        if mark in _ARRAYS:
            dtype = _ARRAYS[mark]
            return np.frombuffer(self.take(dtype.itemsize), dtype)[0].astype(dtype.newbyteorder("="))
        raise refused(f"it has a value of the unknown kind {mark!r}")

    def object(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while True:
            if self.place < len(self.data) and self.data[self.place] == _END:
                self.place += 1
                return found
            key = self.text()
            if key in found:
                raise refused("a key is there twice")
            found[key] = self.value(self.mark(), depth + 1)

    def array(self, depth: int) -> Any:
        mark = self.mark()
        if mark == b"$":
            kind = self.mark()
            if kind not in _ARRAYS or self.mark() != b"#":
                raise refused("an array is of an unknown type")
            dtype = _ARRAYS[kind]
            count = self.length()
            if not 0 <= count <= len(self.data):
                raise refused("an array is longer than the file")
            raw = np.frombuffer(self.take(count * dtype.itemsize), dtype)
            return raw.astype(dtype.newbyteorder("="))
        if mark != b"#":
            raise refused("a list has no length")
        count = self.length()
        if not 0 <= count <= len(self.data):
            raise refused("a list is longer than the file")
        return [self.value(self.mark(), depth + 1) for _ in range(count)]


def parse(data: bytes | bytearray | memoryview) -> dict[str, Any]:
    """The object in ``data``, all of it."""
    reader = _Reader(memoryview(data))
    if reader.mark() != b"{":
        raise refused("it does not begin with an object")
    found = reader.object(0)
    if reader.place != len(reader.data):
        raise refused("something follows its end")
    return found


def emit(value: Any) -> bytes:
    """The bytes of a parsed object."""
    out: list[bytes] = []
    _emit(value, out)
    return b"".join(out)


def _length(count: int) -> bytes:
    return b"L" + struct.pack(">q", count)


def _emit(value: Any, out: list[bytes]) -> None:
    if isinstance(value, dict):
        out.append(b"{")
        for key, item in value.items():
            name = key.encode()
            out.append(_length(len(name)) + name)
            _emit(item, out)
        out.append(b"}")
    elif isinstance(value, np.ndarray):
        mark = _MARKS[value.dtype]
        out.append(b"[$" + mark + b"#" + _length(len(value)) + value.astype(_ARRAYS[mark]).tobytes())
    elif isinstance(value, list):
        out.append(b"[#" + _length(len(value)))
        for item in value:
            _emit(item, out)
    elif isinstance(value, str):
        text = value.encode()
        out.append(b"S" + _length(len(text)) + text)
    elif isinstance(value, np.generic):
        mark = _MARKS[value.dtype]
        out.append(mark + np.array(value).astype(_ARRAYS[mark]).tobytes())
    elif value is None or isinstance(value, bool):
        out.append({True: b"T", False: b"F", None: b"Z"}[value])
    else:  # only JSON has numbers without a type
        raise refused("it has a number where none belongs")
