"""The walk of a load from a registry: record, objects, digests, policy, reader, probe."""

from __future__ import annotations

from typing import Any

from modelkeep import loading
from modelkeep.artifact import Artifact
from modelkeep.errors import IntegrityError, LoadError, PolicyError, UsageError
from modelkeep.loading import Rules, Source
from modelkeep.policy import Policy
from modelkeep.registry import access, ledger, objects, vouching
from modelkeep.registry.book import Book
from modelkeep.registry.records import VersionRecord
from modelkeep.store import Store


def load(book: Book, number: int, rules: Rules, *, known: bool) -> Any:
    """The model of a version. ``known`` lets what was verified here before pass by its fingerprints."""
    record = book.record(number)
    place = f"{book.name}:{number}"
    entry = ledger.Entry(book.store, record)
    # A signature says nothing of bytes that are not compared.
    vouched = bool(rules.policy.signers)
    trusted = not vouched and (rules.integrity == "trusted" or (known and entry.is_known))
    found = _read(book, record, place, rules.policy, compare=not trusted)
    try:
        model = loading.build(found, Rules(rules.policy, rules.on_drift, "trusted" if trusted else "full"))
    except LoadError as error:
        raise error.within(place) from None
    if not trusted:
        entry.remember()
    return model


def artifact(book: Book, number: int, policy: Policy) -> Artifact:
    """The artifact of a version, with every byte compared."""
    return _read(book, book.record(number), f"{book.name}:{number}", policy, compare=True)


def _read(book: Book, record: VersionRecord, place: str, policy: Policy, *, compare: bool) -> Artifact:
    """Nothing is parsed but the manifest, and that only after the policy's signature was found."""
    size = max(record.size, sum(stored.size for stored in record.objects))
    if size > policy.max_bytes:
        raise PolicyError(
            f"{place} has {size:,} bytes, and the policy allows {policy.max_bytes:,}",
            hint="pass Policy(max_bytes=...) if a model of that size is expected",
        )
    try:
        if policy.signers:
            vouching.signature(book, record, policy)
        try:
            return _whole(book.store, record, compare=compare)
        except IntegrityError:
            # What was kept of a far registry may have decayed here; it is fetched once more.
            if not access.forget(book.store, [stored.key for stored in record.objects]):
                raise
            return _whole(book.store, record, compare=compare)
    except LoadError as error:
        raise error.within(place) from None


def _whole(store: Store, record: VersionRecord, *, compare: bool) -> Artifact:
    found = objects.opened(store, record)
    if not compare:
        return found
    try:
        found.verify()
    except IntegrityError:
        for stored in record.objects:
            if not objects.is_intact(stored, objects.fetch(store, stored)):
                raise IntegrityError(
                    f"{stored.key} is not what was registered", hint="run: modelkeep fsck --from ANOTHER_REGISTRY"
                ) from None
        raise
    return found


def of_file(source: Source, policy: Policy) -> Artifact:
    """The artifact in a keep file, with every byte compared."""
    opened = loading.open_source(source, policy)
    if opened.format.name != "keep":
        raise UsageError(
            f"{opened.name}: {opened.format.a_file} can't be registered",
            hint="convert it first: modelkeep convert OLD NEW.keep",
        )
    return loading.open_artifact(opened)
