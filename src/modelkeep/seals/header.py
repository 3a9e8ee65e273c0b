"""The header of an age file: stanzas, one for each recipient, and the code that proves that nobody changed them."""

from __future__ import annotations

import base64
import binascii
from typing import BinaryIO, NamedTuple

from modelkeep.errors import SealError

VERSION = b"age-encryption.org/v1\n"
ARMOR = b"-----BEGIN AGE ENCRYPTED FILE-----"
#: A header of some ten thousand recipients; nothing of it is proved while it is read.
_LIMIT = 1 << 20
_COLUMNS = 64
HINT = "get the file again from where it came, or from a backup"


class Stanza(NamedTuple):
    """The file key, wrapped for one recipient: the kind, its arguments, and the wrapped bytes."""

    kind: str
    arguments: tuple[str, ...]
    body: bytes


class Header(NamedTuple):
    """A header that is well-formed. ``covered`` is what ``mac`` authenticates, for whoever has the file key."""

    stanzas: tuple[Stanza, ...]
    covered: bytes
    mac: bytes


def write(stanzas: list[Stanza]) -> bytes:
    """The header up to and with the mark that its code follows."""
    lines = [VERSION]
    for stanza in stanzas:
        lines.append(f"-> {' '.join((stanza.kind, *stanza.arguments))}\n".encode())
        body = to_base64(stanza.body)
        # The last line is shorter than the others, if need be empty: that is how a reader knows it.
        lines += [f"{body[i : i + _COLUMNS]}\n".encode() for i in range(0, len(body) + 1, _COLUMNS)]
    return b"".join([*lines, b"---"])


def read(source: BinaryIO) -> Header:
    """The header at the beginning of ``source``, which is left where the payload begins."""
    lines = _Lines(source)
    lines.version()
    stanzas: list[Stanza] = []
    while True:
        start = len(lines.read)
        line = lines.next()
        if line.startswith("--- ") and stanzas:
            mac = _from_base64(line[4:])
            if len(mac) != 32:
                raise malformed("its code has another length than 32 bytes")
            return Header(tuple(stanzas), bytes(lines.read[: start + 3]), mac)
        kind, *arguments = line.removeprefix("-> ").split(" ")
        if not line.startswith("-> ") or not all([kind, *arguments]):
            raise malformed("a line begins no stanza")
        stanzas.append(Stanza(kind, tuple(arguments), _body(lines)))


def _body(lines: _Lines) -> bytes:
    text = []
    while True:
        line = lines.next()
        text.append(line)
        if len(line) < _COLUMNS:
            return _from_base64("".join(text))
        if len(line) > _COLUMNS:
            raise malformed("a line is longer than 64 characters")


class _Lines:
    """The lines of a header, and all of the bytes read so far."""

    def __init__(self, source: BinaryIO) -> None:
        self.source = source
        self.read = bytearray()

    def version(self) -> None:
        first = self.source.readline(len(ARMOR) + 1)
        if first.startswith(ARMOR):
            raise SealError(
                "this is an age file as text, and modelkeep reads only the binary form",
                hint="open it with age itself: age --decrypt",
            )
        if not first:
            raise SealError("the file is empty", hint=HINT)
        if first != VERSION:
            if first.startswith(b"age-encryption.org/") and first[:-1] != VERSION[:-1]:
                raise SealError(
                    "this is an age file of another version than v1, or its first line was changed", hint=HINT
                )
            if VERSION.startswith(first):
                raise SealError("the file was cut short: it ends inside its header", hint=HINT)
            raise SealError("this is not an age file", hint="name a file that modelkeep seal, or age, wrote")
        self.read += first

    def next(self) -> str:
        """The next line without its end: printable ASCII."""
        line = self.source.readline(_LIMIT + 1 - len(self.read))
        self.read += line
        if len(self.read) > _LIMIT:
            raise malformed("it is longer than any that has a use")
        if not line.endswith(b"\n"):
            raise SealError("the file was cut short: it ends inside its header", hint=HINT)
        if any(byte < 32 or byte > 126 for byte in line[:-1]):
            raise malformed("it has characters that no header has")
        return line[:-1].decode("ascii")


def to_base64(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")


def _from_base64(text: str) -> bytes:
    """Only what ``to_base64`` writes: a second spelling would let a file change without its meaning changing."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        data = None
    if data is None or to_base64(data) != text:
        raise malformed("a value in it is not base64 as age writes it")
    return data


def argument(text: str, size: int) -> bytes:
    """The bytes of an argument that must have ``size`` of them."""
    data = _from_base64(text)
    if len(data) != size:
        raise malformed(f"an argument has {len(data)} bytes instead of {size}")
    return data


def malformed(why: str) -> SealError:
    return SealError(f"the header is malformed: {why}", hint=HINT)
