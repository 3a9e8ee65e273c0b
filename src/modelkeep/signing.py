"""Signatures: statements on the digest of an artifact, beside a file or with a version (docs/signing.md)."""

from __future__ import annotations

import base64
import binascii
import datetime
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import msgspec

from modelkeep import atomic, signers
from modelkeep.errors import LoadError, SignatureError, StorageError, UsageError, quote
from modelkeep.keys import Secret
from modelkeep.signers import openssf

PathLike = str | os.PathLike[str]
Keys = Sequence[PathLike]

SUFFIX = ".sig"
#: What is signed begins so, so that no signature of anything else can be one of ours.
_DOMAIN = b"modelkeep signature v1\n"
_LIMIT, _MOST = 1 << 20, 1000
_TAIL = re.compile(rb"modelkeep/1 manifest=([0-9a-f]{64}) directory=[0-9a-f]{64}\Z")
_TAIL_SIZE = 12 + 9 + 64 + 11 + 64

_Digest = Annotated[str, msgspec.Meta(pattern=r"^blake3:[0-9a-f]{64}\Z")]
_Key = Annotated[str, msgspec.Meta(pattern=r"^sha256:[0-9a-f]{64}\Z")]
_Time = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\Z")]
_Word = Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[\x20-\x7e]*\Z")]


class Statement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a signer says: this artifact, under this name and version ("" and 0: under any), at this time (UTC)."""

    artifact: _Digest
    name: _Word = ""
    version: Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)] = 0
    time: _Time

    def signed_bytes(self) -> bytes:
        return _DOMAIN + msgspec.json.encode(self, order="sorted")


class Signature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A statement and what proves it. ``key`` is the id of the public key."""

    statement: Statement
    key: _Key
    algorithm: _Word
    signature: _Word

    def encode(self) -> bytes:
        """The canonical bytes. ``decode_signature(s.encode()) == s``."""
        return msgspec.json.encode(self, order="sorted")


@dataclass(frozen=True)
class Signed:
    """A signature that was written to ``path``."""

    path: str
    format: str
    key: str
    artifact: str
    name: str
    version: int

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as ``--json`` shows them."""
        return asdict(self)


_ONE, _MANY = msgspec.json.Decoder(Signature), msgspec.json.Decoder(list[Signature])


def make(digest: str, key: Secret, *, name: str = "", version: int = 0, password: Secret | None = None) -> Signature:
    """Sign the digest of an artifact, bound to a name and a version where they are given."""
    private = signers.private_key(key, password)
    time = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    statement = Statement(artifact=digest, name=name, version=version, time=time)
    proof = base64.b64encode(private.sign(statement.signed_bytes())).decode()
    made = Signature(statement=statement, key=private.public.id, algorithm=private.public.algorithm, signature=proof)
    try:
        return decode_signature(made.encode())
    except (SignatureError, TypeError):  # what no reader would take is not signed
        raise UsageError(
            f"{quote(digest, 80)}, {quote(name, 40)} and {quote(version, 20)} are not what a signature can be on",
            hint="name an artifact's digest, a name of printable ASCII, and a version from 0 on",
        ) from None


def decode_signature(data: bytes) -> Signature:
    """The signature in ``data``; refused unless it is canonical."""
    made: Signature = _decoded(_ONE, data)
    if made.encode() != data:
        raise SignatureError("a signature is not in its canonical form", hint=_DAMAGED)
    return made


def check(
    signatures: Iterable[Signature], digest: str, keys: Keys, *, name: str | None = None, version: int | None = None
) -> Signature:
    """The first signature by one of ``keys`` on this artifact, and on this name and version where they are given.

    Else ``SignatureError`` says what there is instead.
    """
    known = {key.id: key for key in map(signers.public_key, keys)}
    reasons: list[str] = []
    for signature in signatures:
        said = signature.statement
        key = known.get(signature.key)
        if key is None:
            reasons.append(f"one is by another key, {signature.key[:23]}")
        elif said.artifact != digest:
            reasons.append("one is on another artifact")
        elif name not in (None, said.name) or version not in (None, said.version):
            other = f"{said.name}:{said.version}" if said.name else "no name"
            reasons.append(f"one is on {other}, and this is {said.name if name is None else name}:{version or ''}")
        elif signature.algorithm != key.algorithm or not key.accepts(_proof(signature), said.signed_bytes()):
            reasons.append("one is not valid")
        else:
            return signature
    if not reasons:
        raise signers.missing("signature")
    different = list(dict.fromkeys(reasons))
    more = [f"and {len(different) - 5} more"] if len(different) > 5 else []
    raise SignatureError(
        f"no signature satisfies the policy: {'; '.join([*different[:5], *more])}",
        hint="get it from its maker again, or add the maker's public key to Policy(signers=[...]) if you trust it",
    )


def _proof(signature: Signature) -> bytes:
    try:
        proof = base64.b64decode(signature.signature, validate=True)
    except (binascii.Error, ValueError):
        return b""
    # The last letter has bits that decode to nothing: only one spelling of a proof is taken.
    return proof if base64.b64encode(proof).decode() == signature.signature else b""


_DAMAGED = "the signature was changed or damaged; get it again from whoever made it"


def _decoded(decoder: msgspec.json.Decoder[Any], data: bytes) -> Any:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise SignatureError(f"a signature is not well-formed: {quote(str(error))}", hint=_DAMAGED) from None


# -- beside a file -----------------------------------------------------------------------------------------------------


def sign(
    path: PathLike,
    key: Secret,
    *,
    name: str = "",
    version: int = 0,
    format: str = "modelkeep",
    password: Secret | None = None,
) -> Signed:
    """Sign a keep file; the signature lies beside it, in ``path + ".sig"``, with those of others.

    format: ``"openssf"`` writes an OpenSSF Model Signing bundle, ``path + ".openssf.sig"``, with a P-256 key.
    """
    shown = os.fspath(path)
    data = atomic.read_whole(path, 1 << 62)
    digest = _verified(data, shown)
    if format == "openssf":
        if name or version:
            raise UsageError("an OpenSSF signature binds no name and no version", hint="leave them out")
        public = openssf.sign(data, shown, key, password)
        return Signed(shown + openssf.SUFFIX, format, public.id, digest, "", 0)
    if format != "modelkeep":
        raise UsageError(f"{quote(format)} is not a format of signatures", hint="choose modelkeep or openssf")
    made = make(digest, key, name=name, version=version, password=password)
    write_beside(shown, [*(s for s in beside(shown) if s.key != made.key), made])
    return Signed(shown + SUFFIX, format, made.key, digest, name, version)


def _verified(data: memoryview, name: str) -> str:
    """The digest of the artifact in a keep file, after every byte was compared: nobody is to sign what is damaged."""
    from modelkeep import bundle

    artifact = bundle.open_bundle(data)
    artifact.verify()
    return artifact.digest


def beside(path: str) -> list[Signature]:
    """The signatures that lie beside a file."""
    try:
        raw = bytes(atomic.read_whole(path + SUFFIX, _LIMIT))
    except StorageError:
        if os.path.lexists(path + SUFFIX):
            raise
        return []
    found: list[Signature] = _decoded(_MANY, raw)
    if len(found) > _MOST or _encoded(found) != raw:
        raise SignatureError(f"{quote(path + SUFFIX, 200)} is not in its canonical form", hint=_DAMAGED)
    return found


def write_beside(path: str, signatures: Sequence[Signature]) -> None:
    with atomic.replacing(path + SUFFIX) as file:
        file.write(_encoded(signatures))


def _encoded(signatures: Sequence[Signature]) -> bytes:
    return b"[" + b",\n".join(signature.encode() for signature in signatures) + b"]\n"


def require(data: memoryview, path: str | None, keys: Keys, *, sealed: bool = False) -> bool:
    """Refuse ``data``, the bytes of the file at ``path``, unless one of ``keys`` signed it. Nothing else is looked at.

    True if an OpenSSF bundle covers all bytes. Else the digest was read from the 160 bytes at the end of the file; that
    the other bytes belong to it has to be compared before any of them is interpreted. What was ``sealed`` has only the
    second kind: the first would need its plaintext on the disk.
    """
    if path is None:
        raise SignatureError("the policy asks for a signature, and bytes have none beside them", hint="pass a path")
    try:
        _require_beside(data, path, keys)
        return False
    except (LoadError, StorageError) as error:
        # Last: all bytes have to be written for its library, which may not be here.
        if sealed or not os.path.lexists(path + openssf.SUFFIX):
            raise
        if not openssf.accepts(data, path, keys):
            text = f"{error}; and the OpenSSF bundle there is by another key, or on other bytes"
            raise SignatureError(text, hint=error.hint) from None
        return True


def _require_beside(data: memoryview, path: str, keys: Keys) -> None:
    match = _TAIL.search(bytes(data[-_TAIL_SIZE:]))
    if match is None:
        raise SignatureError(
            f"{quote(path, 200)} is not a whole keep file, so nothing in it can be signed", hint="get it again"
        )
    found = beside(path)
    if not found:
        raise signers.missing(f"signature beside {quote(path, 200)}")
    check(found, f"blake3:{match[1].decode()}", keys)
