"""The walk of a load from a registry: record, objects, digests, policy, reader, probe."""

from __future__ import annotations

from typing import Any

from modelkeep import loading
from modelkeep.artifact import Artifact
from modelkeep.errors import IntegrityError, LoadError, PolicyError, UsageError
from modelkeep.loading import Rules, Source
from modelkeep.policy import Policy
from modelkeep.registry import ledger, objects, vouching
from modelkeep.registry.book import Book
from modelkeep.registry.records import VersionRecord
from modelkeep.store import Store


def load(store: Store, book: Book, number: int, rules: Rules, *, known: bool) -> Any:
    """The model of a version. ``known`` lets what was verified here before pass by its fingerprints."""
    record = book.record(number)
    place = f"{book.name}:{number}"
    # A signature says nothing of bytes that are not compared.
    vouched = bool(getattr(rules.policy, "signers", ()))
    trusted = (rules.integrity == "trusted" and not vouched) or (known and ledger.is_known(store, record))
    artifact = _opened(book, record, place, rules.policy)
    if not trusted:
        _verify(store, record, artifact, place)
    try:
        model = loading.build(artifact, Rules(rules.policy, rules.on_drift, "trusted" if trusted else "full"))
    except LoadError as error:
        raise error.within(place) from None
    if not trusted:
        ledger.remember(store, record)
    return model


def artifact(store: Store, book: Book, number: int, policy: Policy) -> Artifact:
    """The artifact of a version, with every byte compared."""
    record = book.record(number)
    place = f"{book.name}:{number}"
    found = _opened(book, record, place, policy)
    _verify(store, record, found, place)
    return found


def of_file(source: Source, policy: Policy) -> Artifact:
    """The artifact in a keep file, with every byte compared."""
    opened = loading.open_source(source, policy)
    if opened.format.name != "keep":
        raise UsageError(
            f"{opened.name}: a {opened.format.name} file can't be registered",
            hint="convert it first: modelkeep convert OLD NEW.keep",
        )
    return loading.open_artifact(opened)


def _opened(book: Book, record: VersionRecord, place: str, policy: Policy) -> Artifact:
    """The artifact, nothing of it parsed but its manifest, and that only after the policy's signature was found."""
    if record.size > policy.max_bytes:
        raise PolicyError(
            f"{place} has {record.size:,} bytes, and the policy allows {policy.max_bytes:,}",
            hint="pass Policy(max_bytes=...) if a model of that size is expected",
        )
    try:
        if getattr(policy, "signers", ()):
            vouching.signature(book, record, policy)
        return objects.opened(book.store, record)
    except LoadError as error:
        raise error.within(place) from None


def _verify(store: Store, record: VersionRecord, artifact: Artifact, place: str) -> None:
    """Compare every byte; where one differs, say which object it lies in."""
    try:
        artifact.verify()
    except IntegrityError as error:
        for stored in record.objects:
            if not objects.is_intact(stored, objects.fetch(store, stored)):
                raise IntegrityError(
                    f"{place}: {stored.key} is not what was registered",
                    hint="run: modelkeep fsck --from ANOTHER_REGISTRY",
                ) from None
        raise error.within(place) from None
