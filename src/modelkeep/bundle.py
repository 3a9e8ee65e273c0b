"""The one-file form of an artifact: a canonical zip, written atomically and mapped when it is read.

Layout (docs/format.md, section 2): members in the order of their names, stored, dated 1980-01-01, always with zip64
fields, each member's data at a multiple of 64. A reader parses the end of the file, encodes the whole directory and
every header again, and compares the bytes; so no two files hold the same artifact, and no byte is left unchecked.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from blake3 import blake3

from modelkeep.artifact import DAMAGED_HINT, MANIFEST, MANIFEST_LIMIT, Artifact, decode_manifest, digest
from modelkeep.errors import ContainerError, IntegrityError, VersionError, quote

ALIGNMENT = 64
MAX_MEMBERS = 10_000
BUNDLE_VERSION = 1

_LOCAL = struct.Struct("<IHHHHHIIIHH")
_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_END64 = struct.Struct("<IQHHIIQQQQ")
_LOCATOR = struct.Struct("<IIQI")
_END = struct.Struct("<IHHHHIIH")
_ZIP64_SIZES = struct.Struct("<HHQQ")
_ZIP64_PLACE = struct.Struct("<HHQQQ")
# The extra field that Android's zipalign pads with: an alignment, then zeros.
_ALIGN = struct.Struct("<HHH")
_ALIGN_ID = 0xD935

_DATE_1980 = 0x0021
_VERSION = 45  # zip64
_UTF8 = 0x0800
_FULL32, _FULL16 = 0xFFFFFFFF, 0xFFFF

_COMMENT = b"modelkeep/%d manifest=%s directory=%s"
_COMMENT_SIZE = len(_COMMENT % (1, b"0" * 64, b"0" * 64))
TAIL_SIZE = _END64.size + _LOCATOR.size + _END.size + _COMMENT_SIZE


@dataclass(frozen=True)
class Member:
    """One file in the zip: where its header and its data begin, and its facts."""

    name: str
    size: int
    crc: int
    header: int

    @property
    def data(self) -> int:
        return data_offset(self.name, self.header)

    @property
    def end(self) -> int:
        return self.data + self.size


def data_offset(name: str, header: int) -> int:
    """Where the data of a member begins whose local header begins at ``header``."""
    least = header + _LOCAL.size + len(name.encode()) + _ZIP64_SIZES.size + _ALIGN.size
    return -(-least // ALIGNMENT) * ALIGNMENT


def local_header(member: Member) -> bytes:
    """The bytes from the member's header to its data."""
    name = member.name.encode()
    used = member.header + _LOCAL.size + len(name) + _ZIP64_SIZES.size + _ALIGN.size
    padding = member.data - used
    extra = _ZIP64_SIZES.pack(1, 16, member.size, member.size) + _ALIGN.pack(_ALIGN_ID, 2 + padding, ALIGNMENT)
    return (
        _LOCAL.pack(
            0x04034B50, _VERSION, _UTF8, 0, 0, _DATE_1980, member.crc, _FULL32, _FULL32, len(name), len(extra) + padding
        )
        + name
        + extra
        + bytes(padding)
    )


def directory(members: Iterable[Member]) -> bytes:
    """The central directory."""
    out = bytearray()
    for m in members:
        name = m.name.encode()
        extra = _ZIP64_PLACE.pack(1, 24, m.size, m.size, m.header)
        sizes = (_FULL32, _FULL32, len(name), len(extra), 0, 0, 0, 0, _FULL32)
        out += _CENTRAL.pack(0x02014B50, _VERSION, _VERSION, _UTF8, 0, 0, _DATE_1980, m.crc, *sizes) + name + extra
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
    members = _read_directory(data)
    for member in members:
        if data[member.header : member.data] != local_header(member):
            raise ContainerError(f"the header of {quote(member.name)} is damaged", hint=DAMAGED_HINT)
    files = {m.name: data[m.data : m.end] for m in members}
    raw = files.pop(MANIFEST, None)
    if raw is None or len(raw) > MANIFEST_LIMIT:
        raise ContainerError("there is no manifest of a usable size in the file", hint=DAMAGED_HINT)
    manifest_bytes = bytes(raw)
    manifest_digest = digest(manifest_bytes)
    if bytes(data[members[-1].end :]) != (central := directory(members)) + tail(members, central, manifest_digest):
        raise IntegrityError("the manifest or the directory is not what was saved", hint=DAMAGED_HINT)
    manifest = decode_manifest(manifest_bytes)
    _check_listing(manifest.files, files)
    return Artifact(manifest, files, manifest_digest)


def _check_listing(listed: Mapping[str, object], files: Mapping[str, memoryview]) -> None:
    sizes = {name: getattr(entry, "size", None) for name, entry in listed.items()}
    if sizes != {name: len(view) for name, view in files.items()}:
        raise ContainerError("the files are not those that the manifest lists", hint=DAMAGED_HINT)


def _read_directory(data: memoryview) -> list[Member]:
    """The members by the central directory: sorted, without gap or overlap, up to the tail."""
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
        raise ContainerError("the directory of the file is damaged", hint=DAMAGED_HINT)
    members = list(_parse_members(bytes(data[start : start + size]), count))
    place = 0
    for member in members:
        if member.header != place or member.end > start:
            raise ContainerError("the members of the file overlap or leave gaps", hint=DAMAGED_HINT)
        place = member.end
    names = [m.name for m in members]
    if place != start or names != sorted(set(names)) or not all(map(_is_inside, names)):
        raise ContainerError("the directory of the file is damaged", hint=DAMAGED_HINT)
    return members


def _parse_members(central: bytes, count: int) -> Iterable[Member]:
    place = 0
    for _ in range(count):
        try:
            fields = _CENTRAL.unpack_from(central, place)
            name_at = place + _CENTRAL.size
            name = central[name_at : name_at + fields[10]].decode()
            _, _, size, _, header = _ZIP64_PLACE.unpack_from(central, name_at + fields[10])
        except (struct.error, UnicodeDecodeError):
            raise ContainerError("the directory of the file is damaged", hint=DAMAGED_HINT) from None
        place = name_at + fields[10] + _ZIP64_PLACE.size
        yield Member(name, size, fields[7], header)


def _is_inside(name: str) -> bool:
    """Whether a member's name is a relative path of plain parts, whatever it is unpacked with."""
    parts = name.split("/")
    return all(part.strip(".") and part.isprintable() and not set(part) & set('\\:*?"<>|') for part in parts)


def _not_a_keep_file(data: memoryview) -> ContainerError:
    if len(data) == 0:
        return ContainerError("the file is empty", hint="save the model again")
    if bytes(data[:4]) == b"PK\x03\x04":
        return ContainerError(
            "a zip file, but not a whole keep file: it is cut short, or another program wrote it",
            hint="get the file again, or open it with the program that wrote it",
        )
    return ContainerError("not a keep file", hint="run: modelkeep formats, for what modelkeep reads")
