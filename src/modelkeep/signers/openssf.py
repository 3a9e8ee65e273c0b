"""The OpenSSF Model Signing format: a Sigstore bundle over the file, through the library that defines it."""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from modelkeep import atomic
from modelkeep.errors import MissingPackageError, UsageError
from modelkeep.keys import Secret
from modelkeep.signers import PrivateKey, PublicKey, private_key, public_key

SUFFIX = ".openssf.sig"
_PIECE, _LIMIT = 16 << 20, 16 << 20


def sign(data: memoryview, path: str, key: Secret, password: Secret | None = None) -> PublicKey:
    """Sign ``data``, the bytes of the file at ``path``, and write the bundle beside it; the signer's public key."""
    private, library = private_key(key, password), _library()
    if private.public.algorithm != "p256":
        raise UsageError("OpenSSF signatures need a P-256 key", hint="make one: modelkeep keygen FILE --algorithm p256")
    with _folder() as folder:
        copy = _copied(data, folder / "model" / os.path.basename(path))
        config = library.signing.Config().use_elliptic_key_signer(**_locked(private, folder / "key.pem"))
        config.sign(str(copy), str(folder / "signature"))
        with atomic.replacing(path + SUFFIX) as file:
            file.write((folder / "signature").read_bytes())
    return private.public


def _locked(private: PrivateKey, path: Path) -> dict[str, Any]:
    """The key as the library takes it, by path: under a password of this one use, so that no disk has it in clear."""
    from cryptography.hazmat.primitives import serialization as form

    # The library's annotation says text, and it hands the password on as it is, to what takes bytes.
    words = secrets.token_hex(32).encode()
    locked = form.BestAvailableEncryption(words)
    path.write_bytes(private.key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, locked))
    return {"private_key": str(path), "password": words}


def accepts(data: memoryview, path: str, keys: Sequence[str | os.PathLike[str]]) -> bool:
    """Whether the bundle beside ``path`` is one of ``keys``' on exactly these bytes."""
    known = [key for key in map(public_key, keys) if key.algorithm == "p256"]
    if not known or not len(data):
        return False
    library, bundle = _library(), atomic.read_whole(path + SUFFIX, _LIMIT)
    with _folder() as folder:
        (folder / "signature").write_bytes(bundle)
        copy = _copied(data, folder / "model" / os.path.basename(path))
        empty = _copied(data[:0], folder / "empty" / os.path.basename(path))
        for key in known:
            pem = _written(key, folder / "key.pub")
            # A bundle may list what it leaves out. One that leaves out the model itself would vouch for any bytes.
            if _accepts(library, copy, pem) and not _accepts(library, empty, pem):
                return True
    return False


def _accepts(library: Any, file: Path, pem: Path) -> bool:
    config = library.verifying.Config().use_elliptic_key_verifier(public_key=str(pem))
    try:
        with contextlib.redirect_stdout(sys.stderr):  # where it prints a warning on old bundles
            config.verify(str(file), str(pem.parent / "signature"))
    except Exception:  # whatever it raises on a bundle of somebody's making: it does not accept it
        return False
    return True


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """A folder that only this user can enter: the library reads paths, and others may change what lies at them."""
    try:
        with tempfile.TemporaryDirectory(prefix="modelkeep-") as folder:
            yield Path(folder)
    except OSError as error:
        raise atomic.storage_error(error, tempfile.gettempdir(), "write to") from error


def _copied(data: memoryview, path: Path) -> Path:
    path.parent.mkdir()
    with open(path, "wb") as file:
        for start in range(0, len(data), _PIECE):
            file.write(data[start : start + _PIECE])
    return path


def _written(key: PublicKey, path: Path) -> Path:
    from cryptography.hazmat.primitives import serialization as form

    path.write_bytes(key.key.public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo))
    return path


def _library() -> Any:
    try:
        import model_signing
        from model_signing import signing, verifying  # noqa: F401
    except ModuleNotFoundError:
        raise MissingPackageError(
            "OpenSSF signatures need the package model-signing", hint="install it: pip install 'modelkeep[sign]'"
        ) from None
    return model_signing
