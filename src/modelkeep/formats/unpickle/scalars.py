"""Numbers and texts of a pickle that are written out as characters (protocols 0 and 1, and Python 2)."""

from __future__ import annotations

import codecs
import math
import re

from modelkeep.formats.unpickle.records import OldText

MAX_INT_BYTES = 1024
#: As many decimal digits as ``MAX_INT_BYTES`` bytes can need; the time to read them grows with their square.
MAX_DIGITS = 2 + math.ceil(MAX_INT_BYTES * 8 * math.log10(2))
MAX_NUMBER_LINE = MAX_DIGITS + 2

_INTEGER = re.compile(rb"[+-]?[0-9]+")
_FLOAT = re.compile(rb"[+-]?([0-9]+(\.[0-9]*)?([eE][+-]?[0-9]{1,5})?|\.[0-9]+([eE][+-]?[0-9]{1,5})?|inf|nan)")
_QUOTED = re.compile(rb"(?:[^\\]|\\(?:[\\'\"abfnrtv\n]|x[0-9a-fA-F]{2}|[0-7]{1,3}))*")


def integer(line: bytes) -> int:
    """``b"-12"`` or ``b"12L"`` of Python 2."""
    digits = line.removesuffix(b"L")
    if not _INTEGER.fullmatch(digits) or len(digits) > MAX_DIGITS:
        raise ValueError("this is not a whole number")
    return int(digits)


def integer_or_bool(line: bytes) -> int:
    """The opcode INT: protocol 0 and 1 write truth values as ``00`` and ``01``."""
    return {b"00": False, b"01": True}[line] if line in (b"00", b"01") else integer(line)


def real(line: bytes) -> float:
    if not _FLOAT.fullmatch(line) or len(line) > 400:
        raise ValueError("this is not a number")
    return float(line)


def position(line: bytes) -> int:
    """An index into the memo."""
    if not line.isdigit() or len(line) > 10:
        raise ValueError("this is not a position in the memo")
    return int(line)


def binary_integer(data: memoryview) -> int:
    """Two's complement, little-endian, of any length up to ``MAX_INT_BYTES``."""
    if len(data) > MAX_INT_BYTES:
        raise ValueError(f"a whole number has more than {MAX_INT_BYTES} bytes")
    return int.from_bytes(data, "little", signed=True)


def old_text(data: bytes) -> str | OldText:
    """A ``str`` of Python 2: characters if it is ASCII."""
    return str(data, "ascii") if data.isascii() else OldText(data)


def quoted_text(line: bytes) -> str | OldText:
    """The opcode STRING: what ``repr`` made of a ``str`` in Python 2."""
    line = line.strip(b" \t\r")
    if len(line) < 2 or line[:1] not in (b"'", b'"') or line[-1:] != line[:1] or not _QUOTED.fullmatch(line[1:-1]):
        raise ValueError("a text is not in quotes")
    return old_text(codecs.escape_decode(line[1:-1])[0])


def escaped_text(line: bytes) -> str:
    """The opcode UNICODE: characters beyond Latin-1 are ``\\uXXXX``."""
    # The decoder is taken by name: a look-up of the codec would import its module.
    return codecs.raw_unicode_escape_decode(line)[0]


def utf8(data: memoryview) -> str:
    """UTF-8; lone surrogates pass as in pickle, and are refused where the text is used."""
    return str(data, "utf-8", "surrogatepass")
