"""How the key of a file is wrapped: for whoever has an X25519 identity, or knows a passphrase."""

from __future__ import annotations

import re
import secrets

from modelkeep.errors import SealError
from modelkeep.seals.header import Stanza, argument, malformed, to_base64

FILE_KEY = 16
#: What age takes: a second of work and 256 MB for each guess, and for each file.
WORK_FACTOR = 18
#: As age, too: above it a file would have its reader spend many gigabytes before anything of it is proved.
MOST_WORK = 22
_X25519, _SCRYPT = "X25519", "scrypt"
_LABEL = b"age-encryption.org/v1/"
_WRAPPED = FILE_KEY + 16
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")


def check(stanzas: tuple[Stanza, ...]) -> None:
    """What the format asks of the stanzas of the two kinds, whoever the file is opened by."""
    for stanza in stanzas:
        wanted = {_X25519: 1, _SCRYPT: 2}.get(stanza.kind)
        if wanted is None:
            continue
        if len(stanza.arguments) != wanted:
            raise malformed(f"a stanza of {stanza.kind} has another number of arguments than {wanted}")
        argument(stanza.arguments[0], 32 if stanza.kind == _X25519 else 16)
        # One wrapped key could else be made to open under many passphrases or identities.
        if len(stanza.body) != _WRAPPED:
            raise malformed(f"a wrapped key has {len(stanza.body)} bytes instead of {_WRAPPED}")
        if stanza.kind == _SCRYPT and len(stanzas) > 1:
            # Who knows the passphrase may rely on the sender knowing it, too.
            raise malformed("a passphrase has other recipients beside it, which age forbids")


def by_passphrase(stanzas: tuple[Stanza, ...]) -> bool:
    return any(stanza.kind == _SCRYPT for stanza in stanzas)


def kinds(stanzas: tuple[Stanza, ...]) -> set[str]:
    """The kinds of stanza that this module can't unwrap, whoever asks."""
    return {stanza.kind for stanza in stanzas} - {_X25519, _SCRYPT}


def new_identity() -> bytes:
    return secrets.token_bytes(32)


def recipient_of(identity: bytes) -> bytes:
    """The public key of a secret one, 32 bytes each (RFC 7748)."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    return X25519PrivateKey.from_private_bytes(identity).public_key().public_bytes_raw()


def wrap_x25519(file_key: bytes, recipient: bytes) -> Stanza:
    ephemeral = new_identity()
    share = recipient_of(ephemeral)
    body = _seal(_shared_key(ephemeral, recipient, share + recipient), file_key)
    return Stanza(_X25519, (to_base64(share),), body)


def unwrap_x25519(stanzas: tuple[Stanza, ...], identity: bytes) -> bytes | None:
    """The file key, or None where no stanza is for this identity."""
    recipient = recipient_of(identity)
    for stanza in stanzas:
        if stanza.kind == _X25519:
            share = argument(stanza.arguments[0], 32)
            found = _open(_shared_key(identity, share, share + recipient), stanza.body)
            if found is not None:
                return found
    return None


def _shared_key(secret: bytes, public: bytes, salt: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

    try:
        shared = X25519PrivateKey.from_private_bytes(secret).exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError:  # all zero: the point has a low order, and everyone would know the key
        raise SealError(
            "a public key is a point that gives no secret", hint="ask whoever made it for a key made by age-keygen"
        ) from None
    return derive(shared, salt, _LABEL + b"X25519")


def wrap_scrypt(file_key: bytes, passphrase: str) -> Stanza:
    salt = secrets.token_bytes(16)
    body = _seal(_stretched(passphrase, salt, WORK_FACTOR), file_key)
    return Stanza(_SCRYPT, (to_base64(salt), str(WORK_FACTOR)), body)


def unwrap_scrypt(stanza: Stanza, passphrase: str) -> bytes | None:
    """The file key, or None if the passphrase is another."""
    salt, work = stanza.arguments
    if not _NUMBER.fullmatch(work):
        raise malformed("its scrypt work factor is no number")
    if int(work) > MOST_WORK:
        raise SealError(
            f"its scrypt work factor is 2^{work}, and more than 2^{MOST_WORK} is refused: it would take very long, "
            "and much memory, before anything of the file is proved",
            hint="ask its sender to seal it with the standard work factor",
        )
    return _open(_stretched(passphrase, argument(salt, 16), int(work)), stanza.body)


def _stretched(passphrase: str, salt: bytes, work: int) -> bytes:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    try:
        scrypt = Scrypt(salt=_LABEL + b"scrypt" + salt, length=32, n=1 << work, r=8, p=1)
        return scrypt.derive(passphrase.encode())
    except MemoryError:
        raise SealError(
            f"there is no memory for scrypt: its work factor takes {(1024 << work) >> 20:,} MB",
            hint="free some memory, or open it on a larger machine",
        ) from None


# The nonce of a wrapped key is zero: each of these keys is used once.
def _seal(key: bytes, file_key: bytes) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    return ChaCha20Poly1305(key).encrypt(bytes(12), file_key, None)


def _open(key: bytes, body: bytes) -> bytes | None:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    try:
        return ChaCha20Poly1305(key).decrypt(bytes(12), body, None)
    except InvalidTag:
        return None


def derive(secret: bytes, salt: bytes, info: bytes) -> bytes:
    """HKDF-SHA-256 (RFC 5869), 32 bytes."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=info).derive(secret)
