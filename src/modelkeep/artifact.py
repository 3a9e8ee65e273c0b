"""An artifact: named files and the canonical manifest that lists them. Its digest is that of the manifest's bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypedDict

import msgspec
from blake3 import blake3

from modelkeep.errors import ContainerError, IntegrityError, VersionError, quote
from modelkeep.rope import Bytes, pieces_of

#: The version of the artifact's layout. docs/format.md has the procedure for raising it.
ARTIFACT_VERSION = 1

MANIFEST = "manifest.json"
MANIFEST_LIMIT = 16 << 20
DIGEST_PREFIX = "blake3:"

# Above this size a second thread pays for its start.
_PARALLEL_BYTES = 32 << 20


class FileEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of an artifact: its size in bytes and the digest of its bytes."""

    size: int
    digest: str


#: Short plain text: what a reader shows of a manifest as it stands.
_Word = Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[\x20-\x7e]*\Z")]
_Words = Annotated[dict[_Word, _Word], msgspec.Meta(max_length=1000)]


class ProbeFacts(TypedDict, total=False):
    """What the manifest says of the probe."""

    rows: Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]
    methods: list[str]
    notes: list[str]


class GraphFacts(TypedDict, total=False):
    """The names of the graph's classes, and of the classes and functions that a reader must trust."""

    classes: list[str]
    own: list[str]


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an artifact says of itself. It holds no float, no clock and no user, so equal models give equal bytes."""

    modelkeep: int
    format: Literal["keep"]
    framework: str
    model: str
    files: dict[str, FileEntry]
    environment: dict[_Word, _Words] = {}
    schema: dict[str, Any] = {}
    probe: ProbeFacts = {}
    facts: GraphFacts = {}

    def encode(self) -> bytes:
        """The canonical bytes: sorted keys, no white space, UTF-8. ``decode(m.encode()) == m``."""
        return msgspec.json.encode(self, order="sorted")

    @property
    def digest(self) -> str:
        return digest(self.encode())


class _VersionOnly(msgspec.Struct, rename={"version": "modelkeep"}):
    version: int


def _no_float(text: str) -> float:
    raise ValueError("it holds a fraction")


# Made once, here: a first use of a type compiles its annotations, which no load is to do.
_VERSION = msgspec.json.Decoder(_VersionOnly)
_MANIFEST = msgspec.json.Decoder(Manifest, float_hook=_no_float)


def decode_manifest(data: bytes) -> Manifest:
    """The manifest in ``data``; refused unless it is canonical: it must re-encode to the same bytes."""
    try:
        manifest = _MANIFEST.decode(data)
        canonical = manifest.encode() == data
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, OverflowError) as error:
        refuse_newer(data, _VERSION, ARTIFACT_VERSION, "artifact")
        raise ContainerError(f"the manifest is not valid: {quote(str(error))}", hint=DAMAGED_HINT) from None
    if not canonical or manifest.modelkeep != ARTIFACT_VERSION:
        refuse_newer(data, _VERSION, ARTIFACT_VERSION, "artifact")
        raise ContainerError("the manifest is not in its canonical form", hint=DAMAGED_HINT)
    return manifest


def refuse_newer(data: bytes, decoder: msgspec.json.Decoder[Any], known: int, what: str) -> None:
    """A newer version may have other fields: say that, rather than that they are wrong.

    ``decoder`` gives something that has the ``version`` alone.
    """
    try:
        version = decoder.decode(data).version
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return  # not even that much is there; the caller says what is wrong
    if version > known:
        raise VersionError(
            f"the {what} has version {quote(str(version), 20)}, and this modelkeep reads up to version {known}",
            hint="install a newer modelkeep: pip install -U modelkeep",
        )


DAMAGED_HINT = "the file was changed or damaged after it was saved; get it again from where it came from"


@dataclass(frozen=True)
class Artifact:
    """A readable artifact: the manifest, and every other file as bytes, in memory or mapped, in one piece or more."""

    manifest: Manifest
    files: Mapping[str, Bytes]
    digest: str

    def verify(self) -> None:
        """Compare every byte with the manifest's digests."""
        for name, entry in self.manifest.files.items():
            if digest(self.files[name]) != entry.digest:
                raise IntegrityError(f"{name} is not what was saved", hint=DAMAGED_HINT)


def digest(data: bytes | bytearray | Bytes) -> str:
    """The BLAKE3 digest of ``data``, as ``blake3:`` and 64 hexadecimal digits."""
    hasher = new_hasher(len(data))
    for piece in pieces_of(data):
        hasher.update(piece)
    return DIGEST_PREFIX + hasher.hexdigest()


def new_hasher(size: int) -> blake3:
    """A BLAKE3 hasher for ``size`` bytes: on all cores if that pays."""
    return blake3(max_threads=blake3.AUTO) if size >= _PARALLEL_BYTES else blake3()
