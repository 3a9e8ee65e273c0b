"""A registry: names, numbered versions that never change, aliases and their history, in a folder or a bucket.

There is no server, no database and no lock file. Objects are named by the digest of their content; whatever moves is a
numbered record that is written create-only. docs/registry.md is the specification.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from modelkeep.errors import UsageError, quote
from modelkeep.keys import Secret
from modelkeep.policy import Policy
from modelkeep.registry import access, facts, opening
from modelkeep.registry.names import Ref, check_name, parse
from modelkeep.registry.reader import Reader, Reference
from modelkeep.registry.records import Settings
from modelkeep.registry.seen import Seen
from modelkeep.registry.version import Version
from modelkeep.store import Store

# What writes models is imported where it is used: opening a registry to look into it is to be quick.
if TYPE_CHECKING:
    from modelkeep.artifact import Artifact
    from modelkeep.loading import Source
    from modelkeep.registry.book import Book
    from modelkeep.registry.checking import Examined
    from modelkeep.registry.collecting import Collected
    from modelkeep.registry.gates import Gate
    from modelkeep.registry.writing import Said
    from modelkeep.signing import Signature


class Registry(Reader):
    """The registry in a folder, or at ``s3://bucket/prefix``, ``gs://...``, ``az://...``, ``memory://``.

    place: where it is; a store may be given too. It is created at the first registration.
    author: who is named in the history, by default the user of the operating system.
    compress: ``"zstd"`` creates it with compressed objects.
    seal_to: age recipients; it is created sealed: whoever has only the place sees no name and no value.
    identity, passphrase: what opens a sealed registry (a path, ``"env:NAME"``, or a function); with a passphrase and
        no recipients it is created sealed under that.
    cache_bytes: how much of a far registry's objects is kept on this machine.

    >>> registry = Registry("memory://")
    >>> first = registry.save("weights", {"w": [1.0, 2.0]}, message="first")
    >>> registry.load("weights:1")
    {'w': [1.0, 2.0]}
    """

    def __init__(
        self,
        place: str | os.PathLike[str] | Store,
        *,
        author: str | None = None,
        compress: str | None = None,
        identity: Secret | None = None,
        passphrase: Secret | None = None,
        seal_to: Sequence[str] = (),
        cache_bytes: int = access.CACHE_BYTES,
    ) -> None:
        keys: dict[str, Any] = {"identity": identity, "passphrase": passphrase, "seal_to": seal_to}
        super().__init__(place, cache_bytes=cache_bytes, **keys)
        self.author = facts.author_of(author)
        self._compress = compress

    # -- writing -------------------------------------------------------------------------------------------------------

    def save(
        self,
        name: str,
        model: Any,
        *,
        sample: Any = None,
        probe: bool = True,
        compress: str | None = None,
        code: Iterable[str] = (),
        metrics: Mapping[str, float] | None = None,
        tags: Mapping[str, str] | None = None,
        message: str = "",
        parent: Reference | None = None,
    ) -> Version:
        """Register ``model`` as the next version of ``name``.

        sample, probe, compress, code: as in ``modelkeep.save``.
        metrics: finite numbers by name; tags: texts by name; message: why there is this version.
        parent: the version that this one was made from; it need not be of the same name.

        Raises ``SaveErrors``, ``UsageError``, ``StorageError``; then nothing was registered.
        """
        from modelkeep import saving
        from modelkeep.saving import Recipe

        said = self._said(name, metrics, tags, message, parent)
        artifact = saving.artifact(model, Recipe(sample, probe, compress, code))
        return self._register(name, artifact, said, checked=True)

    def register(
        self,
        source: Source,
        name: str,
        *,
        metrics: Mapping[str, float] | None = None,
        tags: Mapping[str, str] | None = None,
        message: str = "",
        parent: Reference | None = None,
        policy: Policy | None = None,
    ) -> Version:
        """Register the artifact in a keep file; its bytes are compared with their digests first."""
        from modelkeep.registry import reading

        said = self._said(name, metrics, tags, message, parent)
        artifact = reading.of_file(source, policy or Policy())
        return self._register(name, artifact, said, checked=False)

    def _register(self, name: str, artifact: Artifact, said: Said, *, checked: bool) -> Version:
        from modelkeep.registry import writing

        settings = self._writable()
        return writing.register(self.store, settings, self._book(name), artifact, said, checked=checked)

    def _writable(self) -> Settings:
        if self._settings is None:
            self._settings = opening.ensured(self._opened(create=True), self._compress)
        return self._settings

    def _said(
        self,
        name: str,
        metrics: Mapping[str, float] | None,
        tags: Mapping[str, str] | None,
        message: str,
        parent: Reference | None,
    ) -> Said:
        from modelkeep.registry.writing import Said

        check_name(name)
        said = (facts.metrics_of(metrics), facts.tags_of(tags), facts.text(message, "message"), self.author)
        if parent is None:
            return Said(*said)
        book, number = self._found(parent)
        return Said(*said, f"{book.name}:{number}", book.record(number))

    def set_alias(self, name: str, alias: str, version: int | Reference, *, message: str = "") -> Version:
        """Let ``alias`` point at a version: its number, or a reference."""
        from modelkeep.registry import aliases, writing

        book, number = self._named(name), self._number(name, version)
        check_name(alias, "name of an alias")
        writing.change(book, lambda: aliases.point(book, alias, number, self._by(message)))
        return book.version(number, book.state())

    def remove_alias(self, name: str, alias: str, *, message: str = "") -> None:
        """Take ``alias`` away; that it was there stays in the history."""
        from modelkeep.registry import aliases, writing

        book = self._named(name)
        writing.change(book, lambda: aliases.remove(book, alias, self._by(message)))

    def rollback(self, name: str, alias: str, *, message: str = "") -> Version:
        """Let ``alias`` point at what it pointed at before. Called again, it goes back further."""
        from modelkeep.registry import aliases, writing

        book = self._named(name)
        change = writing.change(book, lambda: aliases.back(book, alias, self._by(message)))
        return book.version(change.new, change)

    def tag(
        self, ref: Reference, tags: Mapping[str, str | None] | None = None, metrics: Mapping[str, float] | None = None
    ) -> Version:
        """Add tags and metrics to a version; a tag that is None is taken away."""
        from modelkeep.registry import writing

        book, number = self._found(ref)
        writing.tag(book, number, self._by(""), tags or {}, facts.metrics_of(metrics))
        return book.version(number, book.state())

    def promote(
        self,
        ref: Reference,
        alias: str,
        *,
        gates: Sequence[Gate] = (),
        message: str = "",
        policy: Policy | None = None,
    ) -> Version:
        """Let ``alias`` point at a version if it passes every gate; else ``GateError`` says which refuse, and why."""
        from modelkeep.registry import aliases, writing
        from modelkeep.registry.gates import Candidate, passed

        book, number = self._found(ref)
        check_name(alias, "name of an alias")
        candidate = Candidate(self, book.version(number, book.state()), alias, policy or Policy())
        checks = passed(gates, candidate)
        writing.change(book, lambda: aliases.point(book, alias, number, self._by(message), "promote", checks))
        return book.version(number, book.state())

    def sign(self, ref: Reference, key: Secret, *, password: Secret | None = None) -> Signature:
        """Sign a version with a private key; ``Policy(signers=[...])`` asks for it at load."""
        from modelkeep.registry import vouching

        book, number = self._found(ref)
        return vouching.sign(book, number, key, password, self._by(""))

    def certify(self, ref: Reference, certificate: Mapping[str, Any]) -> None:
        """Keep a certificate that a conversion of a version to ``certificate["format"]`` gives the same answers."""
        from modelkeep.registry import vouching

        book, number = self._found(ref)
        vouching.certify(book, number, certificate, self._by(""))

    def set_card(self, ref: Reference, text: str) -> None:
        """Replace the model card of a version; an empty text brings the generated one back."""
        from modelkeep.registry import cards, vouching

        book, number = self._found(ref)
        vouching.set_card(book, number, cards.check_card(text) if text else "", self._by(""))

    def copy(
        self,
        ref: Reference,
        target: str | os.PathLike[str] | Registry,
        *,
        name: str | None = None,
        every: bool = False,
        message: str = "",
    ) -> list[Version]:
        """Copy a version to another registry, or with ``every`` all versions and aliases of its name.

        Each gets the next number there. What was copied before is not copied again, and objects that the other side
        has are not written. ``oci://host/repository:tag`` is a target too.
        """
        from modelkeep.registry import sharing

        if isinstance(target, str) and target.startswith("oci://"):
            return [sharing.push(self, self.version(ref), target)]
        other = target if isinstance(target, Registry) else Registry(target, author=self.author)
        book, number = self._found(ref)
        into = sharing.Destination(other._writable(), other._book(name or book.name), self._by(message))
        return sharing.copy(book, number, self._readable().id, into, every=every)

    def pull(self, source: str, name: str | None = None, *, policy: Policy | None = None) -> Version:
        """Register what ``oci://host/repository:tag`` holds, under its own name or another."""
        from modelkeep.registry import oci

        found = oci.pull(source, policy or Policy())
        said = self._said(name or found.name, found.metrics, found.tags, found.message, None)
        version = self._register(name or found.name, found.artifact, said, checked=False)
        if found.card:
            self.set_card(version, found.card)
        return version

    def remove(self, *refs: Reference, message: str = "") -> list[Version]:
        """Delete versions. One that an alias points at is refused; the space is freed by ``gc``."""
        found = [self.version(ref) for ref in refs]
        for name in dict.fromkeys(version.name for version in found):
            numbers = [version.number for version in found if version.name == name]
            self._delete(self._named(name), numbers, message)
        return found

    def _delete(self, book: Book, numbers: list[int], message: str) -> None:
        from modelkeep.registry import aliases, writing

        writing.change(book, lambda: aliases.delete(book, numbers, self._by(message)))

    def _by(self, message: str) -> tuple[str, str]:
        return self.author, facts.text(message, "message")

    # -- keeping -------------------------------------------------------------------------------------------------------

    def gc(self, *, dry_run: bool = False) -> Collected:
        """Remove the objects that no version needs; safe beside any number of writers."""
        from modelkeep.registry import collecting

        self._readable()
        return collecting.collect(self.store, dry_run=dry_run)

    def fsck(self, source: str | os.PathLike[str] | Registry | None = None) -> Examined:
        """Read every record and every byte, name what is damaged, and take it from ``source`` where that has it."""
        from modelkeep.registry import checking

        other = source if isinstance(source, Registry) or source is None else Registry(source)
        return checking.examine(self.store, other.store if other else None)

    def accept(self, name: str) -> None:
        """Take the history of a name as it is, although it is older than what was seen here before."""
        Seen(self._readable().id).forget(check_name(name))
        self._seen = None

    def _number(self, name: str, version: int | Reference) -> int:
        """The number of a version of ``name``, given as a number, a version, or a reference."""
        wanted = Ref(name, int(version)) if type(version) is int else parse(version)
        if wanted.name != name:
            raise UsageError(f"{wanted} is not a version of {quote(name)}", hint=f"name one, as in {name}:3")
        book = self._named(name)
        return book.resolve(wanted, book.state())
