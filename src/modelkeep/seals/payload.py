"""The payload of an age file: chunks of 64 KiB, each authenticated with its number and whether it is the last."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from modelkeep.errors import SealError
from modelkeep.seals.header import HINT

CHUNK = 64 << 10
TAG = 16
# Chunks that are read and written at once: fewer calls, and still no memory to speak of.
_BATCH = 16


def seal(source: BinaryIO, key: bytes) -> Iterator[bytes]:
    """All of ``source``, encrypted, piece by piece. ``key`` must never have encrypted anything else."""
    cipher, number = _cipher(key), 0
    for piece, ends in _pieces(source, _BATCH * CHUNK):
        view, out = memoryview(piece), []
        for start in range(0, max(len(view), 1), CHUNK):
            last = ends and start + CHUNK >= len(view)
            out.append(cipher.encrypt(_nonce(number, last), view[start : start + CHUNK], None))
            number += 1
        yield b"".join(out)


def unseal(source: BinaryIO, key: bytes) -> Iterator[bytes]:
    """The plaintext, piece by piece; each is authentic, and only after the last is it known that none is missing."""
    cipher, number = _cipher(key), 0
    for piece, ends in _pieces(source, _BATCH * (CHUNK + TAG)):
        view, out = memoryview(piece), []
        for start in range(0, max(len(view), 1), CHUNK + TAG):
            last = ends and start + CHUNK + TAG >= len(view)
            out.append(_opened(cipher, number, view[start : start + CHUNK + TAG], last))
            number += 1
        yield b"".join(out)


def _opened(cipher: Any, number: int, box: memoryview, last: bool) -> bytes:
    data = _tried(cipher, number, box, last)
    if data is None:
        # The other flag tells which of the two it is; either way the file is refused.
        if len(box) < TAG or (last and _tried(cipher, number, box, False) is not None):
            raise SealError("the file was cut short", hint=HINT)
        if not last and _tried(cipher, number, box, True) is not None:
            raise SealError("there are bytes after the end of the file", hint=HINT)
        cut = ", or the file was cut short" if last else ""
        raise SealError(
            f"a byte was changed in the 64 KiB from byte {number * CHUNK:,} of the plaintext on{cut}", hint=HINT
        )
    if not data and number:
        raise SealError("the file ends with an empty chunk, which age never writes", hint=HINT)
    return data


def _tried(cipher: Any, number: int, box: memoryview, last: bool) -> bytes | None:
    from cryptography.exceptions import InvalidTag

    try:
        data: bytes = cipher.decrypt(_nonce(number, last), box, None)
    except InvalidTag:
        return None
    return data


def _cipher(key: bytes) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    return ChaCha20Poly1305(key)


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\1" if last else b"\0")


def _pieces(source: BinaryIO, size: int) -> Iterator[tuple[bytes, bool]]:
    """Pieces of ``size`` bytes, at least one, each with whether it is the last: so it waits until the next is read."""
    piece = _filled(source, size)
    while len(piece) == size and (following := _filled(source, size)):
        yield piece, False
        piece = following
    yield piece, True


def _filled(source: BinaryIO, size: int) -> bytes:
    """So many bytes, fewer only at the end: a pipe gives what it has."""
    data = source.read(size)
    while 0 < len(data) < size and (more := source.read(size - len(data))):
        data += more
    return data
