"""Vectors for the container: the zip around an artifact, and its digests."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator

from fuzz import forge
from fuzz.forge import ARRAYS, GRAPH, MANIFEST
from modelkeep import bundle

Vector = tuple[str, str, str, bytes]
NUMBERS = forge.arrays_file({"0": {"dtype": "F64", "shape": [2], "data_offsets": [0, 16]}}, struct.pack("<2d", 1, 2))
SOUND = forge.artifact(["list", [1, ["array", 0]]], NUMBERS)
END = bundle.TAIL_SIZE


def vectors() -> Iterator[Vector]:
    yield from _not_a_keep_file()
    yield from _cut()
    yield from _placed()
    yield from _headers()
    yield from _names()
    yield from _digests()


def _zip(method: int) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", method) as archive:
        for name, data in forge.take_apart(SOUND).files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return memory.getvalue()


def _not_a_keep_file() -> Iterator[Vector]:
    yield "empty", "container", "no bytes at all", b""
    yield "one_byte", "container", "one byte", b"P"
    yield "magic_only", "container", "the first four bytes alone", b"PK\x03\x04"
    yield "text", "container", "a text file", b"not a model\n"
    yield "a_pickle", "container", "a pickle under the name of a keep file", pickle.dumps([1, 2], 5)
    yield "other_zip", "container", "a zip that another program wrote", _zip(zipfile.ZIP_STORED)
    yield "other_zip_deflated", "container", "the same, deflated", _zip(zipfile.ZIP_DEFLATED)
    comment = _zip(zipfile.ZIP_STORED)[:-2] + struct.pack("<H", 160) + SOUND[-160:]
    yield "other_zip_with_comment", "container", "another program's zip with the comment of a keep file", comment


def _cut() -> Iterator[Vector]:
    yield "cut_last_byte", "container", "the last byte is missing", SOUND[:-1]
    yield "cut_comment", "container", "the comment is missing", SOUND[:-160]
    yield "cut_half", "container", "the second half is missing", SOUND[: len(SOUND) // 2]
    yield "cut_first_byte", "container", "the first byte is missing", SOUND[1:]
    yield "cut_middle", "container", "a byte in the middle is missing", SOUND[:200] + SOUND[201:]
    yield "byte_before", "container", "a byte before the file", b"\0" + SOUND
    yield "byte_behind", "container", "a byte behind the file", SOUND + b"\0"
    yield "script_before", "container", "a shell script before the file", b"#!/bin/sh\nexit\n" + SOUND
    yield "twice", "container", "the file twice, one behind the other", SOUND + SOUND


def _ends(place: int, layout: str, value: int) -> bytes:
    """A number in the end records changed."""
    out = bytearray(SOUND)
    struct.pack_into(layout, out, len(SOUND) - END + place, value)
    return bytes(out)


def _placed() -> Iterator[Vector]:
    pieces = forge.take_apart(SOUND)
    start = struct.unpack_from("<Q", SOUND, len(SOUND) - END + 48)[0]
    size = struct.unpack_from("<Q", SOUND, len(SOUND) - END + 40)[0]
    for name, place, value, why in (
        ("count_zero", 24, 0, "no members"),
        ("count_less", 24, 2, "fewer members than there are"),
        ("count_more", 24, 4, "more members than there are"),
        ("count_huge", 24, 1 << 63, "more members than a file can have"),
        ("directory_size", 40, size - 1, "the directory is said to be shorter"),
        ("directory_size_huge", 40, (1 << 64) - 1, "the directory is said to be larger than the file"),
        ("directory_place", 48, start + 1, "the directory is said to begin later"),
        ("directory_place_zero", 48, 0, "the directory is said to begin at the start"),
    ):
        yield name, "container", f"the end record says: {why}", _ends(place, "<Q", value)
    yield "counts_differ", "integrity", "the end record counts two members on this disk", _ends(32, "<Q", 2)
    yield "disk_number", "integrity", "the end record names a second disk", _ends(16, "<I", 1)
    unsorted = pieces.seal(order=[MANIFEST, GRAPH, ARRAYS])
    yield "order", "container", "the members are not in the order of their names", unsorted
    members = [(ARRAYS, NUMBERS), (GRAPH, pieces.files[GRAPH]), (GRAPH, pieces.files[GRAPH])]
    raw = forge.manifest_bytes(pieces.files, pieces.manifest)
    twice = forge.container([*members, (MANIFEST, raw)], forge.digest(raw))
    yield "name_twice", "container", "two members have one name", twice
    yield "no_manifest", "container", "there is no manifest", forge.container(members[:2], forge.digest(raw))
    yield "gap", "container", "64 bytes that belong to nothing lie between two members", _moved(64)
    yield "overlap", "container", "a member begins inside another one", _moved(-64)


def _moved(by: int) -> bytes:
    """The second member's header is elsewhere; all offsets and digests say so."""
    pieces = forge.take_apart(SOUND)
    raw = forge.manifest_bytes(pieces.files, pieces.manifest)
    out, placed = bytearray(), []
    for i, (name, data) in enumerate(sorted([*pieces.files.items(), (MANIFEST, raw)])):
        at = len(out) + (by if i == 1 else 0)
        member = bundle.placed(name.encode(), len(data), zlib.crc32(data), at)
        out[at:] = bytes(max(0, at - len(out))) + bundle.local_header(member) + data
        placed.append(member)
    central = bundle.directory(placed)
    return bytes(out + central + bundle.tail(placed, central, forge.digest(raw)))


def _local(edit: Callable[[bytearray, int], None]) -> bytes:
    """The local header of the first member changed, everything else true to it."""
    out = bytearray(SOUND)
    edit(out, 0)
    return bytes(out)


def _central(edit: Callable[[bytearray], None]) -> bytes:
    """The directory changed, and bound again by its digest."""
    start = struct.unpack_from("<Q", SOUND, len(SOUND) - END + 48)[0]
    central = bytearray(SOUND[start:-END])
    edit(central)
    end = bytearray(SOUND[-END:])
    struct.pack_into("<Q", end, 40, len(central))
    struct.pack_into("<Q", end, 64, start + len(central))
    return SOUND[:start] + bytes(central) + bytes(end[:-64]) + forge.digest(bytes(central))[7:].encode()


def _headers() -> Iterator[Vector]:
    first = len(ARRAYS)
    for name, place, layout, value, why in (
        ("local_signature", 0, "<I", 0x04034B51, "its signature"),
        ("local_version", 4, "<H", 20, "its version"),
        ("local_encrypted", 6, "<H", 0x0801, "the flag of encryption"),
        ("local_deflated", 8, "<H", 8, "the method of compression"),
        ("local_date", 12, "<H", 0x5A21, "a date"),
        ("local_crc", 14, "<I", 1, "another CRC than in the directory"),
        ("local_size", 18, "<I", 16, "a 32-bit size"),
        ("local_name", 30, "<B", ord("b"), "another name than in the directory"),
        ("local_zip64_size", 30 + first + 4, "<Q", 1 << 40, "another size in its zip64 field"),
        ("local_padding", 30 + first + 26, "<B", 1, "padding that is not zero"),
    ):
        data = _local(lambda out, at: struct.pack_into(layout, out, at + place, value))  # noqa: B023  called at once
        yield name, "container", f"a local header has {why}", data
    for name, place, layout, value, why in (
        ("central_symlink", 38, "<I", 0o120777 << 16, "the attributes of a symbolic link"),
        ("central_made_by", 4, "<H", 0x031E, "another system"),
        ("central_time", 12, "<H", 1, "a time of day"),
        ("central_disk", 34, "<H", 1, "a second disk"),
    ):
        data = _central(lambda c: struct.pack_into(layout, c, place, value))  # noqa: B023
        yield name, "container", f"the directory gives a member {why}", data
    offset = struct.pack("<Q", 1)
    data = _central(lambda c: c.__setitem__(slice(46 + first + 20, 46 + first + 28), offset))
    yield "central_offset", "container", "the directory says that the first member begins at byte 1", data
    data = _central(lambda c: c.extend(b"\0\0"))
    yield "central_longer", "container", "two bytes behind the last entry of the directory", data


def _names() -> Iterator[Vector]:
    for name, member in {
        "name_absolute": "/etc/x", "name_parent": "../x", "name_parent_inside": "a/../../x", "name_dot": "a/./x",
        "name_empty_part": "a//x", "name_folder": "a/", "name_backslash": "a\\x", "name_drive": "c:x",
        "name_nul": "a\0x", "name_control": "a\x1b[31mx", "name_bidi": "a\u202ex", "name_empty": "", "name_star": "a*",
    }.items():  # fmt: skip
        pieces = forge.take_apart(SOUND)
        pieces.files[member] = b"x"
        yield name, "container", f"a member is named {member!a}", pieces.seal()
    pieces = forge.take_apart(SOUND)
    pieces.files["aa"] = b"x"
    yield "name_not_utf8", "container", "a name is not UTF-8", pieces.seal().replace(b"aa", b"a\xff", 1)


def _digests() -> Iterator[Vector]:
    pieces = forge.take_apart(SOUND)
    place = SOUND.index(pieces.files[GRAPH])
    flipped = bytearray(SOUND)
    flipped[place + 70] ^= 1
    yield "bit_in_graph", "integrity", "one bit of the graph is flipped", bytes(flipped)
    flipped = bytearray(SOUND)
    flipped[SOUND.index(NUMBERS) + len(NUMBERS) - 1] ^= 0x80
    yield "bit_in_array", "integrity", "the sign of a number is flipped", bytes(flipped)
    flipped = bytearray(SOUND)
    flipped[SOUND.index(b'"framework":"python"') + 14] ^= 1
    yield "bit_in_manifest", "integrity", "one bit of the manifest is flipped", bytes(flipped)
    for name, at in (("bound_manifest", -70), ("bound_directory", -1)):
        out = bytearray(SOUND)
        out[at] = ord("0") if out[at] != ord("0") else ord("1")
        yield name, "integrity", "a digest in the comment is another one", bytes(out)
    true = forge.digest(NUMBERS)
    for name, said, why in (
        ("digest_of_another", forge.digest(b"x"), "is that of other bytes"),
        ("digest_upper_case", "blake3:" + true[7:].upper(), "is written in capitals"),
        ("digest_unknown", "sha256:" + true[7:], "is of another kind"),
        ("digest_short", true[:-2], "is cut short"),
        ("digest_empty", "", "is empty"),
    ):
        files = {
            key: {"size": len(data), "digest": said if key == ARRAYS else forge.digest(data)}
            for key, data in pieces.files.items()
        }
        yield (
            name,
            "integrity",
            f"the digest of the arrays {why}",
            forge.seal(pieces.files, {**pieces.manifest, "files": files}),
        )
