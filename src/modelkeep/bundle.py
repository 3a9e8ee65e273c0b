"""The one-file form of an artifact: a canonical zip, written atomically and mapped when it is read.

Layout (docs/format.md, section 2): members in the order of their names, stored, dated 1980-01-01, always with zip64
fields, each member's data at a multiple of 64. A reader takes names, sizes and CRCs from the directory, encodes it and
every header again, and compares the bytes; so no byte is left unchecked.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from blake3 import blake3

from modelkeep.artifact import DAMAGED_HINT, MANIFEST, MANIFEST_LIMIT, Artifact, decode_manifest, digest
from modelkeep.errors import ContainerError, IntegrityError, VersionError, quote

ALIGNMENT = 64
MAX_MEMBERS = 10_000
BUNDLE_VERSION = 1

_LOCAL = struct.Struct("<IHHHHHIIIHH")
# zip64's record of both sizes, and the one that Android's zipalign pads with: an alignment, then zeros.
_LOCAL_EXTRA = struct.Struct("<HHQQHHH")
_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_CENTRAL_EXTRA = struct.Struct("<HHQQQ")
_END64 = struct.Struct("<IQHHIIQQQQ")
_LOCATOR = struct.Struct("<IIQI")
_END = struct.Struct("<IHHHHIIH")
_ALIGN_ID = 0xD935

_DATE_1980 = 0x0021
_VERSION = 45  # zip64
_UTF8 = 0x0800
_FULL32, _FULL16 = 0xFFFFFFFF, 0xFFFF

_COMMENT = b"modelkeep/%d manifest=%s directory=%s"
_COMMENT_SIZE = len(_COMMENT % (1, b"0" * 64, b"0" * 64))
TAIL_SIZE = _END64.size + _LOCATOR.size + _END.size + _COMMENT_SIZE


class Member(NamedTuple):
    """One file in the zip: its facts, and where its header and its data begin."""

    name: bytes
    size: int
    crc: int
    header: int
    data: int

    @property
    def end(self) -> int:
        return self.data + self.size


def placed(name: bytes, size: int, crc: int, header: int) -> Member:
    """The member whose local header begins at ``header``; its data follow at the next multiple of 64."""
    least = header + _LOCAL.size + len(name) + _LOCAL_EXTRA.size
    return Member(name, size, crc, header, -(-least // ALIGNMENT) * ALIGNMENT)


def local_header(m: Member) -> bytes:
    """The bytes from the member's header to its data."""
    length = m.data - m.header - _LOCAL.size - len(m.name)
    padding = length - _LOCAL_EXTRA.size
    sizes = (m.crc, _FULL32, _FULL32, len(m.name), length)
    return (
        _LOCAL.pack(0x04034B50, _VERSION, _UTF8, 0, 0, _DATE_1980, *sizes)
        + m.name
        + _LOCAL_EXTRA.pack(1, 16, m.size, m.size, _ALIGN_ID, 2 + padding, ALIGNMENT)
        + bytes(padding)
    )


def directory(members: Iterable[Member]) -> bytes:
    """The central directory."""
    out = bytearray()
    for m in members:
        sizes = (m.crc, _FULL32, _FULL32, len(m.name), _CENTRAL_EXTRA.size, 0, 0, 0, 0, _FULL32)
        out += _CENTRAL.pack(0x02014B50, _VERSION, _VERSION, _UTF8, 0, 0, _DATE_1980, *sizes)
        out += m.name + _CENTRAL_EXTRA.pack(1, 24, m.size, m.size, m.header)
    return bytes(out)


def tail(members: list[Member], central: bytes, manifest_digest: str) -> bytes:
    """The records behind the central directory; their comment binds the manifest and the directory."""
    start = members[-1].end
    count, end = len(members), start + len(central)
    comment = _COMMENT % (
        BUNDLE_VERSION,
        manifest_digest.removeprefix("blake3:").encode(),
        blake3(central).hexdigest().encode(),
    )
    return (
        _END64.pack(0x06064B50, _END64.size - 12, _VERSION, _VERSION, 0, 0, count, count, len(central), start)
        + _LOCATOR.pack(0x07064B50, 0, end, 1)
        + _END.pack(0x06054B50, 0, 0, _FULL16, _FULL16, _FULL32, _FULL32, len(comment))
        + comment
    )


def looks_like_keep(tail_bytes: bytes | memoryview) -> bool:
    """Whether a file that ends so was written by some version of modelkeep."""
    return b"modelkeep/" in bytes(tail_bytes[-TAIL_SIZE:])


def open_bundle(data: memoryview) -> Artifact:
    """The artifact in a whole one-file form. Its structure is checked here, its digests by ``Artifact.verify``."""
    members, central = _read_members(data)
    names = [m.name.decode() for m in members]
    files = {name: data[m.data : m.end] for name, m in zip(names, members, strict=True)}
    raw = files.pop(MANIFEST, None)
    if raw is None or len(raw) > MANIFEST_LIMIT:
        raise ContainerError("there is no manifest of a usable size in the file", hint=DAMAGED_HINT)
    manifest_bytes = bytes(raw)
    manifest_digest = digest(manifest_bytes)
    if data[members[-1].end + len(central) :] != tail(members, central, manifest_digest):
        raise IntegrityError("the manifest or the directory is not what was saved", hint=DAMAGED_HINT)
    manifest = decode_manifest(manifest_bytes)
    if {name: entry.size for name, entry in manifest.files.items()} != {name: len(v) for name, v in files.items()}:
        raise ContainerError("the files are not those that the manifest lists", hint=DAMAGED_HINT)
    return Artifact(manifest, files, manifest_digest)


def _read_members(data: memoryview) -> tuple[list[Member], bytes]:
    """The members by the central directory, and its bytes: sorted, without gap or overlap, up to the tail.

    Names, sizes and CRCs are taken from it; all else follows from them, and is compared, local headers too.
    """
    end = bytes(data[-TAIL_SIZE:])
    comment = end[-_COMMENT_SIZE:]
    if len(end) < TAIL_SIZE or not comment.startswith(b"modelkeep/"):
        raise _not_a_keep_file(data)
    version = comment[len(b"modelkeep/") :].partition(b" ")[0]
    if version != b"%d" % BUNDLE_VERSION:
        raise VersionError(
            f"the file has container version {quote(version.decode('latin-1'))}, and this modelkeep reads version "
            f"{BUNDLE_VERSION}",
            hint="install a newer modelkeep: pip install -U modelkeep",
        )
    _, _, _, _, _, _, count, _, size, start = _END64.unpack_from(end)
    if not (0 < count <= MAX_MEMBERS and start + size + TAIL_SIZE == len(data)):
        raise _damaged_directory()
    central = bytes(data[start : start + size])
    members = list(_parse_members(central, count, start))
    names = [m.name for m in members]
    if central != directory(members) or members[-1].end != start or names != sorted(set(names)):
        raise _damaged_directory()
    for m in members:
        if data[m.header : m.data] != local_header(m):
            raise ContainerError(f"the header of {quote(m.name.decode())} is damaged", hint=DAMAGED_HINT)
    return members, central


def _parse_members(central: bytes, count: int, limit: int) -> Iterator[Member]:
    """One behind the other, from the start of the file to ``limit``."""
    place = header = 0
    for _ in range(count):
        try:
            fields = _CENTRAL.unpack_from(central, place)
            end = place + _CENTRAL.size + fields[10]
            name = central[place + _CENTRAL.size : end]
            size = _CENTRAL_EXTRA.unpack_from(central, end)[2]
        except struct.error:
            raise _damaged_directory() from None
        m = placed(name, size, fields[7], header)
        if m.end > limit or not _is_inside(name):
            raise _damaged_directory()
        yield m
        place, header = end + _CENTRAL_EXTRA.size, m.end


# A relative path of plain parts, whatever it is unpacked with: each has a character that is not a dot.
_PART = r"""(?!\.+(?:/|\Z))[^/\\:*?"<>|]+"""
_INSIDE = re.compile(f"{_PART}(?:/{_PART})*")


def _is_inside(name: bytes) -> bool:
    try:
        text = name.decode()
    except UnicodeDecodeError:
        return False
    return text.isprintable() and _INSIDE.fullmatch(text) is not None


def _damaged_directory() -> ContainerError:
    return ContainerError("the directory of the file is damaged", hint=DAMAGED_HINT)


def _not_a_keep_file(data: memoryview) -> ContainerError:
    if len(data) == 0:
        return ContainerError("the file is empty", hint="save the model again")
    if bytes(data[:4]) == b"PK\x03\x04":
        return ContainerError(
            "a zip file, but not a whole keep file: it is cut short, or another program wrote it",
            hint="get the file again, or open it with the program that wrote it",
        )
    return ContainerError("not a keep file", hint="run: modelkeep formats, for what modelkeep reads")
