"""The OpenSSF Model Signing format: a Sigstore bundle over the file, through the library that defines it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modelkeep import atomic
from modelkeep.errors import MissingPackageError, UsageError
from modelkeep.keys import Secret
from modelkeep.signers import PublicKey, private_key, public_key

SUFFIX = ".openssf.sig"
_PIECE = 16 << 20


def sign(path: str, key: Secret, password: Secret | None = None) -> PublicKey:
    """Write the bundle beside the file at ``path``; the public key of who signed."""
    from cryptography.hazmat.primitives import serialization as form

    private = private_key(key, password)
    if private.public.algorithm != "p256":
        raise UsageError("OpenSSF signatures need a P-256 key", hint="make one: modelkeep keygen FILE --algorithm p256")
    text = private.key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    with tempfile.TemporaryDirectory(prefix="modelkeep-") as folder:  # mode 0700; the library takes keys by path
        name, made = Path(folder, "key.pem"), Path(folder, "signature")
        name.touch(mode=0o600)
        name.write_bytes(text)
        _library().signing.Config().use_elliptic_key_signer(private_key=str(name)).sign(path, str(made))
        with atomic.replacing(path + SUFFIX) as file:
            file.write(made.read_bytes())
    return private.public


def accepts(data: memoryview, path: str, keys: Sequence[str | os.PathLike[str]]) -> bool:
    """Whether the bundle beside ``path`` is one of ``keys``' on exactly these bytes."""
    with tempfile.TemporaryDirectory(prefix="modelkeep-") as folder:
        # The library reads a path, and the file there may be another one by now: it gets these very bytes.
        copy = Path(folder, os.path.basename(path))
        with open(copy, "wb") as file:
            for start in range(0, len(data), _PIECE):
                file.write(data[start : start + _PIECE])
        return any(_accepts(str(copy), path + SUFFIX, public_key(key), Path(folder)) for key in keys)


def _accepts(path: str, signature: str, key: PublicKey, folder: Path) -> bool:
    from cryptography.hazmat.primitives import serialization as form

    if key.algorithm != "p256":
        return False
    text = key.key.public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    name = folder.with_name(folder.name + ".pub")
    name.write_bytes(text)
    try:
        _library().verifying.Config().use_elliptic_key_verifier(public_key=str(name)).verify(path, signature)
    except Exception:
        return False
    finally:
        name.unlink()
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
