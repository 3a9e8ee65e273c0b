"""Seal and open streams in age's format, and read the texts of its keys."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from modelkeep.errors import SealError, StorageError, UsageError, quote
from modelkeep.keys import Secret, need_cryptography, secret
from modelkeep.seals import bech32, header, payload, wrapping
from modelkeep.seals.header import HINT, Header

MAGIC = header.VERSION
_NONCE = 16
_SECRET = "AGE-SECRET-KEY-"
_OTHER_KINDS = "seal for age1... keys as age-keygen writes them, or use age itself"


class Recipient(NamedTuple):
    """A public key, and its text."""

    key: bytes
    text: str


@dataclass(frozen=True)
class Unlock:
    """What opens a sealed file. Neither is asked for before a file needs it, and neither is ever shown."""

    identity: Secret | None = field(default=None, repr=False)
    passphrase: Secret | None = field(default=None, repr=False)

    def file_key(self, found: Header) -> bytes:
        """The key of a file; ``SealError`` where this doesn't open it."""
        if wrapping.by_passphrase(found.stanzas):
            return self._by_passphrase(found)
        if self.identity is None:
            raise SealError(
                "the file is sealed to recipients, and it takes the identity of one of them to open it",
                hint='pass identity= or --identity, the path of a key file or "env:NAME"; or run: modelkeep unseal',
            )
        identities = read_identities(secret(self.identity, "the identity"))
        for identity in identities:
            key = wrapping.unwrap_x25519(found.stanzas, identity)
            if key is not None:
                return key
        others = sorted(wrapping.kinds(found.stanzas))
        also = f"; it has stanzas of other kinds, too: {quote(', '.join(others))}" if others else ""
        which = "the identity is" if len(identities) == 1 else f"none of the {len(identities)} identities is"
        raise SealError(
            f"{which}{' not' if len(identities) == 1 else ''} among the recipients of the file{also}",
            hint="open it with the key of someone whom it was sealed to",
        )

    def _by_passphrase(self, found: Header) -> bytes:
        if self.passphrase is None:
            raise SealError(
                "the file is sealed with a passphrase",
                hint='pass passphrase=, a path, "env:NAME" or a function; or run: modelkeep unseal --passphrase',
            )
        key = wrapping.unwrap_scrypt(found.stanzas[0], read_passphrase(self.passphrase))
        if key is None:
            raise SealError("the passphrase is wrong, or the header was changed", hint="check the passphrase")
        return key


#: What opens nothing: where a key is needed, the error says how to pass one.
NO_KEY = Unlock()


def seal_stream(source: BinaryIO, recipients: Sequence[Recipient], passphrase: str | None = None) -> Iterator[bytes]:
    """An age file with all of ``source`` in it, piece by piece: for all recipients, or for a passphrase."""
    if passphrase is not None and recipients:
        raise UsageError(
            "age seals either to recipients or with a passphrase, never both", hint="leave one of the two out"
        )
    if passphrase is None and not recipients:
        raise UsageError(
            "nobody could open it: there is no recipient and no passphrase",
            hint='name a recipient, as in to=["age1..."] or --to age1..., or ask for a passphrase',
        )
    need_cryptography("sealed files", "seal")
    file_key = secrets.token_bytes(wrapping.FILE_KEY)
    if passphrase is not None:
        stanzas = [wrapping.wrap_scrypt(file_key, passphrase)]
    else:
        stanzas = [wrapping.wrap_x25519(file_key, recipient.key) for recipient in recipients]
    covered, nonce = header.write(stanzas), secrets.token_bytes(_NONCE)
    yield b"".join([covered, b" ", header.to_base64(_mac(file_key, covered)).encode(), b"\n", nonce])
    yield from payload.seal(source, _payload_key(file_key, nonce))


def open_stream(source: BinaryIO, unlock: Unlock) -> Iterator[bytes]:
    """What is sealed in ``source``, piece by piece. It is whole only if the iteration ends without an error.

    ``source`` is buffered: its header is read by lines.
    """
    need_cryptography("sealed files", "seal")
    found = header.read(source)
    wrapping.check(found.stanzas)
    file_key = unlock.file_key(found)
    if not hmac.compare_digest(found.mac, _mac(file_key, found.covered)):
        raise SealError("the header was changed", hint=HINT)
    nonce = source.read(_NONCE)
    if len(nonce) < _NONCE:
        raise SealError("the file was cut short", hint=HINT)
    yield from payload.unseal(source, _payload_key(file_key, nonce))


def _mac(file_key: bytes, covered: bytes) -> bytes:
    return hmac.digest(wrapping.derive(file_key, b"", b"header"), covered, "sha256")


def _payload_key(file_key: bytes, nonce: bytes) -> bytes:
    return wrapping.derive(file_key, nonce, b"payload")


def read_passphrase(source: Secret) -> str:
    """The passphrase. No error quotes where it was to come from: that may be the passphrase itself, by mistake."""
    try:
        return secret(source, "the passphrase")
    except StorageError:
        raise StorageError(
            "can't read the passphrase: there is no such file",
            hint='pass the path of a file that holds it, "env:NAME", or a function; never the passphrase itself',
        ) from None


def read_recipient(text: str) -> Recipient:
    """The public key in a text ``age1...``."""
    if _SECRET in text.upper():
        raise UsageError(  # not quoted: it is a secret
            "a secret key was given where a recipient is asked for, and others can see it there",
            hint="make a new key, and give its public one, age1...",
        )
    try:
        prefix, key = bech32.decode(text)
    except ValueError as error:
        raise SealError(
            f"{quote(text)} is not a recipient: {error}", hint="copy the whole of it: age1 and 58 letters and digits"
        ) from None
    if prefix != "age" or not text.islower():
        raise SealError(f"{quote(text)} is a recipient of a kind that modelkeep doesn't seal to", hint=_OTHER_KINDS)
    if len(key) != 32:
        raise SealError(f"{quote(text)} is not a recipient: it has another length", hint="copy the whole of it")
    return Recipient(key, text)


def read_recipients(text: str, name: str) -> list[Recipient]:
    """The recipients in a file: one a line, comments after #."""
    lines = [line.strip() for line in text.splitlines()]
    found = []
    for number, line in enumerate(lines, 1):
        if line and not line.startswith("#"):
            try:
                found.append(read_recipient(line))
            except (SealError, UsageError) as error:
                raise type(error)(f"{quote(name)}, line {number}: {error}", hint=error.hint) from None
    if not found:
        raise SealError(f"{quote(name)} holds no recipient", hint="write one on each line, as in age1...")
    return found


def read_identities(text: str) -> list[bytes]:
    """The secret keys in the text of an identity file, as age-keygen writes it. No error quotes any of it."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        try:
            prefix, key = bech32.decode(line)
        except ValueError:
            prefix, key = "", b""
        if prefix.startswith(("age-plugin-", "age-secret-key-pq-")):
            raise SealError(
                f"line {number} of the identity is a key of a kind that modelkeep doesn't know", hint=_OTHER_KINDS
            )
        if prefix != _SECRET.lower() or len(key) != 32 or not line.isupper():
            raise SealError(
                f"line {number} of the identity is no secret key, or a letter of it is wrong",
                hint="name a file as age-keygen or modelkeep keygen writes it",
            )
        found.append(key)
    if not found:
        raise SealError("the identity holds no key", hint="name a file as age-keygen writes it")
    return found


def new_identity() -> tuple[str, str]:
    """A new secret key, and the recipient that belongs to it, as texts."""
    need_cryptography("keys", "seal")
    identity = wrapping.new_identity()
    return bech32.encode(_SECRET.lower(), identity).upper(), bech32.encode("age", wrapping.recipient_of(identity))
