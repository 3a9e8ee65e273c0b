"""Writing the one-file form: parts stream through, so that a large model is never held a second time."""

from __future__ import annotations

import errno
import os
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import BinaryIO

from blake3 import blake3

from modelkeep import atomic
from modelkeep.artifact import DIGEST_PREFIX, MANIFEST, Artifact, FileEntry, Manifest, digest
from modelkeep.bundle import Member, directory, local_header, placed, tail
from modelkeep.ports import Buffer, Part
from modelkeep.rope import pieces_of

# Where another thread seals: what it has hashed is still in the processor's cache when it counts the CRC.
_PIECE = 1 << 20
# From this size on, sealing a part in a thread of its own pays.
_IN_THREADS = 4 << 20
# Bytes that are written and not yet sealed.
_BEHIND = 16 << 20
# A smaller artifact is made whole, and written by few calls: of its parts, those below this size are one buffer each.
_AT_ONCE, _JOINED = 4 << 20, 256 << 10
_BATCH = 512  # buffers that go out by one call; systems allow 1024


class _Seal:
    """The digest and the CRC of one part, fed piece by piece."""

    def __init__(self) -> None:
        self._hasher = blake3()
        self.crc = 0
        self.size = 0

    @classmethod
    def of(cls, part: Part, chunks: Iterable[Buffer]) -> _Seal:
        """The seal of a part that is these chunks."""
        seal = cls()
        for chunk in chunks:
            seal.add(memoryview(chunk).cast("B"))
        return seal.checked(part)

    def add(self, piece: memoryview) -> None:
        self._hasher.update(piece)
        self.crc = zlib.crc32(piece, self.crc)
        self.size += len(piece)

    def checked(self, part: Part) -> _Seal:
        if self.size != part.size:
            raise AssertionError(f"a writer announced {part.size} bytes and gave {self.size}")
        return self

    def entry(self) -> FileEntry:
        return FileEntry(self.size, DIGEST_PREFIX + self._hasher.hexdigest())


def write_bundle(
    file: BinaryIO,
    parts: Mapping[str, Part],
    manifest_of: Callable[[dict[str, FileEntry]], Manifest],
    progress: Callable[[int, int], None] = lambda done, total: None,
    *,
    durable: bool = False,
) -> tuple[str, int]:
    """Write ``parts`` and their manifest to ``file`` (seekable, at its start); return digest and size of the artifact.

    ``manifest_of`` gets every file's size and digest. The parts of a large artifact whose names come after the
    manifest's are read twice. ``progress`` is told the bytes written and the bytes in all. ``durable`` says that it
    is a file of the system's that the caller will sync: most of that is done while the digests are still being made.
    """
    total = sum(part.size for part in parts.values())
    if total < _AT_ONCE:
        made = _write_at_once(file, parts, manifest_of, durable)
        progress(total, total)
        return made
    return _write(file, parts, manifest_of, lambda done: progress(done, total), durable)


def write_artifact(artifact: Artifact, path: str | os.PathLike[str]) -> int:
    """Write an artifact as a file, atomically; its size. Equal artifacts give equal bytes."""
    parts = {name: Part(len(data), lambda data=data: pieces_of(data)) for name, data in artifact.files.items()}  # type: ignore[misc]
    with atomic.replacing(path) as file:
        return write_bundle(file, parts, lambda entries: artifact.manifest, durable=True)[1]


def _write_at_once(
    file: BinaryIO, parts: Mapping[str, Part], manifest_of: Callable[[dict[str, FileEntry]], Manifest], own: bool
) -> tuple[str, int]:
    """A small artifact: all is sealed first, and goes out in the order of the file."""
    found = {name: _sealed(part) for name, part in parts.items()}
    raw = manifest_of({name: seal.entry() for name, (seal, _) in found.items()}).encode()
    found[MANIFEST] = _sealed(Part.of(raw))
    members: list[Member] = []
    out: list[Buffer] = []
    for name in sorted(found):
        seal, chunks = found[name]
        members.append(placed(name.encode(), seal.size, seal.crc, members[-1].end if members else 0))
        out += (local_header(members[-1]), *chunks)
    central, manifest_digest = directory(members), found[MANIFEST][0].entry().digest
    end = tail(members, central, manifest_digest)
    _write_together(file, [*out, central, end], own)
    return manifest_digest, members[-1].end + len(central) + len(end)


def _sealed(part: Part) -> tuple[_Seal, list[Buffer]]:
    chunks: list[Buffer] = list(part.chunks())
    if part.size < _JOINED:
        chunks = [b"".join(chunks)]
    return _Seal.of(part, chunks), chunks


def _write_together(file: BinaryIO, buffers: list[Buffer], own: bool) -> None:
    """In few calls where the system can gather, into a file of our own: another's may do more than write.

    The system may take less than it is given, as at the edge of a full disk.
    """
    batches = [buffers[i : i + _BATCH] for i in range(0, len(buffers), _BATCH)]
    for batch in batches:
        taken = os.writev(file.fileno(), batch) if own and hasattr(os, "writev") else 0
        for buffer in batch:
            view = memoryview(buffer).cast("B")
            _write_all(file, view[taken:])
            taken = max(0, taken - len(view))


def _write(
    file: BinaryIO,
    parts: Mapping[str, Part],
    manifest_of: Callable[[dict[str, FileEntry]], Manifest],
    progress: Callable[[int], None],
    durable: bool,
) -> tuple[str, int]:
    entries = {name: _Seal.of(part, part.chunks()).entry() for name, part in parts.items() if name > MANIFEST}
    members: list[Member] = []
    manifest_digest = ""
    with ThreadPoolExecutor(1) as sealer:
        for name in sorted([*parts, MANIFEST]):
            if name == MANIFEST:
                raw = manifest_of(entries).encode()
                manifest_digest, part = digest(raw), Part.of(raw)
            else:
                part = parts[name]
            member = placed(name.encode(), part.size, 0, members[-1].end if members else 0)
            file.seek(member.data)
            seal = _stream(file, part, sealer, progress, durable)
            members.append(member._replace(crc=seal.crc))
            if name != MANIFEST:
                entries[name] = seal.entry()
    central = directory(members)
    end = central + tail(members, central, manifest_digest)
    _write_all(file, memoryview(end))
    for member in members:
        file.seek(member.header)
        _write_all(file, memoryview(local_header(member)))
    return manifest_digest, members[-1].end + len(end)


def _stream(file: BinaryIO, part: Part, sealer: Executor, progress: Callable[[int], None], durable: bool) -> _Seal:
    """Write a part, and seal it on the way."""
    if part.size < _IN_THREADS:
        data = b"".join(part.chunks())
        _write_all(file, memoryview(data))
        progress(len(data))
        return _Seal.of(part, [data])
    seal = _Seal()
    behind = _write_ahead(file, part, lambda piece: sealer.submit(seal.add, piece), progress)
    if durable:
        os.fsync(file.fileno())  # the disk does its work while the other thread ends its own
    for _, sealed in behind:
        sealed.result()
    return seal.checked(part)


def _write_ahead(
    file: BinaryIO, part: Part, seal: Callable[[memoryview], Future[None]], progress: Callable[[int], None]
) -> Iterable[tuple[int, Future[None]]]:
    """Write while another thread seals: both release the interpreter lock. What is not yet sealed comes back."""
    behind: deque[tuple[int, Future[None]]] = deque()
    held = 0
    for chunk in part.chunks():
        # A chunk this large is the model's own memory; smaller ones may be made for this part, and must not pile up.
        made = memoryview(chunk).nbytes < _BEHIND
        for piece in _pieces(chunk):
            size = len(piece) if made else 0
            behind.append((size, seal(piece)))
            held += size
            _write_all(file, piece)
            progress(len(piece))
            while held > _BEHIND:
                size, sealed = behind.popleft()
                sealed.result()
                held -= size
    return behind


def _pieces(chunk: Buffer) -> Iterator[memoryview]:
    view = memoryview(chunk).cast("B")
    return (view[start : start + _PIECE] for start in range(0, len(view), _PIECE))


def _write_all(file: BinaryIO, data: memoryview) -> None:
    """Raw files may take less than they are given, at the edge of a full disk for one."""
    while data:
        written: int | None = file.write(data)
        if written is None:  # what many file-like objects answer when they took all of it
            return
        if not written:
            raise OSError(errno.EIO, "the file takes no more bytes")
        data = data[written:]
