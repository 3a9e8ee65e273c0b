"""Protocol buffers on the wire: the fields of a message and back. Nothing is known of what they mean.

Source of the layout: the page on encoding in the protobuf documentation. A field is a varint of its number and wire
type, and a value: a varint (0), 8 bytes (1), bytes with their length (2), or 4 bytes (5). Groups are refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from modelkeep.errors import GraphError

_HINT = "get the folder again from where it came from: saved_model.pb is no protocol buffer"
Value = int | memoryview
Field = tuple[int, int, Value]
BYTES = 2
_FIXED = {1: 8, 5: 4}


def fields(data: memoryview) -> Iterator[Field]:
    """``(number, wire type, value)`` of each field of a message, in the order of the file."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        number, wire = key >> 3, key & 7
        if not 0 < number < 1 << 29:
            raise GraphError("a field without a number", hint=_HINT)
        if wire == 0:
            value, place = _varint(data, place)
            yield number, wire, value
            continue
        if wire == BYTES:
            length, place = _varint(data, place)
        elif wire in _FIXED:
            length = _FIXED[wire]
        else:
            raise GraphError("a field of an unknown kind", hint=_HINT)
        if length > len(data) - place:
            raise GraphError("a field is cut off", hint=_HINT)
        yield number, wire, data[place : place + length]
        place += length


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(data) and shift < 64:
        byte = data[place]
        value |= (byte & 0x7F) << shift
        place += 1
        if byte < 0x80:
            return value, place
        shift += 7
    raise GraphError("a number is cut off", hint=_HINT)


def messages(data: memoryview, number: int) -> Iterator[memoryview]:
    """The values of one field that holds bytes: text, or messages."""
    for found, wire, value in fields(data):
        if found == number:
            if wire != BYTES or not isinstance(value, memoryview):
                raise GraphError("a field has another kind than it should", hint=_HINT)
            yield value


def text(data: memoryview, number: int) -> str:
    """A text, the last one if there are several, as every reader takes it."""
    found = b""
    for value in messages(data, number):
        found = bytes(value)
    try:
        return found.decode()
    except UnicodeDecodeError:
        raise GraphError("a name is no text", hint=_HINT) from None


def numbers(data: memoryview, number: int) -> Iterator[int]:
    """The values of one field that holds whole numbers, signed."""
    for found, wire, value in fields(data):
        if found == number and wire == 0 and isinstance(value, int):
            yield value - (1 << 64) if value >= 1 << 63 else value


def encode(found: Iterable[tuple[int, int, int | bytes | memoryview]]) -> bytes:
    """The message that has these fields."""
    made = bytearray()
    for number, wire, value in found:
        made += _as_varint(number << 3 | wire)
        if isinstance(value, int):
            made += _as_varint(value)
        else:
            made += (_as_varint(len(value)) if wire == BYTES else b"") + bytes(value)
    return bytes(made)


def _as_varint(value: int) -> bytes:
    made = bytearray()
    while value >= 0x80:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)
