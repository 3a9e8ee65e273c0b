"""Versions in OCI registries: pushed as ModelPack artifacts, and pulled as the same bytes again.

The walk there: what the tag names, the ``.keep`` file, its SHA-256, blobs that are not there yet, the manifest last.
And back: the manifest, its form, sizes against the policy, blobs with their SHA-256, the container, each BLAKE3 digest.
"""

from __future__ import annotations

import hashlib
import mmap
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from modelkeep import atomic, catalog
from modelkeep.artifact import Artifact
from modelkeep.errors import ContainerError, IntegrityError, LoadError, PolicyError, UsageError
from modelkeep.policy import Policy
from modelkeep.registry import oci_pack
from modelkeep.registry.cards import CARD_BYTES, check_card
from modelkeep.registry.oci_pack import CARD, CONFIG, MANIFEST_LIMIT, WEIGHTS, Blob, Contents
from modelkeep.registry.oci_session import Body
from modelkeep.registry.oci_target import Target
from modelkeep.registry.oci_wire import Wire, sha256
from modelkeep.registry.records import Metrics
from modelkeep.registry.version import Version

if TYPE_CHECKING:
    from modelkeep.verification import Progress


_PIECE = 1 << 20
_CARD_NAME = "README.md"


@dataclass(frozen=True)
class Pushed:
    """What a push did.

    url: the place, with the tag. digest: the SHA-256 of the manifest, for ``...@sha256:...``.
    uploaded, present: bytes of blobs that were sent, and that were there already.
    replaced: the digest of another manifest that the tag named before; it can still be pulled by that.
    """

    url: str
    digest: str
    uploaded: int
    present: int
    replaced: str = ""


@dataclass(frozen=True)
class Pulled:
    """A version that was pulled, with every byte compared. All but the artifact is what its pusher says of it.

    url: the place, by its digest. name, number: of the version where it was pushed.
    """

    artifact: Artifact
    url: str
    digest: str
    name: str
    number: int
    message: str
    metrics: Metrics
    tags: dict[str, str]
    card: str


def push(
    artifact: Artifact,
    version: Version,
    target: str,
    card: str = "",
    progress: Progress = lambda done, total: None,
) -> Pushed:
    """Push a version to ``oci://host/repository:tag``. What is there already is not sent again.

    progress: is told the bytes that are there, and the bytes in all.

    Raises ``StorageError``, ``NotFoundError``, ``UsageError``; then the tag names what it named before.
    """
    place = Target.parse(target)
    if place.is_digest:
        raise UsageError(f"{place} names a digest, which only a pull can know", hint="push to a tag, as in :latest")
    readme = check_card(card).encode() if card else b""
    try:
        with Wire(place) as wire, tempfile.TemporaryDirectory(prefix="modelkeep-") as folder:
            before = wire.current()  # a refusal is to come before anything large is written
            layers = [_written(artifact, Path(folder, "model.keep"), version.name)]
            if readme:
                layers.append((oci_pack.layer(CARD, _CARD_NAME, sha256(readme), len(readme)), _held(readme)))
            blobs = [blob for blob, _ in layers]
            settings = oci_pack.config(version, blobs)
            config = Blob(media_type=CONFIG, digest=sha256(settings), size=len(settings))
            manifest = oci_pack.manifest(version, artifact.digest, config, blobs)
            uploaded, total = _uploaded(wire, [*layers, (config, _held(settings))], progress)
            digest = sha256(manifest)
            if before != digest:
                wire.name(manifest)
    except OSError as error:
        raise atomic.storage_error(error, tempfile.gettempdir(), "write") from error
    return Pushed(str(place), digest, uploaded, total - uploaded, before if before != digest else "")


def _written(artifact: Artifact, path: Path, name: str) -> tuple[Blob, Body]:
    """The artifact as a file, which is never held a second time in memory."""
    from modelkeep.bundle_writer import write_artifact

    def pieces() -> Iterator[bytes]:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece

    size = write_artifact(artifact, path)
    with path.open("rb") as file:
        digest = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    return oci_pack.layer(WEIGHTS, f"{name}.keep", digest, size), Body(size, pieces)


def _held(data: bytes) -> Body:
    return Body(len(data), lambda: [data])


def _uploaded(wire: Wire, blobs: list[tuple[Blob, Body]], progress: Progress) -> tuple[int, int]:
    """The bytes that were sent, and those of all blobs."""
    total, done, sent = sum(blob.size for blob, _ in blobs), 0, 0

    def told(body: Body, start: int) -> Iterator[bytes]:
        for piece in body:
            yield piece
            start += len(piece)
            progress(start, total)

    for blob, body in blobs:
        if wire.upload(blob, Body(blob.size, lambda body=body, done=done: told(body, done))):  # type: ignore[misc]
            sent += blob.size
        done += blob.size
        progress(done, total)
    return sent, total


def pull(source: str, policy: Policy, progress: Progress = lambda done, total: None) -> Pulled:
    """The version at ``oci://host/repository:tag`` or ``...@sha256:...``, with every byte compared.

    Nothing is written but a temporary file without a name. Raises ``NotFoundError``, ``StorageError``, and a
    ``LoadError`` for what is not as it was pushed, is larger than the policy allows, or is no version of modelkeep's.
    """
    place = Target.parse(source)
    with Wire(place) as wire:
        data, digest = wire.manifest()
        try:
            found = oci_pack.contents(data)
            _refuse_large(found, policy)
            oci_pack.check_config(_text(wire, found.config, "the configuration"), found)
            card = _card(wire, found.card)
            artifact = _artifact(wire, found, progress)
        except LoadError as error:
            raise (error if error.path else error.within(str(place))) from None
    return Pulled(
        artifact=artifact,
        url=str(place.at(digest)),
        digest=digest,
        name=found.name,
        number=found.number,
        message=found.message,
        metrics=found.metrics,
        tags=found.tags,
        card=card,
    )


def _refuse_large(found: Contents, policy: Policy) -> None:
    if found.weights.size > policy.max_bytes:
        raise PolicyError(
            f"the model has {found.weights.size:,} bytes, and the policy allows {policy.max_bytes:,}",
            hint="pass Policy(max_bytes=...) if a model of that size is expected",
        )
    if found.config.size > MANIFEST_LIMIT or (found.card and found.card.size > CARD_BYTES):
        raise ContainerError("its card or its configuration is too large", hint="push it again with a shorter card")


def _text(wire: Wire, blob: Blob, what: str) -> bytes:
    """A small blob whose size was looked at."""
    out = bytearray()
    wire.fetch(blob, what, out.extend)
    return bytes(out)


def _card(wire: Wire, blob: Blob | None) -> str:
    if blob is None:
        return ""
    try:
        return check_card(_text(wire, blob, "the card").decode())
    except (UnicodeDecodeError, UsageError) as error:
        why = str(error) if isinstance(error, UsageError) else "the card is not UTF-8"
        raise ContainerError(why, hint="push it again with another card") from None


def _artifact(wire: Wire, found: Contents, progress: Progress) -> Artifact:
    from modelkeep import loading

    data = _downloaded(wire, found.weights, progress)
    opened = loading.Opened(data, catalog.format_named("keep"), str(wire.target))
    artifact = loading.open_artifact(opened)
    if artifact.digest != found.artifact:
        raise IntegrityError("the model is not the one that the manifest names", hint="don't use it: push it again")
    return artifact


def _downloaded(wire: Wire, blob: Blob, progress: Progress) -> memoryview:
    """A blob's bytes, writable and private: mapped, so that a large model is held once, by the system."""
    try:
        with tempfile.TemporaryFile(prefix="modelkeep-") as file:
            wire.fetch(blob, "the model", lambda piece: _write(file, piece, blob.size, progress))
            file.flush()
            if blob.size == 0:
                return memoryview(b"")
            return memoryview(mmap.mmap(file.fileno(), blob.size, access=mmap.ACCESS_COPY))
    except OSError as error:
        raise atomic.storage_error(error, tempfile.gettempdir(), "write") from error


def _write(file: BinaryIO, piece: bytes, total: int, progress: Progress) -> None:
    file.write(piece)
    progress(file.tell(), total)
