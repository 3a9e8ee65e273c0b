"""The objects of a registry: an artifact written as objects, and read back from them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from blake3 import blake3

from modelkeep.artifact import (
    DAMAGED_HINT,
    DIGEST_PREFIX,
    MANIFEST,
    MANIFEST_LIMIT,
    Artifact,
    decode_manifest,
    new_hasher,
)
from modelkeep.errors import IntegrityError, LoadError
from modelkeep.formats.keep import files as keep
from modelkeep.registry import codecs
from modelkeep.registry.cutting import Cut
from modelkeep.registry.records import Extent, Stored, VersionRecord
from modelkeep.rope import Bytes, Rope, pieces_of
from modelkeep.store import Store

TRASH = "trash"
_READERS = 8


def put(store: Store, cut: Cut) -> int:
    """Write the objects that are not there yet; the bytes that this took."""
    taken = 0
    for key, (stored, content) in cut.new.items():
        if store.size(key) is None or has_decayed(store, stored):
            data = codecs.encode(
                memoryview(b"".join(pieces_of(content)) if isinstance(content, Rope) else content), stored.codec
            )
            store.put(key, data)
            taken += len(data)
    return taken


def has_decayed(store: Store, stored: Stored) -> bool:
    """Whether an object that is there is not what its name says: it must not become part of a new version.

    It is read whole where that is near; far away its length has to do.
    """
    if store.fingerprint(stored.key) is None:
        return not stored.codec and store.size(stored.key) != stored.size
    try:
        return not is_intact(stored, fetch(store, stored))
    except LoadError:
        return True


def lacking(store: Store, keys: Iterable[str]) -> list[str]:
    """Those of ``keys`` that are not in the store."""
    return [key for key in keys if store.size(key) is None]


def fetch(store: Store, stored: Stored) -> memoryview:
    """The content of one object, private to the caller. Its digest is not compared."""
    data = store.get(stored.key)
    if data is None:
        data = _in_trash(store, stored)
    if data is None:
        raise IntegrityError(
            f"the object {stored.key} is gone",
            hint="if the version was just removed, that is why; else run: modelkeep fsck --from ANOTHER_REGISTRY",
        )
    try:
        return codecs.decode(data, stored.codec, stored.size)
    except LoadError as error:
        raise error.within(stored.key) from None


def _in_trash(store: Store, stored: Stored) -> memoryview | None:
    """A collector moves an object away before it looks for the last time whether a version needs it."""
    name = stored.key.removeprefix("objects/")
    for run in store.list(TRASH).folders:
        data = store.get(f"{TRASH}/{run}/{name}")
        if data is not None:
            return data
    return store.get(stored.key)


def opened(store: Store, record: VersionRecord) -> Artifact:
    """The artifact of a version.

    The manifest is compared with the record's digest here; the other files' digests are for ``Artifact.verify``.
    """
    contents = _contents(store, record.objects)
    files = _assembled(record, contents)
    raw = bytes(files.pop(MANIFEST, memoryview(b""))[:MANIFEST_LIMIT])
    if DIGEST_PREFIX + blake3(raw).hexdigest() != record.artifact:
        raise IntegrityError("the manifest is not what was registered", hint=DAMAGED_HINT)
    manifest = decode_manifest(raw)
    keep.check_names(files)
    if {name: entry.size for name, entry in manifest.files.items()} != {name: len(v) for name, v in files.items()}:
        raise IntegrityError("the files are not those that the manifest lists", hint=DAMAGED_HINT)
    return Artifact(manifest, files, record.artifact)


def _contents(store: Store, objects: list[Stored]) -> list[memoryview]:
    if len(objects) < 2 or "://" not in store.url or store.url.startswith("memory:"):
        # Side by side only pays where each takes a way over the network.
        return [fetch(store, stored) for stored in objects]
    with ThreadPoolExecutor(_READERS) as pool:
        return list(pool.map(lambda stored: fetch(store, stored), objects))


def _assembled(record: VersionRecord, contents: list[memoryview]) -> dict[str, Bytes]:
    """The files from the contents of the objects; no two of them have memory in common."""
    if sum(extent.length for extents in record.files.values() for extent in extents) != record.size:
        raise IntegrityError("the files of the version have another size than it says", hint=DAMAGED_HINT)
    taken: list[list[tuple[int, int]]] = [[] for _ in contents]

    def piece(extent: Extent) -> memoryview:
        begin, end = extent.offset, extent.offset + extent.length
        if extent.object >= len(contents) or end > len(contents[extent.object]):
            raise IntegrityError("a file of the version lies outside its objects", hint=DAMAGED_HINT)
        view = contents[extent.object][begin:end]
        others = taken[extent.object]  # in order, and apart from one another
        place = bisect_right(others, (begin, end))
        before, after = others[max(place - 1, 0) : place], others[place : place + 1]
        if any(
            low < end and begin < high for low, high in before + after
        ):  # equal tensors: a write must not reach both
            return memoryview(bytearray(view))
        others.insert(place, (begin, end))
        return view

    files: dict[str, Bytes] = {}
    for name, extents in record.files.items():
        pieces = [piece(extent) for extent in extents if extent.length]
        files[name] = pieces[0] if len(pieces) == 1 else Rope(pieces)
    return files


def is_intact(stored: Stored, content: memoryview) -> bool:
    hasher = new_hasher(len(content))
    hasher.update(content)
    return hasher.hexdigest() == stored.digest
