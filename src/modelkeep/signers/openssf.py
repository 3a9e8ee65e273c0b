"""The OpenSSF Model Signing format: a Sigstore bundle over the file, through the library that defines it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from modelkeep import atomic
from modelkeep.errors import MissingPackageError, UsageError
from modelkeep.keys import Secret, secret
from modelkeep.signers import PublicKey, private_key, public_key

SUFFIX = ".openssf.sig"
_PIECE = 16 << 20


def sign(data: memoryview, path: str, key: Secret, password: Secret | None = None) -> PublicKey:
    """Sign ``data``, the bytes of the file at ``path``, and write the bundle beside it; the signer's public key."""
    private, library = private_key(key, password), _library()
    if private.public.algorithm != "p256":
        raise UsageError("OpenSSF signatures need a P-256 key", hint="make one: modelkeep keygen FILE --algorithm p256")
    words = secret(password, "the password of the signing key") if password is not None else None
    with _folder_with(data, path) as copy:
        # The library takes keys by path; an encrypted one stays so.
        pem, made = copy.parent.parent / "key.pem", copy.parent.parent / "signature"
        pem.touch(mode=0o600)
        pem.write_text(secret(key, "the signing key"))
        # Its annotation says text, and it hands the password on as it is, to what takes bytes.
        secrets = {"private_key": str(pem), "password": words.encode() if words is not None else None}
        config = library.signing.Config().use_elliptic_key_signer(**secrets)
        config.sign(str(copy), str(made))
        with atomic.replacing(path + SUFFIX) as file:
            file.write(made.read_bytes())
    return private.public


def accepts(data: memoryview, path: str, keys: Sequence[str | os.PathLike[str]]) -> bool:
    """Whether the bundle beside ``path`` is one of ``keys``' on exactly these bytes."""
    known = [key for key in map(public_key, keys) if key.algorithm == "p256"]
    library = _library() if known else None
    with _folder_with(data, path) as copy:
        return any(_accepts(library, copy, path + SUFFIX, key) for key in known)


@contextlib.contextmanager
def _folder_with(data: memoryview, path: str) -> Iterator[Path]:
    """A copy of ``data`` under the name of ``path``, in a folder that only this user can enter.

    The library reads paths, and what lies at ``path`` may be another file by now.
    """
    with tempfile.TemporaryDirectory(prefix="modelkeep-") as folder:
        copy = Path(folder, "model", os.path.basename(path))
        copy.parent.mkdir()
        with open(copy, "wb") as file:
            for start in range(0, len(data), _PIECE):
                file.write(data[start : start + _PIECE])
        yield copy


def _accepts(library: Any, copy: Path, signature: str, key: PublicKey) -> bool:
    from cryptography.hazmat.primitives import serialization as form

    pem = copy.parent.parent / "key.pub"
    pem.write_bytes(key.key.public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo))
    config = library.verifying.Config().use_elliptic_key_verifier(public_key=str(pem))
    try:
        config.verify(str(copy), signature)
    except Exception:  # whatever it raises on a bundle of somebody's making: it does not accept it
        return False
    return True


def _library() -> Any:
    try:
        import model_signing
        from model_signing import signing, verifying  # noqa: F401
    except ModuleNotFoundError:
        raise MissingPackageError(
            "OpenSSF signatures need the package model-signing", hint="install it: pip install 'modelkeep[sign]'"
        ) from None
    return model_signing
