"""Everything that is known of one version without its arrays: only the object that holds its manifest is read."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from blake3 import blake3

from modelkeep import environment
from modelkeep.artifact import DAMAGED_HINT, DIGEST_PREFIX, MANIFEST, Manifest, decode_manifest
from modelkeep.errors import IntegrityError, LoadError
from modelkeep.registry import objects, vouching
from modelkeep.registry.book import Book
from modelkeep.registry.reader import Reader, Reference
from modelkeep.registry.records import VersionRecord
from modelkeep.registry.version import Version
from modelkeep.store import Store

_READERS = 8


@dataclass(frozen=True)
class Described:
    """A version and its manifest. ``stored`` are the bytes of its ``objects`` in the store, shared ones included.

    ``changes`` is what differs between the recorded environment and this one. ``lineage`` are its parent, the
    parent's parent and so on; ``lost`` is the reference of the one that is not there any more.
    """

    version: Version
    manifest: Manifest
    objects: int
    stored: int
    changes: tuple[str, ...]
    certificates: tuple[dict[str, Any], ...]
    lineage: tuple[Version, ...]
    lost: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as ``--json`` shows them."""
        return self.version.as_dict() | {
            "objects": {"count": self.objects, "bytes": self.stored},
            "schema": self.manifest.schema,
            "environment": self.manifest.environment,
            "changes": list(self.changes),
            "probe": self.manifest.probe,
            "files": {name: entry.size for name, entry in self.manifest.files.items()},
            "certificates": list(self.certificates),
            "lineage": [version.ref for version in self.lineage] + ([self.lost] if self.lost else []),
        }


def describe(registry: Reader, ref: Reference) -> Described:
    """Read the record, the notes and the manifest of a version, and the records of those it was made from."""
    version = registry.version(ref)
    book = registry._book(version.name)
    record = book.record(version.number)
    manifest = _manifest(book, record)
    lineage = tuple(registry.lineage(version))
    first = lineage[-1] if lineage else version
    return Described(
        version=version,
        manifest=manifest,
        objects=len(record.objects),
        stored=_stored(book.store, record),
        changes=tuple(environment.differences(manifest.environment, environment.now(manifest.environment))),
        certificates=tuple(vouching.certificates(book, version.number)),
        lineage=lineage,
        lost=first.parent if first.parent not in {version.ref, *(each.ref for each in lineage)} else "",
    )


def _manifest(book: Book, record: VersionRecord) -> Manifest:
    try:
        pieces = []
        for extent in record.files.get(MANIFEST, []):
            if extent.object >= len(record.objects):
                raise IntegrityError("a file of the version lies outside its objects", hint=DAMAGED_HINT)
            content = objects.fetch(book.store, record.objects[extent.object])
            pieces.append(content[extent.offset : extent.offset + extent.length])
        raw = b"".join(pieces)
        if DIGEST_PREFIX + blake3(raw).hexdigest() != record.artifact:
            raise IntegrityError(
                "the manifest is not what was registered", hint="run: modelkeep fsck --from ANOTHER_REGISTRY"
            )
        return decode_manifest(raw)
    except LoadError as error:
        raise error.within(f"{book.name}:{record.number}") from None


def _stored(store: Store, record: VersionRecord) -> int:
    with ThreadPoolExecutor(_READERS) as pool:
        return sum(size or 0 for size in pool.map(store.size, {stored.key for stored in record.objects}))
