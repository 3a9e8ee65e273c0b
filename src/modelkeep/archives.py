"""Zip archives of other programs, read strictly: what two readers could understand differently is refused.

Nothing is ever extracted to a folder: a member is bytes in memory, of the size and checksum that the archive states.
Layout (source: PKWARE's APPNOTE.TXT, sections 4.3.7, 4.3.12 and 4.3.16): members one behind the other, each with a
local header; the central directory; its end record. There is no gap, overlap, comment, encryption or second volume,
no directory of the 64-bit form, and each local header says what the directory says.
"""

from __future__ import annotations

import re
import stat
import struct
import unicodedata
import zlib
from collections.abc import Callable
from typing import NamedTuple

from modelkeep.errors import ContainerError, quote

MAX_MEMBERS = 10_000
_STORED, _DEFLATED = 0, 8
_UTF8 = 0x800
#: How hard it was packed, for DEFLATE: the two bits say nothing to a reader.
_EFFORT = 0x006
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_LONG = struct.Struct("<2H2Q")
_IN_EXTRA = 0xFFFFFFFF
_NAME = re.compile(r"[A-Za-z0-9_.@+=, \-]+(/[A-Za-z0-9_.@+=, \-]+)*/?")
_LONGEST = 500
_HINT = "get the file again from where it came from: no program that saves models writes this"


class Member(NamedTuple):
    """One member: how it is packed, its checksum, its size packed and unpacked, where its bytes begin."""

    name: str
    method: int
    checksum: int
    packed: int
    size: int
    start: int


class Archive:
    """The members of an archive by name, and their bytes."""

    def __init__(self, data: memoryview, members: dict[str, Member]) -> None:
        self._data = data
        self.members = members

    def read(self, name: str) -> memoryview:
        """The bytes of a member: a view of the archive where they are not packed."""
        member = self.members.get(name)
        if member is None:
            raise ContainerError(f"the archive has no {quote(name)}", hint=_HINT)
        raw = self._data[member.start : member.start + member.packed]
        found = raw if member.method == _STORED else memoryview(inflated(raw, name, member.size, _refused))
        if zlib.crc32(found) != member.checksum:
            raise ContainerError(f"{quote(name)} in the archive is damaged", hint=_HINT)
        return found


def open_zip(data: memoryview, limit: int) -> Archive:
    """The archive in ``data``, whose members together may unpack to ``limit`` bytes."""
    directory, count = _directory(data)
    members: dict[str, Member] = {}
    seen: set[str] = set()
    place = end = total = 0
    for _ in range(count):
        member, offset, place = _entry(data, directory, place)
        if offset != end:
            raise _refused("its members overlap, or leave gaps")
        start, end = _beginning(data, member, offset)
        total += member.size
        if total > limit:
            raise _refused(f"it unpacks to more than {limit:,} bytes")
        # File systems and readers differ in which names they take for the same.
        same = unicodedata.normalize("NFC", member.name.rstrip("/")).casefold()
        if same in seen:
            raise _refused(f"it has {quote(member.name)} twice")
        seen.add(same)
        if not member.name.endswith("/"):
            members[member.name] = member._replace(start=start)
        elif member.size or member.packed:
            raise _refused("a folder in it has bytes")
    if place != len(directory) or end != len(data) - len(directory) - _END.size:
        raise _refused("its directory does not fill the place between its members and its end")
    return Archive(data, members)


def _directory(data: memoryview) -> tuple[memoryview, int]:
    if len(data) < _END.size:
        raise _refused("it is cut off")
    magic, disk, first, here, count, size, offset, comment = _END.unpack_from(data, len(data) - _END.size)
    if magic != b"PK\x05\x06" or comment:
        raise _refused("it does not end with its directory: it is cut off, or something follows it")
    if disk or first or here != count or count > MAX_MEMBERS or offset + size + _END.size != len(data):
        raise _refused("its directory is not where it says, has too many members, or needs the 64-bit extension")
    return data[offset : offset + size], count


def _entry(data: memoryview, directory: memoryview, place: int) -> tuple[Member, int, int]:
    """A member as the directory has it, where its local header is, and where the next entry begins."""
    if place + _CENTRAL.size > len(directory):
        raise _refused("its directory is cut off")
    fields = _CENTRAL.unpack_from(directory, place)
    magic, _, _, flags, method, _, _, checksum, packed, size, length, extra, comment, disk, _, mode, offset = fields
    begin = place + _CENTRAL.size
    if magic != b"PK\x01\x02" or extra or comment or disk or begin + length > len(directory):
        raise _refused("an entry of its directory has parts that nothing here needs")
    name = _name(bytes(directory[begin : begin + length]))
    if flags & ~(_UTF8 | _EFFORT) or method not in (_STORED, _DEFLATED):
        raise _refused(f"{quote(name)} in it is encrypted, streamed, or packed in an unknown way")
    kind = stat.S_IFMT(mode >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR) or (method == _STORED and packed != size):
        raise _refused(f"{quote(name)} in it is no plain file")
    return Member(name, method, checksum, packed, size, 0), offset, begin + length


def _beginning(data: memoryview, member: Member, offset: int) -> tuple[int, int]:
    """Where the bytes of a member begin and end, behind a local header that agrees with the directory."""
    if offset + _LOCAL.size > len(data):
        raise _refused("a member of it is cut off")
    magic, _, flags, method, _, _, checksum, packed, size, length, extra = _LOCAL.unpack_from(data, offset)
    begin = offset + _LOCAL.size
    start = begin + length + extra
    if start + member.packed > len(data):
        raise _refused("a member of it is cut off")
    name, more = bytes(data[begin : begin + length]), bytes(data[begin + length : start])
    if more and (packed, size) == (_IN_EXTRA, _IN_EXTRA) and len(more) == _LONG.size:
        # numpy writes small members, too, with the 64-bit extension of the local header
        kind, room, size, packed = _LONG.unpack(more)
        more = b"" if (kind, room) == (1, 16) else more
    agree = (method, checksum, packed, size) == (member.method, member.checksum, member.packed, member.size)
    if magic != b"PK\x03\x04" or more or flags & ~(_UTF8 | _EFFORT) or name != member.name.encode() or not agree:
        raise _refused(f"{quote(member.name)} is announced in two ways")
    return start, start + member.packed


def _name(raw: bytes) -> str:
    name = str(raw, "ascii", "replace")
    parts = name.removesuffix("/").split("/")
    if len(raw) > _LONGEST or not _NAME.fullmatch(name) or any(part.strip(". ") == "" for part in parts):
        raise _refused(f"a member's name is {quote(name, 60)}")
    return name


def inflated(raw: memoryview, name: str, size: int, refused: Callable[[str], ContainerError]) -> bytes:
    """The bytes of a packed member, of which an archive says that there are ``size``; ``refused`` makes the error."""
    machine = zlib.decompressobj(-15)
    try:
        made = machine.decompress(raw, size + 1)
    except zlib.error as error:
        raise refused(f"{quote(name)} in it can't be unpacked: {error}") from None
    if len(made) != size or not machine.eof or machine.unused_data or machine.unconsumed_tail:
        raise refused(f"{quote(name)} in it has another size than it says")
    return made


def _refused(why: str) -> ContainerError:
    return ContainerError(f"the file is not a usable zip archive: {why}", hint=_HINT)
