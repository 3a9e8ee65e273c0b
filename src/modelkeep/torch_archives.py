"""The zip archives that PyTorch writes, read strictly: ``.pt``, ``.pth``, ``.pt2`` and TorchScript files are such.

Layout (source: PKWARE's APPNOTE.TXT, sections 4.3.7, 4.3.9, 4.3.12, 4.3.14 to 4.3.16; and files that PyTorch wrote):
members are stored one behind the other, each with a local header whose sizes are zero, padding in an extra field
``FB``, its bytes, and a data descriptor; then the directory, and its end in the 64-bit and in the old form. All names
lie in one folder. Nothing is extracted: a member is a view of the file.
"""

from __future__ import annotations

import re
import struct
import zlib
from typing import NamedTuple

from modelkeep.archives import inflated, open_zip
from modelkeep.errors import ContainerError, quote

MAX_MEMBERS = 1_000_000
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR = struct.Struct("<4sIQI")
_END = struct.Struct("<4s4H2IH")
_TAIL = _END64.size + _LOCATOR.size + _END.size
_FULL, _FULL16 = 0xFFFFFFFF, 0xFFFF
_STREAMED = 0x0008
_FLAGS = (0x0808, 0x0008, 0x0800, 0x0000)
_DEFLATED = 8
#: For DEFLATE: how hard it was packed, which says nothing to a reader.
_EFFORT = 0x0006
_MAX_RATIO, _FREE = 200, 1 << 20
_LONGEST = 1000
_NAME = re.compile(r"(?!\.+(?:/|\Z))[^/\\:*?\"<>|\x00-\x1f\x7f]+(/(?!\.+(?:/|\Z))[^/\\:*?\"<>|\x00-\x1f\x7f]+)*")
_HINT = "get the file again from where it came from: no PyTorch writes this"


class _Member(NamedTuple):
    name: str
    raw: bytes
    method: int
    checksum: int
    packed: int
    size: int
    offset: int


class TorchArchive:
    """The members by name, without the folder that all of them lie in, and their bytes."""

    def __init__(self, folder: str, parts: dict[str, memoryview], checksums: dict[str, int]) -> None:
        self.folder, self._parts, self._checksums = folder, parts, checksums

    @property
    def names(self) -> list[str]:
        return list(self._parts)

    def read(self, name: str) -> memoryview:
        """The bytes of a member: a view of the file, compared with its checksum."""
        if name not in self._parts:
            raise ContainerError(f"the archive has no {quote(name)}", hint=_HINT)
        found = self._parts[name]
        if name in self._checksums and zlib.crc32(found) != self._checksums[name]:
            raise ContainerError(f"{quote(name)} in the archive is damaged", hint=_HINT)
        return found


def open_torch(data: memoryview, limit: int) -> TorchArchive:
    """The archive in ``data``. One that another program packed again is read as any zip archive."""
    if len(data) < _LOCAL.size or bytes(data[:4]) != b"PK\x03\x04":
        raise ContainerError("not a zip archive of PyTorch", hint=_HINT)
    if not _LOCAL.unpack_from(data, 0)[2] & _STREAMED:
        plain = open_zip(data, limit)
        return _folded({name: plain.read(name) for name in plain.members}, {})
    parts: dict[str, memoryview] = {}
    checksums: dict[str, int] = {}
    place = end = total = 0
    directory, count, start = _directory(data)
    for _ in range(count):
        member, place = _entry(directory, place)
        if member.offset != end:
            raise _refused("its members overlap, or leave gaps")
        begin, end = _span(data, member, start)
        if member.name in parts:
            raise _refused(f"it has {quote(member.name)} twice")
        total += member.size
        if total > limit:
            raise _refused(f"it unpacks to more than {limit:,} bytes")
        raw = data[begin : begin + member.packed]
        if member.method == _DEFLATED:  # PyTorch packs nothing but the code of its scripts
            raw = memoryview(inflated(raw, member.name, member.size, _refused))
        parts[member.name] = raw
        checksums[member.name] = member.checksum
    if place != len(directory) or end != start:
        raise _refused("its directory does not fill the place between its members and its end")
    return _folded(parts, checksums)


def _folded(parts: dict[str, memoryview], checksums: dict[str, int]) -> TorchArchive:
    folders = {name.partition("/")[0] for name in parts if "/" in name}
    if len(folders) != 1 or any("/" not in name for name in parts):
        raise _refused("its members do not lie in one folder")
    folder = folders.pop()
    short = len(folder) + 1
    inner = {name[short:]: number for name, number in checksums.items()}
    return TorchArchive(folder, {name[short:]: part for name, part in parts.items()}, inner)


def _directory(data: memoryview) -> tuple[memoryview, int, int]:
    """The directory's bytes, how many members it has, and where it begins; both ends of it must agree."""
    if len(data) < _TAIL:
        raise _refused("it is cut off")
    at = len(data) - _END.size
    magic, disk, first, here, count, size, start, comment = _END.unpack_from(data, at)
    if magic != b"PK\x05\x06" or comment or disk or first or here != count:
        raise _refused("it does not end with its directory: it is cut off, or something follows it")
    long = _LOCATOR.unpack_from(data, at - _LOCATOR.size)
    if long[0] == b"PK\x06\x07":
        at -= _LOCATOR.size + _END64.size
        found = _END64.unpack_from(data, at)
        magic, length, _, _, disk, first, here, total, extent, begin = found
        if magic != b"PK\x06\x06" or length != _END64.size - 12 or disk or first or here != total or long[2] != at:
            raise _refused("the two ends of its directory do not fit")
        if (count, size, start) != (min(total, _FULL16), min(extent, _FULL), min(begin, _FULL)):
            raise _refused("the two ends of its directory disagree")
        count, size, start = total, extent, begin
    if not 0 < count <= MAX_MEMBERS or start + size != at:
        raise _refused("its directory is not where it says, or has too many members")
    return data[start:at], count, start


def _entry(directory: memoryview, place: int) -> tuple[_Member, int]:
    """A member as the directory has it, and where the next entry begins."""
    if place + _CENTRAL.size > len(directory):
        raise _refused("its directory is cut off")
    fields = _CENTRAL.unpack_from(directory, place)
    magic, _, _, flags, method, _, _, checksum, packed, size, length, extra, comment, disk, _, mode, offset = fields
    begin = place + _CENTRAL.size
    raw, more = bytes(directory[begin : begin + length]), bytes(directory[begin + length : begin + length + extra])
    known = method in (0, _DEFLATED) and flags & ~_EFFORT in _FLAGS
    if magic != b"PK\x01\x02" or comment or disk or mode or not known or len(more) != extra:
        raise _refused("a member of it is packed in an unknown way, encrypted, or no plain file")
    size, packed, offset = _long(more, size, packed, offset)
    name = _name(raw)
    if size != packed and (method == 0 or size > _MAX_RATIO * packed + _FREE):
        raise _refused(f"{quote(name)} in it has two sizes, or unpacks to far too many bytes")
    return _Member(name, raw, method, checksum, packed, size, offset), begin + length + extra


def _long(extra: bytes, *numbers: int) -> list[int]:
    """``numbers``, of which those that are full stand in the 64-bit extra field."""
    full = sum(number == _FULL for number in numbers)
    if not extra and not full:
        return list(numbers)
    if len(extra) != 4 + 8 * full or struct.unpack_from("<2H", extra) != (1, 8 * full):
        raise _refused("an entry of its directory has parts that nothing here needs")
    longer = iter(struct.unpack_from(f"<{full}Q", extra, 4))
    return [next(longer) if number == _FULL else number for number in numbers]


def _span(data: memoryview, member: _Member, limit: int) -> tuple[int, int]:
    """Where a member's bytes begin, and where what follows its descriptor does."""
    if member.offset + _LOCAL.size > limit:
        raise _refused("a member of it is cut off")
    fields = _LOCAL.unpack_from(data, member.offset)
    magic, _, flags, method, _, _, checksum, packed, size, length, extra = fields
    begin = member.offset + _LOCAL.size
    start = begin + length + extra
    agree = method == member.method and flags & ~_EFFORT in _FLAGS
    if magic != b"PK\x03\x04" or not agree or bytes(data[begin : begin + length]) != member.raw:
        raise _refused(f"{quote(member.name)} is announced in two ways")
    if not flags & _STREAMED:  # so are members without a byte
        if (checksum, packed, size) != (member.checksum, member.packed, member.size):
            raise _refused(f"{quote(member.name)} is announced in two ways")
        return start, start + member.packed
    if (checksum, packed, size) not in ((0, 0, 0), (0, _FULL, _FULL)):
        raise _refused(f"{quote(member.name)} is announced in two ways")
    end = start + member.packed
    if end > limit:
        raise _refused("a member of it is cut off")
    wide = member.size >= _FULL or member.offset >= _FULL
    for layout in ("<4s3I", "<4sI2Q")[:: -1 if wide else 1]:
        after = end + struct.calcsize(layout)
        if after <= limit and struct.unpack_from(layout, data, end) == (
            b"PK\x07\x08", member.checksum, member.packed, member.size
        ):  # fmt: skip
            return start, after
    raise _refused(f"{quote(member.name)} does not end with its descriptor")


def _name(raw: bytes) -> str:
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        name = ""
    if len(raw) > _LONGEST or not _NAME.fullmatch(name):
        raise _refused(f"a member's name is {quote(name, 60)}")
    return name


def _refused(why: str) -> ContainerError:
    return ContainerError(f"the file is not a usable archive of PyTorch: {why}", hint=_HINT)
