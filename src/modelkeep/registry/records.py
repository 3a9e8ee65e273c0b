"""The records of a registry: what its small JSON files hold. docs/registry.md is their specification.

A record is written once, create-only, under the next free number of its sequence, and never changed.
"""

from __future__ import annotations

import datetime
import secrets
from typing import Annotated, Any, TypeVar

import msgspec
from blake3 import blake3
from msgspec import structs

from modelkeep.artifact import refuse_newer
from modelkeep.errors import HistoryError, quote

LAYOUT_VERSION = 1
#: The versions of one block are summed up in its last record, so that a list of many takes few reads.
BLOCK = 64

_Count = Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)]
_Number = Annotated[int, msgspec.Meta(ge=1, lt=100_000_000)]
_Hex = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
_Digest = Annotated[str, msgspec.Meta(pattern=r"^blake3:[0-9a-f]{64}\Z")]
#: It names a folder on the reader's side, where what was seen of the registry is kept.
_Id = Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z_-]{1,64}\Z")]
_Alias = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,127}\Z")]
_Codec = Annotated[str, msgspec.Meta(pattern=r"^(z|zst)?\Z")]
Metrics = dict[str, int | float]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``registry.json``: what holds for the whole registry. ``id`` is drawn once, and goes along with every copy."""

    check: str = ""
    modelkeep: int
    id: _Id
    created: str
    compress: str = ""


class Stored(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One object: the digest of its content, the content's size, and how it is coded in the store."""

    digest: _Hex
    size: _Count
    codec: _Codec = ""

    @property
    def key(self) -> str:
        return f"objects/{self.digest}{'.' + self.codec if self.codec else ''}"


class Extent(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """``length`` bytes of a file, from ``offset`` of the object with this index on."""

    object: _Count
    offset: _Count
    length: _Count


class Span(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The tensor from ``begin`` to ``end`` of ``arrays.safetensors`` and its digest, for later versions to share."""

    begin: _Count
    end: _Count
    digest: _Hex
    column: str = ""


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A version in a few words. ``origin`` is where it was copied from: the id of a registry, and name and number."""

    number: _Number
    time: str
    author: str
    message: str
    tags: dict[str, str]
    metrics: Metrics
    parent: str
    artifact: _Digest
    size: _Count
    model: str
    framework: str
    origin: str = ""


class VersionRecord(Row, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``models/NAME/versions/N.json``.

    ``objects`` and ``files`` say where the bytes are; ``spans`` help the next versions to share them. ``recent`` are
    the versions before this one in its block, ``previous`` is the digest of the record before this one.
    """

    check: str = ""
    nonce: str
    objects: list[Stored]
    files: dict[str, list[Extent]]
    spans: list[Span]
    recent: list[Row]
    previous: str

    def row(self) -> Row:
        return Row(**{name: getattr(self, name) for name in Row.__struct_fields__})


class Place(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What an alias points at: a version, and the change that made it so."""

    version: _Number
    change: _Number


class Change(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``models/NAME/log/N.json``: one change of aliases or one deletion, and the state after it.

    ``event`` is ``alias``, ``rollback``, ``promote``, ``unalias`` or ``delete``. ``before`` is what a rollback of this
    change goes back to. ``checks`` are the gates that a promotion passed.
    """

    check: str = ""
    number: _Number
    nonce: str
    time: str
    author: str
    message: str
    event: str
    alias: str
    old: int
    new: int
    versions: list[_Number]
    before: Place | None
    checks: list[str]
    aliases: dict[_Alias, Place]
    deleted: list[_Number]
    previous: str


class Note(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``models/NAME/notes/N/K.json``: what was said of a version after it was registered; the last one counts."""

    check: str = ""
    number: _Number
    nonce: str
    time: str
    author: str
    tags: dict[str, str]
    metrics: Metrics
    card: str = ""
    signatures: list[str] = []
    certificates: list[str] = []
    previous: str


class _VersionOnly(msgspec.Struct, rename={"version": "modelkeep"}):
    version: int


_LAYOUT = msgspec.json.Decoder(_VersionOnly)
R = TypeVar("R", bound=msgspec.Struct)
_DECODERS: dict[type[Any], msgspec.json.Decoder[Any]] = {
    kind: msgspec.json.Decoder(kind) for kind in (Settings, VersionRecord, Change, Note)
}


def encode(record: msgspec.Struct) -> bytes:
    """The canonical bytes: sorted keys, no white space, UTF-8, and a line break, for those who read them.

    ``check`` is the digest of these bytes without it and the line break, so that a record that decays is noticed by
    whoever reads it, also the last one, which no other vouches for.
    """
    plain = msgspec.json.encode(structs.replace(record, check=""), order="sorted")
    return plain.replace(_check(""), _check(blake3(plain).hexdigest()), 1) + b"\n"


def _check(digest: str) -> bytes:
    # Nothing before it in the order of keys can hold these bytes: quotes within a text are escaped.
    return b'"check":"%s"' % digest.encode()


def known(kind: type[Any]) -> None:
    """Make a kind of record that another module defines known to ``decode``."""
    _DECODERS[kind] = msgspec.json.Decoder(kind)


def decode(kind: type[R], data: bytes | memoryview, key: str) -> R:
    raw = bytes(data)
    try:
        made: R = _DECODERS[kind].decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError, OverflowError) as error:
        if kind is Settings:
            refuse_newer(raw, _LAYOUT, LAYOUT_VERSION, "registry's layout")
        raise _damaged(key, quote(str(error))) from None
    check: str = made.check  # type: ignore[attr-defined]
    if blake3(raw.removesuffix(b"\n").replace(_check(check), _check(""), 1)).hexdigest() != check:
        raise _damaged(key, "it is not what was written")
    return made


def _damaged(key: str, what: str) -> HistoryError:
    return HistoryError(f"the record {key} is damaged: {what}", hint="run: modelkeep fsck --from ANOTHER_REGISTRY")


def nonce() -> str:
    """Tells a record from all others, so that a writer knows its own after a reply was lost."""
    return secrets.token_hex(8)


def timestamp() -> str:
    """Now, in UTC, to the millisecond.

    >>> len(timestamp())
    24
    """
    now = datetime.datetime.now(datetime.UTC)
    return now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}Z"
