"""Writing the one-file form: parts stream through, so that a model is never held a second time."""

from __future__ import annotations

import errno
import io
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import BinaryIO

from blake3 import blake3

from modelkeep.artifact import DIGEST_PREFIX, MANIFEST, FileEntry, Manifest, digest
from modelkeep.bundle import Member, directory, local_header, placed, tail
from modelkeep.ports import Buffer, Part

_PIECE = 2 << 20
# From this size on, sealing a part in threads of its own pays.
_IN_THREADS = 4 << 20
_BEHIND = 8
# Up to this size everything is put together in memory and written by one call.
_ONE_WRITE = 1 << 20


Sealers = tuple[ThreadPoolExecutor, ThreadPoolExecutor]


class _Seal:
    """The digest and the CRC of one part, fed piece by piece."""

    def __init__(self, size: int) -> None:
        self._hasher = blake3()
        self.crc = 0
        self.size = 0

    def hash(self, piece: memoryview) -> None:
        self._hasher.update(piece)

    def count(self, piece: memoryview) -> None:
        self.crc = zlib.crc32(piece, self.crc)
        self.size += len(piece)

    def entry(self) -> FileEntry:
        return FileEntry(self.size, DIGEST_PREFIX + self._hasher.hexdigest())


def write_bundle(
    file: BinaryIO,
    parts: Mapping[str, Part],
    manifest_of: Callable[[dict[str, FileEntry]], Manifest],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> str:
    """Write ``parts`` and their manifest to ``file`` (seekable, at its start); return the artifact's digest.

    ``manifest_of`` gets every file's size and digest. Parts whose names come after the manifest's are read twice.
    ``progress`` is told the bytes written and the bytes in all.
    """
    total = sum(part.size for part in parts.values())
    if total < _ONE_WRITE:
        memory = io.BytesIO()
        made = _write(memory, parts, manifest_of, lambda done: None)
        _write_all(file, memory.getbuffer())
        return made
    return _write(file, parts, manifest_of, lambda done: progress(done, total))


def _write(
    file: BinaryIO,
    parts: Mapping[str, Part],
    manifest_of: Callable[[dict[str, FileEntry]], Manifest],
    progress: Callable[[int], None],
) -> str:
    entries = {name: _seal(part) for name, part in parts.items() if name > MANIFEST}
    members: list[Member] = []
    manifest_digest = ""
    with ThreadPoolExecutor(1) as hashing, ThreadPoolExecutor(1) as counting:
        for name in sorted([*parts, MANIFEST]):
            if name == MANIFEST:
                raw = manifest_of(entries).encode()
                manifest_digest, part = digest(raw), Part.of(raw)
            else:
                part = parts[name]
            member = placed(name.encode(), part.size, 0, members[-1].end if members else 0)
            file.seek(member.data)
            seal = _stream(file, part, (hashing, counting), progress)
            members.append(member._replace(crc=seal.crc))
            if name != MANIFEST:
                entries[name] = seal.entry()
    central = directory(members)
    _write_all(file, memoryview(central + tail(members, central, manifest_digest)))
    for member in members:
        file.seek(member.header)
        _write_all(file, memoryview(local_header(member)))
    return manifest_digest


def _seal(part: Part) -> FileEntry:
    seal = _Seal(part.size)
    for piece in _pieces(part.chunks()):
        seal.hash(piece)
        seal.count(piece)
    return seal.entry()


def _stream(file: BinaryIO, part: Part, sealers: Sealers, progress: Callable[[int], None]) -> _Seal:
    """Write a part while two threads seal it: writing, hashing and the CRC all release the interpreter lock."""
    seal = _Seal(part.size)
    if part.size < _IN_THREADS:
        for piece in _pieces(part.chunks()):
            seal.hash(piece)
            seal.count(piece)
            _write_all(file, piece)
        progress(part.size)
    else:
        behind: deque[Future[None]] = deque()
        for piece in _pieces(part.chunks()):
            behind.append(sealers[0].submit(seal.hash, piece))
            behind.append(sealers[1].submit(seal.count, piece))
            _write_all(file, piece)
            progress(len(piece))
            while len(behind) > _BEHIND:  # pieces that were made for this part only must not pile up
                behind.popleft().result()
        for last in behind:
            last.result()
    if seal.size != part.size:
        raise AssertionError(f"a writer announced {part.size} bytes and gave {seal.size}")
    return seal


def _pieces(chunks: Iterable[Buffer]) -> Iterator[memoryview]:
    for chunk in chunks:
        view = memoryview(chunk).cast("B")
        for start in range(0, len(view), _PIECE):
            yield view[start : start + _PIECE]


def _write_all(file: BinaryIO, data: memoryview) -> None:
    """Raw files may take less than they are given, at the edge of a full disk for one."""
    while data:
        written: int | None = file.write(data)
        if written is None:  # what many file-like objects answer when they took all of it
            return
        if not written:
            raise OSError(errno.EIO, "the file takes no more bytes")
        data = data[written:]
