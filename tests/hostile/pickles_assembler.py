"""Pickles written by hand, opcode by opcode, and the table of hostile ones."""

from __future__ import annotations

import struct
from collections.abc import Callable

MARKER = "modelkeep-was-here"
COMMAND = f"touch {MARKER}"
CODE = f"open({MARKER!r}, 'w')"

Case = tuple[Callable[[], bytes], str, str]
CASES: dict[str, Case] = {}

PROTO = b"\x80\x04"


def text(value: str) -> bytes:
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def name(module: str, attribute: str) -> bytes:
    """GLOBAL."""
    return f"c{module}\n{attribute}\n".encode()


def stack_name(module: str, attribute: str) -> bytes:
    """STACK_GLOBAL."""
    return text(module) + text(attribute) + b"\x93"


def call(callee: bytes, *args: bytes) -> bytes:
    """REDUCE."""
    return callee + b"(" + b"".join(args) + b"tR"


def state(**items: bytes) -> bytes:
    return b"(" + b"".join(text(key) + value for key, value in items.items()) + b"d"


def new(module: str, attribute: str, **items: bytes) -> bytes:
    """NEWOBJ and BUILD."""
    return name(module, attribute) + b")\x81" + state(**items) + b"b"


def whole(body: bytes) -> bytes:
    return PROTO + body + b"."


def put(label: str, error: str, part: str, data: bytes | Callable[[], bytes]) -> None:
    CASES[label] = (data if callable(data) else lambda: data), error, part
