"""Keys that sign: Ed25519 (RFC 8032), and ECDSA over P-256 with SHA-256 (FIPS 186-5)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from modelkeep.errors import SignatureError, StorageError, UsageError, quote
from modelkeep.keys import Secret, need_cryptography, secret

ALGORITHMS = ("ed25519", "p256")
_PEM, _LIMIT = "-----BEGIN PUBLIC KEY-----", 1 << 16


@dataclass(frozen=True)
class PublicKey:
    """A key that judges signatures. ``id`` is the SHA-256 of its SubjectPublicKeyInfo."""

    key: Any
    id: str
    algorithm: str

    def accepts(self, signature: bytes, data: bytes) -> bool:
        from cryptography.exceptions import InvalidSignature

        try:
            self.key.verify(signature, data, *_scheme(self.algorithm))
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class PrivateKey:
    """A key that signs."""

    key: Any
    public: PublicKey

    def sign(self, data: bytes) -> bytes:
        made: bytes = self.key.sign(data, *_scheme(self.public.algorithm))
        return made


def new_key(algorithm: str = "ed25519") -> tuple[str, str]:
    """A new key: the private one as unencrypted PKCS #8, and the public one, both as PEM."""
    need_cryptography("signatures", "sign")
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    if algorithm not in ALGORITHMS:
        raise UsageError(f"{quote(algorithm)} is not a way to sign", hint=f"choose one of: {', '.join(ALGORITHMS)}")
    made: Any = (
        ed25519.Ed25519PrivateKey.generate() if algorithm == "ed25519" else ec.generate_private_key(ec.SECP256R1())
    )
    pem = form.Encoding.PEM
    private = made.private_bytes(pem, form.PrivateFormat.PKCS8, form.NoEncryption())
    public = made.public_key().public_bytes(pem, form.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


def private_key(source: Secret, password: Secret | None = None) -> PrivateKey:
    """The private key in a PEM text from a file, an environment variable or a function."""
    need_cryptography("signatures", "sign")
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    text = secret(source, "the signing key").encode()
    words = secret(password, "the password of the signing key").encode() if password is not None else None
    try:
        key = load_pem_private_key(text, words)
    except TypeError:  # which is how a password too many or too few is told
        what = "is encrypted" if words is None else "is not encrypted"
        hint = "pass its password" if words is None else "leave the password out"
        raise UsageError(f"the signing key {what}", hint=hint) from None
    except ValueError:
        raise UsageError(
            "the signing key is not a private key in PEM, or its password is wrong",
            hint="make one with: modelkeep keygen FILE",
        ) from None
    except UnsupportedAlgorithm:
        raise _other_kind() from None
    return PrivateKey(key, _public(key.public_key()))


def public_key(source: str | os.PathLike[str]) -> PublicKey:
    """The public key in a PEM file, or in a PEM text."""
    need_cryptography("signatures", "sign")
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    text = _text_of(source)
    try:
        return _public(load_pem_public_key(text.encode()))
    except ValueError:
        shown = "the text of a signer" if text == source else quote(source, 100)
        raise UsageError(f"{shown} holds no public key in PEM", hint=_NAME_IT) from None
    except UnsupportedAlgorithm:
        raise _other_kind() from None


_NAME_IT = "name the .pub file that keygen wrote"


def _text_of(source: str | os.PathLike[str]) -> str:
    if isinstance(source, str) and _PEM in source:
        return source
    if isinstance(source, str) and ("PRIVATE KEY" in source or "\n" in source):
        # Not quoted: whoever mistook a secret for a path must not find it in a log.
        raise UsageError("a signer is neither a path nor a public key in PEM", hint=_NAME_IT)
    try:
        with open(source, encoding="utf-8") as file:
            return file.read(_LIMIT)
    except (OSError, ValueError) as error:
        raise StorageError(
            f"can't read the public key {quote(source, 200)}: {type(error).__name__}", hint="check the path"
        ) from None


def _public(key: Any) -> PublicKey:
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    if isinstance(key, ed25519.Ed25519PublicKey):
        algorithm = "ed25519"
    elif isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        algorithm = "p256"
    else:
        raise _other_kind()
    der = key.public_bytes(form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo)
    return PublicKey(key, f"sha256:{sha256(der).hexdigest()}", algorithm)


def _other_kind() -> UsageError:
    return UsageError("the key is neither Ed25519 nor ECDSA over P-256", hint="make one with: modelkeep keygen FILE")


def _scheme(algorithm: str) -> tuple[Any, ...]:
    """What the library asks for besides signature and data."""
    if algorithm == "ed25519":
        return ()
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256

    return (ec.ECDSA(SHA256()),)


def missing(what: str) -> SignatureError:
    return SignatureError(f"there is no {what}", hint="ask its maker to sign it: modelkeep sign FILE --key KEY")
