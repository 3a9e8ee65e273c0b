"""What can be asked of a registry: versions, aliases, history, models."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from modelkeep.errors import NotFoundError, UsageError
from modelkeep.keys import Secret
from modelkeep.policy import Policy
from modelkeep.registry import access, events, heads, opening
from modelkeep.registry.book import MODELS, Book
from modelkeep.registry.events import Event
from modelkeep.registry.heads import Summary
from modelkeep.registry.names import Ref, check_name, is_name, parse
from modelkeep.registry.records import Settings
from modelkeep.registry.seen import Seen
from modelkeep.registry.version import Version
from modelkeep.store import Store

# What reads models is imported where it is used: a list needs none of it, and is to be quick.
if TYPE_CHECKING:
    from modelkeep.artifact import Artifact
    from modelkeep.comparison import Diff
    from modelkeep.exporting import Exported
    from modelkeep.inspection import Inspection
    from modelkeep.loading import Integrity, OnDrift
    from modelkeep.signing import Signature
    from modelkeep.verification import Progress, Verified
    from modelkeep.weights import Weights

Reference = str | Version | Ref


class Reader:
    """A registry that is only read. A reference is ``iris`` (the latest), ``iris:3``, or ``iris@production``."""

    def __init__(
        self,
        place: str | os.PathLike[str] | Store,
        *,
        identity: Secret | None = None,
        passphrase: Secret | None = None,
        seal_to: Sequence[str] = (),
        cache_bytes: int = access.CACHE_BYTES,
    ) -> None:
        self._place, self._cache_bytes = place, cache_bytes
        self._keys = access.Keys(identity, passphrase, tuple(seal_to))
        self._store: Store | None = None
        self._settings: Settings | None = None
        self._seen: Seen | None = None

    @property
    def store(self) -> Store:
        """What the registry lies in; opened at its first use."""
        return self._opened(create=False)

    @property
    def url(self) -> str:
        """The place, as its user would write it."""
        return str(self._store.url if self._store is not None else getattr(self._place, "url", self._place))

    def _opened(self, *, create: bool) -> Store:
        if self._store is None:
            outer = access.reached(self._place, create=create, cache_bytes=self._cache_bytes)
            self._store = access.unlocked(outer, self._keys, create=create)
        return self._store

    def load(
        self,
        ref: Reference,
        *,
        policy: Policy | None = None,
        on_drift: OnDrift = "raise",
        integrity: Integrity | None = None,
    ) -> Any:
        """The model of a version: the same object back, checked.

        policy, on_drift: as in ``modelkeep.load``.
        integrity: by default every byte is compared and checked, but of a model of 4 MiB and more that was verified
        here before, only whether one of its files was written since. ``"full"`` compares in any case.
        """
        from modelkeep.loading import Rules
        from modelkeep.registry import reading

        rules = Rules(policy or Policy(), on_drift, integrity or "full")
        book, number = self._found(ref)
        return reading.load(book, number, rules, known=integrity is None)

    def artifact(self, ref: Reference, *, policy: Policy | None = None) -> Artifact:
        """The artifact of a version, with every byte compared."""
        from modelkeep.registry import reading

        book, number = self._found(ref)
        return reading.artifact(book, number, policy or Policy())

    def export(
        self,
        ref: Reference,
        path: str | os.PathLike[str],
        *,
        policy: Policy | None = None,
        format: str | None = None,
        **how: Any,
    ) -> Version | Exported:
        """Write a version as a ``.keep`` file: the same bytes as ``modelkeep.save`` would have written.

        Its signatures lie beside it, as those of a file. Any other format is written and proved as by
        ``modelkeep.export``, which says what ``how`` may be; its certificate is kept with the version too.
        """
        from modelkeep.registry import converting

        return converting.export(self, ref, os.fspath(path), policy or Policy(), format, how)

    def load_weights(self, ref: Reference, into: Any, *, strict: bool = True, policy: Policy | None = None) -> Weights:
        """The weights of a version into a model that is there, as ``modelkeep.load_weights`` does it of a file."""
        from modelkeep.registry import converting

        return converting.load_weights(self, ref, into, strict, policy or Policy())

    def verify(
        self, ref: Reference, *, policy: Policy | None = None, progress: Progress = lambda done, total: None
    ) -> Verified:
        """Compare every byte of a version, run every check, and ask the probe's rows again, always."""
        from modelkeep import verification

        version = self.version(ref)
        found = self.artifact(version, policy=policy)
        return verification.of_artifact(found, version.ref, version.size, policy or Policy(), progress)

    def inspect(self, ref: Reference, *, policy: Policy | None = None) -> Inspection:
        """What is in a version, told without building it, as ``modelkeep.inspect`` tells it of a file."""
        from modelkeep import inspection

        version = self.version(ref)
        return inspection.of_artifact(self.artifact(version, policy=policy), version.ref, version.size)

    def diff(self, first: Reference, second: Reference, *, policy: Policy | None = None) -> Diff:
        """What differs between two versions, as ``modelkeep.diff`` tells it of two files."""
        from modelkeep import comparison

        policy = policy or Policy()
        a, b = ((self.version(ref).ref, self.artifact(ref, policy=policy)) for ref in (first, second))
        return comparison.of_artifacts(a, b, policy)

    def names(self) -> list[str]:
        """The names of all models."""
        self._readable()
        return sorted(filter(is_name, self.store.list(MODELS).folders))

    def summaries(self) -> list[Summary]:
        """Every model in a line: its latest version, its aliases, and the metrics of its late versions."""
        self._readable()
        return heads.summaries(self.store)

    def versions(self, name: str) -> list[Version]:
        """All versions of a model that were not deleted, in order."""
        return self._named(name).every()

    def version(self, ref: Reference) -> Version:
        """What is known of one version."""
        wanted = parse(ref)
        book = self._book(wanted.name)
        state = book.state()
        return book.version(book.resolve(wanted, state), state)

    def lineage(self, ref: Reference) -> list[Version]:
        """The parent of a version, the parent's parent, and so on, as far as they are there."""
        version = self.version(ref)
        found: dict[str, Version] = {version.ref: version}
        while version.parent and version.parent not in found:
            try:
                version = self.version(version.parent)
            except (NotFoundError, UsageError):  # it was deleted since; or somebody else's program wrote the record
                break
            found[version.ref] = version
        return list(found.values())[1:]

    def aliases(self, name: str) -> dict[str, int]:
        """What each alias of a model points at."""
        state = self._named(name).state()
        return {alias: place.version for alias, place in sorted(state.aliases.items())}

    def history(self, name: str) -> list[Event]:
        """Every registration, change of an alias, and deletion, the first one first."""
        return events.history(self._named(name))

    def card(self, ref: Reference) -> str:
        """The model card of a version: as it was edited, or made from the manifest."""
        book, number = self._found(ref)
        from modelkeep.registry import cards, vouching

        edited = vouching.card_of(book, number)
        return edited or cards.card(self.artifact(ref).manifest, book.version(number, book.state()))

    def signature(self, ref: Reference, policy: Policy) -> Signature:
        """The signature of a version that satisfies ``policy.signers``; else ``SignatureError``."""
        from modelkeep.registry import vouching

        book, number = self._found(ref)
        return vouching.signature(book, book.record(number), policy)

    def certificates(self, ref: Reference) -> list[dict[str, Any]]:
        """The certificates of parity that are kept with a version."""
        from modelkeep.registry import vouching

        book, number = self._found(ref)
        return vouching.certificates(book, number)

    # -- within --------------------------------------------------------------------------------------------------------

    def _readable(self) -> Settings:
        if self._settings is None:
            self._settings = opening.existing(self.store)
        return self._settings

    def _book(self, name: str) -> Book:
        if self._seen is None:
            self._seen = Seen(self._readable().id, keep=not self.url.startswith("memory:"))
        return Book(self.store, check_name(name), self._seen)

    def _named(self, name: str) -> Book:
        """The book of a model that is there."""
        book = self._book(name)
        if not book.count():
            raise book.unknown()
        return book

    def _found(self, ref: Reference) -> tuple[Book, int]:
        wanted = parse(ref)
        book = self._book(wanted.name)
        return book, book.resolve(wanted, book.state())
