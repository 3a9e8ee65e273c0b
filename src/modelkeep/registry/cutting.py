"""An artifact cut into objects that other versions can share, and what of them an earlier version already has.

A tensor of 64 KiB and more is an object of its own, so that it is shared wherever it is the same, and can be mapped.
A column that grows at its end takes its beginning from an earlier version; only what is new behind it is stored. All
that is small lies together in one or two objects, so that a small model is two requests.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from blake3 import blake3

from modelkeep.artifact import MANIFEST, Artifact, new_hasher
from modelkeep.formats.keep.seams import ARRAYS, Seam, seams
from modelkeep.registry.records import Extent, Span, Stored, VersionRecord
from modelkeep.rope import Bytes, pieces_of

#: A tensor from this size on is an object of its own. What is smaller is read, not mapped, and may be deflated.
ALONE = 64 << 10
#: A smaller tensor is not worth a line in the record.
WORTH = 4 << 10
#: What would need more objects of earlier versions is stored anew, so that a load never reads from many.
MOST_EARLIER = 8
ALIGNMENT = 64


class Piece(NamedTuple):
    """The bytes from ``begin`` to ``end`` of a file."""

    file: str
    begin: int
    end: int


class Held(NamedTuple):
    """A piece of a file, and where an object holds it."""

    piece: Piece
    stored: Stored
    offset: int


class Source(NamedTuple):
    """A tensor that an earlier version has, and where its bytes are."""

    size: int
    digest: str
    places: list[tuple[Stored, int, int]]


@dataclass
class Cut:
    """What a version's record says of its bytes, and the objects that it needs: new ones with their content."""

    objects: list[Stored] = field(default_factory=list)
    files: dict[str, list[Extent]] = field(default_factory=dict)
    spans: list[Span] = field(default_factory=list)
    new: dict[str, tuple[Stored, Bytes]] = field(default_factory=dict)  # by key
    reused: set[str] = field(default_factory=set)  # keys of objects that would not be needed without sharing


def cut(artifact: Artifact, earlier: Iterable[VersionRecord] = (), codec: str = "") -> Cut:
    """The objects of an artifact. ``codec`` is how all of them are to be stored; "" leaves it to their size."""
    made = _Cutter(artifact, _Shared(earlier), codec).run()
    return made if len(made.reused) <= MOST_EARLIER else _Cutter(artifact, _Shared(()), codec).run()


class _Shared:
    """The tensors of earlier versions, by digest and by column."""

    def __init__(self, earlier: Iterable[VersionRecord]) -> None:
        self.by_digest: dict[str, Source] = {}
        self.by_column: dict[str, list[Source]] = {}
        for record in earlier:
            extents = record.files.get(ARRAYS, [])
            for span in (span for span in record.spans if span.begin < span.end):
                source = Source(span.end - span.begin, span.digest, _places(record, extents, span.begin, span.end))
                if not _is_there(source):
                    continue
                self.by_digest[span.digest] = source
                if span.column:
                    self.by_column.setdefault(span.column, []).append(source)

    def beginning(self, seam: Seam, data: Bytes) -> Source | None:
        """The longest tensor that ``seam`` begins with."""
        known = self.by_column.get(seam.column, []) if seam.column else []
        for source in sorted(known, reverse=True):
            end = seam.begin + source.size
            if end <= seam.end and _digest(data[seam.begin : end]) == source.digest:
                return source
        return None


def _places(record: VersionRecord, extents: Sequence[Extent], begin: int, end: int) -> list[tuple[Stored, int, int]]:
    """Where the bytes from ``begin`` to ``end`` of a file lie: object, offset and length, in order."""
    found, place = [], 0
    for extent in extents:
        low, high = max(begin, place), min(end, place + extent.length)
        if low < high and extent.object < len(record.objects):
            found.append((record.objects[extent.object], extent.offset + low - place, high - low))
        place += extent.length
    return found


def _is_there(source: Source) -> bool:
    """Whether the objects of a record can hold what it says of them; a record by another program may say anything."""
    return sum(length for _, _, length in source.places) == source.size and all(
        offset + length <= stored.size for stored, offset, length in source.places
    )


def _is_whole(stored: Stored, offset: int, length: int) -> bool:
    return offset == 0 and length == stored.size


def _digest(data: Bytes) -> str:
    hasher = new_hasher(len(data))
    for piece in pieces_of(data):
        hasher.update(piece)
    return hasher.hexdigest()


class _Cutter:
    def __init__(self, artifact: Artifact, shared: _Shared, codec: str) -> None:
        self.files: dict[str, Bytes] = {MANIFEST: memoryview(artifact.manifest.encode()), **artifact.files}
        self.seams = seams(artifact.files)
        self.shared, self.codec = shared, codec
        self.made = Cut()
        self.places: dict[str, list[Held]] = {name: [] for name in self.files}
        self.arrays: list[Piece] = []
        self.texts: list[Piece] = []

    def run(self) -> Cut:
        for name in sorted(self.files):
            if name == ARRAYS:
                self._cut_arrays()
            else:
                whole = Piece(name, 0, len(self.files[name]))
                (self.arrays if name.endswith(".safetensors") else self.texts).append(whole)
        if sum(piece.end - piece.begin for piece in self.arrays) < ALONE:
            self._pack([*self.arrays, *self.texts], "z")
        else:
            self._pack(self.arrays, "")
            self._pack(self.texts, "z")
        self._settle()
        return self.made

    def _cut_arrays(self) -> None:
        data, place = self.files[ARRAYS], 0
        for seam in self.seams:
            if seam.begin > place:  # the header; nothing else lies between tensors
                self.arrays.append(Piece(ARRAYS, place, seam.begin))
            self._tensor(seam, data)
            place = seam.end
        if place < len(data):
            self.arrays.append(Piece(ARRAYS, place, len(data)))

    def _tensor(self, seam: Seam, data: Bytes) -> None:
        size = seam.end - seam.begin
        content = data[seam.begin : seam.end]
        digest = _digest(content) if size >= WORTH or seam.column else ""
        piece = Piece(ARRAYS, seam.begin, seam.end)
        if digest:
            self.made.spans.append(Span(seam.begin, seam.end, digest, seam.column))
        source = self.shared.by_digest.get(digest) or self.shared.beginning(seam, data)
        if source is not None:
            # What is new behind it goes with what is new behind the other columns, however long it is: a version that
            # grew is one object more, not one for each column.
            piece = self._reuse(piece, source)
        if source is None and size >= ALONE:
            self._object(content, digest, [(piece, 0)], self.codec)
        elif piece.begin < piece.end:
            self.arrays.append(piece)

    def _reuse(self, piece: Piece, source: Source) -> Piece:
        """Take what an earlier version has; what is left of the piece."""
        begin = piece.begin
        for stored, offset, length in source.places:
            self.places[piece.file].append(Held(Piece(piece.file, begin, begin + length), stored, offset))
            begin += length
        # A large column is an object of its own in any case, and its beginning is one too.
        extra = source.places[1:] if _is_whole(*source.places[0]) else source.places
        self.made.reused |= {stored.key for stored, _, _ in extra}
        return piece._replace(begin=begin)

    def _pack(self, pieces: Sequence[Piece], codec: str) -> None:
        """One object of small pieces. What begins a new run begins at a multiple of 64, as it does in its file."""
        content: list[memoryview] = []
        inside: list[tuple[Piece, int]] = []
        size = 0
        for before, piece in zip([None, *pieces], pieces, strict=False):
            if before is None or (before.file, before.end) != (piece.file, piece.begin):
                padding = -size % ALIGNMENT
                content.append(memoryview(bytes(padding)))
                size += padding
            inside.append((piece, size))
            content += pieces_of(self.files[piece.file][piece.begin : piece.end])
            size += piece.end - piece.begin
        if not size:
            return
        data = memoryview(b"".join(content))
        self._object(data, blake3(data).hexdigest(), inside, self.codec or codec)

    def _object(self, content: Bytes, digest: str, inside: list[tuple[Piece, int]], codec: str) -> None:
        stored = Stored(digest, len(content), codec)
        self.made.new[stored.key] = (stored, content)
        for piece, offset in inside:
            self.places[piece.file].append(Held(piece, stored, offset))

    def _settle(self) -> None:
        """The places as the record has them: every object once, neighbours in one extent."""
        numbers: dict[Stored, int] = {}
        for name, places in self.places.items():
            extents: list[Extent] = []
            for piece, stored, offset in sorted(places):
                length = piece.end - piece.begin
                number = numbers.setdefault(stored, len(numbers))
                last = extents[-1] if extents else None
                if last and last.object == number and last.offset + last.length == offset:
                    extents[-1] = Extent(number, last.offset, last.length + length)
                elif length:
                    extents.append(Extent(number, offset, length))
            self.made.files[name] = extents
        self.made.objects = list(numbers)
